"""`maccord sim --dry-run`: the cycles of the timing model, without a simulation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.markup import escape

from ..compiler.network import CompiledNetwork
from ..compiler.stage import Stage
from ..runtime.console import console, waiting
from ..runtime.errors import SimulationError
from ..runtime.files import atomic_write
from ..runtime.pool import Crash, memory_budget, run_all
from ..runtime.sizes import size_text
from ..runtime.tables import Column, fitting, print_wrapped, table_width
from .network.host_lines import host_lines, on_host, operator
from .network.results import ON_ACCELERATOR, ON_HOST, HostPart
from .network.stages import calls_of
from .network.task import NetworkRecording, NetworkTask, cost, input_shapes
from .origin import origin_of
from .request import SimulationRequest
from .results import CLEAN
from .tasks import make_tasks, processes

__all__ = ["SCHEMA", "Estimate", "StageEstimate", "dry_run", "estimated", "print_estimates"]

SCHEMA = "maccord.dry-run/1"
NOTHING = "nothing was simulated and nothing compared (--dry-run): cycles are the timing model's"
# Rank of each column: the highest is dropped first on a narrow terminal
_UTILISATION, _AT_LEAST, _SHAPE, _OP, _MACS = range(1, 6)


@dataclass(frozen=True)
class StageEstimate:
    """One operation; fields as in `StageResult`, with estimated cycles.

    Parameters
    ----------
    name, layer, op : str
    input_shapes : tuple of tuple of int
    output_shape : tuple of int
    macs, estimated_cycles : int
    estimated_utilization : float
        macs / (rows * cols * estimated_cycles).
    roofline_cycles : float
    ran_on : str
    calls : tuple of str
    """

    name: str
    layer: str
    op: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    macs: int
    estimated_cycles: int
    estimated_utilization: float
    roofline_cycles: float
    ran_on: str = ON_ACCELERATOR
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """A network or layer compiled but not simulated; fields as in `NetworkResult`.

    Parameters
    ----------
    dry_run : bool
        True; distinguishes the JSON from a simulation's.
    network, layer, op, configuration : str
    rows, cols, axi_bytes, batch : int
    input_shape, output_shape : tuple of int
    macs, estimated_cycles : int
    estimated_utilization, estimated_frames_per_second, mhz, roofline_cycles : float
    instructions, memory_bytes : int
        Length of the program; size of memory with images, weights, tensors and program.
    stages : tuple of StageEstimate
        `estimated_cycles` is their sum.
    programs, host_read_bytes, host_written_bytes : int
    around : tuple of HostPart
    engine : str
    inputs : dict of str to tuple of int
    """

    dry_run: bool
    network: str
    layer: str
    op: str
    configuration: str
    rows: int
    cols: int
    axi_bytes: int
    batch: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    macs: int
    estimated_cycles: int
    estimated_utilization: float
    estimated_frames_per_second: float
    mhz: float
    roofline_cycles: float
    instructions: int
    memory_bytes: int
    stages: tuple[StageEstimate, ...]
    programs: int = 1
    host_read_bytes: int = 0
    host_written_bytes: int = 0
    around: tuple[HostPart, ...] = ()
    engine: str = "qnnpack"
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)


def dry_run(
    request: SimulationRequest, recordings: Sequence[NetworkRecording], err: Console
) -> int:
    """Compile and print the estimated cycles; write them to `request.json` if given.

    Parameters
    ----------
    request : SimulationRequest
    recordings : sequence of NetworkRecording
        Perturbed inputs are skipped, as the cycles are the same.
    err : Console

    Returns
    -------
    int
        Exit code 0.

    Raises
    ------
    ValueError
        Naming a network or layer that does not fit the accelerator.
    SimulationError
        If a process ended early.
    """
    clean = [recording for recording in recordings if recording.perturbation == CLEAN]
    tasks = make_tasks(request, clean, verilog="")
    found: dict[int, Estimate] = {}
    with waiting(err, "compiling"):
        answers = run_all(
            estimated, tasks, processes=processes(request), cost=cost, budget=memory_budget()
        )
        for index, answer in answers:
            if isinstance(answer, Crash):
                raise SimulationError(answer.reason)
            if isinstance(answer, str):
                raise ValueError(answer)
            found[index] = answer
    estimates = [found[index] for index in range(len(tasks))]
    if request.quiet:
        for estimate in estimates:
            print(f"{estimate.layer}: about {estimate.estimated_cycles:,} cycles; {NOTHING}")
    else:
        print_estimates(console(), estimates, table_width(request.wide))
    if request.json:
        _write(request, clean, estimates)
    return 0


def estimated(task: NetworkTask) -> Estimate | str:
    """Compile a task; return a sentence if it does not fit the accelerator."""
    recorded, parameters = task.recording, task.parameters
    try:
        compiled = task.compiled
    except ValueError as error:
        return f"{recorded.name} does not fit: {str(error).removeprefix(f'{recorded.name}: ')}"
    stages = tuple(_stage(compiled, stage) for stage in compiled.stages)
    hosts = [stage for stage in compiled.stages if stage.on_host]
    macs, cycles = sum(stage.macs for stage in stages), compiled.estimate
    return Estimate(
        dry_run=True,
        network=recorded.network.name,
        layer=recorded.name,
        op=stages[0].op if recorded.layer else "network",
        configuration=parameters.name,
        rows=parameters.rows,
        cols=parameters.cols,
        axi_bytes=parameters.axi_bytes,
        batch=compiled.batch,
        input_shape=recorded.x_q.shape,
        inputs=input_shapes(recorded),
        output_shape=(compiled.batch, *stages[-1].output_shape[1:]),
        macs=macs,
        estimated_cycles=cycles,
        estimated_utilization=macs / (parameters.rows * parameters.cols * cycles),
        estimated_frames_per_second=compiled.batch * task.mhz * 1e6 / cycles,
        mhz=task.mhz,
        roofline_cycles=sum(stage.roofline_cycles for stage in stages),
        instructions=len(compiled.program),
        memory_bytes=compiled.size,
        stages=stages,
        programs=len(compiled.segments),
        host_read_bytes=sum(stage.read_bytes for stage in hosts),
        host_written_bytes=sum(stage.written_bytes for stage in hosts),
        around=recorded.around,
        engine=recorded.engine,
    )


def _stage(compiled: CompiledNetwork, stage: Stage) -> StageEstimate:
    parameters = compiled.parameters
    work = parameters.rows * parameters.cols * max(stage.estimate, 1)
    return StageEstimate(
        *(stage.name, stage.layer, stage.op, stage.input_shapes, stage.output_shape),
        *(stage.macs, stage.estimate, stage.macs / work, stage.roofline(parameters)),
        ON_HOST if stage.on_host else ON_ACCELERATOR,
        calls_of(compiled, stage),
    )


def print_estimates(out: Console, estimates: Sequence[Estimate], width: int | None = None) -> None:
    """Print one table per network, one of all layers, and a note that nothing was simulated."""
    for estimate in estimates:
        if estimate.op == "network":
            _print(out, "tensor", estimate.stages, width, estimate)
    layers = [estimate.stages[0] for estimate in estimates if estimate.op != "network"]
    if layers:
        _print(out, "layer", layers, width)
    out.print(f"[bold]{NOTHING}[/]", soft_wrap=True)


def _print(
    out: Console,
    title: str,
    stages: Sequence[StageEstimate],
    width: int | None,
    whole: Estimate | None = None,
) -> None:
    rows = [*stages, *([whole] if whole else [])]
    texts = {
        "MACs": [f"{row.macs:,}" for row in rows],
        "estimated cycles": ["host" if on_host(r) else f"{r.estimated_cycles:,}" for r in rows],
        "utilisation": [f"{int(row.estimated_utilization * 1000) / 10:.1f}%" for row in rows],
        "at least": [f"{row.roofline_cycles:,.0f}" for row in rows],
    }
    ranks = (_MACS, 0, _UTILISATION, _AT_LEAST)
    shapes = [
        " + ".join(map(_size, s.input_shapes)) + f" > {_size(s.output_shape)}" for s in stages
    ]
    names = [escape(stage.name) for stage in stages]
    columns = [
        Column(title, names, 0, escape(whole.network) if whole else "", left=True),
        Column("op", [operator(stage) for stage in stages], _OP, left=True),
        Column("shape", shapes, _SHAPE, left=True),
        *(
            Column(name, entries[: len(stages)], rank, "".join(entries[len(stages) :]))
            for (name, entries), rank in zip(texts.items(), ranks, strict=True)
        ),
    ]
    table, hidden = fitting(out, columns, width)
    out.print(table)
    if hidden:
        print_wrapped(out, f"--wide shows {', '.join(hidden)}", width)
    if whole:
        images = f"{whole.batch} images" if whole.batch > 1 else "one image"
        out.print(
            f"{images}: about {whole.estimated_cycles:,} cycles, "
            f"{whole.estimated_frames_per_second:,.1f} frames/s at {whole.mhz:g} MHz; "
            f"{whole.instructions:,} instructions, {size_text(whole.memory_bytes)} of memory",
            soft_wrap=True,
        )
        for line in host_lines(whole):
            out.print(line, soft_wrap=True, markup=False)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape[1:]))


def _write(
    request: SimulationRequest,
    recordings: Sequence[NetworkRecording],
    estimates: Sequence[Estimate],
) -> None:
    assert request.json
    objects = [
        {
            "schema": SCHEMA,
            **asdict(estimate),
            "provenance": asdict(origin_of(recording, request.inputs)),
        }
        for recording, estimate in zip(recordings, estimates, strict=True)
    ]
    with atomic_write(request.json) as temporary:
        content = objects[0] if len(objects) == 1 else objects
        temporary.write_text(json.dumps(content, indent=2) + "\n")
