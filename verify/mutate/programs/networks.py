"""Networks of random operators, dense in what they use of the hardware."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....compiler.network import compile_network
from ....golden.graph import (
    Add,
    AvgPool2d,
    Conv2d,
    Flatten,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Node,
    Operation,
    Quantization,
    Tensor,
)
from ....golden.machine.machine import Machine
from ....golden.network import execute
from ....golden.verify import verify
from ....spec.isa import RECORD_BYTES
from ....spec.parameters import Parameters
from ..script import Script

__all__ = ["MOTIFS", "Builder", "Compiled", "compiled", "network", "network_script"]

Shape = tuple[int, ...]
Codes = npt.NDArray[np.uint8]


class Builder:
    """Appends operations to a network; tensors are called by their names.

    Parameters
    ----------
    rng : Generator
    shape : (N, H, W, C)
        Of the input.
    parameters : Parameters
        The hardware.
    """

    def __init__(self, rng: np.random.Generator, shape: Shape, parameters: Parameters) -> None:
        self.rng = rng
        self.parameters = parameters
        self.tensors = {"net.input": Tensor("net.input", shape, self.quantization())}
        self._nodes: list[Node] = []

    def network(self, output: str) -> Network:
        """Return the network so far."""
        found = Network("net", self.tensors["net.input"], tuple(self._nodes), output)
        verify(found)
        return found

    def quantization(self) -> Quantization:
        """Draw one; the zero point is at times at an end."""
        zero = int(self.rng.choice([0, 1, 127, 128, 254, 255, *self.rng.integers(0, 256, 6)]))
        return Quantization(float(np.float32(self.rng.uniform(0.02, 0.08))), zero)

    def of(self, name: str) -> Quantization:
        """Quantization of a tensor."""
        return self.tensors[name].quantization

    def append(self, operation: Operation, *inputs: str) -> str:
        """Append an operation; return the name of its tensor."""
        named: Any = replace(operation, name=f"net.{len(self._nodes)}")
        shape = named.output_shape(*(self.tensors[name].shape for name in inputs))
        self._nodes.append(Node(named, inputs))
        self.tensors[named.name] = Tensor(named.name, shape, named.output)
        return named.name

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Two sizes, both ends included."""
        first, second = self.rng.integers(low, high + 1, 2)
        return int(first), int(second)

    def _layer(self, weight: npt.NDArray[np.int8], x: str, bits: int) -> dict[str, Any]:
        """Fields of a layer; its outputs spread over the codes, but for a few channels."""
        outputs, depth = len(weight), weight[0].size
        spread = self.rng.uniform(0.3, 2, outputs) / (1 << bits - 2) / np.sqrt(depth)
        wide = self.rng.random(outputs) < 0.15
        spread[wide] *= 2.0 ** self.rng.integers(-12, 9, wide.sum())
        bias = self.rng.integers(-5000, 5000, outputs)
        large = self.rng.random(outputs) < 0.15
        bias[large] = self.rng.integers(-(1 << 29), 1 << 29, large.sum())
        spread[large] = self.rng.uniform(20, 120, large.sum()) / np.abs(bias[large])
        return {
            "name": "",
            "weight": weight,
            "bias": np.zeros(outputs, np.float32),
            "bias_q": bias.astype(np.int32),
            "weight_scale": np.ones(outputs),
            "multiplier": spread.astype(np.float32),
            "input": self.of(x),
            "output": self.quantization(),
            "relu": bool(self.rng.integers(2)),
            "limits": (40, 200) if self.rng.random() < 0.2 else (0, 255),
            "weight_bits": bits,
        }

    def weights(self, shape: Shape, bits: int) -> npt.NDArray[np.int8]:
        """Random codes, at times at an end."""
        limit = 1 << bits - 1
        found = self.rng.integers(-limit, limit, shape)
        ends = self.rng.random(shape) < 0.1
        found[ends] = self.rng.choice([-limit, limit - 1], ends.sum())
        return found.astype(np.int8)

    def bits(self) -> int:
        """Draw a width of weights."""
        narrow = self.parameters.narrow and self.rng.random() < 0.4
        return int(self.rng.choice([4, 2])) if narrow else 8


def _conv(net: Builder, x: str) -> str:
    rng = net.rng
    _, height, width, channels = net.tensors[x].shape
    kernel = min(int(rng.integers(1, 5)), height), min(int(rng.integers(1, 5)), width)
    dilation = (
        int(rng.integers(1, 3)) if 2 * (kernel[0] - 1) < height else 1,
        int(rng.integers(1, 3)) if 2 * (kernel[1] - 1) < width else 1,
    )
    groups = 2 if channels % 2 == 0 and rng.random() < 0.25 else 1
    outputs = groups * int(rng.integers(1, 6))
    bits = net.bits()
    fields = net._layer(net.weights((outputs, channels // groups, *kernel), bits), x, bits)
    padding = int(rng.integers(0, kernel[0])), int(rng.integers(0, kernel[1]))
    return net.append(
        Conv2d(
            **fields, stride=net.pair(1, 3), padding=padding, dilation=dilation, groups=groups,
            end_padding=net.pair(0, 1) if rng.random() < 0.3 else None,
        ), x,
    )  # fmt: skip


def _depthwise(net: Builder, x: str) -> str:
    _, height, width, channels = net.tensors[x].shape
    kernel = min(int(net.rng.integers(1, 6)), height), min(int(net.rng.integers(1, 6)), width)
    bits = net.bits()
    fields = net._layer(net.weights((channels, 1, *kernel), bits), x, bits)
    padding = int(net.rng.integers(0, kernel[0])), int(net.rng.integers(0, kernel[1]))
    return net.append(Conv2d(**fields, stride=net.pair(1, 5), padding=padding, groups=channels), x)


def _add(net: Builder, x: str) -> str:
    scales = net.of(x).scale * net.rng.uniform(0.4, 2.5, 2)
    near = [replace(net.quantization(), scale=float(np.float32(scale))) for scale in scales]
    other = _pointwise(net, x, output=near[0])
    target = replace(near[1], zero_point=min(near[1].zero_point, 254))
    rounding = "half_up" if net.parameters.half_up and net.rng.integers(2) else "half_away"
    relu = bool(net.rng.integers(2))
    return net.append(
        Add("", (net.of(x), net.of(other)), target, relu, rounding=rounding), x, other
    )


def _pointwise(net: Builder, x: str, channels: int = 0, output: Quantization | None = None) -> str:
    bits = net.bits()
    inputs = net.tensors[x].shape[3]
    fields = net._layer(net.weights((channels or inputs, inputs, 1, 1), bits), x, bits)
    if output:
        fields["output"] = output
    return net.append(Conv2d(**fields), x)


def _mul(net: Builder, x: str) -> str:
    height, width, channels = net.tensors[x].shape[1:]
    other = x
    if net.rng.random() < 0.5 and (height, width) != (1, 1):
        other = net.append(AvgPool2d("", net.of(x), (height, width), (height, width)), x)
    other = _pointwise(net, other, channels)
    first, second = net.of(x), net.of(other)
    scale = float(np.float32(first.scale * second.scale * net.rng.uniform(80, 300)))
    target = Quantization(scale, net.quantization().zero_point)
    return net.append(Mul("", (first, second), target, relu=bool(net.rng.integers(2))), x, other)


def _max_pool(net: Builder, x: str) -> str:
    _, height, width, _ = net.tensors[x].shape
    kernel = min(int(net.rng.integers(2, 5)), height), min(int(net.rng.integers(1, 5)), width)
    padding = int(net.rng.integers(kernel[0] // 2 + 1)), int(net.rng.integers(kernel[1] // 2 + 1))
    ceil = bool(net.rng.integers(2))
    return net.append(MaxPool2d("", net.of(x), kernel, net.pair(1, 4), padding, ceil_mode=ceil), x)


def _avg_pool(net: Builder, x: str) -> str:
    _, height, width, _ = net.tensors[x].shape
    kernel = min(int(net.rng.integers(1, 4)), height), min(int(net.rng.integers(1, 4)), width)
    return net.append(AvgPool2d("", net.of(x), kernel, net.pair(1, 3), (0, 0)), x)


def _lookup(net: Builder, x: str) -> str:
    table = net.rng.integers(0, 256, 256, dtype=np.uint8)
    return net.append(Lookup("", net.of(x), net.quantization(), table), x)


def _linear(net: Builder, x: str) -> str:
    if len(net.tensors[x].shape) == 4:
        x = net.append(Flatten("", net.of(x)), x)
    bits = net.bits()
    outputs = int(net.rng.integers(1, 9))
    weight = net.weights((outputs, net.tensors[x].shape[1]), bits)
    return net.append(Linear(**net._layer(weight, x, bits)), x)


#: Operations that a network may have, by what the hardware must have.
MOTIFS: dict[str, tuple[Callable[[Builder, str], str], str]] = {
    "conv": (_conv, ""),
    "depthwise": (_depthwise, "depthwise"),
    "add": (_add, ""),
    "mul": (_mul, "product"),
    "max_pool": (_max_pool, ""),
    "avg_pool": (_avg_pool, ""),
    "lookup": (_lookup, "lookup"),
}


def network(
    rng: np.random.Generator, motifs: Sequence[str], parameters: Parameters, largest: int = 7
) -> Network:
    """Make a network of motifs in a row, behind them at times a linear layer."""
    shape = (1, *(int(size) for size in rng.integers(3, largest + 1, 2)), int(rng.integers(1, 7)))
    net = Builder(rng, shape, parameters)
    x = "net.input"
    for motif in motifs:
        make, needs = MOTIFS[motif]
        if not needs or getattr(parameters, needs):
            x = make(net, x)
    return net.network(_linear(net, x) if rng.random() < 0.6 or x == "net.input" else x)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network's program with its memory.

    Attributes
    ----------
    program : int
        Offset of the program.
    before, after : ndarray of shape (bytes,), uint8
        Memory before and after it.
    records : ndarray of shape (bytes,), bool
        Where counters are written.
    """

    program: int
    before: Codes
    after: Codes
    records: npt.NDArray[np.bool_]


def compiled(
    rng: np.random.Generator,
    motifs: Sequence[str],
    parameters: Parameters,
    largest: int = 7,
    *,
    batch: int = 1,
    interrupts: bool = False,
) -> Compiled:
    """Draw networks of these motifs until one is legal, and compile it.

    The instruction-level machine gives the memory after it; its outputs are the golden model's.
    """
    while True:
        with suppress(ValueError):  # a window or scale that PyTorch or the hardware refuses
            found = network(rng, motifs, parameters, largest)
            work = compile_network(found, parameters, batch=batch, interrupts=interrupts)
            break
    x_q = rng.integers(0, 256, work.network.input.shape, dtype=np.uint8)
    before = work.image(x_q)
    after = before.copy()
    Machine(parameters, after).run(work.program_offset)
    last = work.areas[-1]
    golden = execute(work.network, x_q)[work.network.output]
    rows = [after[last.base + i * last.pitch :][: last.row_bytes] for i in range(last.rows)]
    assert np.array_equal(work.tensor(last.name, np.concatenate(rows)), golden)
    records = np.zeros(after.size, bool)
    for stage in work.stages:
        records[stage.record : stage.record + RECORD_BYTES] = True
    return Compiled(work.program_offset, before, after, records)


def network_script(
    name: str, rng: np.random.Generator, motifs: Sequence[str], parameters: Parameters, *,
    largest: int = 7, batch: int = 1, interrupts: bool = False, stall: int = 0, jitter: int = 0,
    latency: int = 8,
) -> Script:  # fmt: skip
    """Run a network once, from reset."""
    work = compiled(rng, motifs, parameters, largest, batch=batch, interrupts=interrupts)
    script = Script(name)
    script.timing(latency, jitter, stall, int(rng.integers(1 << 31)))
    script.image(work.before)
    script.reset()
    script.start(work.program)
    script.finish()
    script.bytes(work.after, work.records)
    return script
