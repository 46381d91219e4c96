"""Accelerators of all sizes: each one's Verilog is clean, and runs a layer as the golden model."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from accelerator_bench import CONFIGURATIONS, netlist, run_layer
from schedule_layers import random_conv2d
from sweep import SWEEP

from maccord.golden.network import compute
from maccord.hw.package.waivers import WAIVERS
from maccord.hw.verilog import TOP
from maccord.sim.toolchain import find_verilator
from maccord.spec.registers import Status

pytestmark = pytest.mark.usefixtures("quick_builds")


def warnings(text: str, folder: Path) -> list[str]:
    """What Verilator says of a text, but for what is waived."""
    path = folder / f"{TOP}.v"
    path.write_text(text)
    found = find_verilator()
    options = ("--lint-only", "-Wall", "-Wno-fatal", "--timing", "--top-module", TOP)
    done = subprocess.run(
        [str(found.binary), *options, str(path)],
        env=os.environ | {"VERILATOR_ROOT": str(found.root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = re.findall(r"^%(?:Warning|Error).*$", done.stderr, re.MULTILINE)
    waived = {f"%Warning-{name}" for name in WAIVERS}
    return [line for line in said if line.split(":")[0] not in waived]


def test_the_sweep_is_one() -> None:
    """At least 12 configurations, with every width of the bus, and lanes of every kind."""
    found = [*SWEEP.values()]
    assert len({*found}) >= 12
    assert {p.axi_bytes for p in found} == {8, 16, 32, 64}
    assert {p.columns_per_lane for p in found} >= {1, 2, 3, 4}
    assert {p.depthwise for p in found} == {True, False}
    assert min(p.rows for p in found) == 4
    assert min(p.cols for p in found) == 2
    assert {*SWEEP} > DAILY
    for name in ("activation_bytes", "weight_bytes", "output_bytes", "accumulators", "line_cells"):
        assert len({getattr(p, name) for p in found}) >= 4, name


# By day those of `test_accelerator`, whose netlists are there, and the smallest of the others
DAILY = {*CONFIGURATIONS, "r4c2-l1-b8-a2048-w1024-o1024-p16-n16"}
NAMES = [name if name in DAILY else pytest.param(name, marks=pytest.mark.nightly) for name in SWEEP]


@pytest.mark.parametrize("name", NAMES)
def test_lint_and_a_layer(name: str, tmp_path: Path) -> None:
    """Lint of all; a layer of those that `test_accelerator` does not give eight."""
    parameters = SWEEP[name]
    assert warnings(netlist(parameters), tmp_path) == []
    if name in CONFIGURATIONS:
        return
    seed = list(SWEEP).index(name)
    rng = np.random.default_rng(seed)
    layer = random_conv2d(rng, (23, 9, 3, 3), stride=(1, 2), padding=(1, 0), relu=bool(seed % 2))
    x_q = rng.integers(0, 256, (1, 9, 11, 9), dtype=np.uint8)
    y_q, result, _ = run_layer(layer, x_q, parameters, stall_probability=0.2, stall_seed=seed)
    assert result.status == Status.DONE
    assert (result.protocol_error, result.stray_bytes, result.unwritten) == ("", 0, [0])
    np.testing.assert_array_equal(y_q, compute(layer, [x_q]), f"seed {seed}")
