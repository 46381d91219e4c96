"""Assigns instances to blocks of the accelerator."""

from __future__ import annotations

__all__ = ["BLOCKS", "block_of"]

_COMPUTE = "accelerator.core.compute"
_DATAPATH = f"{_COMPUTE}.datapath"
# The first match, of an instance or its parents, decides
_RULES = (
    (f"{_DATAPATH}.array", "array"),
    (f"{_DATAPATH}.accumulator_", "accumulators"),
    (f"{_DATAPATH}.requantizer_", "requantizer"),
    (_DATAPATH, "datapath lines"),
    (f"{_COMPUTE}.adder", "adder"),
    (f"{_COMPUTE}.line_buffer", "windows"),
    (f"{_COMPUTE}.max_window", "windows"),
    (f"{_COMPUTE}.lookup", "tables"),
    (f"{_COMPUTE}.product", "products"),
    (f"{_COMPUTE}.activations", "scratchpads"),
    (f"{_COMPUTE}.weights", "scratchpads"),
    (f"{_COMPUTE}.results", "scratchpads"),
    (_COMPUTE, "feeders"),
    ("accelerator.core.load_queue", "control"),
    ("accelerator.core.load", "DMA"),
    ("accelerator.core.weight_queue", "control"),
    ("accelerator.core.weight", "DMA"),
    ("accelerator.core.store_queue", "control"),
    ("accelerator.core.store", "DMA"),
    ("accelerator.core.arbiter", "DMA"),
    ("accelerator.core.rows", "rows"),
    ("accelerator", "control"),
    ("", "scan wrapper"),
)

#: Blocks in the order of the tables; the last is not part of the accelerator.
BLOCKS = tuple(dict.fromkeys(block for _, block in _RULES))


def block_of(instance: str) -> str:
    """Block of an instance.

    Parameters
    ----------
    instance : str
        Names from the top down, separated by dots; empty for the top.

    Returns
    -------
    str
        One of `BLOCKS`.
    """
    for prefix, block in _RULES:
        inside = instance.startswith(prefix) and (
            not prefix or prefix.endswith("_") or instance[len(prefix) :][:1] in ("", ".")
        )
        if inside:
            return block
    raise AssertionError(instance)
