"""The configuration that is mutated by default: small, with every optional block."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...spec.parameters import Parameters

__all__ = ["BLOCKS", "DOCUMENTED", "SMALL", "check_blocks"]

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

#: Its blocks, known before it is generated.
BLOCKS = (
    "accumulator", "activation_feeder", "activations", "adder", "arbiter", "array", "beats",
    "commands", "compute", "control", "core", "datapath", "dispatch", "fetch", "line_buffer",
    "load", "lookup", "max_window", "output_writer", "outputs", "product", "queues", "reduction",
    "requantizer", "results", "slices", "store", "table_loader", "tokens", "top", "weight",
    "weight_feeder", "weights",
)  # fmt: skip


def check_blocks(chosen: Sequence[str], known: Collection[str]) -> None:
    """Refuse blocks that there are not.

    Raises
    ------
    ValueError
        Naming those that there are.
    """
    unknown = sorted({*chosen} - {*known})
    if unknown:
        raise ValueError(f"blocks must be of {', '.join(sorted(known))}, got {unknown[0]}")
