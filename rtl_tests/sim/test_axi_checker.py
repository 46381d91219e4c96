"""The protocol checker, alone and on what the copying machine is told to do wrong."""

from pathlib import Path

import numpy as np
import pytest
from axi_rules import PAGE, codes_in_checker, fired, placed
from toy import toy_data, toy_job

from maccord.runtime.errors import SimulationError
from maccord.sim.protocol import VIOLATIONS
from maccord.sim.simulate import simulate

pytestmark = pytest.mark.usefixtures("quick_builds")


def test_each_rule_is_broken_alone_and_in_the_table(tmp_path: Path) -> None:
    """Each rule that the checker computes fires in a test, and the page says in which."""
    found = fired(tmp_path)
    assert set(found) == set(VIOLATIONS) == codes_in_checker()
    page = PAGE.read_text()
    assert page == placed(page, found), "run python rtl_tests/support/axi_rules.py"
    assert page != placed(page, {1: found[1]})


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
