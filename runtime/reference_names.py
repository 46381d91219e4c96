"""Names of the reference in messages: the framework, or a model file's runtime."""

from __future__ import annotations

__all__ = ["column", "framework", "said"]

_PYTORCH = ("qnnpack",)  # engines of PyTorch


def said(engine: str) -> str:
    """Return the reference with its engine.

    Examples
    --------
    >>> said("qnnpack")
    'PyTorch (qnnpack)'
    >>> said("ONNX Runtime 1.32.0, CPU")
    'ONNX Runtime 1.32.0, CPU'
    """
    return f"PyTorch ({engine})" if engine in _PYTORCH else engine


def framework(engine: str) -> str:
    """Return the reference's name alone.

    Examples
    --------
    >>> framework("ONNX Runtime 1.32.0, CPU")
    'ONNX Runtime'
    """
    if engine in _PYTORCH:
        return "PyTorch"
    words = engine.partition(",")[0].split()
    return " ".join(word for word in words if not word[0].isdigit())


def column(engine: str) -> str:
    """Return the heading of the column of bytes that differ from the reference."""
    return "torch" if engine in _PYTORCH else "runtime"
