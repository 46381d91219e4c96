"""An abort in any cycle of a program: no burst is open when it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maccord.verify.regress.campaign import models
from maccord.verify.regress.harness import play
from maccord.verify.regress.judge import faults
from maccord.verify.regress.starts import build

pytestmark = pytest.mark.usefixtures("quick_builds")
NAME = "4x2"
MEMORY = {"latency": 2, "jitter": 0, "stall": 0, "seed": 1, "order": "in order", "base": 0}


@pytest.mark.parametrize("layer", [0, 11])
def test_an_abort_in_any_cycle_leaves_no_burst_open(layer: int) -> None:
    """A STORE that is on its way when the program stops still asks for a burst, and ends it."""
    known = {"kind": "known", "seed": layer, "disturb": "none", "records": "none"}
    (start,) = build({"configuration": NAME, "memory": MEMORY, "starts": [known]})
    (model,) = models([NAME], coverage=False).values()
    (whole,) = play(model, [start.step])
    assert not faults(start, whole)
    steps = [replace(start.step, abort=cycle) for cycle in range(1, whole.cycles)]
    ends = play(model, steps)
    codes = {step.abort: end.protocol_code for step, end in zip(steps, ends, strict=True)}
    assert {cycle: code for cycle, code in codes.items() if code} == {}
    assert {end.ending for end in ends} == {"done"}
