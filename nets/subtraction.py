"""Differences of two tensors: a sum with the second one's codes reversed, if that is exact.

PyTorch has no INT8 kernel for them: between two quantizations it subtracts in floating point. Its
kernels give the code of each of the 65,536 pairs of codes; the hardware's adder is set so that it
gives the same, with 255 - q for the codes q that are taken off.
"""

from __future__ import annotations

import operator as python_operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import fx

from ..golden.graph import Quantization
from .formats.fixed_sum import fixed_sum
from .framework import one_thread, qnnpack
from .host_function import region_module
from .int8 import Step
from .reference import Interpreter

__all__ = ["difference_steps"]

_CALLS = (python_operator.sub, torch.sub, torch.subtract, "sub", "subtract", "__sub__")
_REVERSED = np.arange(255, -1, -1, dtype=np.uint8)


def _operands(nodes: Sequence[fx.Node], reads: Sequence[fx.Node]) -> tuple[int, int] | None:
    """Return the positions in `reads` of a region's minuend and subtrahend.

    None if the region is anything but one plain difference of two tensors.
    """
    calls = [node for node in nodes if node.target not in ("dequantize", torch.quantize_per_tensor)]
    calls = [node for node in calls if node.op.startswith("call_")]
    if len(calls) != 1 or calls[0].target not in _CALLS or len(reads) != 2:
        return None
    (call,) = calls
    ends = [each.args[0] if isinstance(each, fx.Node) and each.args else None for each in call.args]
    if len(ends) != 2 or call.kwargs or set(ends) != set(reads):
        return None
    first, second = (list(reads).index(each) for each in ends)  # pyright: ignore[reportArgumentType]
    return first, second


def difference_steps(
    graph: fx.GraphModule,
    step: Step,
    nodes: Sequence[fx.Node],
    reads: Sequence[fx.Node],
    parameters: Sequence[Quantization],
) -> list[Step] | None:
    """Return the steps of a difference on the accelerator; None if it has to stay on the host.

    Parameters
    ----------
    graph : GraphModule
        The converted network.
    step : Step
        The host's.
    nodes, reads : sequence of Node
        Of the region, as `HostRegions.region` returns them.
    parameters : sequence of Quantization
        Of the tensors read.
    """
    order = _operands(nodes, reads)
    if order is None:
        return None
    named, read = ([each.name for each in some] for some in (nodes, reads))
    region = region_module(graph, named, read, step.node)
    found = _pairs(region, parameters)
    minuend, subtrahend = order
    codes = (found if minuend == 0 else found.T)[:, ::-1]
    taken = parameters[subtrahend]
    negated = Quantization(taken.scale, 255 - taken.zero_point)
    output = Quantization(step.arguments["scale"], step.arguments["zero_point"])
    ends = (parameters[minuend], negated, output)
    setting = fixed_sum(np.ascontiguousarray(codes), ends)
    if setting is None:
        return None
    name = f"{step.name}.negated"
    table = {"scale": negated.scale, "zero_point": negated.zero_point, "table": _REVERSED.tolist()}
    sums = {
        "scale": output.scale,
        "zero_point": output.zero_point,
        "factors": list(setting.factors),
        "zero_points": list(setting.zero_points),
    }
    op = "add_relu" if setting.relu else "add"
    return [
        Step(name, "lookup", (step.inputs[subtrahend],), table),
        Step(step.name, op, (step.inputs[minuend], name), sums, step.node),
    ]


def _pairs(region: fx.GraphModule, parameters: Sequence[Quantization]) -> np.ndarray:
    """Return the code of each pair of codes, by PyTorch's own kernels."""
    codes = np.arange(256, dtype=np.uint8)
    untyped: Any = torch  # torch.ops would print warnings past Python's filters
    with one_thread(), qnnpack():
        given = [
            untyped._make_per_tensor_quantized_tensor(
                torch.from_numpy(np.ascontiguousarray(grid)), each.scale, each.zero_point
            )
            for grid, each in zip(np.meshgrid(codes, codes, indexing="ij"), parameters, strict=True)
        ]
        return Interpreter(region).run(*given).int_repr().numpy()
