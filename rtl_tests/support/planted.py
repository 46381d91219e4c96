"""Accelerators with a bug planted in their Amaranth sources."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache

from maccord.spec.parameters import Parameters

__all__ = ["planted_netlist"]

# Each module is compiled from its changed text, before anything imports it
_PROGRAM = """
import importlib.machinery, json, sys
name, changes, fields = json.loads(sys.stdin.read())
plain = importlib.machinery.SourceFileLoader.get_data
compiled = importlib.machinery.SourceFileLoader.get_code
def get_data(self, path):
    data = plain(self, path)
    if self.name == name and path.endswith(".py"):
        text = data.decode()
        for old, new in changes:
            assert text.count(old) == 1, f"{name} has {text.count(old)} of {old!r}"
            text = text.replace(old, new)
        data = text.encode()
    return data
def get_code(self, fullname):
    if fullname == name:
        return self.source_to_code(self.get_data(self.path), self.path)
    return compiled(self, fullname)
importlib.machinery.SourceFileLoader.get_data = get_data
importlib.machinery.SourceFileLoader.get_code = get_code
from maccord.hw.verilog import generate
from maccord.spec.parameters import Parameters
assert name in sys.modules, f"{name} is no part of the accelerator"
print(generate(Parameters(**fields)))
"""


@cache
def planted_netlist(parameters: Parameters, module: str, changes: Sequence[tuple[str, str]]) -> str:
    """Verilog of an accelerator, with texts of one of its modules replaced.

    Parameters
    ----------
    parameters : Parameters
    module : str
        For example ``maccord.hw.memory.loader``.
    changes : tuple of (str, str)
        Texts that stand there once, and what stands in their place.
    """
    job = json.dumps([module, list(changes), asdict(parameters)])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], input=job, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
