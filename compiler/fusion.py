"""The network as the accelerator runs it: clamps and tables fused."""

from __future__ import annotations

from ..golden.fuse import fuse_clamps
from ..golden.fuse_lookups import fuse_lookups, rescale_concats
from ..golden.fuse_pairs import fuse_pairs
from ..golden.fuse_pools import chain_max_pools
from ..golden.graph import Concat, Lookup, Network
from ..spec.parameters import Parameters

__all__ = ["check_lookup", "fused", "needs_lookup"]


def needs_lookup(network: Network) -> str:
    """Name of the first operation that needs hardware with `lookup`; empty if there is none."""
    for node in network.nodes:
        operation = node.operation
        if isinstance(operation, Lookup) and not operation.identity:
            return node.name
        if isinstance(operation, Concat) and set(operation.inputs) != {operation.output}:
            return node.name
    return ""


def check_lookup(network: Network, parameters: Parameters) -> None:
    """Raise ValueError if an operation needs a table and the hardware has none."""
    name = needs_lookup(network)
    if parameters.lookup or not name:
        return
    (operation,) = (node.operation for node in network.nodes if node.name == name)
    what = "inputs of other scales need" if isinstance(operation, Concat) else "a table needs"
    raise ValueError(f"{name}: {what} hardware with lookup (--lookup), got {parameters.name}")


def fused(network: Network) -> Network:
    """Fuse what the accelerator computes in one pass.

    Parameters
    ----------
    network : Network
        Accepted by `verify.verify`.

    Returns
    -------
    Network
        With clamps and lookups fused, sums and products that are lookups made such, and max pools
        chained; inputs of a concatenation have one scale and zero point.
    """
    # Pools that others read do not take a table
    chained = chain_max_pools(fuse_clamps(fuse_pairs(network)))
    return fuse_lookups(rescale_concats(chained))
