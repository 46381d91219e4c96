"""Writes docs/cycles.json: cycles by layer of the timing model, which CI compares.

python docs/kept_cycles.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["KEPT", "NETWORKS", "counted"]

KEPT = Path(__file__).with_name("cycles.json")
NETWORKS = ("resnet18", "squeezenet1_1")


def counted(network: str) -> dict[str, int]:
    """Return the cycles of each layer of a network on 16 x 16, and of the whole.

    Parameters
    ----------
    network : str
        Name that `maccord sim` takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.json")
        command = ["sim", network, "--dry-run", "--json", str(path)]
        subprocess.run(
            [Path(sys.executable).with_name("maccord"), *command],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        found = json.loads(path.read_text())
    cycles = {stage["name"]: stage["estimated_cycles"] for stage in found["stages"]}
    return cycles | {"all": found["estimated_cycles"]}


if __name__ == "__main__":
    KEPT.write_text(json.dumps({name: counted(name) for name in NETWORKS}, indent=1) + "\n")
