"""Arguments of PyTorch's paddings."""

from __future__ import annotations

from typing import Any

from torch import fx, nn

__all__ = ["padding_of"]


def padding_of(node: fx.Node, module: nn.Module | None) -> tuple[tuple[int, ...], str, float]:
    """Return widths (left, right, top, bottom), mode and value of a padding."""
    if isinstance(module, nn.ConstantPad1d | nn.ConstantPad2d):
        return tuple(module.padding), "constant", module.value
    names = ("pad", "mode", "value")
    given: dict[str, Any] = dict(zip(names, node.args[1:], strict=False)) | node.kwargs
    return tuple(given["pad"]), given.get("mode", "constant"), given.get("value") or 0.0
