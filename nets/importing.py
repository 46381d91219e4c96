"""Imports a converted network for the accelerator, and the rest of it for the host."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..golden.graph import Layer
from .examples import Example
from .importer import import_network
from .int8 import Step
from .lower import lower
from .source_line import line_of
from .unsupported import Unsupported

__all__ = ["Imported", "check_strict", "import_with_host"]

Imported = tuple[list[Step], dict[str, Layer]]


def import_with_host(
    converted: torch.fx.GraphModule, network: str, example: Example, *, strict: bool = False
) -> Imported:
    """Import a network; the host computes what the accelerator lacks.

    Parameters
    ----------
    converted : GraphModule
        From `framework.convert`.
    network : str
        Its name.
    example : tuple of Tensor of shape (1, ...)
        Any normalized inputs.
    strict : bool
        Whether to refuse what only the host can compute.

    Returns
    -------
    (list of Step, dict of str to Layer)
        As `importer.import_network` does.

    Raises
    ------
    ValueError
        If a call can run nowhere or, if `strict`, not on the accelerator. The message names the
        call, the line of the user's source and the reason.
    """
    hosted: dict[str, Unsupported] = {}
    shapes = [tuple(each.shape) for each in example]
    while True:
        try:
            imported = import_network(converted, network, None if strict else example, hosted)
            lower(*imported, network, shapes, lambda: converted)
        except Unsupported as error:
            refused = ValueError(f"{error}{line_of(converted, error.node)}")
            if strict and error.node:
                return _without_host(converted, network, example, refused)
            if not error.node or error.node in hosted:
                raise refused from None
            hosted[error.node] = error
        else:
            return imported


def _without_host(
    converted: torch.fx.GraphModule, network: str, example: Example, refused: ValueError
) -> Imported:
    """Import what only regions of several calls have hardware for; raise `refused` otherwise."""
    try:
        imported = import_with_host(converted, network, example)
    except ValueError:
        raise refused from None
    if any(step.arguments.get("reason") for step in imported[0]):
        raise refused from None
    return imported


def check_strict(steps: Sequence[Step]) -> None:
    """Raise ValueError if the host has to compute any of the steps."""
    for step in steps:
        if step.arguments.get("reason"):
            raise ValueError(step.arguments["reason"])
