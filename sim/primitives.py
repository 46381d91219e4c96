"""Simulation models of vendor primitives, for netlists that instantiate them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["MODELS", "defined", "instantiated", "with_models"]

MODELS = Path(__file__).parent / "models"
_CELL = re.compile(r"^  (\w+) (?:#\(|\\\S+ +\(|\w+ +\()", re.MULTILINE)
_MODULE = re.compile(r"^ *module +(\w+)", re.MULTILINE)


def instantiated(netlist: str) -> set[str]:
    """Return the primitive types instantiated in a netlist written by Yosys.

    Only single-word names: the accelerator's own modules have dots in their names.
    """
    return set(_CELL.findall(netlist))


def defined(verilog: str) -> set[str]:
    """Return the single-word names of defined modules."""
    return set(_MODULE.findall(verilog))


def with_models(netlist: str) -> str:
    """Add models of the primitives that a netlist instantiates but does not define.

    Parameters
    ----------
    netlist : str
        Verilog written by Yosys. Primitives without a model remain undefined.

    Returns
    -------
    str
        The netlist, followed by the models it needs.
    """
    open_ = instantiated(netlist) - defined(netlist)
    texts = [text for text, modules in _models() if modules & open_]
    return "\n".join((netlist, *texts)) if texts else netlist


@cache
def _models() -> tuple[tuple[str, frozenset[str]], ...]:
    """Text of each model file, and the modules it defines."""
    texts = [path.read_text() for path in sorted(MODELS.glob("*.v"))]
    return tuple((text, frozenset(defined(text))) for text in texts)
