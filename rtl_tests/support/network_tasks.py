"""Networks as tasks, and the instruction-level model in the RTL's place, with faults."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn
from toy_networks import Joined

from maccord.compiler import count_macs
from maccord.compiler.network import alone
from maccord.golden.graph import Layer
from maccord.golden.network import compute
from maccord.nets.module import load_module
from maccord.sim.build import Model
from maccord.sim.job import ProgramRun
from maccord.sim.network.blame import play, until
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkRecording, NetworkTask
from maccord.sim.results import Outcome
from maccord.sim.simulate import Job, Result
from maccord.spec.parameters import Parameters
from maccord.spec.registers import COUNTERS, RECORDED, Status

__all__ = ["PARAMETERS", "Copied", "Flipped", "Joined", "StandIn"]
__all__ += ["change_weight", "layer_task", "network_task"]

PARAMETERS = Parameters(rows=4, cols=4)
SIZE = 16
_OVERHEAD = 10  # cycles of a stage beside computing, of the stand-in


class Copied(nn.Module):
    """A tensor that stands twice in a concatenation, so that it has to be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, stride=2)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(90, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        x = self.pool(torch.cat([x, x], 1))
        return self.fc(torch.flatten(x, 1))


@cache
def _network(name: str):
    rng = np.random.default_rng(5)
    images = [rng.normal(0, 1, (1, 3, SIZE, SIZE)).astype(np.float32) for _ in range(4)]
    return load_module(f"network_tasks:{name}", calibration=images), np.concatenate(images)


def network_task(name: str = "Joined", batch: int = 1, *, interrupts: bool = False) -> NetworkTask:
    """A small network whose tensors are PyTorch's."""
    network, images = _network(name)
    images = images[:batch]
    tensors = network.tensors(images)
    logits = np.stack([network.classify(image[None]).logits for image in images])
    recording = NetworkRecording(
        network.engine,
        network.weights,
        "clean",
        0,
        network.graph,
        tensors[network.graph.input.name],
        tensors,
        logits,
        results={network.graph.output: logits},
    )
    return NetworkTask(recording, PARAMETERS, "module maccord; endmodule", interrupts=interrupts)


def layer_task(layer: Layer, x_q: np.ndarray, parameters: Parameters = PARAMETERS) -> NetworkTask:
    """A layer that runs alone, whose PyTorch output is the golden one; tensors are kept."""
    recording = NetworkRecording(
        *("qnnpack", "random", "clean", 0, alone(layer, "net", x_q.shape), x_q),
        {layer.name: compute(layer, [x_q])},
        layer=layer.name,
    )
    return NetworkTask(recording, parameters, "module maccord; endmodule", keep=True)


class StandIn:
    """Runs a task's program on the instruction-level model, stage by stage, in the RTL's place.

    Parameters
    ----------
    task : NetworkTask
    fields : object
        Of the result, claimed in place of what was found.

    Attributes
    ----------
    wrong : dict of str to int
        Position in a tensor's bytes whose lowest bit is flipped, by the tensor's name.
    """

    def __init__(self, task: NetworkTask, **fields: object) -> None:
        self.compiled = task.compiled
        self.fields = fields
        self.wrong: dict[str, int] = {}

    def __call__(self, job: Job) -> Result:
        """The backend of `run_network`."""
        compiled = self.compiled
        tensors = {}
        for area, stage in zip(compiled.areas, compiled.stages, strict=True):
            memory = until(compiled, job.memory, stage.name)
            play(compiled, memory, stage.name)
            tensors[area.name] = area.view(memory).copy()
        for name, position in self.wrong.items():
            tensors[name].flat[position] ^= 1
        records = self.records()
        finals = [r for r, last in zip(records, self.ends(), strict=True) if last]
        runs = [
            ProgramRun(f["cycles"], {n: f[n] for n in ("cycles", *COUNTERS)}, f["macs"], 0)
            for f in finals
        ]
        result = Result(
            outputs=[],
            cycles=sum(run.cycles for run in runs),
            status=Status.DONE,
            error_code=0,
            counters={n: sum(f[n] for f in finals) for n in ("cycles", *COUNTERS)},
            registers={n.upper(): value for n, value in asdict(compiled.parameters).items()},
            sim_seconds=0.5,
            total_seconds=1.0,
            unwritten=[],
            first_unwritten=None,
            stray_bytes=0,
            first_stray=None,
            protocol_errors=0,
            protocol_error="",
            overlaps=0,
            read_bursts=1,
            read_beats=1,
            write_bursts=1,
            write_beats=1,
            model=Model(Path("model"), "cocotb", 16, "", 0.0, "5.0"),
            waves=None,
            macs=sum(run.macs for run in runs),
            tensors=tensors,
            runs=runs if len(runs) > 1 else [],
            records=records if job.records else [],
        )
        return replace(result, **self.fields)

    def records(self) -> list[dict[str, int]]:
        """Counters at the end of each stage, as if multipliers never waited but for loads."""
        compiled, records = self.compiled, []
        for segment in compiled.segments:
            counters = dict.fromkeys(RECORDED, 0)
            for index in segment.stages:
                stage = compiled.stages[index]
                work = int(stage.array_cycles(compiled.parameters))
                counters["compute"] += work
                counters["loads"] += _OVERHEAD
                counters["cycles"] += work + _OVERHEAD
                counters["macs"] += stage.macs
                records.append(dict(counters))
            program = compiled.program[segment.start : segment.end]
            records[-1]["macs"] = count_macs(program, compiled.parameters.rows)
        return records

    def ends(self) -> list[bool]:
        """Whether each record is the last one of its program."""
        counts = [len(segment.stages) for segment in self.compiled.segments]
        return [index == count - 1 for count in counts for index in range(count)]


def stood_in(task: NetworkTask) -> Outcome:
    """Run a task on the instruction-level model; goes to another process."""
    return run_network(task, backend=StandIn(task))


@dataclass(frozen=True)
class Flipped:
    """Flips the lowest bit of the first code of a tensor; goes to another process.

    Parameters
    ----------
    name : str
        Of the tensor, among those that it is called with.
    """

    name: str

    def __call__(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The tensors, one of them changed."""
        changed = tensors[self.name].copy()
        changed.flat[0] ^= 1
        return tensors | {self.name: changed}


def change_weight(image: np.ndarray, task: NetworkTask) -> np.ndarray:
    """Flip the sign bit of a weight in the middle of the first stage's stream in memory."""
    changed = image.copy()
    offset, stream = task.compiled.streams[0]
    changed[offset + stream.size // 2] ^= 0x80
    return changed
