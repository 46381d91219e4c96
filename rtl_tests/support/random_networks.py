"""Random operations and networks of all operators, for tests of plans and of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from schedule_layers import random_conv2d, random_linear

from maccord.golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Flatten,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Node,
    Operation,
    Quantization,
    Shuffle,
    Slice,
    Tensor,
    Upsample,
)
from maccord.golden.operations.conv_transpose2d import ConvTranspose2d
from maccord.golden.operations.slice import Span
from maccord.golden.verify import verify

__all__ = ["OPERATIONS", "NetworkBuilder", "random_network", "random_operation"]
__all__ += ["cuts", "random_quantization"]

_LEAST = 3  # lines and cells that the kernels of a random network's layers need

Shape = tuple[int, ...]


def random_quantization(rng: np.random.Generator) -> Quantization:
    """Scales within a factor of four, so that every sum is legal."""
    return Quantization(float(np.float32(rng.uniform(0.02, 0.08))), int(rng.integers(256)))


def cuts(rng: np.random.Generator, size: int, most: int) -> Iterator[tuple[int, int]]:
    """Cut a range at random into parts of at most `most`."""
    start = 0
    while start < size:
        length = int(rng.integers(1, min(most, size - start) + 1))
        yield start, length
        start += length


def _pair(rng: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    """Two sizes from low to high, both included."""
    first, second = rng.integers(low, high + 1, 2)
    return int(first), int(second)


def _image(rng: np.random.Generator, least: Shape, most: int) -> Shape:
    height, width = (int(rng.integers(low, most + 1)) for low in least)
    return int(rng.integers(1, 4)), height, width, int(rng.integers(1, 50))


def _depthwise(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    kernel = _pair(rng, 1, 7)
    padding = int(rng.integers(kernel[0])), int(rng.integers(kernel[1]))
    shape = _image(rng, kernel, 16)
    layer = random_conv2d(
        rng,
        (shape[3], 1, *kernel),
        stride=_pair(rng, 1, 4),
        padding=padding,
        end_padding=_pair(rng, 0, kernel[0]) if rng.random() < 0.4 else None,
        groups=shape[3],
        relu=bool(rng.integers(2)),
        limits=(40, 200) if rng.random() < 0.3 else (0, 255),
    )
    return layer, [shape]


def _max_pool(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    kernel = _pair(rng, 1, 3)
    kernel = (2, kernel[1]) if kernel == (1, 1) else kernel
    operation = MaxPool2d(
        "pool",
        random_quantization(rng),
        kernel=kernel,
        stride=_pair(rng, 1, 4),
        padding=(int(rng.integers(kernel[0] // 2 + 1)), int(rng.integers(kernel[1] // 2 + 1))),
        ceil_mode=bool(rng.integers(2)),
    )
    return operation, [_image(rng, kernel, 20)]


def _large_max_pool(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    kernel = int(rng.integers(4, 14)), int(rng.integers(1, 10))
    operation = MaxPool2d(
        "pool",
        random_quantization(rng),
        kernel=kernel,
        stride=_pair(rng, 1, 6),
        padding=(int(rng.integers(kernel[0] // 2 + 1)), int(rng.integers(kernel[1] // 2 + 1))),
        ceil_mode=bool(rng.integers(2)),
    )
    return operation, [_image(rng, kernel, 20)]


def _avg_pool(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    kernel = _pair(rng, 1, 5)
    operation = AvgPool2d(
        "pool",
        random_quantization(rng),
        kernel=kernel,
        stride=_pair(rng, 1, 4),
        padding=(int(rng.integers(kernel[0] // 2 + 1)), int(rng.integers(kernel[1] // 2 + 1))),
    )
    return operation, [_image(rng, kernel, 16)]


def _global_pool(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    side = int(rng.choice([2, 4, 7, 13]))
    operation = AvgPool2d("pool", random_quantization(rng), kernel=(side, side), stride=(20, 1))
    return operation, [(int(rng.integers(1, 4)), side, side, int(rng.integers(1, 70)))]


def _some_shape(rng: np.random.Generator) -> Shape:
    shape = _image(rng, (1, 1), 16)
    return shape if rng.random() < 0.7 else (shape[0], int(rng.integers(1, 600)))


def _sum(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    first, second, output = (random_quantization(rng) for _ in range(3))
    output = replace(output, zero_point=min(output.zero_point, 254))
    operation = Add("sum", (first, second), output, relu=bool(rng.integers(2)))
    return operation, [_some_shape(rng)] * 2


def random_product(rng: np.random.Generator, first: Quantization, second: Quantization) -> Mul:
    """A product of most of whose codes few are clamped."""
    wide = random_quantization(rng)
    scale = float(np.float32(first.scale * second.scale * rng.uniform(80, 300)))
    output = Quantization(scale, wide.zero_point)
    return Mul("product", (first, second), output, relu=bool(rng.integers(2)))


def _product(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    operation = random_product(rng, *(random_quantization(rng) for _ in range(2)))
    return operation, [_some_shape(rng)] * 2


def _channel_product(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    operation = random_product(rng, *(random_quantization(rng) for _ in range(2)))
    shape = _image(rng, (1, 1), 16)
    return operation, [shape, (shape[0], 1, 1, shape[3])]


def _clamp(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    low, high = sorted(int(code) for code in rng.integers(0, 256, 2))
    return Clamp("clamp", random_quantization(rng), low, high), [_some_shape(rng)]


def _copy(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    quantization = random_quantization(rng)
    return Concat("copy", (quantization,), quantization), [_some_shape(rng)]


def _upsample(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    factors = _pair(rng, 1, 4)
    factors = (2, 1) if factors == (1, 1) else factors
    return Upsample("up", random_quantization(rng), factors), [_image(rng, (1, 1), 12)]


def _span(rng: np.random.Generator, size: int, most: int) -> Span | None:
    """A part of a dimension, or all of it."""
    if rng.random() < 0.2:
        return None
    first, step = int(rng.integers(size)), int(rng.integers(1, most + 1))
    return first, int(rng.integers(1, (size - 1 - first) // step + 2)), step


def _slice(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    shape = _image(rng, (2, 1), 16)
    rows = _span(rng, shape[1], 3) or (1, shape[1] - 1, 1)
    spans = rows, _span(rng, shape[2], 3), _span(rng, shape[3], 1)
    return Slice("slice", random_quantization(rng), spans), [shape]


def _shuffle(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    groups = int(rng.integers(2, 7))
    shape = _image(rng, (1, 1), 12)
    channels = groups * int(rng.integers(1, 20))
    return Shuffle("shuffle", random_quantization(rng), groups), [(*shape[:3], channels)]


def _transposed(rng: np.random.Generator) -> tuple[Operation, list[Shape]]:
    """Kernels smaller and larger than strides, one channel in a group and several."""
    kernel, stride, dilation = _pair(rng, 1, 5), _pair(rng, 1, 4), _pair(rng, 1, 2)
    groups = int(rng.choice([1, 1, 2, 6]))
    inputs = groups * (1 if groups == 6 else int(rng.integers(1, 12)))
    outputs = groups * (1 if groups == 6 else int(rng.integers(1, 9)))
    shape = (*_image(rng, (4, 4), 9)[:3], inputs)
    plain = random_conv2d(
        rng,
        (outputs, inputs // groups, *kernel),
        stride=stride,
        padding=_pair(rng, 0, 2),
        dilation=dilation if rng.random() < 0.3 else (1, 1),
        groups=groups,
        limits=(40, 200) if rng.random() < 0.3 else (0, 255),
    )
    extra = tuple(int(rng.integers(max(s, d))) for s, d in zip(stride, plain.dilation, strict=True))
    return ConvTranspose2d(**vars(plain), output_padding=(extra[0], extra[1])), [shape]


OPERATIONS: dict[str, Callable[[np.random.Generator], tuple[Operation, list[Shape]]]] = {
    "depthwise": _depthwise,
    "max_pool": _max_pool,
    "large_max_pool": _large_max_pool,
    "avg_pool": _avg_pool,
    "global_pool": _global_pool,
    "sum": _sum,
    "product": _product,
    "channel_product": _channel_product,
    "clamp": _clamp,
    "copy": _copy,
    "upsample": _upsample,
    "slice": _slice,
    "shuffle": _shuffle,
    "transposed": _transposed,
}


def random_operation(rng: np.random.Generator, kind: str) -> tuple[Operation, list[Shape]]:
    """A legal operation that scans windows, adds or multiplies, and the shapes of its inputs.

    Parameters
    ----------
    rng : Generator
    kind : str
            One of `OPERATIONS`.
    """
    return OPERATIONS[kind](rng)


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
        """The network so far; its last tensors are read, or `output`."""
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
        """A convolution that keeps the size if its stride is 1 and its kernel odd."""
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
        """A linear layer."""
        layer = random_linear(self.rng, self.tensors[x].shape[1], outputs)
        target = random_quantization(self.rng)
        return self.append(replace(layer, input=self.like(x), output=target), x)

    def add(self, a: str, b: str, *, relu: bool = True) -> str:
        """A sum."""
        target = random_quantization(self.rng)
        target = replace(target, zero_point=min(target.zero_point, 254))
        return self.append(Add("", (self.like(a), self.like(b)), target, relu=relu), a, b)

    def mul(self, a: str, b: str) -> str:
        """A product, whose second factor may have one value per channel."""
        return self.append(random_product(self.rng, self.like(a), self.like(b)), a, b)

    def concat(self, *parts: str) -> str:
        """A concatenation; all parts have the first one's quantization."""
        quantization = tuple(self.like(part) for part in parts)
        return self.append(Concat("", quantization, quantization[0]), *parts)

    def max_pool(self, x: str, kernel: int, stride: int, *, ceil_mode: bool = False) -> str:
        """A max pool, padded."""
        size, step, around = (kernel,) * 2, (stride,) * 2, (kernel // 2,) * 2
        return self.append(MaxPool2d("", self.like(x), size, step, around, ceil_mode=ceil_mode), x)

    def avg_pool(self, x: str, kernel: int, stride: int = 1, padding: int = 0) -> str:
        """An average pool."""
        return self.append(
            AvgPool2d("", self.like(x), *((n,) * 2 for n in (kernel, stride, padding))), x
        )

    def clamp(self, x: str, low: int, high: int) -> str:
        """A clamp of codes."""
        return self.append(Clamp("", self.like(x), low, high), x)

    def lookup(
        self,
        x: str,
        table: npt.NDArray[np.uint8] | None = None,
        output: Quantization | None = None,
    ) -> str:
        """A table, random if none is given."""
        if table is None:
            table = self.rng.integers(0, 256, 256, dtype=np.uint8)
        target = output or random_quantization(self.rng)
        return self.append(Lookup("", self.like(x), target, table), x)

    def flatten(self, x: str) -> str:
        """An image as one row."""
        return self.append(Flatten("", self.like(x)), x)


def _convolution(net: NetworkBuilder, x: str) -> str:
    rng = net.rng
    channels = net.tensors[x].shape[3]
    groups = 2 if channels % 2 == 0 and rng.random() < 0.3 else 1
    outputs = groups * int(rng.integers(1, 12))
    kernel, stride = int(rng.choice([1, 3])), int(rng.choice([1, 1, 2]))
    return net.conv(x, outputs, kernel, stride=stride, groups=groups)


def _block(net: NetworkBuilder, x: str) -> str:
    """An inverted residual: wide, depthwise, narrow, and a sum with what came in."""
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
    """A concatenation within one, parts from all operators, and one part used twice."""
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
    """A layer's output that a clamp and a sum read, so that the clamp stays apart."""
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
    """A product in a concatenation, of which one factor is a part, too."""
    a, channels = net.conv(x, int(net.rng.integers(1, 20))), net.tensors[x].shape[3]
    y = net.mul(a, net.conv(x, net.tensors[a].shape[3], 3))
    return net.concat(y, net.conv(x, channels, output=net.like(y)), y)


def random_network(
    rng: np.random.Generator, motifs: int, tables: float = 0.0, *, products: bool = False
) -> Network:
    """A network of so many motifs for an image of 6 to 14 lines and cells.

    Two of three end in a pool, flatten and a linear layer. A lookup follows a share of the
    operations. There are products if asked for.
    """
    shape = (1, *_pair(rng, 6, 14), int(rng.integers(1, 7)))
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
