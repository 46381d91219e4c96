"""Runs the cocotb tests of the AXI memory."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from maccord.sim.build import build_bench
from maccord.sim.process import cocotb_environment, run_program

HERE = Path(__file__).parent


@pytest.mark.parametrize(("axi_bytes", "seed"), [(8, 1), (16, 2), (32, 3), (64, 4)])
def test_memory(axi_bytes: int, seed: int, tmp_path: Path) -> None:
    model = build_bench(HERE / "memory_tb.sv", "", axi_bytes)
    environment = cocotb_environment(tmp_path, "axi_memory_bench") | {"MACCORD_SEED": str(seed)}
    run_program([str(model.path)], tmp_path, environment)
    results = ElementTree.parse(tmp_path / "results.xml")
    assert len(list(results.iter("testcase"))) == 3
    problems = [*results.iter("failure"), *results.iter("error")]
    assert not problems, (tmp_path / "log").read_text()
