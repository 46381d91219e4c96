"""Synthesized netlists with primitive models, for `maccord sim --gate`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..runtime.cache import Cache, digest
from ..runtime.errors import SimulationError, ToolchainError
from ..runtime.folders import cache_folder
from ..sim.primitives import MODELS, defined, instantiated
from . import tools
from .targets import TARGETS

__all__ = ["ECP5", "Simulated", "gate_netlist"]

_DESIGN, _NETLIST, _SCRIPT = "design.v", "netlist.v", "script.ys"
_TOP = "maccord"


@dataclass(frozen=True)
class Simulated:
    """A family whose netlists can be simulated.

    Parameters
    ----------
    target : str
        Target, one of `TARGETS`, of this family.
    models : tuple of str
        Files in `MODELS` that model its primitives.
    """

    target: str
    models: tuple[str, ...]


# Faster than Yosys's own models of the fabric by several times
ECP5 = Simulated("ecp5-85k", ("ecp5_fabric.v", "ecp5_multiplier.v", "ecp5_memory.v"))


def gate_netlist(
    family: Simulated,
    verilog: str,
    show: Callable[[str], None] = lambda text: None,
    *,
    cache: Path | None = None,
    tool: tools.Tool = tools.YOSYS,
) -> str:
    """Synthesize a module `maccord`, or take its netlist from the cache.

    Parameters
    ----------
    family : Simulated
    verilog : str
        Input of synthesis, as written by `maccord verilog`.
    show : callable
        Called several times per second with progress messages.
    cache : Path, optional
        Folder of netlists, keyed by a digest of Verilog, script, tool and models; in the user's
        cache if not given.
    tool : Tool
        Yosys, or a substitute.

    Returns
    -------
    str
        Verilog of `maccord` with unchanged ports, and of all its primitives.

    Raises
    ------
    ToolchainError
        If Yosys is not installed.
    SimulationError
        If it fails, or a primitive has no model.
    """
    version = _version(tool)
    script = _script(family)
    models = "".join((MODELS / name).read_text() for name in family.models)
    kept = Cache(cache or cache_folder("gates"))
    name = f"{family.target}-{digest(verilog, script, version, models)}"
    text = kept.get(name)
    if text is None:
        netlist = _synthesized(verilog, script, tool, show)
        missing = instantiated(netlist) - defined(models)
        if missing:
            raise SimulationError(
                f"every primitive needs a model to be simulated, got {', '.join(sorted(missing))}"
            )
        text = f"{netlist}\n{models}"
        kept.put(name, text)
    return text


def _version(tool: tools.Tool) -> str:
    try:
        return tool.version
    except ToolchainError:
        raise ToolchainError(
            "gate needs the packages of maccord's extra synth: pip install 'maccord[synth]'"
        ) from None


def _script(family: Simulated) -> str:
    """Return the family's synthesis script, for the accelerator without its scan wrapper."""
    synthesis = TARGETS[family.target].family.synthesis.replace("-top top", f"-top {_TOP}")
    # Attributes would be half of the text, and simulators ignore them
    return f"read_verilog {_DESIGN}\n{synthesis}\nwrite_verilog -noattr {_NETLIST}\n"


def _synthesized(verilog: str, script: str, tool: tools.Tool, show: Callable[[str], None]) -> str:
    with tempfile.TemporaryDirectory(prefix="maccord-") as scratch:
        folder = Path(scratch)
        (folder / _DESIGN).write_text(verilog)
        (folder / _SCRIPT).write_text(script)
        job = tools.Job(tool, ("-s", _SCRIPT), folder, "synthesis")
        list(tools.run([job], 1, show))
        return (folder / _NETLIST).read_text()
