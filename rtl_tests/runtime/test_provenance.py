"""Where results come from: readable by others' tools, and gathered without PyTorch."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maccord.runtime.provenance import file_digest, provenance


def test_command_date_versions_and_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["/somewhere/bin/maccord", "sim", "resnet18.*", "--image", "my cat.jpg"]
    monkeypatch.setattr(sys, "argv", words)
    found = provenance({"weights": "12"}, verilator="5.040")
    assert shlex.split(found.command) == ["maccord", *words[1:]]
    age = datetime.now(UTC) - datetime.fromisoformat(found.date)
    assert timedelta(0) <= age < timedelta(minutes=1)
    assert list(found.versions) == [
        *("python", "maccord", "torch", "numpy", "amaranth", "verilator")
    ]
    assert (found.versions["verilator"], found.digests) == ("5.040", {"weights": "12"})


def test_a_files_digest_is_sha256sums(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"weights")
    assert file_digest(path) == hashlib.sha256(b"weights").hexdigest()[:16]


@pytest.mark.parametrize(
    ("program", "known"),
    [("", False), pytest.param("import torch", True, marks=pytest.mark.slow)],
)
def test_what_decides_pytorchs_kernels_is_said_where_it_runs(program: str, known: bool) -> None:
    program += (
        "\nimport sys\nfrom maccord.runtime.provenance import processor\nfound = processor()\n"
        "print('torch' in found, 'torch' in sys.modules, found['machine'] != '')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(known), str(known), "True"]
