"""The configuration that is mutated by default: small, with every optional block."""

from __future__ import annotations

from ...spec.parameters import Parameters

__all__ = ["SMALL"]

SMALL = Parameters(
    rows=9,
    cols=2,
    axi_bytes=8,
    activation_bytes=1 << 11,
    weight_bytes=1 << 10,
    output_bytes=1 << 10,
    accumulators=16,
    line_cells=16,
    product=True,
    lookup=True,
    narrow=True,
    half_up=True,
)
