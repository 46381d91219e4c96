"""`maccord bench --profile`: instructions per simulated cycle, by block of the hardware."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.table import Table

from ..runtime.console import console, waiting
from ..runtime.errors import SimulationError, ToolchainError
from ..runtime.files import atomic_write
from ..runtime.provenance import provenance
from ..spec.parameters import Parameters
from .build import profiled
from .callgrind import by_block, by_line
from .inputs import Inputs
from .job import Job
from .layer_job import layer_job
from .network.svg import svg
from .process import job_folder, memory_settings, run_program
from .recording import record_all
from .toolchain import find_compiler, find_verilator

__all__ = ["SCHEMA", "Block", "Profile", "profile", "run"]

SCHEMA = "maccord.profile/1"
_SHOWN = 24  # blocks in table and plot


@dataclass(frozen=True)
class Block:
    """One block's share.

    Attributes
    ----------
    name : str
        Path in the hardware; N stands for any number.
    instructions_per_cycle : float
    """

    name: str
    instructions_per_cycle: float


@dataclass(frozen=True)
class Profile:
    """Instructions that a layer's simulation takes; exact, and repeatable with the same tools.

    Attributes
    ----------
    layer : str
    rows, cols : int
    cycles : int
        Simulated cycles.
    instructions : int
        Of the whole run, as callgrind counts them.
    blocks : tuple of Block
        All blocks, the largest first.
    """

    layer: str
    rows: int
    cols: int
    cycles: int
    instructions: int
    blocks: tuple[Block, ...]


def run(layer: str, parameters: Parameters, path: Path) -> None:
    """Profile a layer, print the table, write JSON and, beside it, an SVG plot.

    Raises
    ------
    ValueError
        If the layer is unknown.
    ToolchainError
        If valgrind is not installed.
    """
    if shutil.which("valgrind") is None:
        raise ToolchainError("no valgrind on PATH: --profile counts instructions with callgrind")
    err = console(stderr=True)
    with waiting(err, f"recording {layer}"):
        recordings = record_all([layer], Inputs())
    if len(recordings) != 1:
        raise ValueError(f"--profile takes one layer, got {layer}: {len(recordings)} layers")
    (recording,) = recordings
    if not recording.layer:
        raise ValueError(f"--profile takes one layer, got {layer}: a whole network")
    job = layer_job(recording, parameters)
    with waiting(err, "simulating under callgrind, some 50 times slower than without"):
        found = profile(recording.layer, parameters, job)
    console().print(_table(found))
    tools = {"verilator": find_verilator().version, "compiler": find_compiler().version}
    content = {
        "schema": SCHEMA,
        "machine": tools,
        **asdict(found),
        "provenance": asdict(provenance({}, verilator=tools["verilator"])),
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
    with atomic_write(path.with_suffix(".svg")) as temporary:
        temporary.write_text(_plot(found))


def profile(
    layer: str, parameters: Parameters, job: Job, progress: Callable[[str], None] = lambda _: None
) -> Profile:
    """Count the instructions of one job in the plain C++ loop.

    The model is compiled for x86-64-v3 on any such processor, as callgrind knows no AVX-512.

    Raises
    ------
    SimulationError
        If the run fails or does not end.
    """
    model, sources = profiled(job.verilog, job.axi_bytes, progress=progress)
    with job_folder(job) as folder:
        settings = memory_settings(job)
        names = ("base", "program", "latency", "jitter", "stall", "seed", "cycle_limit")
        command = ["valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=counts"]
        command += [str(model.path), "memory.bin", "mask.bin", *(str(settings[n]) for n in names)]
        run_program(command, folder, dict(os.environ))
        last = (folder / "log").read_text().strip().splitlines()[-1]
        result = json.loads(last)
        if not result["finished"]:
            raise SimulationError(f"No interrupt after {job.cycle_limit} cycles.")
        counts = by_line((folder / "counts").read_text())
    texts = {path.name: path.read_text().splitlines() for path in sources}
    cycles = int(result["cycles"])
    return Profile(
        layer,
        parameters.rows,
        parameters.cols,
        cycles,
        counts.total(),
        _blocks(by_block(counts, texts), cycles),
    )


def _blocks(found: Counter[str], cycles: int) -> tuple[Block, ...]:
    return tuple(Block(name, round(count / cycles, 2)) for name, count in found.most_common())


def _table(found: Profile) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("block")
    table.add_column("instructions per cycle", justify="right")
    for block in found.blocks[:_SHOWN]:
        table.add_row(block.name, f"{block.instructions_per_cycle:,.1f}")
    table.add_row("all", f"{found.instructions / found.cycles:,.1f}", style="bold")
    table.caption = f"{found.layer}, {found.rows} x {found.cols}: {found.cycles:,} cycles"
    table.caption_justify = "left"
    return table


def _plot(found: Profile) -> str:
    """Bars by block, the largest on top."""
    shown = found.blocks[:_SHOWN]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "maccord", "font.size": 9}):
        figure = Figure(figsize=(9, 1.2 + 0.2 * len(shown)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.barh(
            [b.name for b in shown], [b.instructions_per_cycle for b in shown], color="#0072b2"
        )
        axes.invert_yaxis()
        axes.set_xlabel("instructions per simulated cycle")
        return svg(figure, f"Instructions per simulated cycle of {found.layer}, by block")
