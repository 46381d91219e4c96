"""The command line as tests call it: in a process of its own, or in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["MAIN", "ROOT", "maccord", "start"]

ROOT = Path(__file__).parents[2]
MAIN = "from maccord.cli.main import main; main()"


def start(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `maccord` in the repository's root, where the caches are."""
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def maccord(
    *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `maccord` to its end."""
    process = start(*arguments, env=env)
    out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
