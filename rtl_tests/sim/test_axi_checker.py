"""The protocol checker, alone and on what the copying machine is told to do wrong."""

from pathlib import Path

import numpy as np
import pytest
from cocotb_tests import run_cocotb_tests
from toy import toy_data, toy_job

from maccord.runtime.errors import SimulationError
from maccord.sim.protocol import VIOLATIONS
from maccord.sim.simulate import simulate

pytestmark = pytest.mark.usefixtures("quick_builds")


def test_each_violation_alone(tmp_path: Path) -> None:
    run_cocotb_tests("checker_tb.sv", "axi_checker_bench", 16, tmp_path, tests=5)


@pytest.mark.parametrize(
    ("fault", "violation"),
    [
        ("wrong_last", 15),
        ("flickers", 4),
        ("unaligned", 14),
        ("unasked_response", 19),
    ],
)
def test_a_planted_fault_is_found(fault: str, violation: int) -> None:
    # Stalls make the machine wait, without which most faults do not show
    job = toy_job(toy_data(1024, seed=2), fault=fault, stall_probability=0.5, stall_seed=1)
    result = simulate(job)
    assert result.protocol_errors > 0
    assert result.protocol_error.startswith(VIOLATIONS[violation] + ", first in cycle ")


def test_a_hang_names_the_violation_that_led_to_it() -> None:
    job = toy_job(toy_data(1024, seed=2), fault="drops_valid", stall_probability=0.5)
    with pytest.raises(SimulationError, match=f"The AXI protocol was violated: {VIOLATIONS[5]}"):
        simulate(job)


def test_bursts_across_a_page_are_found() -> None:
    job = toy_job(toy_data(1024, seed=2), fault="crosses")
    job.memory[:4] = np.array([0x2FC0], "<u4").view(np.uint8)
    result = simulate(job)
    assert result.protocol_error.startswith(VIOLATIONS[8])


def test_a_read_of_bytes_being_written_is_counted() -> None:
    data = toy_data(1024, seed=2)
    assert simulate(toy_job(data)).overlaps == 0
    assert simulate(toy_job(data, fault="overlaps")).overlaps > 0
