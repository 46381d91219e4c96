"""Own models of the vendors' cells, for netlists that instantiate some."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["MODELS", "defined", "instantiated", "with_models"]

MODELS = Path(__file__).parent / "models"
_CELL = re.compile(r"^  (\w+) (?:#\(|\\\S+ +\(|\w+ +\()", re.MULTILINE)
_MODULE = re.compile(r"^ *module +(\w+)", re.MULTILINE)


def instantiated(netlist: str) -> set[str]:
    """Return the types of what is instantiated in a netlist, as Yosys writes it.

    Only those that are single words: the accelerator's own modules have dots in their names.
    """
    return set(_CELL.findall(netlist))


def defined(verilog: str) -> set[str]:
    """Return the names of modules that are single words."""
    return set(_MODULE.findall(verilog))


def with_models(netlist: str) -> str:
    """Add the models of cells that a netlist instantiates without defining them.

    Parameters
    ----------
    netlist : str
        Verilog, as Yosys writes it. What there is no model of is left to whoever builds it.

    Returns
    -------
    str
        The netlist alone if it needs none.
    """
    open_ = instantiated(netlist) - defined(netlist)
    texts = [text for text, modules in _models() if modules & open_]
    return "\n".join((netlist, *texts)) if texts else netlist


@cache
def _models() -> tuple[tuple[str, frozenset[str]], ...]:
    """Each file's text, and the modules in it."""
    texts = [path.read_text() for path in sorted(MODELS.glob("*.v"))]
    return tuple((text, frozenset(defined(text))) for text in texts)
