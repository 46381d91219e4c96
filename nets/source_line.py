"""Where in the user's source a traced call stands."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import fx

__all__ = ["LINE", "LineTracer", "line_of"]

LINE = "maccord_line"  # key in a node's meta: file and line of the user's call

_NOT_USERS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))


class LineTracer(fx.Tracer):
    """Traces a network and keeps the file and line of each call."""

    def create_node(self, *arguments: object, **options: object) -> fx.Node:
        """Create a node whose meta holds the user's line under `LINE`."""
        node = super().create_node(*arguments, **options)  # pyright: ignore[reportArgumentType]
        node.meta[LINE] = _users_line()
        return node


def _users_line() -> str:
    """Return the innermost line outside of torch; empty if there is none below the tracer."""
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(_NOT_USERS[1]):
            return ""  # the call of the tracer
        if not path.startswith(_NOT_USERS[0]) and not path.startswith("<"):
            return f"{path}, line {frame.f_lineno}"
        frame = frame.f_back
    return ""


def line_of(converted: fx.GraphModule, name: str) -> str:
    """Return the line of a node's call, in parentheses after a blank; empty if unknown."""
    for node in converted.graph.nodes:
        if node.name == name and node.meta.get(LINE):
            return f" ({node.meta[LINE]})"
    return ""
