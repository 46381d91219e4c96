"""Random networks of all operators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Flatten,
    Lookup,
    MaxPool2d,
    Network,
    Node,
    Operation,
    Quantization,
    Tensor,
)
from ...golden.verify import verify
from .layers import random_conv2d, random_linear
from .operations import pair, random_product, random_quantization

__all__ = ["NetworkBuilder", "random_network"]

_LEAST = 3  # lines and cells that the kernels of a random network's layers need

Shape = tuple[int, ...]


class NetworkBuilder:
    """Appends nodes to a network; tensors are called by their names.

    Parameters
    ----------
    rng : Generator
        Of weights and quantizations.
    shape : (N, H, W, C)
        Of the image.
    tables : float
        Probability with which a lookup follows an operation.
    """

    def __init__(self, rng: np.random.Generator, shape: Shape, tables: float = 0.0) -> None:
        self.rng = rng
        self._share = tables
        self.input = Tensor("net.input", shape, random_quantization(rng))
        self.tensors = {"net.input": self.input}
        self._nodes: list[Node] = []

    def network(self, output: str) -> Network:
        """Return the network so far; its last tensors are read, or `output`."""
        network = Network("net", self.input, tuple(self._nodes), output)
        verify(network)
        return network

    def append(self, operation: Operation, *inputs: str) -> str:
        """Append any operation under a name of its own; return the name of its tensor.

        At times it is a lookup's, which keeps scale and zero point.
        """
        operation = replace(operation, name=f"net.{len(self._nodes)}")
        shape = operation.output_shape(*(self.tensors[name].shape for name in inputs))
        self._nodes.append(Node(operation, inputs))
        self.tensors[operation.name] = Tensor(operation.name, shape, operation.output)
        if self._share and self.rng.random() < self._share and not isinstance(operation, Lookup):
            return self.lookup(operation.name, output=operation.output)
        return operation.name

    def like(self, name: str) -> Quantization:
        """Quantization of a tensor."""
        return self.tensors[name].quantization

    def conv(
        self,
        x: str,
        outputs: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        output: Quantization | None = None,
    ) -> str:
        """Append a convolution that keeps the size if its stride is 1 and its kernel odd."""
        inputs = self.tensors[x].shape[3]
        layer: Conv2d = random_conv2d(
            self.rng,
            (outputs, inputs // groups, kernel, kernel),
            stride=(stride, stride),
            padding=(kernel // 2, kernel // 2),
            groups=groups,
            relu=bool(self.rng.integers(2)),
        )
        target = output or random_quantization(self.rng)
        return self.append(replace(layer, input=self.like(x), output=target), x)

    def linear(self, x: str, outputs: int) -> str:
        """Append a linear layer."""
        layer = random_linear(self.rng, self.tensors[x].shape[1], outputs)
        target = random_quantization(self.rng)
        return self.append(replace(layer, input=self.like(x), output=target), x)

    def add(self, a: str, b: str, *, relu: bool = True) -> str:
        """Append a sum."""
        target = random_quantization(self.rng)
        target = replace(target, zero_point=min(target.zero_point, 254))
        return self.append(Add("", (self.like(a), self.like(b)), target, relu=relu), a, b)

    def mul(self, a: str, b: str) -> str:
        """Append a product, whose second factor may have one value per channel."""
        return self.append(random_product(self.rng, self.like(a), self.like(b)), a, b)

    def concat(self, *parts: str) -> str:
        """Append a concatenation; all parts have the first one's quantization."""
        quantization = tuple(self.like(part) for part in parts)
        return self.append(Concat("", quantization, quantization[0]), *parts)

    def max_pool(self, x: str, kernel: int, stride: int, *, ceil_mode: bool = False) -> str:
        """Append a max pool, padded."""
        size, step, around = (kernel, kernel), (stride, stride), (kernel // 2, kernel // 2)
        return self.append(MaxPool2d("", self.like(x), size, step, around, ceil_mode=ceil_mode), x)

    def avg_pool(self, x: str, kernel: int, stride: int = 1, padding: int = 0) -> str:
        """Append an average pool."""
        size, step, around = (kernel, kernel), (stride, stride), (padding, padding)
        return self.append(AvgPool2d("", self.like(x), size, step, around), x)

    def clamp(self, x: str, low: int, high: int) -> str:
        """Append a clamp of codes."""
        return self.append(Clamp("", self.like(x), low, high), x)

    def lookup(
        self,
        x: str,
        table: npt.NDArray[np.uint8] | None = None,
        output: Quantization | None = None,
    ) -> str:
        """Append a table, random if none is given."""
        if table is None:
            table = self.rng.integers(0, 256, 256, dtype=np.uint8)
        target = output or random_quantization(self.rng)
        return self.append(Lookup("", self.like(x), target, table), x)

    def flatten(self, x: str) -> str:
        """Append an image as one row."""
        return self.append(Flatten("", self.like(x)), x)


def _convolution(net: NetworkBuilder, x: str) -> str:
    rng = net.rng
    channels = net.tensors[x].shape[3]
    groups = 2 if channels % 2 == 0 and rng.random() < 0.3 else 1
    outputs = groups * int(rng.integers(1, 12))
    kernel, stride = int(rng.choice([1, 3])), int(rng.choice([1, 1, 2]))
    return net.conv(x, outputs, kernel, stride=stride, groups=groups)


def _block(net: NetworkBuilder, x: str) -> str:
    """Return an inverted residual: wide, depthwise, narrow, and a sum with what came in."""
    channels = net.tensors[x].shape[3]
    wide = net.conv(x, 2 * channels)
    wide = net.clamp(wide, 20, 230)
    wide = net.conv(wide, 2 * channels, 3, groups=2 * channels)
    return net.add(net.conv(wide, channels), x, relu=False)


def _residual(net: NetworkBuilder, x: str) -> str:
    """Two sums that share an input, one of them with itself."""
    y = net.conv(x, net.tensors[x].shape[3], 3)
    return net.add(net.add(y, x), y)


def _fire(net: NetworkBuilder, x: str) -> str:
    squeezed = net.conv(x, int(net.rng.integers(1, 8)))
    first = net.conv(squeezed, int(net.rng.integers(1, 20)))
    second = net.conv(squeezed, int(net.rng.integers(1, 20)), 3, output=net.like(first))
    return net.concat(first, second)


def _nested(net: NetworkBuilder, x: str) -> str:
    """Return a concatenation within one, parts from all operators, and one part used twice."""
    pool = net.max_pool(x, 3, 1)
    conv = net.conv(x, 5, 3, output=net.like(x))
    mean = net.avg_pool(conv, 3, 1, 1)
    inner = net.concat(conv, net.clamp(pool, 30, 220), mean)
    # x is copied, and the network's input it may be; conv is seen once more
    return net.concat(net.clamp(conv, 10, 250), inner, x, net.avg_pool(conv, 1), conv)


def _pools(net: NetworkBuilder, x: str) -> str:
    ceil_mode = bool(net.rng.integers(2))
    if net.rng.random() < 0.5:
        return net.max_pool(x, int(net.rng.integers(2, 4)), 2, ceil_mode=ceil_mode)
    return net.avg_pool(x, int(net.rng.integers(1, 4)), int(net.rng.integers(1, 3)))


def _twice(net: NetworkBuilder, x: str) -> str:
    """Return a layer's output that a clamp and a sum read, so that the clamp stays apart."""
    y = net.conv(x, net.tensors[x].shape[3], 1)
    return net.add(y, net.clamp(y, 50, 180))


def _gated(net: NetworkBuilder, x: str) -> str:
    """Squeeze-and-excitation."""
    height, width, channels = net.tensors[x].shape[1:]
    size = height, width
    if size == (1, 1):
        return net.mul(x, x)
    gate = net.conv(net.append(AvgPool2d("", net.like(x), size, size), x), 2)
    return net.mul(x, net.clamp(net.conv(gate, channels), 60, 240))


def _multiplied(net: NetworkBuilder, x: str) -> str:
    """Return a product in a concatenation, of which one factor is a part, too."""
    a, channels = net.conv(x, int(net.rng.integers(1, 20))), net.tensors[x].shape[3]
    y = net.mul(a, net.conv(x, net.tensors[a].shape[3], 3))
    return net.concat(y, net.conv(x, channels, output=net.like(y)), y)


def random_network(
    rng: np.random.Generator, motifs: int, tables: float = 0.0, *, products: bool = False
) -> Network:
    """Return a network of so many motifs for an image of 6 to 14 lines and cells.

    Two of three end in a pool, flatten and a linear layer. A lookup follows a share of the
    operations. There are products if asked for.
    """
    shape = (1, *pair(rng, 6, 14), int(rng.integers(1, 7)))
    net = NetworkBuilder(rng, shape, tables)
    x = "net.input"
    for _ in range(motifs):
        if min(net.tensors[x].shape[1:3]) < _LEAST or net.tensors[x].shape[3] > 60:
            x = net.conv(x, 7)
        motif = [_convolution, _block, _residual, _fire, _twice]
        if min(net.tensors[x].shape[1:3]) >= _LEAST:
            motif += [_nested, _pools]
        motif += [_gated, _multiplied] * 2 * products
        x = motif[int(rng.integers(len(motif)))](net, x)
    if rng.random() < 0.67:
        x = net.flatten(net.max_pool(x, 3, 2) if rng.random() < 0.5 else x)
        x = net.linear(x, int(rng.integers(1, 30)))
    return net.network(x)
