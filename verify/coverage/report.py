"""Coverage of the RTL by block: what was covered, what is excluded and why, what is missing."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...spec.parameters import Parameters
from .netlist import Assumed, Nets
from .origins import Origin, Origins
from .points import LINE, TOGGLE, Point

__all__ = ["Block", "Coverage", "Exclusion", "decoded", "exclusions", "merged", "report"]

_ENCODED = re.compile(r"__0([0-9a-fA-F]{2})")
_BIT = re.compile(r"^(.*?)(?:\[(\d+)\])?:[01]->[01]$")


@dataclass(frozen=True)
class Exclusion:
    """Points that no run can cover.

    Parameters
    ----------
    kind : str
        ``line`` or ``toggle``.
    module, name : str
        Regular expressions that fit the whole path of the instance, and the signal without its
        bit, or the statement's origin and kind, ``file:line else``.
    argument : str
        Why.
    least, most, every : int
        Of a signal's bits, those from `least` to `most`, if it is not negative; with `every`, in
        each group of so many bits. In the file, `least` and `most` may be names of parameters:
        the bits behind those that number so many things, and these bits.
    configurations : tuple of str
        Those that it is for; empty for all.
    value : int
        Of a signal's bits. One that holds 1 may rise, once.
    chance : bool
        Whether runs cover some of them at times: the argument is about most runs. Such an
        exclusion is stale only if all of its points are covered.
    """

    kind: str
    module: str
    name: str
    argument: str
    least: int = 0
    most: int = -1
    every: int = 0
    configurations: tuple[str, ...] = ()
    value: int = 0
    chance: bool = False

    def matches(self, kind: str, module: str, name: str) -> bool:
        """Whether a point is one of them; `name` is the signal with its bit, or the statement."""
        return self.is_of(kind, module) and self.fits(kind, name)

    def is_of(self, kind: str, module: str) -> bool:
        """Whether points of this kind in this instance may be among them."""
        return kind == self.kind and re.fullmatch(self.module, module) is not None

    def fits(self, kind: str, name: str) -> bool:
        """Whether a point of a kind and an instance that `is_of` accepts is one of them."""
        if kind == LINE:
            return re.fullmatch(self.name, name) is not None
        signal, bit = _bit(name)
        bit = bit % self.every if self.every else bit
        inside = self.least <= bit and (self.most < 0 or bit <= self.most)
        return inside and re.fullmatch(self.name, signal) is not None


@dataclass(frozen=True)
class Block:
    """Coverage of the components of one file.

    Parameters
    ----------
    file : str
    lines, lines_covered, lines_excluded : int
        Statements and branches.
    toggles, toggles_covered, toggles_excluded : int
        Bits, in both directions each.
    """

    file: str
    lines: int
    lines_covered: int
    lines_excluded: int
    toggles: int
    toggles_covered: int
    toggles_excluded: int

    @property
    def line_percent(self) -> float:
        """Share of the reachable statements and branches."""
        return _percent(self.lines_covered, self.lines - self.lines_excluded)

    @property
    def toggle_percent(self) -> float:
        """Share of the reachable toggles."""
        return _percent(self.toggles_covered, self.toggles - self.toggles_excluded)


@dataclass(frozen=True)
class Coverage:
    """Coverage of a configuration.

    Parameters
    ----------
    configuration : str
    blocks : tuple of Block
    missing : tuple of str
        The origins of what is neither covered nor excluded, each with its number of points.
    stale : tuple of str
        Exclusions that match nothing, or something that was covered.
    """

    configuration: str
    blocks: tuple[Block, ...]
    missing: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def total(self) -> Block:
        """Sum over all blocks."""
        names = ("lines", "lines_covered", "lines_excluded", "toggles", "toggles_covered")
        names += ("toggles_excluded",)
        return Block("all", *(sum(getattr(block, name) for block in self.blocks) for name in names))


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


@cache
def _entries() -> tuple[dict[str, Any], ...]:
    text = Path(__file__).with_name("exclusions.toml").read_text()
    found = tuple(tomllib.loads(text).get("exclusion", []))
    for fields in found:
        if not fields["argument"].strip():
            what = f"{fields['module']} {fields['name']}"
            raise ValueError(f"exclusion of {what} must have an argument")
    return found


def exclusions(configuration: str, parameters: Parameters) -> tuple[Exclusion, ...]:
    """Return the reviewed exclusions of a configuration, of `exclusions.toml`.

    Raises
    ------
    ValueError
        If one lacks its argument.
    """
    found: list[Exclusion] = []
    for fields in _entries():
        if configuration not in fields.get("configurations", [configuration]):
            continue
        least, most = (fields.get(name, 0) for name in ("least", "most"))
        given: dict[str, Any] = dict(fields)
        given["least"] = _bits(least, parameters)
        if "most" in fields:
            given["most"] = _bits(most, parameters) - isinstance(most, str)
        given["configurations"] = tuple(fields.get("configurations", ()))
        found.append(Exclusion(**given))
    return tuple(found)


def _bits(bound: int | str, parameters: Parameters) -> int:
    """Return a bound, or how many bits number as many things as a parameter says."""
    return bound if isinstance(bound, int) else (getattr(parameters, bound) - 1).bit_length()


def merged(folder: Path, name: str) -> tuple[list[Point], npt.NDArray[np.int64]]:
    """Return a configuration's points and the sums of their counts over all runs in a folder."""
    rows = json.loads((folder / f"{name}.points.json").read_text())
    points = [Point(*row) for row in rows]
    total = np.zeros(len(points), np.int64)
    for path in sorted(folder.glob(f"{name}-*.npz")):
        total += np.load(path)["counts"]
    return points, total


def report(
    name: str,
    points: Sequence[Point],
    counts: npt.NDArray[np.int64],
    origins: Origins,
    nets: Callable[[set[Assumed]], Nets],
    rules: Sequence[Exclusion],
) -> Coverage:
    """Sort points into covered, excluded and missing ones, by block.

    Parameters
    ----------
    name : str
        Of the configuration.
    points, counts
        From `merged`.
    origins : Origins
        Of the netlist that was run.
    nets : callable
        Of its bits, given those that exclusions argue to be constant: constants cannot toggle.
    rules : sequence of Exclusion
    """
    sums: dict[str, list[int]] = {}
    open_: list[tuple[Point, Origin, str]] = []  # neither covered nor excluded by name
    checks = [_Check(rule) for rule in rules]
    of_module: dict[tuple[str, str], list[int]] = {}
    for point, count in zip(points, counts, strict=True):
        origin = origins.of(point.line, point.module)
        row = sums.setdefault(origins.block(point.module), [0] * 6)
        at = 0 if point.kind == LINE else 3
        row[at] += 1
        named = decoded(point.name)
        if point.kind == LINE:
            named = f"{origin.file}:{origin.line} {named}"
        key = (point.kind, point.module)
        if key not in of_module:
            of_module[key] = [at for at, each in enumerate(rules) if each.is_of(*key)]
        rule = next((at for at in of_module[key] if rules[at].fits(point.kind, named)), None)
        if rule is not None:
            checks[rule].add(point, named, bool(count))
        if count:
            row[at + 1] += 1
        elif rule is not None:
            row[at + 2] += 1
        else:
            open_.append((point, origin, named))
    constant = nets({bit for check in checks for bit in check.assumed})
    missing: dict[str, int] = {}
    for point, origin, named in open_:
        if point.kind == TOGGLE and isinstance(_net(constant, point, named), str):
            sums[origins.block(point.module)][5] += 1
            continue
        signal = _bit(named)[0] if point.kind == TOGGLE else decoded(point.name)
        what = f"{origin.file}:{origin.line} {point.module} {point.kind} {signal}"
        missing[what] = missing.get(what, 0) + 1
    stale = tuple(text for check in checks for text in check.stale())
    blocks = tuple(Block(file, *row) for file, row in sorted(sums.items()))
    lines = tuple(f"{what}: {number}" for what, number in sorted(missing.items()))
    return Coverage(name, blocks, lines, stale)


class _Check:
    """What an exclusion matched.

    Attributes
    ----------
    assumed : set of Assumed
        The bits that did not toggle.
    """

    def __init__(self, rule: Exclusion) -> None:
        self._rule = rule
        self._matched = 0
        self._covered: dict[str, None] = {}
        self.assumed: set[Assumed] = set()

    def add(self, point: Point, named: str, covered: bool) -> None:
        self._matched += 1
        if covered and not (self._rule.value and named.endswith(":0->1")):
            self._covered[named] = None
        elif point.kind == TOGGLE:
            signal, bit = _bit(named)
            path = f"{point.module}.{signal}".removeprefix(".")
            self.assumed.add(Assumed(path, bit, self._rule.value))

    def stale(self) -> list[str]:
        rule = f"{self._rule.module} {self._rule.name}"
        if not self._matched:
            return [f"{rule}: matches nothing"]
        if not self._rule.chance:
            return [f"{rule}: {named} was covered" for named in self._covered]
        all_of_it = len(self._covered) == self._matched
        return [f"{rule}: all of it was covered"] if all_of_it else []


def decoded(name: str) -> str:
    """Return a signal's name as the netlist has it: Verilator spells other characters in hex."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), name)


def _net(nets: Nets, point: Point, named: str) -> int | str | None:
    signal, bit = _bit(named)
    bits = nets.get(f"{point.module}.{signal}".removeprefix("."), [])
    return bits[bit] if bit < len(bits) else None


def _bit(name: str) -> tuple[str, int]:
    """Split ``signal[bit]:0->1`` into the signal and the bit."""
    found = _BIT.match(name)
    assert found
    return found[1], int(found[2] or 0)
