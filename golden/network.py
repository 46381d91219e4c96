"""Execution of a whole network in NumPy, from codes of its inputs to logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Flatten,
    Host,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Node,
    Operation,
    Relabel,
    Shuffle,
    Slice,
    Upsample,
)
from .kernels import (
    add,
    avg_pool2d,
    clamp,
    concat,
    conv2d,
    flatten,
    host,
    linear,
    lookup,
    max_pool2d,
    mul,
    relabel,
)
from .kernels.conv_transpose2d import conv_transpose2d
from .kernels.layer_norm import layer_norm
from .kernels.quantize import dequantize
from .kernels.rearrange import rearrange
from .kernels.shuffle import shuffle
from .kernels.slice import take
from .kernels.softmax import softmax
from .kernels.tensor_product import tensor_product
from .kernels.tokens import add_constant, tokens
from .kernels.upsample import upsample
from .operations.conv_transpose2d import ConvTranspose2d
from .operations.layer_norm import LayerNorm
from .operations.rearrange import Rearrange
from .operations.softmax import Softmax
from .operations.tensor_product import TensorProduct
from .operations.tokens import AddConstant, Tokens

__all__ = ["OPERATIONS", "check_inputs", "compute", "compute_node", "execute", "logits"]

Codes = npt.NDArray[np.uint8]

_KERNELS: dict[type, Callable[..., Codes]] = {
    Conv2d: conv2d.conv2d,
    ConvTranspose2d: conv_transpose2d,
    Linear: linear.linear,
    Add: add.add,
    Mul: mul.mul,
    MaxPool2d: max_pool2d.max_pool2d,
    AvgPool2d: avg_pool2d.avg_pool2d,
    Clamp: clamp.clamp,
    Flatten: flatten.flatten,
    Relabel: relabel.relabel,
    Host: host.host,
    Upsample: upsample,
    Slice: take,
    Shuffle: shuffle,
    Lookup: lookup.lookup,
    Softmax: softmax,
    LayerNorm: layer_norm,
    TensorProduct: tensor_product,
    Tokens: tokens,
    AddConstant: add_constant,
    Rearrange: rearrange,
}
#: Types of operation that `compute` computes.
OPERATIONS: tuple[type, ...] = (*_KERNELS, Concat)


def compute(operation: Operation, inputs: Sequence[Codes]) -> Codes:
    """Output codes of any operation of the graph.

    Parameters
    ----------
    operation : Operation
    inputs : sequence of ndarray, uint8
        (N, H, W, C) or (N, K).

    Returns
    -------
    ndarray, uint8

    Raises
    ------
    ValueError
        If the inputs do not fit the operation.
    """
    if isinstance(operation, Concat):
        return concat.concat(inputs, operation)
    if len(inputs) != len(operation.inputs):
        raise ValueError(
            f"{operation.name}: number of inputs must be {len(operation.inputs)}, got {len(inputs)}"
        )
    kernel: Any = _KERNELS[type(operation)]
    return kernel(*inputs, operation)


def compute_node(node: Node, inputs: Sequence[Codes]) -> Codes:
    """Output codes of a node: its operation's, or the fused table's entries at these."""
    codes = compute(node.operation, inputs)
    return codes if node.table is None else lookup.lookup(codes, node.table)


def check_inputs(network: Network, inputs: Sequence[Codes]) -> None:
    """Raise ValueError unless codes are of a network's inputs, with one number of images.

    Parameters
    ----------
    network : Network
    inputs : sequence of ndarray, uint8
        In the order of `Network.sources`; any number of images.
    """
    wanted = network.sources
    if len(inputs) != len(wanted):
        names = ", ".join(source.name for source in wanted)
        raise ValueError(f"inputs must be {len(wanted)} ({names}), got {len(inputs)}")
    images = [len(codes) for codes in inputs]
    for source, codes in zip(wanted, inputs, strict=True):
        what = source.name if len(wanted) > 1 else "x_q"
        if codes.dtype != np.uint8:
            raise ValueError(f"{what} must be uint8, got {codes.dtype}")
        size = source.shape[1:]
        if codes.shape[1:] != size:
            raise ValueError(
                f"{what} must have shape (N, {', '.join(map(str, size))}) for {network.name}, "
                f"got {codes.shape}"
            )
        if len(codes) != images[0]:
            raise ValueError(
                f"inputs must have one number of images, got {images[0]} of "
                f"{network.input.name} and {len(codes)} of {what}"
            )


def execute(network: Network, *inputs: Codes) -> dict[str, Codes]:
    """Run a network.

    Parameters
    ----------
    network : Network
        Accepted by `verify.verify`.
    *inputs : ndarray of shape (N, H, W, C) or (N, K), uint8
        Codes of each of the network's inputs, of its size; any N.

    Returns
    -------
    dict of str to ndarray, uint8
        Every tensor by name, the inputs first, then in execution order.

    Raises
    ------
    ValueError
        As `check_inputs`.

    Examples
    --------
    >>> from .graph import Node, Quantization, Tensor
    >>> codes = Quantization(1.0, 2)
    >>> relu = Node(Clamp("net.relu", codes, low=2), ("net.input",))
    >>> network = Network("net", Tensor("net.input", (1, 1, 1, 2), codes), (relu,), "net.relu")
    >>> execute(network, np.array([[[[0, 5]]]], np.uint8))["net.relu"]
    array([[[[2, 5]]]], dtype=uint8)
    """
    check_inputs(network, inputs)
    tensors = {each.name: codes for each, codes in zip(network.sources, inputs, strict=True)}
    for node in network.nodes:
        tensors[node.name] = compute_node(node, [tensors[name] for name in node.inputs])
    return tensors


def logits(network: Network, tensors: dict[str, Codes]) -> npt.NDArray[np.float32]:
    """Dequantized network output, float32, for tensors from `execute`."""
    return dequantize(tensors[network.output], network.tensors[network.output].quantization)
