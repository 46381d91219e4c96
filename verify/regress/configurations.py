"""Accelerators that the regression runs on: small, each of another kind."""

from __future__ import annotations

from dataclasses import replace

from ...spec.parameters import Parameters

__all__ = ["CONFIGURATIONS", "SIGN_OFF"]

_PLAIN = Parameters(
    activation_bytes=1 << 12, weight_bytes=1 << 11, output_bytes=1 << 10, line_cells=16
)
_ALL = replace(_PLAIN, product=True, lookup=True, narrow=True, half_up=True)

CONFIGURATIONS: dict[str, Parameters] = {
    "9x3": replace(_ALL, rows=9, cols=3, lanes=0, axi_bytes=8, accumulators=64),
    "4x2": replace(
        _PLAIN, rows=4, cols=2, lanes=0, accumulators=16,
        activation_bytes=1 << 11, weight_bytes=1 << 10,
    ),
    "6x4 1 lane": replace(
        _PLAIN, rows=6, cols=4, lanes=1, axi_bytes=32, accumulators=64, product=True
    ),
    "15x2 wide": replace(
        _ALL, rows=15, cols=2, lanes=0, axi_bytes=64, accumulators=32, window_width=5
    ),
}  # fmt: skip
#: The one whose coverage the sign-off table shows: every unit and most optional features.
SIGN_OFF = "9x3"
