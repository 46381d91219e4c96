"""Runs many programs on one Verilated model in one process, without cocotb."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...runtime.errors import SimulationError
from ...runtime.files import reserve
from ...sim.build import HERE, Model, build_bench
from ...sim.ports import check_ports
from ...sim.primitives import with_models
from ...sim.process import run_program
from ...spec.registers import RECORDED

__all__ = ["COVERAGE", "ORDERS", "Ended", "Step", "build_harness", "play"]

PAGE = 4096
_PORTS = "    // harness.py puts the ports of axi_memory_in_order here"
#: Orders in which reads are answered: the two highest bits of a seed, as in `reorder.sv`.
ORDERS = {"in order": 0, "by bursts": 2, "by beats": 3}
#: Options of Verilator for a model that counts its lines and toggles.
COVERAGE = ("--coverage-line", "--coverage-toggle")


@dataclass(frozen=True, eq=False)
class Step:
    """One start of the accelerator.

    Parameters
    ----------
    image : ndarray of shape (bytes,), uint8
        Memory before the start, a multiple of 4096 bytes.
    program : int
        Byte offset of the program.
    reset : bool
        Whether to reset before.
    base : int
        Address of `image[0]`, a multiple of 4096.
    latency, jitter, stall, seed : int
        The memory's, as in `axi_memory.sv`; the seed is taken at a reset. Its two highest bits are
        of `ORDERS`.
    limit : int
        Cycles after which it is aborted.
    abort, cut : int
        Cycles after which it is aborted, or ended by a reset; 0 for never.
    inject : (int, int, int)
        Offset and size of bytes whose accesses are answered with an error, and that response.
    meddle : int
        Seed of register accesses meanwhile that must change nothing; 0 for none.
    shift : int
        How far below `base` the base register points, a multiple of 4096 below 2**32; the
        program's offsets are greater by as much.
    """

    image: npt.NDArray[np.uint8]
    program: int
    reset: bool = False
    base: int = 0
    latency: int = 30
    jitter: int = 0
    stall: int = 0
    seed: int = 0
    limit: int = 1_000_000
    abort: int = 0
    cut: int = 0
    inject: tuple[int, int, int] = (0, 0, 0)
    meddle: int = 0
    shift: int = 0

    @property
    def line(self) -> str:
        """The step as `harness.cpp` reads it."""
        numbers = (
            *(int(self.reset), self.image.size, self.program, self.base, self.latency),
            *(self.jitter, self.stall, self.seed, self.limit, self.abort, self.cut),
            *(*self.inject, self.meddle, self.shift),
        )
        return " ".join(map(str, numbers))


@dataclass(frozen=True, eq=False)
class Ended:
    """How a step ended.

    Parameters
    ----------
    ending : str
        ``done``, ``hung`` (an abort did not end it), ``cut`` (by a reset, as asked for) or
        ``unanswered`` (the control port did not answer).
    aborted : bool
        Whether it was, as asked for or at its limit.
    status, error : int
        STATUS, and its error code.
    interrupts : int
        Of records.
    cycles : int
        From the start on the bus to the interrupt, counted by the testbench.
    counters : dict of str to int
        The accelerator's, by the names of `RECORDED`.
    overlaps : int
        Bursts that overlap one of the other direction.
    protocol_errors, protocol_code, read_bursts, write_bursts : int
        Since the last reset.
    memory : ndarray of shape (bytes,), uint8
        After it.
    written : ndarray of shape (bytes,), bool
        Which bytes the accelerator wrote.
    """

    ending: str
    aborted: bool
    status: int
    error: int
    interrupts: int
    cycles: int
    counters: dict[str, int]
    protocol_errors: int
    protocol_code: int
    overlaps: int
    read_bursts: int
    write_bursts: int
    memory: npt.NDArray[np.uint8]
    written: npt.NDArray[np.bool_]


def build_harness(
    verilog: str,
    axi_bytes: int,
    *,
    options: Sequence[str] = (),
    bench: Path = HERE / "tb.sv",
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Model:
    """Build the model of a netlist with this harness; parameters as of `build_bench`.

    Its memory answers reads in the order that the step's seed chooses.
    """
    here = Path(__file__).parent
    in_order = (HERE / "axi_memory.sv").read_text()
    ports = in_order[in_order.index("    input ") : in_order.index("\n);")]
    renamed = in_order.replace("module axi_memory ", "module axi_memory_in_order ", 1)
    extra = {
        "main.cpp": (here / "harness.cpp").read_text(),
        "axi_memory.sv": renamed + (here / "reorder.sv").read_text().replace(_PORTS, ports, 1),
    }
    return build_bench(
        bench, with_models(verilog), axi_bytes,
        kind="plain", extra=extra, flags=options, cache=cache, jobs=jobs, progress=progress,
        check=lambda: check_ports(verilog, axi_bytes),
    )  # fmt: skip


def play(model: Model, steps: Sequence[Step], *, coverage: Path | None = None) -> list[Ended]:
    """Run steps one after the other in one process.

    Parameters
    ----------
    model : Model
        Built by `build_harness`.
    steps : sequence of Step
        The first one has to reset.
    coverage : Path, optional
        File that receives the counts of a model built with `COVERAGE`.

    Raises
    ------
    SimulationError
        If the simulator crashes.
    """
    largest = max(step.image.size for step in steps)
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        reserve(folder / "memory.bin", largest)
        reserve(folder / "mask.bin", largest // 8)
        (folder / "steps.txt").write_text("\n".join(step.line for step in steps) + "\n")
        with (folder / "images.bin").open("wb") as images:
            for step in steps:
                images.write(step.image.tobytes())
        command = [str(model.path), "memory.bin", "mask.bin", "steps.txt", "images.bin"]
        command += ["after.bin", *([str(coverage.absolute())] if coverage else [])]
        run_program(command, folder, dict(os.environ))
        lines = (folder / "log").read_text().splitlines()
        if len(lines) != len(steps):
            raise SimulationError(f"the harness ran {len(lines)} of {len(steps)} programs")
        after = np.fromfile(folder / "after.bin", np.uint8)
    found: list[Ended] = []
    before = 0  # overlaps since the last reset
    for step, line in zip(steps, lines, strict=True):
        memory, mask, after = np.split(after, [step.image.size, step.image.size * 9 // 8])
        ended = _ended(json.loads(line), memory, mask)
        own = ended.overlaps - (0 if step.reset else before)
        before = ended.overlaps if ended.ending == "done" else 0
        found.append(replace(ended, overlaps=own))
    return found


def _ended(
    found: dict[str, Any], memory: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8]
) -> Ended:
    counters: dict[str, int] = dict(zip(RECORDED, found.pop("counters"), strict=True))
    status = found.pop("status")
    found.pop("irq")
    written = np.unpackbits(mask, bitorder="little").astype(bool)
    return Ended(
        **found, status=status & 0xFF, error=status >> 8, counters=counters, memory=memory,
        written=written,
    )  # fmt: skip
