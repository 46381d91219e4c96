"""One point of a sweep: cycles, resources, clock and derived figures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..golden.graph import Network
from ..runtime.cache import Cache
from ..runtime.errors import SimulationError
from ..sim.network.task import NetworkRecording
from ..spec.parameters import Parameters
from .explore_cycles import Mismatch, modelled, simulated
from .explore_grid import Value
from .flow import Options, synthesize
from .results import Synthesis
from .targets import Target

__all__ = ["FAILED", "INVALID", "MISFIT", "MISMATCH", "OK", "REFUSED"]
__all__ += ["Measurement", "Row", "cost", "measure"]

OK = "ok"
INVALID = "invalid"  # incompatible values
REFUSED = "cannot run"  # the network on this accelerator
MISFIT = "does not fit"  # the accelerator on the device
FAILED = "failed"  # a tool, or the simulation
MISMATCH = "mismatch"  # between RTL and golden model

_PROCESS, _MULTIPLIER = 1_000_000_000, 25_000_000  # bytes of synthesis, place and route


@dataclass(frozen=True)
class Row:
    """Results of one point.

    Parameters
    ----------
    label : str
        Tells it from the sweep's other points.
    chosen : dict of str to int, str or bool
        All parameters.
    configuration : str
        Name of the parameters; empty if they are incompatible.
    status : str
        ``ok``, ``invalid``, ``cannot run``, ``does not fit``, ``failed`` or ``mismatch``.
    reason : str
        Why it is not ``ok``, one sentence.
    resources : dict of str to float
        After mapping, including the scan wrapper.
    percent : dict of str to float
        Share of the device, if known.
    fmax_mhz : tuple of float
        By seed; empty without place and route.
    clock_mhz : float
        Clock for `frames_per_second`: the worst of `fmax_mhz`, else the given clock.
    cycles : int
        Cycles of the network from start to interrupt; 0 if unknown.
    model_cycles : int
        By the timing model; equal to `cycles` unless those are the RTL's.
    frames_per_second : float
        0 if unknown.
    utilization : float
        Multiplications of the network / (rows * cols * cycles).
    bound, share
        As in `explore_cycles.Cycles`.
    pareto : bool
        Whether the point is on the Pareto front.
    tools : dict of str to str
    digest : str
        Digest of the synthesis.
    """

    label: str
    chosen: dict[str, Value]
    configuration: str = ""
    status: str = OK
    reason: str = ""
    resources: dict[str, float] = field(default_factory=dict)
    percent: dict[str, float] = field(default_factory=dict)
    fmax_mhz: tuple[float, ...] = ()
    clock_mhz: float = 0.0
    cycles: int = 0
    model_cycles: int = 0
    frames_per_second: float = 0.0
    utilization: float = 0.0
    bound: str = ""
    share: float = 0.0
    pareto: bool = False
    tools: dict[str, str] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Measurement:
    """One point to measure; picklable.

    Parameters
    ----------
    row : Row
        The point's description.
    parameters : Parameters
    target : Target
    options : Options
        Options of place and route; without it, `mhz` is the clock.
    place : bool
        Whether to place and route if the target supports it.
    network : Network
    name : str
        `network_digest` of the network.
    batch : int
        Images per run.
    recording : NetworkRecording, optional
        Reference for the RTL; without it, cycles are the timing model's.
    cache : Path
        Folder.
    """

    row: Row
    parameters: Parameters
    target: Target
    options: Options
    place: bool
    network: Network
    name: str
    batch: int
    recording: NetworkRecording | None
    cache: Path


def cost(task: Measurement) -> int:
    """Upper estimate of a point's peak memory, bytes."""
    multipliers = task.parameters.rows * task.parameters.cols
    network = 0
    if task.recording:
        weights = sum(each.size for each in task.recording.tensors.values())
        network = 500_000_000 + 12 * weights
    return max(_PROCESS + _MULTIPLIER * multipliers, network)


def measure(task: Measurement) -> Row:
    """Measure one point; failures are recorded in the row.

    Raises
    ------
    ToolchainError
        If a tool is not installed.
    """
    row = task.row
    cache = Cache(task.cache)
    try:
        try:
            found = modelled(task.network, task.name, task.parameters, task.batch, cache)
        except ValueError as error:
            return replace(row, status=REFUSED, reason=str(error))
        row = replace(row, bound=found.bound, share=found.share, model_cycles=found.cycles)
        row = _synthesized(task, row, cache)
        if row.status != OK:
            return row
        row = _clocked(task, row, cache)
        cycles = found.cycles
        if task.recording:
            cycles = simulated(task.recording, task.name, task.parameters, cache)
    except Mismatch as error:
        return replace(row, status=MISMATCH, reason=str(error))
    except (SimulationError, ValueError) as error:
        return replace(row, status=FAILED, reason=str(error))
    array = task.parameters.rows * task.parameters.cols
    return replace(
        row,
        cycles=cycles,
        utilization=found.macs / (array * cycles),
        frames_per_second=task.batch * row.clock_mhz * 1e6 / cycles,
    )


def _synthesized(task: Measurement, row: Row, cache: Cache) -> Row:
    """Synthesize without a device, so that resources are known even if it does not fit."""
    target = task.target
    bare = replace(target, device="", package="", available={})
    result = synthesize(bare, task.parameters, task.options, cache)
    row = _counted(row, result, target)
    for name, available in target.available.items():
        if result.total.get(name, 0) > available:
            takes = f"{result.total[name]:,.0f} {name.upper()} of {available:,}"
            return replace(row, status=MISFIT, reason=f"takes {takes}")
    return row


def _clocked(task: Measurement, row: Row, cache: Cache) -> Row:
    """Place and route; otherwise use the given clock."""
    target = task.target
    if not (task.place and target.placed):
        return replace(row, clock_mhz=task.options.mhz)
    result = synthesize(target, task.parameters, task.options, cache)
    row = _counted(row, result, target)
    return replace(row, fmax_mhz=tuple(result.fmax_mhz), clock_mhz=min(result.fmax_mhz))


def _counted(row: Row, result: Synthesis, target: Target) -> Row:
    total = result.total
    percent = {
        name: 100 * total.get(name, 0) / available for name, available in target.available.items()
    }
    return replace(row, resources=total, percent=percent, tools=result.tools, digest=result.digest)
