"""A compiled network in the manifest's words."""

from __future__ import annotations

from urllib.parse import quote

import numpy as np

from ...compiler.network import CompiledNetwork
from ...compiler.places import moves_nothing
from ...golden.graph import (
    AvgPool2d,
    Concat,
    Conv2d,
    Linear,
    Lookup,
    MaxPool2d,
    Node,
    Shuffle,
    Slice,
    Upsample,
)
from ...spec.isa import INSTRUCTION_BYTES, RECORD_BYTES
from ...spec.isa_needs import needed
from ...spec.registers import VERSION, WRITABLE, Register
from ..network.results import ON_ACCELERATOR, ON_HOST
from ..network.stages import calls_of
from .manifest import (
    AcceleratorEntry,
    ArrayFiles,
    Geometry,
    MemoryEntry,
    Movement,
    OperationEntry,
    ProgramEntry,
    StepEntry,
    TensorEntry,
)

__all__ = ["accelerator", "expected_file", "memory", "operations", "steps", "table_of", "tensors"]

_CODES = (0, 255)


def accelerator(compiled: CompiledNetwork) -> AcceleratorEntry:
    """Return the hardware features that the program needs."""
    features = needed(compiled.program, compiled.parameters)
    names = tuple(feature.name or "" for feature in features)
    parameters = compiled.parameters
    return AcceleratorEntry(parameters.name, VERSION, parameters, int(features), names)


def memory(compiled: CompiledNetwork) -> MemoryEntry:
    """Return the size and alignment of the memory window, and the program's place in it."""
    base, count = WRITABLE[Register.BASE_LOW], len(compiled.program)
    return MemoryEntry(
        size_bytes=compiled.size,
        base_alignment=base & -base,
        program_offset=compiled.program_offset,
        program_bytes=count * INSTRUCTION_BYTES,
        instruction_bytes=INSTRUCTION_BYTES,
        instructions=count,
        record_bytes=RECORD_BYTES,
    )


def expected_file(name: str) -> str:
    """Path of a tensor's codes, from the manifest's folder."""
    return f"expected/{_file_name(name)}.npy"


def _file_name(name: str) -> str:
    """Return a name without the characters that a path must not have."""
    return quote(name, safe="")


def tensors(compiled: CompiledNetwork) -> tuple[TensorEntry, ...]:
    """Return all tensors of the network, its inputs first."""
    kept, network = _kept(compiled), compiled.network
    found = []
    for place in compiled.places:
        tensor = network.tensors[place.name]
        found.append(
            TensorEntry(
                name=place.name,
                shape=tensor.shape,
                layout="NHWC" if len(tensor.shape) == 4 else "NC",
                scale=tensor.quantization.scale,
                zero_point=tensor.quantization.zero_point,
                offset=place.base,
                size_bytes=place.size,
                rows=place.rows,
                row_bytes=place.row_bytes,
                pitch=place.pitch,
                kept=place.name in kept,
                expected=expected_file(place.name),
            )
        )
    return tuple(found)


def _kept(compiled: CompiledNetwork) -> set[str]:
    """Names of the tensors that no later step writes over."""
    written, last = np.zeros(compiled.size, np.uint8), _complete(compiled)
    kept = set()
    for step in reversed(range(-1, len(compiled.areas))):
        for place in compiled.places:
            if last[place.name] == step and not place.view(written).any():
                kept.add(place.name)
        if step >= 0:
            compiled.areas[step].view(written)[:] = 1
    return kept


def _complete(compiled: CompiledNetwork) -> dict[str, int]:
    """Step by which each tensor is complete; -1 for the inputs, which the host writes."""
    made = {area.name: step for step, area in enumerate(compiled.areas)}
    last = {source.name: -1 for source in compiled.network.sources}
    for node in compiled.network.nodes:
        parts = list(node.inputs)
        if isinstance(node.operation, Concat):
            copies = [f"{node.name}[{number}]" for number in range(len(parts))]
            last[node.name] = max(
                made.get(copy, last[part]) for copy, part in zip(copies, parts, strict=True)
            )
        elif moves_nothing(node.operation):
            last[node.name] = last[parts[0]]
        else:
            last[node.name] = made[node.name]
    return last


def operations(compiled: CompiledNetwork) -> tuple[OperationEntry, ...]:
    """Return the network's operations in order."""
    return tuple(_operation(compiled, node) for node in compiled.network.nodes)


def _operation(compiled: CompiledNetwork, node: Node) -> OperationEntry:
    operation, shapes = node.operation, compiled.network.tensors
    layer = isinstance(operation, Conv2d | Linear)
    low, high = _bounds(node)
    return OperationEntry(
        name=node.name,
        layer=operation.name,
        op=operation.op,
        inputs=node.inputs,
        macs=operation.macs(shapes[node.inputs[0]].shape) if layer else 0,
        low=low,
        high=high,
        geometry=_geometry(node),
        arrays=_arrays(node.name, operation) if isinstance(operation, Conv2d | Linear) else None,
        table=f"layers/{_file_name(node.name)}/table.npy" if table_of(node) else None,
        movement=_movement(node, shapes[node.inputs[0]].shape),
    )


def table_of(node: Node) -> Lookup | None:
    """Return a node's table, whether it is the operation or fused."""
    return node.operation if isinstance(node.operation, Lookup) else node.table


def _bounds(node: Node) -> tuple[int, int]:
    operation = node.operation
    if isinstance(operation, Conv2d | Linear):
        return operation.bounds
    low = operation.output.zero_point if getattr(operation, "relu", False) else _CODES[0]
    return getattr(operation, "low", low), getattr(operation, "high", _CODES[1])


def _geometry(node: Node) -> Geometry | None:
    operation = node.operation
    if isinstance(operation, Conv2d):
        kernel, end = operation.weight.shape[2:], operation.end_padding or operation.padding
        return Geometry(
            (kernel[0], kernel[1]), operation.stride, operation.padding, end, operation.dilation,
            operation.groups,
            output_padding=getattr(operation, "output_padding", (0, 0)),
        )  # fmt: skip
    if isinstance(operation, MaxPool2d):
        return Geometry(
            operation.kernel, operation.stride, operation.padding, operation.padding,
            operation.dilation, ceil_mode=operation.ceil_mode,
        )  # fmt: skip
    if isinstance(operation, AvgPool2d):
        pads = operation.padding
        return Geometry(operation.kernel, operation.stride, pads, pads)
    return None


def _movement(node: Node, shape: tuple[int, ...]) -> Movement | None:
    operation = node.operation
    if isinstance(operation, Upsample):
        return Movement(factors=operation.factors)
    if isinstance(operation, Slice):
        sizes = zip(operation.spans, shape[1:], strict=True)
        return Movement(spans=tuple(span or (0, size, 1) for span, size in sizes))
    return Movement(groups=operation.groups) if isinstance(operation, Shuffle) else None


def _arrays(name: str, layer: Conv2d | Linear) -> ArrayFiles:
    folder = f"layers/{_file_name(name)}"
    return ArrayFiles(
        *(f"{folder}/weight.npy", f"{folder}/bias_q.npy", f"{folder}/multiplier.npy"),
        *(f"{folder}/weight_scale.npy", f"{folder}/bias.npy"),
    )


def steps(compiled: CompiledNetwork) -> tuple[StepEntry, ...]:
    """Return the program's steps, in order."""
    operations = {node.name: node.operation for node in compiled.network.nodes}
    whole = zip(compiled.stages, compiled.areas, compiled.streams, strict=True)
    return tuple(
        StepEntry(
            name=stage.name,
            layer=stage.layer,
            op=stage.op,
            inputs=stage.inputs,
            offset=area.base,
            rows=area.rows,
            row_bytes=area.row_bytes,
            pitch=area.pitch,
            weights_offset=offset,
            weights_bytes=stream.size,
            weight_bits=getattr(operations.get(stage.name), "weight_bits", 8),
            table_offset=compiled.tables[stage.name][0] if stage.name in compiled.tables else None,
            record_offset=stage.record if compiled.records and not stage.on_host else None,
            estimated_cycles=stage.estimate,
            ran_on=ON_HOST if stage.on_host else ON_ACCELERATOR,
            calls=calls_of(compiled, stage),
        )
        for stage, area, (offset, stream) in whole
    )


def programs(compiled: CompiledNetwork) -> tuple[ProgramEntry, ...]:
    """Return the programs, in order."""
    return tuple(
        ProgramEntry(
            offset=compiled.program_offset + segment.offset,
            instructions=segment.end - segment.start,
            first_step=segment.stages.start,
            steps=len(segment.stages),
        )
        for segment in compiled.segments
    )
