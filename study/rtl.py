"""Checks a few images of every level in RTL: all tensors and logits must be equal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from .. import sim
from ..nets.images import normalize
from ..runtime.cache import SIMULATION, digest, sources
from ..runtime.files import atomic_write
from ..runtime.pool import Crash, memory_budget, run_all
from ..sim.build import build
from ..sim.netlist import generated
from ..sim.network.run import Worker, run_network
from ..sim.network.task import NetworkTask, cost
from ..sim.recording import record_network
from ..sim.results import Outcome, Verdict
from ..sim.searches import share_searches
from ..spec.parameters import Parameters
from .parts import part_path
from .subject import quantized_network
from .work import WorkUnit, inputs

__all__ = ["RtlSample", "rtl_samples"]


@dataclass(frozen=True)
class RtlSample:
    """RTL result for some images of one network at one level.

    Parameters
    ----------
    network, level : str
        `level`: e.g. ``awgn:0.3``.
    images : int
    equal : bool
        Whether every byte of every tensor equals the golden model's and PyTorch's, and every logit
        equals the study's ``int8`` logit.
    compared : int
        Bytes compared, over all tensors.
    cycles : int
        Accelerator cycles for all images.
    problem : str
        One sentence if something differs.
    """

    network: str
    level: str
    images: int
    equal: bool
    compared: int
    cycles: int
    problem: str = ""


def rtl_samples(
    tasks: Sequence[WorkUnit],
    logits: Sequence[np.ndarray],
    *,
    folder: Path,
    jobs: int,
    worker: Worker = run_network,
    progress: Callable[[str], None] = lambda text: None,
    parameters: Parameters | None = None,
) -> Iterator[RtlSample]:
    """Run tasks in RTL, with one program for all images of a task.

    Parameters
    ----------
    tasks : sequence of WorkUnit
        Grouped by network, with the same number of images in all tasks of a network.
    logits : sequence of ndarray of shape (N, classes), float32
        The study's integer logits for each task.
    folder : Path
        Folder of completed parts; levels that were equal are not simulated again unless logits or
        hardware have changed.
    jobs : int
        Processes.
    worker : callable
        Simulation function, replaceable for fault injection in tests.
    progress : callable
        Called with one line before each long step.
    parameters : Parameters, optional
        The accelerator's parameters; a 16 x 16 array by default.

    Yields
    ------
    RtlSample
        One per task, in order of completion.

    Raises
    ------
    ValueError
        If a network does not fit the accelerator.
    SimulationError, ToolchainError
        If the simulator cannot be built.
    """
    parameters = parameters or Parameters()
    verilog = generated(parameters)
    open_ones = []
    for task, expected in zip(tasks, logits, strict=True):
        kept = _read(_path(folder, task, expected, verilog))
        if kept is not None:
            yield kept
        else:
            open_ones.append((task, expected))
    if not open_ones:
        return
    build(verilog, parameters.axi_bytes, progress=progress)
    runs = [_run(task, parameters, verilog) for task, _ in open_ones]
    runs = share_searches(runs, jobs, check=True)
    answers = run_all(worker, runs, processes=jobs, cost=cost, budget=memory_budget())
    for index, answer in answers:
        task, expected = open_ones[index]
        sample = _judge(task, answer, expected)
        if sample.equal:
            path = _path(folder, task, expected, verilog)
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as temporary:
                temporary.write_text(json.dumps(asdict(sample)) + "\n")
        yield sample


def _path(folder: Path, task: WorkUnit, expected: np.ndarray, verilog: str) -> Path:
    """Path of the file that says that this RTL agrees with these logits."""
    simulation = sources(sim, suffixes=SIMULATION), metadata.version("cocotb")
    origin = digest(*simulation, verilog, expected)[:8]
    return part_path(folder, task).with_suffix(f".{origin}.rtl.json")


def _read(path: Path) -> RtlSample | None:
    try:
        return RtlSample(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _run(task: WorkUnit, parameters: Parameters, verilog: str) -> NetworkTask:
    network = quantized_network(task.subject)
    images = np.concatenate([normalize(crop, network.normalization) for crop in inputs(task)[1]])
    recording = record_network(network, str(task.level), images, task.seed)
    return NetworkTask(recording, parameters, verilog)


def _judge(task: WorkUnit, answer: Outcome | Crash, expected: np.ndarray) -> RtlSample:
    where = task.subject.name, str(task.level), len(task.images)
    if isinstance(answer, Crash):
        return RtlSample(*where, False, 0, 0, answer.reason)
    result = answer.result
    if answer.verdict != Verdict.AGREES or result is None:
        problem = answer.problems[0] if answer.problems else "the simulation gave no result"
        return RtlSample(*where, False, getattr(result, "compared", 0), 0, problem)
    same = np.array_equal(np.array(result.logits, np.float32), expected)
    problem = "" if same else "the RTL's logits differ from those of the integer network"
    return RtlSample(*where, same, result.compared, result.cycles, problem)
