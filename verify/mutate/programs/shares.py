"""The regression's scripts: a share for every change, and all of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....spec.isa import Opcode, implemented
from ....spec.parameters import Parameters
from ..script import BASE, Script
from .extremes import long_script, slow_script, tokens_script
from .fields import fields_script
from .host import SCENES, access_script, register_script, scene_script
from .networks import MOTIFS, network_script
from .ties import ties_script
from .tiles import tile_script
from .wrong import mutated_script, rules_script

__all__ = ["SHARES", "WHOLE", "scripts"]

WHOLE = "regress"  # the share that has all scripts

#: Scripts of each kind; of `rules` and `fields`, every how many cases are taken.
SHARES: dict[str, dict[str, int]] = {
    "ci": {"networks": 14, "tiles": 24, "host": 1, "mutated": 2, "ties": 6, "rules": 9,
           "fields": 5, "long": 0},
    WHOLE: {"networks": 32, "tiles": 60, "host": 3, "mutated": 6, "ties": 24, "rules": 1,
                "fields": 1, "long": 1},
}  # fmt: skip
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
        *(
            long_script(f"long {size}", np.random.default_rng(size), parameters, size)
            for size in (1023, 21845)[: 2 * counts["long"]]
        ),
        *(
            slow_script(f"slow {number}", np.random.default_rng([10, number]), parameters)
            for number in range(counts["long"])
        ),
    ]


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
