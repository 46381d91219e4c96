"""The sign-off table of docs/verification.md is what its command writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=DOCS, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_table_is_what_is_kept() -> None:
    done = run("import sign_off as s; raise SystemExit(s.PAGE.read_text() != s.page())")
    assert done.returncode == 0, f"stale: python docs/sign_off.py: {done.stderr}"


@pytest.mark.nightly
def test_it_is_about_this_hardware() -> None:
    done = run(
        "import json, sign_off as s\n"
        "raise SystemExit(json.loads(s.KEPT.read_text())['hardware'] != s.hardware())"
    )
    assert done.returncode == 0, (
        "docs/sign_off.json is stale: maccord regress --coverage --out FOLDER, then "
        f"python docs/sign_off.py FOLDER: {done.stderr}"
    )


@pytest.mark.slow
def test_stages() -> None:
    done = run(
        "from sign_off import stage\n"
        "assert stage(100, 100, 100, 0) == 'V3'\n"
        "assert stage(100, 99.9, 100, 0) == 'V2'\n"
        "assert stage(100, 100, 100, 1) == 'V1'\n"
        "assert stage(100, 89.9, 100, 0) == 'V1'\n"
        "assert stage(95, 90, 89, 0) == 'V1'\n"
    )
    assert done.returncode == 0, done.stderr
