"""Compiles a network to one program: memory plan, weights, and all layers' instructions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, prod

import numpy as np
import numpy.typing as npt

from ..golden.graph import (
    Conv2d,
    Host,
    Layer,
    Linear,
    Network,
    Node,
    Tensor,
)
from ..golden.network import check_inputs
from ..golden.operations.tensor_product import TensorProduct
from ..spec.isa import INSTRUCTION_BYTES, RECORD_BYTES, TABLE_BYTES, Instruction, encode_program
from ..spec.parameters import Parameters
from .area import Area
from .builder import Builder, View
from .emission import Placed, emit_group
from .fusion import check_lookup, fused
from .layer import AFTER, align
from .max_pools import PoolChain
from .memory_plan import Lifetime, place
from .places import Place, places
from .segments import Segment, Segments
from .stage import Stage
from .steps import Step, planned, shape_of, sources_of, steps_of, target_of
from .tables import placed_tables
from .timing import TABLE_CYCLES

__all__ = ["CompiledNetwork", "alone", "compile_network"]

Shape = tuple[int, ...]

_PARAMETER_BYTES = 8  # bias and multiplier of an output channel
_MOST = 1 << 32  # bytes addressable by 32-bit offsets


@dataclass(frozen=True, eq=False)
class CompiledNetwork:
    """A network ready to run: one program, or several with operations of the host between them.

    Parameters
    ----------
    network : Network
        With clamps and tables fused and max pools chained, for `batch` images.
    parameters : Parameters
    batch : int
    program : list of Instruction
        Of all segments, one behind the other.
    program_offset : int
        Byte offset of the program in memory.
    size : int
        Bytes of memory.
    estimate : int
        Estimated cycles.
    areas : tuple of Area
        Tensors in the order in which they are complete; later ones reuse the place of dead ones.
    places : tuple of Area
        Where each tensor of the network lies, its inputs first, those too that have no bytes of
        their own: a flattened tensor lies where its input does, a concatenation where its parts do.
    stages : tuple of Stage
        In order; the program writes a record at the end of each but the host's, if `records`.
    streams : tuple of (int, ndarray)
        Byte offset and bytes of each stage's weights.
    segments : tuple of Segment
        The programs, in order; stages in none of them are the host's.
    tables : dict of str to (int, ndarray)
        Byte offset and bytes of each stage's table, by the stage's name, where it has one.
    records : bool
        Whether the program writes the counters at the end of each stage.
    scratch : (int, int)
        Byte offset and size of the memory in which a stage keeps what its own passes hand on.
    """

    network: Network
    parameters: Parameters
    batch: int
    program: list[Instruction]
    program_offset: int
    size: int
    estimate: int
    areas: tuple[Area, ...]
    places: tuple[Area, ...]
    stages: tuple[Stage, ...]
    streams: tuple[tuple[int, npt.NDArray[np.uint8]], ...]
    segments: tuple[Segment, ...]
    tables: dict[str, tuple[int, npt.NDArray[np.uint8]]]
    records: bool = True
    scratch: tuple[int, int] = (0, 0)

    def image(self, *inputs: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the initial memory image.

        Parameters
        ----------
        *inputs : ndarray of shape (batch, H, W, C) or (batch, K), uint8
            Codes of each of the network's inputs.

        Raises
        ------
        ValueError
            If there are not as many, or one has another shape or dtype.
        """
        check_inputs(self.network, inputs)
        if len(inputs[0]) != self.batch:
            raise ValueError(f"inputs must be {self.batch} images, got {len(inputs[0])}")
        memory = np.zeros(self.size, np.uint8)
        for area, x_q in zip(self.places, inputs, strict=False):
            memory[area.base :][: x_q.size] = x_q.reshape(-1) ^ np.uint8(0x80)
        for offset, stream in (*self.streams, *self.tables.values()):
            memory[offset : offset + stream.size] = stream
        program = np.frombuffer(encode_program(self.program), np.uint8)
        memory[self.program_offset :][: program.size] = program
        return memory

    def tensor(self, name: str, rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Codes of a tensor, in its shape, from the bytes of its area."""
        return (rows ^ np.uint8(0x80)).reshape(self.network.tensors[name].shape)


def alone(layer: Layer, network: str, input_shape: tuple[int, ...]) -> Network:
    """Return a layer as a network of one node.

    Parameters
    ----------
    layer : Conv2d or Linear
    network : str
        Name of the network that the layer belongs to.
    input_shape : tuple of int
        (N, H, W, I) of a convolution's input, (N, K) of a linear layer's; any N.
    """
    source = Tensor(f"{layer.name}.input", (1, *input_shape[1:]), layer.input)
    return Network(network, source, (Node(layer, (source.name,)),), layer.name)


def compile_network(
    network: Network,
    parameters: Parameters,
    *,
    batch: int = 1,
    interrupts: bool = False,
    records: bool = True,
) -> CompiledNetwork:
    """Plan a network's memory and generate its program.

    Parameters
    ----------
    network : Network
        Must have passed `verify.verify`.
    parameters : Parameters
    batch : int
        Images per run.
    interrupts : bool
        Whether to interrupt after each stage, not only at the end.
    records : bool
        Whether the program writes the counters at the end of each stage. A single stage does
        not need records and takes fewer cycles without them.

    Raises
    ------
    ValueError
        If the hardware cannot run an operation, only the host has any, batch is not positive, or
        interrupts are requested without records, which raise them.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    if interrupts and not records:
        raise ValueError("records must be written to raise interrupts, got interrupts without")
    check_lookup(network, parameters)
    network = _batched(fused(network), batch)
    where = places(network)
    steps = list(steps_of(network, where))
    groups, plans = planned(network, where, steps, parameters)
    streams = [way.stream for way in plans]
    inputs, end = _stack([prod(source.shape) for source in network.sources], 0)
    weights, end = _stack([stream.size for stream in streams], end)
    tables, end = placed_tables([(step.name, step.table) for step in steps], end)
    offsets, size = place(_lifetimes(network, where, steps, groups))
    bases = {root: end + offset for root, offset in zip(_roots(steps, where), offsets, strict=True)}
    bases |= {each.name: base for each, base in zip(network.sources, inputs, strict=True)}
    builder = Builder(parameters, end + size)
    chains = (way for planned in plans for way in planned.plans)
    scratch = max(way.scratch if isinstance(way, PoolChain) else 0 for way in chains)
    first_record = builder.scratch + scratch
    program_offset = first_record + align(len(steps) * RECORD_BYTES * records)
    segments, first = Segments(parameters.axi_bytes), 0
    areas: list[Area] = []
    stages: list[Stage] = []
    ends: list[int] = []  # of the stages in the segment, in drafts
    for group in groups:
        placed = [
            Placed(
                sources_of(network, where, steps[index], bases),
                weights[index],
                target_of(network, where, steps[index], bases),
                tables[steps[index].name][0] if steps[index].name in tables else None,
            )
            for index in group
        ]
        emit_group(builder, [(plans[i], at) for i, at in zip(group, placed, strict=True)])
        for index, at in zip(group, placed, strict=True):
            step, record = steps[index], first_record + index * RECORD_BYTES
            if isinstance(step.operation, Host):
                segments.add(builder.drafts, range(first, index), ends)
                builder, first, ends = Builder(parameters, builder.scratch), index + 1, []
            else:
                if records:
                    builder.record(record, interrupt=interrupts)
                ends.append(len(builder.drafts))
            together = len(group) if index == group.start else 1
            areas.append(replace(_area(step.name, at.target), together=together))
            estimate = plans[index].estimate + TABLE_CYCLES * (step.table is not None)
            stages.append(_stage(network, step, record, estimate))
    segments.add(builder.drafts, range(first, len(steps)), ends)
    program = segments.program
    if not program:
        raise ValueError(f"{network.name} must have an operation for the accelerator, got none")
    whole = program_offset + align(len(program) * INSTRUCTION_BYTES + AFTER)
    if whole > _MOST:
        raise ValueError(f"{network.name} must fit {_MOST} bytes of memory, got {whole}")
    return CompiledNetwork(
        *(network, parameters, batch, program, program_offset, whole),
        sum(stage.estimate for stage in stages),
        *(tuple(areas), _lying(network, where, bases), tuple(stages)),
        *(tuple(zip(weights, streams, strict=True)), tuple(segments.found), tables, records),
        (builder.scratch, scratch),
    )


def _batched(network: Network, batch: int) -> Network:
    first, *others = (
        replace(source, shape=(batch, *source.shape[1:])) for source in network.sources
    )
    return replace(network, input=first, other_inputs=tuple(others))


def _stack(sizes: list[int], start: int) -> tuple[list[int], int]:
    """Offsets one behind the other, and the end."""
    offsets: list[int] = []
    for size in sizes:
        offsets.append(start)
        start += align(size)
    return offsets, start


def _roots(steps: list[Step], where: dict[str, Place]) -> list[str]:
    """Tensors that are not aliases, in the order in which they are written."""
    return list(dict.fromkeys(where[step.name].root for step in steps))


def _lifetimes(
    network: Network, where: dict[str, Place], steps: list[Step], groups: list[range]
) -> list[Lifetime]:
    """Lifetimes of tensors; those that a group touches live as long as it runs."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for group in groups:
        for index in group:
            step = steps[index]
            root = where[step.name].root
            first.setdefault(root, group.start)
            last[root] = group.stop - 1
            for name in step.inputs:
                last[where[name].root] = group.stop - 1
    last |= {where[name].root: len(steps) for name in network.outputs}
    return [
        Lifetime(prod(network.tensors[root].shape), first[root], last[root])
        for root in _roots(steps, where)
    ]


def _area(name: str, target: View) -> Area:
    if target.dense:
        size = target.pixels * target.channels
        return Area(name, target.base, 1, size, size)
    return Area(name, target.base, target.pixels, target.channels, target.pitch)


def _lying(network: Network, where: dict[str, Place], bases: dict[str, int]) -> tuple[Area, ...]:
    """Where all tensors of the network lie, in its order."""
    found: list[Area] = []
    for name, tensor in network.tensors.items():
        at = where[name]
        root, size = network.tensors[at.root].shape, prod(tensor.shape)
        rows = 1 if size == prod(root) else prod(root[:-1])
        pitch = size if rows == 1 else root[-1]
        found.append(Area(name, bases[at.root] + at.channel, rows, size // rows, pitch))
    return tuple(found)


def _stage(network: Network, step: Step, record: int, estimate: int) -> Stage:
    operation = step.operation
    shapes = tuple(network.tensors[name].shape for name in step.inputs)
    read, macs = sum(map(prod, shapes)) + TABLE_BYTES * (step.table is not None), 0
    if isinstance(operation, Conv2d | Linear):
        macs = operation.macs(shapes[0])
        read += ceil(operation.weight.size * operation.weight_bits / 8)
        read += _PARAMETER_BYTES * len(operation.weight)
    elif isinstance(operation, TensorProduct):
        macs = operation.macs(*shapes)
    shape = shape_of(network, step)
    return Stage(
        *(step.name, operation.name, operation.op, step.inputs, shapes, shape),
        *(macs, read, prod(shape), record, estimate),
    )
