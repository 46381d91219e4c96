"""One layer on one input: schedule, simulate, compare, and say which part is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ..golden import conv2d, linear
from ..golden.graph import Conv2d, Layer
from ..golden.isa import needed
from ..golden.machine import Machine, ProgramError
from ..golden.network import compute
from ..golden.parameters import Parameters
from ..golden.schedule import Choices, Schedule, recall, schedule, searched
from .checks import attempt, bus_faults, stopped
from .compare import Comparison, compare
from .results import GENERATED, LayerResult, Outcome, Verdict, file_stem
from .simulate import Job, Result, simulate

__all__ = ["LayerTask", "MemoryModel", "Recording", "cost", "misfit", "run_layer", "search"]

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class MemoryModel:
    """How the AXI memory behaves.

    Parameters
    ----------
    latency : int
        Cycles from a request to its first answer, 2 to 65535.
    stalls : float
        Chance that a channel pauses for a cycle, 0 to 0.9; in effect the nearest 1/256.
    seed : int
        Of the stalls.

    Raises
    ------
    ValueError
        If one is out of range.
    """

    latency: int = 30
    stalls: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.latency <= 65535:
            raise ValueError(f"latency must be between 2 and 65535, got {self.latency}")
        if not 0 <= self.stalls <= 0.9:
            raise ValueError(f"stalls must be between 0 and 0.9, got {self.stalls}")
        if self.stalls and not round(self.stalls * 256):
            raise ValueError(f"stalls must be 0, or at least 1/256 rounded, got {self.stalls}")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"stall_seed must be between 0 and {(1 << 32) - 1}, got {self.seed}")

    def cycle_limit(self, estimate: int, instructions: int) -> int:
        """Cycles after which a program hangs, far beyond what an estimate of its own allows."""
        slower = (1 - min(self.stalls, 0.95)) ** 2
        transfers = instructions * (self.latency + 100)
        return 100_000 + int(20 * (estimate + transfers) / slower)


@dataclass(frozen=True, eq=False)
class Recording:
    """What a layer read and wrote in PyTorch; picklable, and free of PyTorch.

    Parameters
    ----------
    network, engine, weights, perturbation : str
        As in `LayerResult`.
    seed : int
    layer : Conv2d or Linear
    x_q : ndarray of shape (N, H, W, I) or (N, I), uint8
    y_torch : ndarray of shape (N, OH, OW, O) or (N, O), uint8
        What PyTorch's module answered to `x_q`.
    """

    network: str
    engine: str
    weights: str
    perturbation: str
    seed: int
    layer: Layer
    x_q: Bytes
    y_torch: Bytes

    @property
    def label(self) -> str:
        """The layer, with the perturbation where there is one."""
        return file_stem(self.layer.name, self.perturbation)

    @property
    def macs(self) -> int:
        """Multiplications of the layer."""
        return self.layer.macs(self.x_q.shape)


@dataclass(frozen=True, eq=False)
class LayerTask:
    """One recording to be run on one accelerator.

    Parameters
    ----------
    recording : Recording
    parameters : Parameters
    verilog : str
        Text of the netlist.
    memory : MemoryModel
    waves : Path, optional
        Where waves go, without the ending.
    window : (int, int)
        First and last cycle of the waves.
    build_seconds : float
        Time that building the model took.
    image, netlist : str
        As in `LayerResult`.
    choices : mapping
        Tilings that need not be searched for.
    """

    recording: Recording
    parameters: Parameters
    verilog: str
    memory: MemoryModel = MemoryModel()
    waves: Path | None = None
    window: tuple[int, int] = (0, 10_000)
    build_seconds: float = 0.0
    image: str = ""
    netlist: str = GENERATED
    choices: Choices = field(default_factory=dict)


def cost(task: LayerTask) -> int:
    """Bytes of memory that a task takes at its peak, on the safe side."""
    recorded = task.recording
    activations = recorded.x_q.size + recorded.y_torch.size
    return 300_000_000 + 8 * recorded.layer.weight.nbytes + 40 * activations


def misfit(task: LayerTask) -> str:
    """Say why a layer does not fit the accelerator; empty if it does."""
    recorded = task.recording
    try:
        schedule(recorded.layer, recorded.x_q.shape, task.parameters)
    except ValueError as error:
        name = recorded.layer.name
        return f"{name} does not fit: {str(error).removeprefix(f'{name}: ')}"
    return ""


def search(task: LayerTask) -> Choices:
    """The layer's tiling, for other tasks; nothing if it does not fit."""
    return {} if misfit(task) else searched()


def _accumulators(layer: Layer, x_q: Bytes) -> npt.NDArray[np.int32]:
    if isinstance(layer, Conv2d):
        return conv2d.accumulate(x_q, layer)
    return linear.accumulate(x_q, layer)


def _unchanged(data: Bytes) -> Bytes:
    return data


def run_layer(
    task: LayerTask,
    *,
    backend: Callable[[Job], Result] = simulate,
    alter_golden: Callable[[Bytes], Bytes] = _unchanged,
    alter_image: Callable[[Bytes, Schedule], Bytes] | None = None,
) -> Outcome:
    """Run one layer and compare its output three ways.

    Parameters
    ----------
    task : LayerTask
    backend : callable
        Runs a job on the RTL.
    alter_golden : callable
        Changes the golden model's output; for tests that the comparison notices.
    alter_image : callable, optional
        Changes the memory image before the start; for tests of the same.

    Returns
    -------
    Outcome
        Problems are part of it: nothing is raised for a layer that fails.
    """
    layer, x_q = task.recording.layer, task.recording.x_q
    recall(task.choices)
    try:
        plan = schedule(layer, x_q.shape, task.parameters)
        image = plan.image(x_q)
        if alter_image:
            image = alter_image(image, plan)
    except ValueError as error:
        return Outcome(Verdict.BAD_INPUT, problems=(str(error),))
    result = attempt(lambda: backend(_job(task, plan, image)), task.parameters)
    if isinstance(result, Outcome):
        return result
    early = stopped(result)
    if early:
        return Outcome(Verdict.FAILED, problems=(early,))
    with threadpool_limits(1):  # Each processor has a layer of its own
        y_golden = alter_golden(compute(layer, [x_q]))
    return _judge(task, plan, image, result, y_golden)


def _job(task: LayerTask, plan: Schedule, image: Bytes) -> Job:
    memory = task.memory
    return Job(
        verilog=task.verilog,
        axi_bytes=task.parameters.axi_bytes,
        memory=image,
        features=needed(plan.program),
        program=plan.memory.program,
        outputs=[(plan.memory.output, plan.memory.output_bytes)],
        latency=memory.latency,
        stall_probability=memory.stalls,
        stall_seed=memory.seed,
        cycle_limit=memory.cycle_limit(plan.estimate, len(plan.program)),
        waves=task.window if task.waves else None,
        waves_path=task.waves,
    )


def _judge(
    task: LayerTask, plan: Schedule, image: Bytes, result: Result, y_golden: Bytes
) -> Outcome:
    after = image.copy()
    region = slice(plan.memory.output, plan.memory.output + plan.memory.output_bytes)
    after[region] = result.outputs[0]
    y_rtl = plan.output(after)
    recorded = task.recording
    found = compare(
        y_rtl, y_golden, recorded.y_torch, lambda: _accumulators(recorded.layer, recorded.x_q)
    )
    problems = [*_coverage(result), *_explain(found)]
    if found.golden:
        problems.append(_blame(plan, image, y_rtl, y_golden))
    faults = bus_faults(result)
    wrong = found.golden or found.torch or result.stray_bytes or result.unwritten[0]
    if faults and not wrong:  # equal bytes, but by chance: no result that looks like success
        return Outcome(Verdict.FAILED, problems=tuple(faults), waves=result.waves)
    return Outcome(
        Verdict.MISMATCH if wrong else Verdict.AGREES,
        _layer_result(task, plan, result, found),
        found.equal,
        len(np.unique(y_rtl)),
        tuple(problems + faults),
        y_golden,
        y_rtl,
        result.waves,
    )


def _layer_result(
    task: LayerTask, plan: Schedule, result: Result, found: Comparison
) -> LayerResult:
    causes = {name: count for name, count in result.counters.items() if name != "cycles"}
    # From the start on the bus to the interrupt there are some cycles that no unit sees
    causes["control"] += result.cycles - sum(causes.values())
    parameters, recorded = task.parameters, task.recording
    return LayerResult(
        network=recorded.network,
        layer=recorded.layer.name,
        op=recorded.layer.op,
        engine=recorded.engine,
        weights=recorded.weights,
        perturbation=recorded.perturbation,
        seed=recorded.seed,
        rows=parameters.rows,
        cols=parameters.cols,
        input_shape=plan.input_shape,
        output_shape=plan.output_shape,
        macs=plan.macs,
        cycles=result.cycles,
        utilization=plan.macs / (parameters.rows * parameters.cols * result.cycles),
        cycles_by_cause=causes,
        compared=found.compared,
        mismatches_golden=max(found.golden, result.unwritten[0]) + result.stray_bytes,
        mismatches_torch=found.torch,
        sim_cycles_per_second=result.sim_cycles_per_second,
        build_seconds=task.build_seconds,
        sim_seconds=result.sim_seconds,
        verilator=result.model.verilator,
        stall_seed=task.memory.seed,
        image=task.image,
        latency=task.memory.latency,
        stalls=task.memory.stalls,
        netlist=task.netlist,
    )


def _coverage(result: Result) -> list[str]:
    problems = []
    if result.unwritten[0]:
        problems.append(
            f"{result.unwritten[0]:,} output bytes were never written, "
            f"the first at offset {result.first_unwritten:#x}"
        )
    if result.stray_bytes:
        problems.append(
            f"{result.stray_bytes:,} bytes outside of the output were written, "
            f"the first at offset {result.first_stray:#x}"
        )
    return problems


def _explain(found: Comparison) -> list[str]:
    if not found.first:
        return []
    reference = found.first[0].reference
    count = found.golden or found.torch
    lines = [
        f"{count:,} of {found.compared:,} outputs differ from {reference}, in {found.extent}",
        *map(str, found.first),
    ]
    if not found.golden:
        lines.append("the RTL equals the golden model: PyTorch's kernel disagrees with both")
    return lines


def _blame(plan: Schedule, image: Bytes, y_rtl: Bytes, y_golden: Bytes) -> str:
    """Run the program on the instruction-level model, to tell the scheduler from the RTL."""
    machine = Machine(plan.parameters, image.copy())
    try:
        machine.run(plan.memory.program)
    except ProgramError as error:
        return f"the instruction-level model refuses the program: the scheduler is wrong ({error})"
    y = plan.output(machine.memory)
    if np.array_equal(y, y_rtl):
        return (
            "the instruction-level model gives the RTL's output from this memory: the program, "
            "the memory's content or the golden layer is wrong, not the RTL"
        )
    if np.array_equal(y, y_golden):
        return "the instruction-level model gives the golden output: the RTL is wrong"
    return "the instruction-level model gives a third output: scheduler and RTL are both suspect"
