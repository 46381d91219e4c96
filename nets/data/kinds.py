"""Names of the supported data sets; unlike reading them, does not import PyTorch."""

from __future__ import annotations

from pathlib import Path

__all__ = ["EMBEDDED", "KINDS", "check_data"]

EMBEDDED = "digits"
KINDS = ("aircraft", "folder", "cifar10", "cifar100")


def check_data(spec: str) -> None:
    """Reject an unknown data set, or one whose folder is missing.

    Raises
    ------
    ValueError
    """
    kind, colon, path = spec.partition(":")
    if kind == EMBEDDED and not colon:
        return
    if kind not in KINDS or not path:
        known = ", ".join([EMBEDDED, *(f"{name}:PATH" for name in KINDS)])
        raise ValueError(f"data must be one of {known}, got {spec!r}")
    if not Path(path).expanduser().exists():
        raise ValueError(f"data must be there, got {spec}: no such folder")
