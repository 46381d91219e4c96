"""Accelerators that the regression runs on: small, each of another kind."""

from __future__ import annotations

from ...spec.parameters import Parameters

__all__ = ["CONFIGURATIONS", "SIGN_OFF"]

_ALL = {"product": True, "lookup": True, "narrow": True, "half_up": True}
_SMALL = {
    "activation_bytes": 1 << 12,
    "weight_bytes": 1 << 11,
    "output_bytes": 1 << 10,
    "line_cells": 16,
}

CONFIGURATIONS: dict[str, Parameters] = {
    "9x3": Parameters(rows=9, cols=3, axi_bytes=8, accumulators=64, **_SMALL, **_ALL),
    "4x4": Parameters(rows=4, cols=4, axi_bytes=16, accumulators=16, **_SMALL, **_ALL),
    "6x4 2 lanes": Parameters(rows=6, cols=4, lanes=2, axi_bytes=32, accumulators=64, **_SMALL),
    "15x2 wide": Parameters(
        rows=15, cols=2, axi_bytes=64, accumulators=32, window_width=5, **_SMALL, **_ALL
    ),
}
#: The one whose coverage the sign-off table shows: every unit and most optional features.
SIGN_OFF = "9x3"
