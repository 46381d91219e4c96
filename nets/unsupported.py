"""The error for a call without a place on the accelerator."""

from __future__ import annotations

__all__ = ["NoKernel", "Unsupported"]


class Unsupported(ValueError):
    """A call that the accelerator cannot run, though PyTorch computes it on the host.

    Parameters
    ----------
    reason : str
        The sentence: path of the call, what would be right, what was found.
    node : str
        Node of the converted graph; empty if unknown.
    """

    def __init__(self, reason: str, node: str = "") -> None:
        super().__init__(reason)
        self.node = node


class NoKernel(ValueError):
    """A call that PyTorch cannot compute in INT8.

    Parameters
    ----------
    path, reason, place : str
        Path of the call, the sentence without it, and the line of the user's source.
    node : str
        Node of the converted graph.
    """

    def __init__(self, path: str, reason: str, place: str, node: str) -> None:
        super().__init__(f"{path}: {reason}{place}")
        self.reason = reason
        self.node = node
