"""Compares the RTL's tensors with the golden model's and PyTorch's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ...compiler.network import CompiledNetwork
from ...compiler.places import moves_nothing
from ...compiler.stage import Stage
from ...golden.graph import Concat, Conv2d, Linear, Lookup, Network, Node
from ...golden.kernels import conv2d, conv_transpose2d, linear
from ...golden.network import compute
from ...golden.operations.conv_transpose2d import ConvTranspose2d
from ..compare import Comparison, compare

__all__ = ["caught", "compare_tensors", "explain", "first_difference", "original", "torch_tensor"]

Codes = npt.NDArray[np.uint8]


def original(compiled: CompiledNetwork, name: str) -> str:
    """Return the network's tensor that a stage's must equal: its own, or its copy source."""
    if name in compiled.network.tensors:
        return name
    return next(stage.inputs[0] for stage in compiled.stages if stage.name == name)


def caught(
    compiled: CompiledNetwork, inputs: Sequence[Codes], rows: Mapping[str, Codes]
) -> dict[str, Codes]:
    """Return the codes of the tensors captured by the ledger.

    Parameters
    ----------
    compiled : CompiledNetwork
    inputs : sequence of ndarray of shape (N, H, W, C) or (N, K), uint8
        The network's inputs.
    rows : mapping of str to ndarray of shape (rows, row_bytes), uint8
        Keyed by area name.

    Returns
    -------
    dict of str to ndarray, uint8
        In order of execution, each in its shape. Copies into a concatenation precede it; an
        alias is read from the tensor that it shares memory with.
    """
    areas = {area.name for area in compiled.areas}
    copies = [stage for stage in compiled.stages if stage.name not in compiled.network.tensors]
    names = [source.name for source in compiled.network.sources]
    tensors = dict(zip(names, inputs, strict=True))
    for node in compiled.network.nodes:
        if node.name in areas:
            if node.name in rows:
                tensors[node.name] = compiled.tensor(node.name, rows[node.name])
            continue
        if not (isinstance(node.operation, Concat) or moves_nothing(node.operation)):
            continue
        parts = list(node.inputs)
        for stage in copies:
            part = _part(stage, node)
            if part is not None and stage.name in rows:
                codes = compiled.tensor(stage.inputs[0], rows[stage.name])
                tensors[stage.name], parts[part] = codes, stage.name
        if all(name in tensors for name in parts):
            tensors[node.name] = compute(node.operation, [tensors[name] for name in parts])
    return {name: codes for name, codes in tensors.items() if name not in names}


def _part(stage: Stage, node: Node) -> int | None:
    """Index of the concatenation input that a stage copies, if any."""
    names = [f"{node.name}[{number}]" for number in range(len(node.inputs))]
    return names.index(stage.name) if stage.name in names else None


def compare_tensors(
    compiled: CompiledNetwork,
    rtl: Mapping[str, Codes],
    golden: Mapping[str, Codes],
    torch: Mapping[str, Codes] | None,
) -> dict[str, Comparison]:
    """Compare each tensor of the RTL three ways, in the order in which `caught` gives them.

    Parameters
    ----------
    compiled : CompiledNetwork
    rtl : mapping of str to ndarray, uint8
        From `caught`.
    golden : mapping of str to ndarray, uint8
        At least all tensors of the network.
    torch : mapping of str to ndarray, uint8, or None
        The same of the reference; None if it was not asked.
    """
    makers = {node.name: node for node in compiled.network.nodes}
    comparisons = {}
    for name, codes in rtl.items():
        expected = original(compiled, name)
        maker = makers.get(expected)  # none for a copy of the network's input
        comparisons[name] = compare(
            codes,
            golden[expected],
            None if torch is None else torch_tensor(compiled.network, torch, expected),
            lambda node=maker: _accumulators(node, golden),
            tensor=name,
        )
    return comparisons


def torch_tensor(network: Network, torch: Mapping[str, Codes], name: str) -> Codes:
    """Return PyTorch's codes, also of tensors that are not PyTorch's.

    Of a rescaled input of a concatenation, these are its channels of the output: PyTorch
    requantizes within the concatenation. Of codes that are reversed for a difference, they are
    those of PyTorch's tensor, reversed.
    """
    if name in torch:
        return torch[name]
    channels = network.tensors[name].shape[-1]
    (join,) = (node for node in network.nodes if name in node.inputs)
    if not isinstance(join.operation, Concat):
        return _looked_up(network, torch, name)
    first = sum(network.tensors[part].shape[-1] for part in join.inputs[: join.inputs.index(name)])
    return np.ascontiguousarray(torch[join.name][..., first : first + channels])


def _looked_up(network: Network, torch: Mapping[str, Codes], name: str) -> Codes:
    """Return PyTorch's codes behind a table that is not PyTorch's, fused or not."""
    node = next(each for each in network.nodes if each.name == name)
    operation = node.operation
    if node.table is not None:
        return node.table.table[torch[operation.name]]
    assert isinstance(operation, Lookup)
    return operation.table[torch[node.inputs[0]]]


def _accumulators(node: Node | None, golden: Mapping[str, Codes]) -> npt.NDArray[np.int32] | None:
    if node is None:
        return None
    if isinstance(node.operation, ConvTranspose2d):
        return conv_transpose2d.accumulate(golden[node.inputs[0]], node.operation)
    if isinstance(node.operation, Conv2d):
        return conv2d.accumulate(golden[node.inputs[0]], node.operation)
    if isinstance(node.operation, Linear):
        return linear.accumulate(golden[node.inputs[0]], node.operation)
    return None


def first_difference(comparisons: Mapping[str, Comparison]) -> str:
    """Name of the first tensor with a wrong code; empty if there is none."""
    return next((name for name, found in comparisons.items() if found.first), "")


def explain(comparisons: Mapping[str, Comparison]) -> list[str]:
    """Describe the first wrong tensor and its first wrong codes in sentences."""
    name = first_difference(comparisons)
    if not name:
        return []
    found = comparisons[name]
    names = list(comparisons)
    reference = found.first[0].reference
    count = found.golden or found.torch or 0
    others = sum(bool(other.first) for other in comparisons.values()) - 1
    differ = f"{count:,} of {found.compared:,} {{}} differ from {reference}, in {found.extent}"
    first = (
        f"{name}, tensor {names.index(name) + 1} of {len(names)}, is the first that differs: "
        f"{differ.format('codes')}; {others} behind it differ, too"
    )
    if len(names) == 1:
        first = differ.format("outputs")
    lines = [first, *map(str, found.first)]
    if not found.golden:
        lines.append("the RTL equals the golden model: the reference disagrees with both")
    return lines
