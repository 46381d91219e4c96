"""The AXI memory against cocotb-bus's master."""

from pathlib import Path

import pytest
from cocotb_tests import run_cocotb_tests

pytestmark = pytest.mark.usefixtures("quick_builds")


@pytest.mark.parametrize(("axi_bytes", "seed"), [(8, 1), (16, 2), (32, 3), (64, 4)])
def test_memory(axi_bytes: int, seed: int, tmp_path: Path) -> None:
    run_cocotb_tests("memory_tb.sv", "axi_memory_bench", axi_bytes, tmp_path, tests=3, seed=seed)
