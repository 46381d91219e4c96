"""Optional features of the hardware that a network's operations need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..golden.fuse_pairs import fuse_pairs
from ..golden.graph import Add, Mul, Network, Operation
from ..golden.operations.layer_norm import LayerNorm
from ..golden.operations.softmax import Softmax
from ..golden.operations.tensor_product import TensorProduct
from ..spec.isa_features import CONDITIONS, Feature
from ..spec.parameters import Parameters
from .fusion import needs_lookup

__all__ = ["SWITCHES", "check_rounding", "check_width", "check_widths", "with_features"]

_NEEDS: dict[type[Operation], Feature] = {Mul: Feature.PRODUCT, TensorProduct: Feature.GATHER}
#: Parameters that switch such a feature on.
SWITCHES = (
    *(CONDITIONS[feature] for feature in _NEEDS.values()),
    *("lookup", "narrow", "half_up", "row_lanes"),
)


def with_features(
    parameters: Parameters, networks: Iterable[Network], switches: Iterable[str] = SWITCHES
) -> Parameters:
    """Switch on the features that networks need.

    Parameters
    ----------
    parameters : Parameters
    networks : iterable of Network
    switches : iterable of str
        Those of `SWITCHES` that may be switched on; the others stay as they are. `row_lanes`
        becomes the bus width, and `row_elements` as long as the longest row.

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
    if any(_is_narrow(node.operation) for network in networks for node in network.nodes):
        needed.add("narrow")
    if any(_rounds_up(node.operation) for network in networks for node in network.nodes):
        needed.add("half_up")
    parameters = replace(parameters, **dict.fromkeys(needed & set(switches), True))
    longest = max(map(_longest_row, networks), default=0)
    if not longest or parameters.row_lanes or "row_lanes" not in switches:
        return parameters
    elements = max(parameters.row_elements, 1 << (longest - 1).bit_length())
    return replace(parameters, row_lanes=parameters.axi_bytes, row_elements=elements)


def _longest_row(network: Network) -> int:
    """Elements of the longest row of softmax or layer norm; 0 without either."""
    return max(
        (
            network.tensors[node.name].shape[-1]
            for node in network.nodes
            if isinstance(node.operation, Softmax | LayerNorm)
        ),
        default=0,
    )


def check_widths(networks: Iterable[Network], parameters: Parameters) -> None:
    """Refuse networks with weights of a width that the hardware does not run, before any work.

    Raises
    ------
    ValueError
        With the first such operation's name.
    """
    for network in networks:
        for node in network.nodes:
            check_width(node.operation, parameters)


def check_width(operation: Operation, parameters: Parameters) -> None:
    """Refuse weights that the hardware does not unpack, or was not generated for.

    Raises
    ------
    ValueError
        With the operation's name.
    """
    bits, widest = getattr(operation, "weight_bits", 0), parameters.weight_bits
    if bits > widest:
        raise ValueError(
            f"{operation.name}: the hardware multiplies by weights of {widest} bits or fewer "
            f"(--array-weight-bits {widest}), got {bits} bits{_remedy(operation, widest)}"
        )
    if _is_narrow(operation) and not parameters.narrow:
        raise ValueError(
            f"{operation.name}: narrow must be True for weights of {bits} bits, got hardware "
            "without it; --narrow generates one with it"
        )


def check_rounding(operation: Add, parameters: Parameters) -> None:
    """Refuse a sum whose rounding the hardware lacks.

    Raises
    ------
    ValueError
        With the operation's name.
    """
    if _rounds_up(operation) and not parameters.half_up:
        raise ValueError(
            f"{operation.name}: half_up must be True for sums that round half up, got hardware "
            "without it; --half-up generates one with it"
        )


def _rounds_up(operation: Operation) -> bool:
    return isinstance(operation, Add) and operation.rounding == "half_up"


def _remedy(operation: Operation, widest: int) -> str:
    weight = getattr(operation, "weight", None)
    limit = 1 << widest - 1
    if weight is not None and weight.min() >= -limit and weight.max() < limit:
        return f", whose codes fit {widest}: --weight-bits auto takes them as narrow as they are"
    return (
        f"; generate the hardware for 8 bits, or take a network trained for {widest} bits (maccord "
        f"train --weight-bits {widest} --end-bits {widest})"
    )


def _is_narrow(operation: Operation) -> bool:
    return getattr(operation, "weight_bits", 8) < 8
