"""Imports parts of tensors, which PyTorch's converted network takes of dequantized codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import fx

from .framework import path_of
from .int8 import Step
from .int8_modules import NO_PADS
from .parts import chunk_part, split_part
from .source_line import LINE
from .unsupported import Unsupported

if TYPE_CHECKING:
    from .importer import Importer

__all__ = ["note_part", "take_part"]


def note_part(importer: Importer, node: fx.Node) -> None:
    """Note a part of dequantized codes, which is to be quantized again."""
    source, pads = importer.floats.get(node.args[0], (None, NO_PADS))  # type: ignore[arg-type]
    if source is None or pads != NO_PADS:
        importer.refuse(node)
    importer.parts[node] = source


def take_part(importer: Importer, node: fx.Node) -> None:
    """Import the quantization of a part: its codes come back as they were."""
    part = node.args[0]
    assert isinstance(part, fx.Node)
    node.meta[LINE] = part.meta.get(LINE, "")
    source = importer.names[importer.parts[part]]
    quantization = importer.parameters[source]
    if importer.quantization(*node.args[1:3]) != quantization:
        importer.refuse(part)
    name = importer.name(path_of(part, "slice"))
    importer.steps.append(Step(name, "part", (source,), _arguments(part, name, node), node.name))
    importer.names[node], importer.parameters[name] = name, quantization


def _arguments(node: fx.Node, name: str, result: fx.Node) -> dict[str, Any]:
    """Return a part's arguments as JSON values, with which `lower_parts` finds it."""
    if node.target is chunk_part:
        return dict(zip(("chunks", "dim", "number"), node.args[1:], strict=True))
    if node.target is split_part:
        return dict(zip(("sizes", "dim", "number"), node.args[1:], strict=True))
    index: Any = node.args[1]
    found: list[str | list[int | None]] = []
    for entry in index if isinstance(index, tuple) else (index,):
        if entry is Ellipsis:
            found.append("...")
        elif isinstance(entry, slice):
            found.append([entry.start, entry.stop, entry.step])
        else:
            raise Unsupported(
                f"{name}: index must hold slices of numbers alone, got {entry}", result.name
            )
    return {"index": found}
