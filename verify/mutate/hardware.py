"""The configuration that is mutated by default: small, with every optional block."""

from __future__ import annotations

from ...spec.parameters import Parameters

__all__ = ["DOCUMENTED", "SMALL"]

#: Mutants and seed of the campaign in docs/verification.md.
DOCUMENTED = (1000, 1)

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
