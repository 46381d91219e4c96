"""Legality of networks: guaranteed by the importer and preserved by every pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import prod
from typing import Any

from . import overflow
from .graph import (
    Add,
    AvgPool2d,
    Clamp,
    Conv2d,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Node,
    Operation,
    Shuffle,
    Slice,
    Tensor,
    Upsample,
)
from .kernels.add import check_add
from .kernels.avg_pool2d import check_avg_pool2d
from .kernels.clamp import check_clamp
from .kernels.conv_transpose2d import check_conv_transpose2d
from .kernels.layer_norm import check_layer_norm
from .kernels.lookup import check_lookup
from .kernels.max_pool2d import check_max_pool2d
from .kernels.mul import check_mul
from .kernels.rearrange import check_rearrange
from .kernels.shuffle import check_shuffle
from .kernels.slice import check_slice
from .kernels.softmax import check_softmax
from .kernels.tensor_product import check_tensor_product
from .kernels.tokens import check_add_constant, check_tokens
from .kernels.upsample import check_upsample
from .operations.conv_transpose2d import ConvTranspose2d
from .operations.layer_norm import LayerNorm
from .operations.rearrange import Rearrange
from .operations.softmax import Softmax
from .operations.tensor_product import TensorProduct
from .operations.tokens import AddConstant, Tokens

__all__ = ["verify", "verify_operation"]

_DIMENSIONS: dict[type[Operation], int] = {
    Conv2d: 4,
    MaxPool2d: 4,
    AvgPool2d: 4,
    Linear: 2,
    Upsample: 4,
    Shuffle: 4,
    ConvTranspose2d: 4,
}

_CHECKS: dict[type[Operation], Callable[[Any], object]] = {
    Upsample: check_upsample,
    Lookup: check_lookup,
    Softmax: check_softmax,
    LayerNorm: check_layer_norm,
    TensorProduct: check_tensor_product,
    Tokens: check_tokens,
    AddConstant: check_add_constant,
    Rearrange: check_rearrange,
}


def verify(network: Network) -> None:
    """Raise ValueError unless a network is legal.

    A legal network meets these rules. Names are distinct. Each node reads as many tensors as its
    operation has inputs, all of them produced earlier, with the quantization and shape that the
    operation expects. Each tensor except the outputs is read. qnnpack computes every operation by
    the formula of its golden kernel. No accumulator can overflow.

    Raises
    ------
    ValueError
        If a rule is violated; the message names the node.

    Examples
    --------
    >>> from .graph import Quantization
    >>> one, two = Quantization(1.0, 0), Quantization(2.0, 0)
    >>> image = Tensor("net.input", (1, 4, 4, 3), one)
    >>> relu = Node(Clamp("net.relu", two), ("net.input",))
    >>> verify(Network("net", image, (relu,), "net.relu"))
    Traceback (most recent call last):
    ValueError: net.relu: input net.input must have scale 2.0 and zero point 0, got 1.0 and 0
    """
    if not network.nodes:
        raise ValueError(f"{network.name}: network must have at least one node, got none")
    _verify_names(network)
    tensors = {source.name: source for source in network.sources}
    _verify_sources(network)
    for node in network.nodes:
        tensors[node.name] = _verify_node(node, tensors)
        _verify_shape(tensors[node.name])
    read = {name for node in network.nodes for name in node.inputs} | {*network.outputs}
    for name in tensors:
        if name not in read:
            raise ValueError(f"{name}: tensor must be read or be the output, got neither")


def _verify_names(network: Network) -> None:
    """Check that names are distinct and defined before use."""
    sources = [source.name for source in network.sources]
    names = [*sources, *(node.name for node in network.nodes)]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{name}: names must be distinct, got {count} of this one")
    for name in network.outputs:
        if name not in names[len(sources) :]:
            raise ValueError(f"{network.name}: output must be the name of a node, got {name}")
    known = set(sources)
    for node in network.nodes:
        for name in node.inputs:
            if name not in known:
                raise ValueError(f"{node.name}: input must be made before, got {name}")
        known.add(node.name)


def _verify_sources(network: Network) -> None:
    """Check the inputs' shapes, and that all have as many images."""
    for source in network.sources:
        _verify_shape(source)
        if source.shape[0] != network.input.shape[0]:
            raise ValueError(
                f"{source.name}: inputs must have one number of images, got {source.shape[0]} and "
                f"{network.input.shape[0]} of {network.input.name}"
            )


def _verify_shape(tensor: Tensor) -> None:
    if len(tensor.shape) not in (2, 4) or prod(tensor.shape) < 1 or min(tensor.shape) < 1:
        raise ValueError(
            f"{tensor.name}: shape must be (N, H, W, C) or (N, K) with at least one element, "
            f"got {tensor.shape}"
        )


def _verify_node(node: Node, tensors: dict[str, Tensor]) -> Tensor:
    """Check a node against the tensors produced so far; return its output tensor."""
    operation = node.operation
    if not node.inputs or len(node.inputs) != len(operation.inputs):
        raise ValueError(
            f"{node.name}: number of inputs must be {max(len(operation.inputs), 1)}, "
            f"got {len(node.inputs)}"
        )
    sources = [tensors[name] for name in node.inputs]
    for source, expected in zip(sources, operation.inputs, strict=True):
        if source.quantization != expected:
            raise ValueError(
                f"{node.name}: input {source.name} must have scale {expected.scale} and zero "
                f"point {expected.zero_point}, got {source.quantization.scale} and "
                f"{source.quantization.zero_point}"
            )
    _verify_source(node, sources[0])
    verify_operation(node.operation)
    _verify_table(node)
    if isinstance(operation, Slice):
        check_slice(operation, sources[0].shape)
    elif isinstance(operation, Shuffle):
        check_shuffle(operation, sources[0].shape)
    shape = operation.output_shape(*(source.shape for source in sources))
    return Tensor(node.name, shape, node.quantization)


def _verify_source(node: Node, source: Tensor) -> None:
    """Check dimensions and channels of a node's first input."""
    operation = node.operation
    dimensions = _DIMENSIONS.get(type(operation), len(source.shape))
    if len(source.shape) != dimensions:
        raise ValueError(
            f"{node.name}: input must have {dimensions} dimensions, got shape {source.shape}"
        )
    if isinstance(operation, Conv2d | Linear):
        groups = operation.groups if isinstance(operation, Conv2d) else 1
        channels = operation.weight.shape[1] * groups
        if source.shape[-1] != channels:
            raise ValueError(
                f"{node.name}: input must have {channels} channels, got shape {source.shape}"
            )
        if operation.weight.shape[0] % groups:
            raise ValueError(
                f"{node.name}: groups must divide the output channels "
                f"({operation.weight.shape[0]}), got {groups}"
            )


def verify_operation(operation: Operation) -> None:
    """Raise ValueError unless an operation's own parameters are legal."""
    if isinstance(operation, ConvTranspose2d):
        check_conv_transpose2d(operation)
    if isinstance(operation, Conv2d | Linear):
        low, high = operation.limits
        if not 0 <= low <= high <= 255:
            raise ValueError(
                f"{operation.name}: limits must be ordered within 0..255, got {low} and {high}"
            )
        overflow.verify(operation)
    elif isinstance(operation, Add):
        check_add(operation)
    elif isinstance(operation, Mul):
        check_mul(operation)
    elif isinstance(operation, MaxPool2d):
        check_max_pool2d(operation)
    elif isinstance(operation, AvgPool2d):
        check_avg_pool2d(operation)
    elif isinstance(operation, Clamp):
        check_clamp(operation)
    elif type(operation) in _CHECKS:
        _CHECKS[type(operation)](operation)


def _verify_table(node: Node) -> None:
    """Check a fused table."""
    if node.table is None:
        return
    check_lookup(node.table)
    made, read = node.operation.output, node.table.input
    if made != read:
        raise ValueError(
            f"{node.name}: table must read scale {made.scale} and zero point {made.zero_point}, "
            f"got {read.scale} and {read.zero_point}"
        )
