"""Lowers PyTorch's steps to the integer graph: channels last, with final names and shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any, NoReturn

import numpy as np
from torch.fx import GraphModule

from ..golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Flatten,
    Host,
    Layer,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Node,
    Operation,
    Quantization,
    Relabel,
    Shuffle,
    Slice,
    Tensor,
    Upsample,
)
from ..golden.kernels.clamp import clamp_codes
from ..golden.kernels.flatten import channels_last_columns
from ..golden.verify import verify, verify_operation
from .host_function import check_work, host_operation
from .int8 import Step
from .layouts import Layout, check_layouts, image_step, input_layout, pointwise
from .lower_parts import clamp_bounds, pair, part_spans, upsample_factors
from .lowered import ANY_ORDER, Lowered, Output
from .unsupported import Unsupported

__all__ = ["lower", "lowered"]

Shape = tuple[int, ...]


class _Lowering:
    """Appends nodes for steps and maps each step's result to a tensor."""

    def __init__(
        self,
        network: str,
        layers: dict[str, Layer],
        shape: Shape,
        layout: Layout,
        converted: Callable[[], GraphModule] | None = None,
    ) -> None:
        self.network = network
        self.converted = converted
        self.layers = layers
        self.shape = shape
        self.layout = layout  # of the input
        self.layouts: dict[str, Layout] = {}  # of PyTorch's tensors, by step
        self.image: Tensor | None = None
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.names: dict[str, str] = {}  # step to tensor
        self.orders: dict[str, Shape] = {}  # flattened tensors whose order is not PyTorch's
        self.outputs: list[Output] = []
        self.tail: list[tuple[str, Layout]] = []  # read by the end in floating point

    def lower(self, step: Step) -> None:
        """Append the nodes of a step."""
        self.layouts[step.name] = self.layout
        if step.op == "host":
            self.layouts[step.name] = Layout(step.arguments["layout"])
        elif step.op not in ("quantize", "tail"):
            layer = self.layers[step.arguments["name"]] if step.op == "layer" else None
            layouts = [self.layouts[name] for name in step.inputs]
            self.layouts[step.name] = check_layouts(step, layouts, layer)
        step = image_step(step)
        handler = getattr(self, f"_{step.op}", None)
        if handler is None:
            raise ValueError(f"{step.name}: operator must be one of the graph's, got {step.op}")
        handler(step)

    def node(self, step: Step, operation: Operation, inputs: Sequence[Tensor]) -> None:
        """Append an operation as the step's result."""
        try:
            shape = operation.output_shape(*(tensor.shape for tensor in inputs))
            if isinstance(operation, Add | Mul):
                verify_operation(operation)
        except ValueError as error:
            raise Unsupported(str(error), step.node) from None
        names = tuple(tensor.name for tensor in inputs)
        self.nodes.append(Node(operation, names))
        self.tensors[operation.name] = Tensor(operation.name, shape, operation.output)
        self.names[step.name] = operation.name
        if len(shape) == 2:
            self.layouts[step.name] = Layout.ROWS
        orders = {self.orders.get(name) for name in names}
        if orders != {None} and not isinstance(operation, Host):
            if len(orders) > 1 or not isinstance(operation, ANY_ORDER):
                self._refuse(step, "input", "in PyTorch's order of elements", "a flattened image")
            self.orders[operation.name] = self.orders[names[0]]

    def sources(self, step: Step) -> list[Tensor]:
        """Tensors that the step reads."""
        return [self.tensors[self.names[name]] for name in step.inputs]

    def source(self, step: Step, dimensions: int | None = None) -> Tensor:
        """Return the step's only tensor."""
        (tensor,) = self.sources(step)
        if dimensions and len(tensor.shape) != dimensions:
            self._refuse(step, "input", f"of {dimensions} dimensions", f"shape {tensor.shape}")
        return tensor

    def alias(self, step: Step) -> None:
        """Make the step's result an alias of its input."""
        self.names[step.name] = self.source(step).name

    def _refuse(self, step: Step, what: str, wanted: str, got: object) -> NoReturn:
        raise Unsupported(
            f"{step.name}: {what} of {step.op} must be {wanted}, got {got}", step.node
        )

    def _quantize(self, step: Step) -> None:
        shape = self.layout.graph_shape(self.shape)
        if "shape" in step.arguments:  # of what the host computes before
            shape = (shape[0], *step.arguments["shape"])
            self.layouts[step.name] = Layout(step.arguments["layout"])
        quantization = Quantization(step.arguments["scale"], step.arguments["zero_point"])
        self.image = Tensor(step.name, shape, quantization)
        self.tensors[step.name] = self.image
        self.names[step.name] = step.name

    def _dequantize(self, step: Step) -> None:
        name = self.source(step).name
        if self.image is not None and name == self.image.name:
            self._refuse(step, "input", "a tensor that the network computes", "its input")
        layout = self.layouts[step.name]
        for index, label in step.arguments.get("results", [(0, "")]):
            self.outputs.append(Output(name, label, index, layout, self.orders.get(name)))

    def _host(self, step: Step) -> None:
        if "region" in step.arguments:
            self._region(step)
            return
        if self.converted is None:
            raise ValueError(f"{step.name}: operations of the host need the converted network")
        sources = self.sources(step)
        layouts = [self.layouts[name] for name in step.inputs]
        operation = host_operation(self.converted(), step, sources, layouts, self.orders)
        self.node(step, operation, sources)

    def _region(self, step: Step) -> None:
        """Append a region of a model file, which its runtime computes on the host."""
        sources, values = self.sources(step), step.arguments
        layouts = [self.layouts[name] for name in step.inputs]
        orders = [self.orders.get(tensor.name) for tensor in sources]
        operation = Host(
            step.name,
            tuple(tensor.quantization for tensor in sources),
            Quantization(values["scale"], values["zero_point"]),
            tuple(values["shape"]),
            values["region"].placed(layouts, orders),
            tuple(values["calls"]),
        )
        self.node(step, operation, sources)

    def _tail(self, step: Step) -> None:
        """Take what the network's floating-point end reads as its output."""
        self.tail = [(self.names[name], self.layouts[name]) for name in step.inputs]

    def _layer(self, step: Step) -> None:
        layer: Layer = self.layers[step.arguments["name"]]
        if isinstance(layer, Linear) and self.layouts[step.name] is Layout.SEQUENCE:
            layer = pointwise(layer)
        source = self.source(step, 2 if isinstance(layer, Linear) else 4)
        order = self.orders.get(source.name)
        if isinstance(layer, Linear) and order is not None:
            layer = replace(layer, weight=channels_last_columns(layer.weight, *order))
            del self.orders[source.name]  # the columns are now in its order
            self.node(step, layer, [source])
            self.orders[source.name] = order
        else:
            self.node(step, layer, [source])

    def _add(self, step: Step) -> None:
        a, b = self.sources(step)
        output = Quantization(step.arguments["scale"], step.arguments["zero_point"])
        inputs = (a.quantization, b.quantization)
        given: dict[str, Any] = {}
        for name, field in (("factors", "factors"), ("zero_points", "given_zero_points")):
            if name in step.arguments:
                given[field] = tuple(step.arguments[name])
        given |= {"rounding": step.arguments.get("rounding", "half_away")}
        self.node(step, Add(step.name, inputs, output, step.op == "add_relu", **given), [a, b])

    _add_relu = _add

    def _mul(self, step: Step) -> None:
        a, b = self.sources(step)
        if prod(a.shape) < prod(b.shape):
            a, b = b, a  # one value per channel comes second
        output = Quantization(step.arguments["scale"], step.arguments["zero_point"])
        inputs = (a.quantization, b.quantization)
        self.node(step, Mul(step.name, inputs, output, step.op == "mul_relu"), [a, b])

    _mul_relu = _mul

    def _mul_scalar(self, step: Step) -> None:
        source = self.source(step)
        output = Quantization(step.arguments["scale"], step.arguments["zero_point"])
        self.node(step, Relabel(step.name, source.quantization, output, step.op), [source])

    _add_scalar = _mul_scalar

    def _lookup(self, step: Step) -> None:
        source, values = self.source(step), step.arguments
        output = Quantization(values["scale"], values["zero_point"])
        table = np.array(values["table"], np.uint8)
        self.node(step, Lookup(step.name, source.quantization, output, table), [source])

    def _cat(self, step: Step) -> None:
        sources = self.sources(step)
        layout = self.layouts[step.name]
        dim = step.arguments.get("dim", 0)
        if dim not in (layout.channel, layout.channel - len(layout.value)):
            self._refuse(step, "dim", f"the channels' ({layout.channel})", dim)
        inputs = tuple(tensor.quantization for tensor in sources)
        self.node(step, Concat(step.name, inputs, inputs[0]), sources)

    def _max_pool2d(self, step: Step) -> None:
        source, values = self.source(step, 4), step.arguments
        kernel = pair(values["kernel_size"])
        operation = MaxPool2d(
            step.name,
            source.quantization,
            kernel,
            pair(values.get("stride") or kernel),
            pair(values.get("padding", 0)),
            pair(values.get("dilation", 1)),
            bool(values.get("ceil_mode", False)),
        )
        self.node(step, operation, [source])

    def _avg_pool2d(self, step: Step) -> None:
        source, values = self.source(step, 4), step.arguments
        if values.get("ceil_mode") or values.get("divisor_override"):
            # PyTorch uses another kernel here, with different rounding
            self._refuse(step, "ceil_mode and divisor_override", "off", "one of them")
        kernel = pair(values["kernel_size"])
        if kernel == (1, 1):
            self._refuse(step, "kernel_size", "more than one element", kernel)
        stride = pair(values.get("stride") or kernel)
        padding = pair(values.get("padding", 0))
        operation = AvgPool2d(step.name, source.quantization, kernel, stride, padding)
        self.node(step, operation, [source])

    def _adaptive_avg_pool2d(self, step: Step) -> None:
        source = self.source(step, 4)
        sizes = source.shape[1:3]
        given = step.arguments.get("output_size")
        pair = [given] * 2 if given is None or isinstance(given, int) else given
        outputs = [want or size for want, size in zip(pair, sizes, strict=True)]
        if any(size % want for size, want in zip(sizes, outputs, strict=True)):
            self._refuse(step, "output_size", f"a divisor of {sizes}", tuple(outputs))
        own = None
        if "scale" in step.arguments:
            own = Quantization(step.arguments["scale"], step.arguments["zero_point"])
        if tuple(outputs) == sizes and own is None:
            self.alias(step)
            return
        window = (sizes[0] // outputs[0], sizes[1] // outputs[1])
        operation = AvgPool2d(step.name, source.quantization, window, window, own_output=own)
        self.node(step, operation, [source])

    def _mean(self, step: Step) -> None:
        source = self.source(step, 4)
        given = step.arguments.get("dim")
        dims = [given] if isinstance(given, int) else list(given or ())
        if sorted(dim % 4 for dim in dims) != [2, 3]:
            self._refuse(step, "dim", "the image's two (2, 3)", given)
        window = (source.shape[1], source.shape[2])
        self.node(step, AvgPool2d(step.name, source.quantization, window, window), [source])
        if not step.arguments.get("keepdim"):
            pooled = self.tensors[step.name]
            flat = Flatten(f"{step.name}.flatten", source.quantization)
            self.node(step, flat, [pooled])

    def _flatten(self, step: Step) -> None:
        source, layout = self.source(step), self.layouts[step.name]
        last = len(layout.value) - 1
        start, end = (
            step.arguments.get(key, value) for key, value in (("start_dim", 0), ("end_dim", -1))
        )
        if start != 1 or end not in (-1, last):
            self._refuse(step, "start_dim and end_dim", "1 and -1", f"{start} and {end}")
        if last == 1:
            self.alias(step)
            return
        self.node(step, Flatten(step.name, source.quantization), [source])
        if layout is not Layout.SEQUENCE and source.shape[1] * source.shape[2] > 1:
            self.orders[step.name] = source.shape[1:]

    def _squeeze(self, step: Step) -> None:
        """Drop the length of a signal of length 1."""
        source, dim = self.source(step, 4), step.arguments.get("dim")
        if dim not in (2, -1) or source.shape[2] > 1:
            self._refuse(step, "dim", "2 on a signal of length 1", f"{dim} on {source.shape}")
        self.node(step, Flatten(step.name, source.quantization), [source])

    def _transpose(self, step: Step) -> None:
        """Read a signal as a sequence, or the reverse: the graph's order is the same."""
        layout, dims = self.layouts[step.name], step.arguments.get("dims")
        swapped = {Layout.SIGNAL: Layout.SEQUENCE, Layout.SEQUENCE: Layout.SIGNAL}
        if layout not in swapped or dims != [0, 2, 1]:
            self._refuse(step, "dimensions", "(0, 2, 1) of a tensor of three", dims)
        self.alias(step)
        self.layouts[step.name] = swapped[layout]

    def _reshape(self, step: Step) -> None:
        source = self.source(step)
        _, columns = step.arguments["shape"]
        row = Flatten(step.name, source.quantization).output_shape(source.shape)[1]
        if columns != row:
            self._refuse(step, "shape", f"(-1, {row})", (-1, columns))
        self._flatten(Step(step.name, "flatten", step.inputs, {"start_dim": 1}))

    def _part(self, step: Step) -> None:
        source = self.source(step)
        spans = part_spans(step, source.shape)
        if not any(spans):
            self.alias(step)
            return
        self.node(step, Slice(step.name, source.quantization, spans), [source])

    _narrow = _part

    def _channel_shuffle(self, step: Step) -> None:
        source = self.source(step, 4)
        groups = step.arguments["groups"]
        self.node(step, Shuffle(step.name, source.quantization, groups), [source])

    def _interpolate(self, step: Step) -> None:
        source = self.source(step, 4)
        factors = upsample_factors(step, source.shape)
        if factors == (1, 1):
            self.alias(step)
            return
        self.node(step, Upsample(step.name, source.quantization, factors), [source])

    def _clamp(self, step: Step) -> None:
        source = self.source(step)
        least, most = clamp_bounds(step)
        if least is None or most is None:
            # PyTorch has no quantized kernel for one bound
            self._refuse(step, "min and max", "both given", "one of them")
        elif least > most:
            self._refuse(step, "min and max", "ordered", f"{least} and {most}")
        low, high = clamp_codes(least, most, source.quantization)
        self.node(step, Clamp(step.name, source.quantization, low, high), [source])

    _relu = _relu6 = _hardtanh = _clamp

    def _clamp_codes(self, step: Step) -> None:
        source, values = self.source(step), step.arguments
        operation = Clamp(step.name, source.quantization, values["low"], values["high"])
        self.node(step, operation, [source])


def lower(
    steps: Sequence[Step],
    layers: dict[str, Layer],
    network: str,
    shape: tuple[int, ...],
    converted: Callable[[], GraphModule] | None = None,
) -> Network:
    """Return the integer graph of a network; parameters and errors as in `lowered`."""
    return lowered(steps, layers, network, shape, converted).graph


def lowered(
    steps: Sequence[Step],
    layers: dict[str, Layer],
    network: str,
    shape: tuple[int, ...],
    converted: Callable[[], GraphModule] | None = None,
) -> Lowered:
    """Return the integer graph of a network, and its tensors' layouts in PyTorch.

    Parameters
    ----------
    steps, layers
        From `importer.import_network`.
    network : str
        Name.
    shape : tuple of int
        Shape of the input: (N, C, H, W), (N, C, L), (N, L, C) or (N, K).
    converted : callable, optional
        Returns PyTorch's converted network, of which the host's operations are parts.

    Returns
    -------
    Lowered
        The graph has passed `verify`. Operations without effect (a pool of one pixel, dropout) have
        no node. A linear layer after a flattened image has its columns in the order of `Flatten`,
        one on a sequence is a 1 x 1 convolution; layers are otherwise unchanged.

    Raises
    ------
    Unsupported
        If the accelerator does not support a step's parameters; the message names the node and
        its operator.
    """
    lowering = _Lowering(network, layers, shape, input_layout(shape, steps, layers), converted)
    for step in steps:
        lowering.lower(step)
    if lowering.image is None or not (lowering.outputs or lowering.tail):
        raise ValueError(f"{network}: network must quantize its input and dequantize its output")
    check_work(network, lowering.nodes, steps)
    outputs = sorted(lowering.outputs, key=lambda output: output.index)
    names = [name for name, _ in lowering.tail] or [output.tensor for output in outputs]
    output, *others = dict.fromkeys(names)
    graph = Network(network, lowering.image, tuple(lowering.nodes), output, tuple(others))
    verify(graph)
    layouts = {name: lowering.layouts[name] for name in graph.tensors if name in lowering.layouts}
    return Lowered(graph, layouts, lowering.orders, tuple(outputs), tuple(lowering.tail))
