"""Programs in a row on the whole accelerator: no reset, one in flight, errors on the bus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from accelerator_bench import TINY, netlist
from schedule_layers import random_conv2d, random_linear

from maccord.compiler import Schedule, schedule
from maccord.golden.graph import Layer
from maccord.golden.network import compute
from maccord.sim.build import build
from maccord.sim.process import cocotb_environment, job_folder, memory_settings, run_program
from maccord.sim.simulate import Job
from maccord.spec.registers import ErrorCode, Status

pytestmark = pytest.mark.usefixtures("quick_builds")
SLVERR, DECERR = 2, 3


@dataclass(frozen=True, eq=False)
class Program:
    """A layer's program, where its memory begins, and what it has to compute."""

    plan: Schedule
    offset: int
    image: np.ndarray
    y_q: np.ndarray

    def step(self, inject: tuple[int, int, int] = (0, 0, 0), share: float | None = None) -> dict:
        """What `restart_bench` is told; places of `inject` count from the program's memory."""
        memory = self.plan.memory
        return {
            "offset": self.offset,
            "program": memory.program,
            "output": (self.offset + memory.output, memory.output_bytes),
            "inject": (self.offset + inject[0], *inject[1:]),
            "share": share,
        }

    def check(self, found: dict[str, Any], what: object = "") -> None:
        """The program ended well, with the golden model's bytes."""
        assert (found["status"], found["error"]) == (Status.DONE, ErrorCode.NONE), what
        codes = np.frombuffer(bytes.fromhex(found["output"]), np.uint8) ^ 0x80
        np.testing.assert_array_equal(codes.reshape(self.y_q.shape), self.y_q, str(what))


@cache
def programs() -> list[Program]:
    """A convolution, a depthwise one and a linear layer, one behind the other in memory."""
    rng = np.random.default_rng(3)
    layers: list[tuple[Layer, tuple[int, ...]]] = [
        (random_conv2d(rng, (7, 5, 3, 3), padding=(1, 1), relu=True), (1, 6, 5, 5)),
        (random_conv2d(rng, (4, 1, 3, 3), groups=4, stride=(2, 1)), (2, 7, 6, 4)),
        (random_linear(rng, 70, 11), (2, 70)),
    ]
    found, offset = [], 0
    for layer, shape in layers:
        plan = schedule(layer, shape, TINY)
        x_q = rng.integers(0, 256, shape, dtype=np.uint8)
        found.append(Program(plan, offset, plan.image(x_q), compute(layer, [x_q])))
        offset += plan.memory.size
    return found


def play(steps: list[dict], **timing: float) -> list[dict[str, Any]]:
    """Run steps in one simulation; the bus is found to be in order in all of them."""
    memory = np.concatenate([program.image for program in programs()])
    job = Job(netlist(TINY), TINY.axi_bytes, memory, 0, [], **timing)
    model = build(job.verilog, job.axi_bytes)
    with job_folder(job) as folder:
        (folder / "job.json").write_text(json.dumps(memory_settings(job) | {"steps": steps}))
        run_program([str(model.path)], folder, cocotb_environment(folder, "restart_bench"))
        result = folder / "result.json"
        assert result.exists(), (folder / "log").read_text()
        found = json.loads(result.read_text())
    for index, step in enumerate(found):
        seen = step["observed"]
        assert (seen["protocol_code"], seen["overlaps"]) == (0, 0), (index, seen)
    return found


STALLS = {"stall_probability": 0.3, "stall_seed": 5, "jitter": 40}


@pytest.mark.parametrize("timing", [{}, STALLS], ids=["steady", "stalls"])
def test_programs_in_a_row(timing: dict[str, float]) -> None:
    """Each gives its own bytes, whatever ran before it; without stalls, in the same cycles."""
    order = [0, 1, 2, 0, 2, 2, 1, 0]
    found = play([programs()[index].step() for index in order], **timing)
    counted: dict[int, set[int]] = {}
    for place, (index, step) in enumerate(zip(order, found, strict=True)):
        programs()[index].check(step, f"start {place}, program {index}")
        counted.setdefault(index, set()).add(step["counted"])
    if not timing:
        assert {len(cycles) for cycles in counted.values()} == {1}, counted


@pytest.mark.parametrize("seed", [1, 2])
def test_resets_in_flight(seed: int) -> None:
    """A reset of the shortest length, at any time, leaves nothing to the next program."""
    rng = np.random.default_rng(seed)
    steps = [program.step() for program in programs()]
    planned: list[tuple[int, float, int]] = []
    for _ in range(8):
        ended, after = (int(index) for index in rng.integers(0, len(programs()), 2))
        planned.append((ended, float(rng.random()), after))
        steps += [programs()[ended].step(share=planned[-1][1]), programs()[after].step()]
    found = play(steps, **(STALLS | {"stall_seed": seed}))
    for index, plan in enumerate(planned):
        programs()[plan[2]].check(found[len(programs()) + 2 * index + 1], (seed, plan))


def test_bus_errors() -> None:
    """Of each kind, at the first and the last byte of each area: the right code, then all well."""
    cases: list[tuple[int, str, int, int]] = []
    steps = []
    for index, program in enumerate(programs()):
        memory = program.plan.memory
        areas = {
            "program": (memory.program, memory.program_bytes),
            "input": (memory.input, memory.input_bytes),
            "weights": (memory.weights, memory.weights_bytes),
            "output": (memory.output, memory.output_bytes),
        }
        for place, (name, (first, size)) in enumerate(areas.items()):
            for at in (first, first + size - 1):
                response = SLVERR if (place + index + (at > first)) % 2 else DECERR
                cases.append((index, name, at - first, response))
                after = programs()[(index + place) % len(programs())]
                steps += [program.step((at, 1, response)), after.step()]
    found = play(steps)
    for case, step, ended, then in zip(cases, steps[1::2], found[::2], found[1::2], strict=True):
        code = ErrorCode.WRITE_ERROR if case[1] == "output" else ErrorCode.READ_ERROR
        assert (ended["status"], ended["error"]) == (Status.DONE | Status.ERROR, code), case
        after = next(p for p in programs() if p.offset == step["offset"])
        after.check(then, case)
