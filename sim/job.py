"""Input and result of a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..compiler.area import Area
from ..compiler.host_work import HostWork
from ..spec.isa import RECORD_BYTES
from ..spec.isa_features import Feature
from .build import Model

__all__ = ["Job", "Plain", "ProgramRun", "Result"]


@dataclass(frozen=True)
class Job:
    """One program to run on one netlist.

    Attributes
    ----------
    verilog : Path or str
        Netlist of the module `maccord`: a file, or the text itself.
    axi_bytes : int
        Bytes per beat of its master port.
    memory : ndarray of shape (bytes,), uint8
        Initial memory content from the base address; not modified.
    program : int
        Byte offset of the program.
    outputs : sequence of (int, int)
        Offset and length of each output region; every byte must be written.
    scratch : sequence of (int, int)
        Further writable regions.
    ledger : sequence of Area
        Tensors in the order in which they are written, each byte once. Each is captured when
        complete, so later ones may reuse the memory of dead ones. Names are unique.
    records : sequence of int
        Offset of each counter record that the program writes.
    base : int
        Address of `memory[0]`, a multiple of 4096; the accelerator has 40 bits.
    latency : int
        Cycles from a request to the first response, 2 to 65535.
    jitter : int
        Largest random number of cycles added to the latency, 0 to 65535.
    stall_probability : float
        Probability, below 1, that a memory channel stalls in a cycle (rounded to 1/256).
    stall_seed : int
        Seed of stalls and jitter.
    cycle_limit : int
        Cycles after which the accelerator counts as hung.
    waves : (int, int), optional
        First and last cycle since reset to record; needs a separate build.
    waves_after : int
        Number of complete ledger tensors from which these cycles count; 0 for reset.
    waves_path : Path, optional
        Waveform path without the suffix, which depends on the format.
    kind : str
        Build: `cocotb`, or `stock` for cocotb's own main.
    free : bool
        Whether to run without cocotb callbacks while the program runs.
    turns : sequence of int or HostWork
        Programs (their byte offsets) and operations of the host, in order; `program` alone by
        default.
    features : Feature
        Features that the program needs (`maccord.spec.isa_needs.needed`); if one is missing, the
        program is not started.
    """

    verilog: Path | str
    axi_bytes: int
    memory: np.ndarray
    program: int
    outputs: Sequence[tuple[int, int]]
    scratch: Sequence[tuple[int, int]] = ()
    ledger: Sequence[Area] = ()
    records: Sequence[int] = ()
    base: int = 0x12_3450_0000
    latency: int = 30
    jitter: int = 0
    stall_probability: float = 0.0
    stall_seed: int = 0
    cycle_limit: int = 100_000_000
    waves: tuple[int, int] | None = None
    waves_after: int = 0
    waves_path: Path | None = None
    kind: str = "cocotb"
    free: bool = True
    features: Feature = Feature(0)
    turns: Sequence[int | HostWork] = ()

    def __post_init__(self) -> None:
        if self.memory.dtype != np.uint8 or self.memory.ndim != 1:
            raise ValueError(
                f"memory must be one-dimensional uint8, got {self.memory.ndim} dimensions of "
                f"{self.memory.dtype}."
            )
        if self.base % 4096 or not 0 <= self.base <= (1 << 40) - self.memory.size - 4096:
            raise ValueError(
                f"base must be a multiple of 4096 with the memory below 2**40, got {self.base:#x}."
            )
        _check_range("latency", self.latency, 2, 65535)
        _check_range("jitter", self.jitter, 0, 65535)
        _check_range("stall_seed", self.stall_seed, 0, (1 << 32) - 1)
        if not 0 <= self.stall_probability <= 0.99:
            raise ValueError(
                f"stall_probability must be between 0 and 0.99, got {self.stall_probability}."
            )
        _check_ledger(self.ledger)
        regions = [(area.base, area.end - area.base) for area in self.ledger]
        for offset, length in (*self.outputs, *self.writable, *regions):
            if offset < 0 or length < 0 or offset + length > self.memory.size:
                raise ValueError(
                    f"regions must lie in the memory of {self.memory.size} bytes, "
                    f"got {length} bytes at {offset}."
                )

    @property
    def host_works(self) -> list[HostWork]:
        """The operations of the host."""
        return [turn for turn in self.turns if isinstance(turn, HostWork)]

    @property
    def writable(self) -> list[tuple[int, int]]:
        """Offset and length of the regions that may be written at any time."""
        return [*self.scratch, *((offset, RECORD_BYTES) for offset in self.records)]


@dataclass(frozen=True)
class ProgramRun:
    """One program of a job; fields as in `Result`."""

    cycles: int
    counters: dict[str, int]
    macs: int
    interrupts: int


@dataclass(frozen=True)
class Result:
    """The result of a job; cycles and counters are sums over its programs.

    Attributes
    ----------
    outputs : list of ndarray, uint8
        The output regions at the end.
    cycles : int
        From the start on the bus to the last interrupt, counted by the testbench; the
        accelerator's count if a record's interrupt was still pending at the end.
    status, error_code : int
        The accelerator's `Status` bits and `ErrorCode`.
    counters : dict
        The accelerator's counters, in cycles: `cycles`, and one per cause.
    macs : int
        Multiplications that the accelerator counted.
    registers : dict
        The read-only registers.
    sim_seconds : float
        Wall time from start to interrupt.
    total_seconds : float
        Wall time of the process, including start-up and memory setup.
    unwritten : list of int
        Unwritten bytes in each output region.
    first_unwritten : int or None
        Offset of the first of them.
    stray_bytes : int
        Bytes written outside the output and scratch regions; with a ledger, outside the rows of
        the current tensor.
    first_stray : int or None
        Offset of the first of them.
    protocol_errors : int
        Cycles with a violation of the bus protocol.
    protocol_error : str
        Description of the first violation; empty if there is none.
    overlaps : int
        Bursts accepted while a burst of the other direction on the same bytes was in flight;
        AXI does not define their order.
    read_bursts, read_beats, write_bursts, write_beats : int
        Traffic of the master port.
    model : Model
        The program that ran.
    waves : Path or None
        The waveform file.
    tensors : dict of str to ndarray of shape (rows, row_bytes), uint8
        Completed tensors of the ledger, as captured at completion.
    traces : dict of str to int
        Hash of the last beats before each of them was complete, see `ledger.read_traces`.
    incomplete : dict of str to int
        Missing bytes of the others; the first one was current at the end.
    double_bytes : int
        Bytes of the ledger that were written more than once.
    first_double : int or None
        Offset of the first of them.
    records : list of dict
        The counter records, keyed by `RECORDED`; empty if not written.
    interrupts : int
        Number of record interrupts before the program's end.
    runs : list of ProgramRun
        Each program that ran; empty if there is only one.
    """

    outputs: list[np.ndarray]
    cycles: int
    status: int
    error_code: int
    counters: dict[str, int]
    registers: dict[str, int]
    sim_seconds: float
    total_seconds: float
    unwritten: list[int]
    first_unwritten: int | None
    stray_bytes: int
    first_stray: int | None
    protocol_errors: int
    protocol_error: str
    overlaps: int
    read_bursts: int
    read_beats: int
    write_bursts: int
    write_beats: int
    model: Model
    waves: Path | None
    macs: int = 0
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    traces: dict[str, int] = field(default_factory=dict)
    incomplete: dict[str, int] = field(default_factory=dict)
    double_bytes: int = 0
    first_double: int | None = None
    records: list[dict[str, int]] = field(default_factory=list)
    interrupts: int = 0
    runs: list[ProgramRun] = field(default_factory=list)

    @property
    def programs(self) -> list[ProgramRun]:
        """Each program that ran."""
        alone = ProgramRun(self.cycles, self.counters, self.macs, self.interrupts)
        return self.runs or [alone]

    @property
    def sim_cycles_per_second(self) -> float:
        """Simulated cycles per second of wall time, from start to interrupt."""
        return self.cycles / self.sim_seconds


@dataclass(frozen=True)
class Plain:
    """The result of the plain C++ loop.

    Attributes
    ----------
    outputs : list of ndarray, uint8
        The output regions at the end.
    cycles : int
        As `Result.cycles`.
    status : int
        The STATUS register.
    sim_seconds : float
        Wall time from start to interrupt.
    model : Model
        The program that ran.
    """

    outputs: list[np.ndarray]
    cycles: int
    status: int
    sim_seconds: float
    model: Model

    @property
    def sim_cycles_per_second(self) -> float:
        """Simulated cycles per second of wall time, from start to interrupt."""
        return self.cycles / self.sim_seconds


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, got {value}.")


def _check_ledger(areas: Sequence[Area]) -> None:
    names = [area.name for area in areas]
    for area in areas:
        if names.count(area.name) > 1:
            raise ValueError(f"names in the ledger must be unique, got {area.name} twice.")
        if area.rows < 1 or not 1 <= area.row_bytes <= area.pitch:
            raise ValueError(
                f"areas in the ledger must have rows and bytes, and rows that do not overlap, got "
                f"{area}."
            )
