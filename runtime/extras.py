"""Imports packages of maccord's extras on use; one sentence if a package is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import ToolchainError

__all__ = ["extra_module"]


def extra_module(name: str, extra: str, why: str) -> ModuleType:
    """Import a module of an extra.

    Parameters
    ----------
    name : str
        Of the module.
    extra : str
        Of the extra that has it.
    why : str
        What it is needed for: ``to read net.onnx``.

    Raises
    ------
    ToolchainError
        If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ToolchainError(
            f"the package {name} is needed {why}: pip install 'maccord[{extra}]'"
        ) from None
