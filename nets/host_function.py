"""Runs a region of a converted network on codes, with PyTorch's own kernels."""

from __future__ import annotations

import copyreg
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx, nn

from ..golden.graph import Host, Node, Quantization, Tensor
from .framework import one_thread, qnnpack
from .int8 import Step, codes
from .layouts import Layout
from .outputs import rows
from .reference import Interpreter

__all__ = ["HostCall", "Read", "TailCall", "check_work", "host_operation", "tail_call"]

Codes = npt.NDArray[np.uint8]

# engine and number of threads are PyTorch's globals, and the golden model runs beside the RTL
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Read:
    """A tensor that a region reads.

    Parameters
    ----------
    quantization : Quantization
    channels_last : bool
        Whether PyTorch's tensor lies channels last in memory, on which sums in floating point
        depend.
    order : (H, W, C), optional
        Size of the flattened image whose codes are channels last, unlike PyTorch's.
    layout : Layout
        PyTorch's.
    """

    quantization: Quantization
    channels_last: bool = False
    order: tuple[int, ...] | None = None
    layout: Layout = Layout.ROWS

    def tensor(self, given: Codes) -> torch.Tensor:
        """Return codes as the quantized tensor that PyTorch's network has there."""
        if self.order:
            image = given.reshape(len(given), *self.order)
            given = np.moveaxis(image, -1, 1).reshape(len(given), -1)
        plain = torch.from_numpy(np.array(self.layout.from_graph(given)))
        if self.channels_last:
            plain = plain.movedim(1, -1).contiguous().movedim(-1, 1)
        scale, zero_point = self.quantization.scale, self.quantization.zero_point
        untyped: Any = torch  # torch.ops would print warnings past Python's filters
        return untyped._make_per_tensor_quantized_tensor(plain, scale, zero_point)


def _made(kind: type[nn.Module], state: object) -> nn.Module:
    """Return a quantized convolution; PyTorch's `__setstate__` needs a module that is set up."""
    module = kind.__new__(kind)
    nn.Module.__init__(module)
    module.__setstate__(state)  # pyright: ignore[reportArgumentType]
    return module


def _reduced(module: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return _made, (type(module), module.__getstate__())


class _Region:
    """A part of a converted network; pickled as bytes, so that it can go to other processes."""

    def __init__(
        self, module: fx.GraphModule, reads: Sequence[Read], layout: Layout = Layout.ROWS
    ) -> None:
        self.module = module
        self.reads = tuple(reads)
        self.layout = layout  # of the result

    def __getstate__(self) -> dict[str, Any]:
        from torch.ao.nn.quantized.modules.conv import _ConvNd

        for module in self.module.modules():
            if isinstance(module, _ConvNd):
                copyreg.pickle(type(module), _reduced)  # pyright: ignore[reportArgumentType]
        buffer = BytesIO()
        with _ONE_AT_A_TIME, qnnpack():
            torch.save(self.module, buffer)
        return vars(self) | {"module": buffer.getvalue()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        with _ONE_AT_A_TIME, qnnpack():
            module = torch.load(BytesIO(state["module"]), weights_only=False)
        vars(self).update(state | {"module": module})

    def run(self, given: Sequence[Codes]) -> Any:  # noqa: ANN401
        """Return the region's results for codes in the layout of `execute`."""
        with _ONE_AT_A_TIME, one_thread(), qnnpack():
            tensors = [read.tensor(codes) for read, codes in zip(self.reads, given, strict=True)]
            return Interpreter(self.module).run(*tensors)


class HostCall(_Region):
    """The function of a `Host` operation."""

    def __call__(self, given: Sequence[Codes]) -> Codes:
        """Return output codes in the graph's layout for the codes of each input."""
        found = codes(self.run(given))
        return self.layout.to_graph(found) if found.ndim == 3 else found


class TailCall(_Region):
    """What a network computes from its last codes in floating point."""

    def __call__(self, given: Sequence[Codes]) -> npt.NDArray[np.float32]:
        """Return all results in one row for each image, (N, K), float32.

        Images are run one by one, as the network's own results are.
        """
        images = range(len(given[0]))
        found = [rows(self.run([codes[i : i + 1] for codes in given]), 1) for i in images]
        return np.concatenate(found)


def host_operation(
    converted: fx.GraphModule,
    step: Step,
    sources: Sequence[Tensor],
    layouts: Sequence[Layout],
    orders: Mapping[str, tuple[int, ...]],
) -> Host:
    """Return the operation of a step that the host computes.

    Parameters
    ----------
    converted : GraphModule
    step : Step
        From `host.HostRegions`.
    sources : sequence of Tensor
        What it reads.
    layouts : sequence of Layout
        PyTorch's, of each.
    orders : mapping of str to (H, W, C)
        Sizes of flattened images whose codes are channels last.
    """
    values = step.arguments
    return Host(
        step.name,
        tuple(tensor.quantization for tensor in sources),
        Quantization(values["scale"], values["zero_point"]),
        tuple(values["shape"]),
        HostCall(
            _module(converted, step),
            _reads(step, sources, layouts, orders),
            Layout(values["layout"]),
        ),
        tuple(values["calls"]),
    )


def check_work(network: str, nodes: Sequence[Node], steps: Sequence[Step]) -> None:
    """Raise ValueError if the host would compute everything, with the first of its reasons."""
    reasons = [step.arguments["reason"] for step in steps if step.arguments.get("reason")]
    if reasons and all(isinstance(node.operation, Host) for node in nodes):
        raise ValueError(
            f"{network}: network must have an operator for the accelerator, got none: {reasons[0]}"
        )


def tail_call(
    converted: fx.GraphModule,
    step: Step,
    sources: Sequence[Tensor],
    layouts: Sequence[Layout],
    orders: Mapping[str, tuple[int, ...]],
) -> TailCall:
    """Return the function of a network's end; parameters as for `host_operation`."""
    return TailCall(_module(converted, step), _reads(step, sources, layouts, orders))


def _reads(
    step: Step,
    sources: Sequence[Tensor],
    layouts: Sequence[Layout],
    orders: Mapping[str, tuple[int, ...]],
) -> list[Read]:
    last = step.arguments["channels_last"]
    return [
        Read(tensor.quantization, flag, orders.get(tensor.name), layout)
        for tensor, flag, layout in zip(sources, last, layouts, strict=True)
    ]


def _module(converted: fx.GraphModule, step: Step) -> fx.GraphModule:
    values = step.arguments
    return region_module(converted, values["nodes"], values["reads"], step.node)


def region_module(
    converted: fx.GraphModule, names: Sequence[str], reads: Sequence[str], result: str
) -> fx.GraphModule:
    """Return a part of a converted network as a module of its own, with the network's own calls.

    Parameters
    ----------
    converted : GraphModule
    names : sequence of str
        Its nodes, in order.
    reads : sequence of str
        Nodes whose results it reads, in the order of its arguments.
    result : str
        Node whose result it returns; ``output`` for all that the network returns.
    """
    nodes = {node.name: node for node in converted.graph.nodes}
    graph = fx.Graph()
    copies = {nodes[name]: graph.placeholder(name) for name in reads}
    for name in names:
        copies[nodes[name]] = graph.node_copy(nodes[name], lambda node: copies[node])
    found = nodes[result].args[0] if result == "output" else nodes[result]
    graph.output(fx.map_arg(found, lambda node: copies[node]))
    return fx.GraphModule(converted, graph)
