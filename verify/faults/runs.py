"""Runs faults on one input of one network in RTL."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...compiler.network import CompiledNetwork
from ...runtime.errors import SimulationError
from ...runtime.files import reserve
from ...sim.memory import MemoryModel
from .registers import Register

__all__ = [
    "SETTINGS",
    "Ended",
    "Fault",
    "Golden",
    "Subject",
    "injectable",
    "run_faults",
    "transplanted",
]

_BASE = 0x12_3450_0000
_PAGE = 4096
_INTERVAL, _WINDOW = 256, 256  # cycles between comparisons of the state; compared cycle by cycle
SETTINGS = (_BASE, _INTERVAL, _WINDOW)


@dataclass(frozen=True)
class Fault:
    """One flipped bit.

    Parameters
    ----------
    number : int
        Of the fault in its campaign.
    register : int
        Index in `maccord.verify.faults.registers.registers`.
    word, bit : int
    cycle : int
        Cycles since the start after which it flips.
    """

    number: int
    register: int
    word: int
    bit: int
    cycle: int


@dataclass(frozen=True)
class Golden:
    """The run without a fault.

    Parameters
    ----------
    cycles : int
        From the start to the interrupt.
    writes : int
        Beats that it writes.
    seconds : float
    output : bytes
        What it wrote as the network's output.
    """

    cycles: int
    writes: int
    seconds: float
    output: bytes


@dataclass(frozen=True)
class Ended:
    """How a faulty run ended.

    Parameters
    ----------
    number : int
        Of the fault.
    end : str
        ``unread``: nothing but the flipped bit differs to the end; ``overwritten``: the golden run
        writes the word before it reads it. Of a memory's word, both are known without simulation;
        ``equal``: nothing that the golden run still reads differs, so the rest is the golden run;
        ``done``: at the end of the program; ``error``: with an error status; ``hang``: no access
        to memory for more than twice the golden run's longest pause and 1,000 cycles, or no end
        within twice its cycles.
    cycles : int
        Simulated from the flip on.
    wrong : int
        Writes to memory that differ from the golden run's write of the same number.
    area, areas : int
        Index of the first tensor whose golden write was replaced, or -1; how many tensors.
    strays : int
        Writes to addresses that the golden run never writes.
    last : int
        Register that differed from the golden run last, among those that are no memories, in the
        cycles behind the flip that are compared one by one; -1 if none did.
    age : int
        Cycles from the flip to that.
    alive : int
        Registers that differ at the end of these cycles.
    violations : int
        Cycles with a violation of the bus protocol.
    output : bytes
        The network's output, if it differs from the golden one.
    """

    number: int
    end: str
    cycles: int
    wrong: int
    area: int
    areas: int
    strays: int
    last: int
    age: int
    alive: int
    violations: int
    output: bytes


@dataclass(frozen=True, eq=False)
class Subject:
    """A program with its input, on a model.

    Parameters
    ----------
    model : Path
        Executable of `maccord.verify.faults.model.fault_model`.
    compiled : CompiledNetwork
        Without counter records.
    image : ndarray of shape (bytes,), uint8
        Initial memory.
    memory : MemoryModel
    early : bool
        Whether runs end as soon as their outcome is known.
    window : int
        Cycles behind the flip that are compared one by one.
    """

    model: Path
    compiled: CompiledNetwork
    image: npt.NDArray[np.uint8]
    memory: MemoryModel = MemoryModel()
    early: bool = True
    window: int = _WINDOW

    @property
    def output(self) -> int:
        """Index of the output's area."""
        names = [area.name for area in self.compiled.areas]
        return names.index(self.compiled.network.output)


def run_faults(subject: Subject, faults: Sequence[Fault]) -> tuple[Golden, list[Ended]]:
    """Run faults.

    A flip of a memory's word waits for the golden run to read the word: until then nothing else
    can differ.

    Parameters
    ----------
    subject : Subject
    faults : sequence of Fault
        May be empty.

    Returns
    -------
    Golden, list of Ended
        By the faults' numbers.

    Raises
    ------
    SimulationError
        If the golden run fails, or a flip does not reach its register.
    """
    lines = _run(subject, sorted(faults, key=lambda f: (f.cycle, f.number)), "faults")
    ended = [_ended(line) for line in lines[1:]]
    return _golden(lines[0]), sorted(ended, key=lambda each: each.number)


def transplanted(subject: Subject, cycles: Sequence[int]) -> list[bool]:
    """Check that registers and memories are the whole state.

    At each cycle they alone are copied into the model at the program's start.

    Returns
    -------
    list of bool
        For each cycle: whether the run from there is the golden one.
    """
    faults = [Fault(index, 0, 0, 0, cycle) for index, cycle in enumerate(sorted(cycles))]
    return [line == "1" for line in _run(subject, faults, "transplant")[1:]]


def injectable(subject: Subject, registers: Sequence[Register]) -> int:
    """Return how many bits of the netlist's registers and memories the model has.

    Raises
    ------
    SimulationError
        If one is of another size in the model.
    """
    sizes = [line.split() for line in _call(subject, (), "registers")]
    bits = 0
    for register, (word_bytes, words) in zip(registers, sizes, strict=True):
        if words == "0":
            continue
        if int(words) != register.words or 8 * int(word_bytes) < register.width:
            raise SimulationError(f"The simulator has {register.full_name} in another size.")
        bits += register.bits
    return bits


def _run(subject: Subject, faults: Sequence[Fault], what: str) -> list[str]:
    found = _call(subject, faults, what)
    if len(found) != 1 + len(faults):
        raise SimulationError(
            f"The simulator of faults ended after {len(found)} of {1 + len(faults)} lines."
        )
    return found


def _call(subject: Subject, faults: Sequence[Fault], what: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        _write_job(subject, folder)
        lines = [f"{f.number} {f.register} {f.word} {f.bit} {f.cycle}" for f in faults]
        (folder / "faults").write_text("\n".join(lines) + "\n")
        command = [str(subject.model), "job", "faults", what]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = " | ".join((*done.stdout.splitlines()[-1:], *done.stderr.splitlines()[-3:]))
        raise SimulationError(f"The simulator of faults ended with code {done.returncode}: {last}")
    return done.stdout.splitlines()


def _write_job(subject: Subject, folder: Path) -> None:
    compiled, memory = subject.compiled, subject.memory
    size = -(-subject.image.size // _PAGE) * _PAGE
    reserve(folder / "memory.bin", size)
    content = np.memmap(folder / "memory.bin", np.uint8, "r+")
    content[: subject.image.size] = subject.image
    content.flush()
    limit = memory.cycle_limit(compiled.estimate, len(compiled.program))
    stall = round(memory.stalls * 256)
    words = [
        "memory.bin", _BASE, compiled.program_offset, memory.latency, 0, stall, memory.seed,
        compiled.parameters.axi_bytes, limit, _INTERVAL, subject.window, int(subject.early),
        len(compiled.areas), subject.output,
    ]  # fmt: skip
    for area in compiled.areas:
        words += [area.base, area.rows, area.row_bytes, area.pitch]
    (folder / "job").write_text("\n".join(map(str, words)) + "\n")


def _golden(line: str) -> Golden:
    ran, cycles, writes, seconds, output = line.split(",")
    if ran != "1":
        raise SimulationError(f"The run without a fault did not finish in {cycles} cycles.")
    return Golden(int(cycles), int(writes), float(seconds), bytes.fromhex(output))


def _ended(line: str) -> Ended:
    number, end, *counts, held, output = line.split(",")
    if held != "1":
        raise SimulationError(f"The flip of fault {number} did not reach its register.")
    return Ended(int(number), end, *map(int, counts), output=bytes.fromhex(output))
