"""Optional features of the hardware that a network's operations need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..golden.fuse_pairs import fuse_pairs
from ..golden.graph import Mul, Network, Operation
from ..spec.isa_features import CONDITIONS, Feature
from ..spec.parameters import Parameters
from .fusion import needs_lookup

__all__ = ["SWITCHES", "with_features"]

_NEEDS: dict[type[Operation], Feature] = {Mul: Feature.PRODUCT}
#: Parameters that switch such a feature on.
SWITCHES = (*(CONDITIONS[feature] for feature in _NEEDS.values()), "lookup")


def with_features(
    parameters: Parameters, networks: Iterable[Network], switches: Iterable[str] = SWITCHES
) -> Parameters:
    """Switch on the features that networks need.

    Parameters
    ----------
    parameters : Parameters
    networks : iterable of Network
    switches : iterable of str
        Those of `SWITCHES` that may be switched on; the others stay as they are.

    Returns
    -------
    with_switches : Parameters

    Examples
    --------
    >>> from ..golden.graph import Node, Quantization, Tensor
    >>> one = Quantization(1.0, 0)
    >>> square = Node(Mul("net.mul", (one, one), one), ("net.input", "net.input"))
    >>> network = Network("net", Tensor("net.input", (1, 4), one), (square,), "net.mul")
    >>> with_features(Parameters(), [network]).product
    True
    """
    networks = [fuse_pairs(network) for network in networks]
    found = {type(node.operation) for network in networks for node in network.nodes}
    needed = {CONDITIONS[feature] for kind, feature in _NEEDS.items() if kind in found}
    if any(map(needs_lookup, networks)):
        needed.add("lookup")
    return replace(parameters, **dict.fromkeys(needed & set(switches), True))
