"""The table of proofs in docs/verification.md is current, complete, and within the time allowed."""

from __future__ import annotations

from pathlib import Path

from proofs import PAGE, PROOFS, placed, seconds

ALLOWED = 240  # CPU seconds in all; two cores need 5 minutes for more than twice that


def test_the_table_is_current() -> None:
    page = PAGE.read_text()
    assert page == placed(page), "run python rtl_tests/support/proofs.py"


def test_every_file_of_proofs_is_in_it() -> None:
    files = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    assert {proof.file for proof in PROOFS} == files - {Path(__file__).name}
    assert sum(seconds().values()) < ALLOWED


def test_a_stale_table_is_found() -> None:
    page = PAGE.read_text().replace("all 2^256 instructions", "some instructions")
    assert page != placed(page)
