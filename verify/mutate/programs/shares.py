"""The regression's scripts: a share for every change, and all of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....spec.isa import Opcode, implemented
from ....spec.parameters import Parameters
from ..script import BASE, Script
from .counters import counters_script
from .ends import aborts_script, errors_script, overlaps_script
from .extremes import long_script, slow_script
from .fields import fields_script
from .host import SCENES, access_script, register_script, scene_script
from .networks import MOTIFS, network_script
from .precision import carries_script, fractions_script, maxima_script, second_script
from .ties import ties_script
from .tiles import tile_script
from .tokens import handshakes_script, missing_script, tokens_script
from .transfers import oversized_script, pitches_script, rows_script, waiting_script
from .walks import passes_script, single_bits_script, unused_script
from .wrong import mutated_script, rules_script

__all__ = ["SHARES", "WHOLE", "scripts"]

WHOLE = "regress"  # the share that has all scripts

#: Scripts of each kind; of `rules`, `fields` and `bits`, every how many cases are taken.
SHARES: dict[str, dict[str, int]] = {
    "ci": {"networks": 14, "tiles": 24, "host": 1, "mutated": 2, "ties": 6, "rules": 9,
           "fields": 5, "directed": 1, "bits": 9, "long": 0},
    WHOLE: {"networks": 32, "tiles": 60, "host": 3, "mutated": 6, "ties": 24, "rules": 1,
                "fields": 1, "directed": 4, "bits": 1, "long": 1},
}  # fmt: skip
_OVERSIZED = (0x5557, 0xAAAC)  # pixels; less two, every bit is 1 in one of them
_STALLS = (0, 40, 0, 100, 200)
_LATENCIES = (8, 8, 40, 2, 150)
_JITTERS = (0, 0, 25, 60)


def scripts(share: str, parameters: Parameters) -> list[Script]:
    """Return a share's scripts; the first ones tell most mutants from the design.

    Parameters
    ----------
    share : str
        One of `SHARES`.
    parameters : Parameters
        The hardware.
    """
    counts = SHARES[share]
    first = [
        *_networks(0, 4, parameters), *_tiles(0, 4, parameters), *_host(0, parameters),
    ]  # fmt: skip
    return [
        *first,
        *_networks(4, counts["networks"], parameters),
        *_tiles(4, counts["tiles"], parameters),
        *_ties(counts["ties"], parameters),
        tokens_script("tokens", np.random.default_rng(7), parameters),
        *_fields(counts["fields"], parameters),
        *_wrong(counts["rules"], counts["mutated"], parameters),
        *(script for turn in range(1, counts["host"]) for script in _host(turn, parameters)),
        *_directed(counts["directed"], counts["bits"], parameters),
        *(
            oversized_script("oversized", np.random.default_rng(15), parameters, _OVERSIZED)
            for _ in range(counts["long"])
        ),
        *(
            aborts_script("late aborts", np.random.default_rng(16), parameters)
            for _ in range(counts["long"])
        ),
        *(
            long_script(f"long {size}", np.random.default_rng(size), parameters, size)
            for size in (1023, 21845)[: 2 * counts["long"]]
        ),
        *(
            slow_script(f"slow {number}", np.random.default_rng([10, number]), parameters)
            for number in range(counts["long"])
        ),
    ]


def _directed(count: int, every: int, parameters: Parameters) -> Iterator[Script]:
    """Programs for what random ones seldom show: limits, single bits, order, ends."""
    rng, p = np.random.default_rng(12), parameters
    yield missing_script("missing tokens", rng, p)
    yield errors_script("errors", p)
    yield overlaps_script("overlaps", rng)
    yield pitches_script("pitches", rng, p)
    yield rows_script("long rows", rng, p)
    yield waiting_script("waiting", rng, p)
    yield carries_script("carries", rng, p)
    yield fractions_script("fractions", rng, p)
    yield maxima_script("maxima", rng, p)
    yield passes_script("passes", rng, p)
    yield single_bits_script("single bits", p, every)
    yield counters_script("counters", rng, p)
    for number in range(count):
        rng = np.random.default_rng([13, number])
        yield handshakes_script(f"handshakes {number}", rng, p)
        for turn in range(2):
            own = np.random.default_rng([14, number, turn])
            yield unused_script(f"unused fields {number}.{turn}", own, p)
            yield second_script(f"second roundings {number}.{turn}", rng, p)


def _ties(count: int, parameters: Parameters) -> Iterator[Script]:
    for number in range(count):
        yield ties_script(f"ties {number}", np.random.default_rng([8, number]), parameters)


def _fields(every: int, parameters: Parameters) -> Iterator[Script]:
    for opcode in Opcode:
        if opcode != Opcode.END and implemented(opcode, parameters):
            rng = np.random.default_rng([9, int(opcode)])
            yield fields_script(f"fields of {opcode.name}", rng, parameters, opcode, every)


def _timing(number: int) -> dict[str, int]:
    return {
        "latency": _LATENCIES[number % 5],
        "stall": _STALLS[number % 5],
        "jitter": _JITTERS[number % 4],
    }


def _networks(first: int, last: int, parameters: Parameters) -> Iterator[Script]:
    names = sorted(MOTIFS)
    for number in range(first, last):
        rng = np.random.default_rng([1, number])
        motifs = [names[number % len(names)], *rng.choice(names, int(rng.integers(0, 3))).tolist()]
        yield network_script(
            f"network {number}", rng, motifs, parameters, largest=7 if number % 4 else 11,
            batch=1 + (number % 7 == 3), interrupts=number % 3 == 1, **_timing(number),
        )  # fmt: skip


def _tiles(first: int, last: int, parameters: Parameters) -> Iterator[Script]:
    for number in range(first, last):
        rng = np.random.default_rng([2, number])
        by = int(rng.integers(1 << 19)) << 12 if number % 3 else 0
        base = max(int(rng.integers(1 << 28)) << 12, by) if number % 2 else max(BASE, by)
        yield tile_script(
            f"tiles {number}", rng, parameters, tiles=2 + number % 5, base=base, by=by,
            **_timing(number),
        )  # fmt: skip


def _host(turn: int, parameters: Parameters) -> Iterator[Script]:
    names = sorted(MOTIFS)
    for number, kind in enumerate(SCENES):
        rng = np.random.default_rng([3, turn, number])
        motifs = rng.choice(names, 2).tolist()
        yield scene_script(kind, f"{kind} {turn}", rng, parameters, motifs, **_timing(turn))
    yield register_script(f"registers {turn}", np.random.default_rng([4, turn]))
    yield access_script(f"addresses {turn}", np.random.default_rng([5, turn]), parameters)


def _wrong(every: int, mutated: int, parameters: Parameters) -> Iterator[Script]:
    for opcode in Opcode:
        if opcode != Opcode.END and implemented(opcode, parameters):
            yield rules_script(f"rules of {opcode.name}", parameters, [opcode], every)
    for number in range(mutated):
        rng = np.random.default_rng([6, number])
        yield mutated_script(f"mutated {number}", rng, parameters, 6, **_timing(number))
