"""Where in the user's source a traced call stands."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
from torch import fx, nn
from torch.nn.modules.module import register_module_module_registration_hook

from .user_code import is_theirs

__all__ = ["LINE", "LineTracer", "line_of", "raised_at", "remembering_modules"]

LINE = "maccord_line"  # key in a node's meta: file and line of the user's call

_NOT_USERS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))
_MADE: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()  # lines where modules were added


class LineTracer(fx.Tracer):
    """Traces a network and keeps the file and line of each call."""

    def create_node(self, *arguments: object, **options: object) -> fx.Node:
        """Create a node whose meta holds the user's line under `LINE`."""
        node = super().create_node(*arguments, **options)  # pyright: ignore[reportArgumentType]
        node.meta[LINE] = _users_line() or self._made_line(node)
        return node

    def _made_line(self, node: fx.Node) -> str:
        """Return where a module was added that is called by PyTorch's code, as in a sequence."""
        path = str(node.target) if node.op == "call_module" else ""
        while path:
            found = _MADE.get(self.root.get_submodule(path))
            if found:
                return found
            path = path.rpartition(".")[0]
        return ""


@contextmanager
def remembering_modules() -> Iterator[None]:
    """Note the user's line where each module becomes part of another one."""

    def note(_: nn.Module, __: str, added: nn.Module | None) -> None:
        if added is not None:
            _MADE.setdefault(added, _users_line())

    hook = register_module_module_registration_hook(note)
    try:
        yield
    finally:
        hook.remove()


def raised_at(error: BaseException) -> str:
    """Return the last line of the user's that an exception went through, as `line_of` does."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_theirs(frame.filename):
            return f" ({frame.filename}, line {frame.lineno})"
    return ""


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
