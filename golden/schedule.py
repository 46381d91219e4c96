"""The scheduler: from a layer of the integer graph to a program and a memory image.

`schedule` tries the tilings that fit the scratchpads, ranks them by a bound on their cycles,
plays the best ones in time, and keeps the fastest.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from .graph import Layer
from .isa import INSTRUCTION_BYTES, PARAMETER_ROWS, Instruction, Opcode, encode_program
from .parameters import Parameters
from .problem import Problem, problem
from .program import Clamp, MemoryMap, emit
from .reduction import Reduction, reduction
from .tiling import Cut, Tiling, cuts, tapered, tiling
from .timing import estimate_cycles
from .weight_stream import WeightStream, weight_plan, weight_stream

__all__ = ["Schedule", "count_macs", "schedule"]

_ALIGNMENT = 4096
_FINALISTS = 6  # tilings that are played in time
_AFTER = 512  # bytes that the program's prefetch may read beyond its end
_BUDGET = 20_000  # instructions to play, over all finalists


@dataclass(frozen=True, eq=False)
class Schedule:
    """A layer ready to run.

    Parameters
    ----------
    layer : Layer
    input_shape, output_shape : tuple of int
        (N, H, W, C), or (N, C) for a linear layer.
    parameters : Parameters
    program : list of Instruction
    memory : MemoryMap
    stream : ndarray of shape (bytes,), uint8
        Weights and requantization parameters.
    tiling : Tiling
    macs : int
        Multiplications of the layer, padding included.
    estimate : int
        Estimated cycles.
    """

    layer: Layer
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: Parameters
    program: list[Instruction]
    memory: MemoryMap
    stream: npt.NDArray[np.uint8]
    tiling: Tiling
    macs: int
    estimate: int

    @property
    def utilization(self) -> float:
        """Estimated share of the array's multipliers at work, 0 to 1."""
        return self.macs / (self.parameters.rows * self.parameters.cols * self.estimate)

    def image(self, x_q: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Memory before the start, for input codes of shape `input_shape`; outputs are 0.

        Raises
        ------
        ValueError
            If x_q has another shape or dtype.
        """
        if x_q.shape != self.input_shape or x_q.dtype != np.uint8:
            raise ValueError(
                f"x_q must be uint8 of shape {self.input_shape}, got {x_q.dtype} of {x_q.shape}"
            )
        memory = np.zeros(self.memory.size, np.uint8)
        flat = np.ascontiguousarray(x_q).reshape(-1) ^ np.uint8(0x80)
        memory[self.memory.input :][: flat.size] = flat
        memory[self.memory.weights :][: self.stream.size] = self.stream
        program = encode_program(self.program)
        memory[self.memory.program :][: program.size] = program
        return memory

    def output(self, memory: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Output codes in memory after a run, of shape `output_shape`."""
        codes = memory[self.memory.output :][: self.memory.output_bytes] ^ np.uint8(0x80)
        return codes.reshape(self.output_shape)


def schedule(layer: Layer, input_shape: tuple[int, ...], parameters: Parameters) -> Schedule:
    """Schedule a convolution or linear layer.

    Parameters
    ----------
    layer : Conv2d or Linear
    input_shape : tuple of int
        (N, H, W, I) of a convolution's input, (N, I) of a linear layer's.
    parameters : Parameters

    Raises
    ------
    ValueError
        If the shape does not fit the layer, or the layer does not fit the scratchpads.
    """
    input_shape = tuple(int(size) for size in input_shape)
    output_shape = tuple(layer.output_shape(input_shape))
    work = problem(layer, input_shape, parameters)
    plays = _plays(layer, work, prod(input_shape), prod(output_shape), parameters)
    best = min(plays, key=lambda play: play.cost)
    return Schedule(
        layer,
        input_shape,
        output_shape,
        parameters,
        best.program,
        _with_program(best.memory, len(best.program)),
        best.stream.data,
        best.tiling,
        layer.macs(input_shape),
        best.cycles,
    )


@dataclass(frozen=True, eq=False)
class _Play:
    """A finalist with its estimated cycles."""

    tiling: Tiling
    stream: WeightStream
    memory: MemoryMap
    program: list[Instruction]
    cycles: int
    cost: float


def _plays(
    layer: Layer, work: Problem, input_bytes: int, output_bytes: int, parameters: Parameters
) -> Iterator[_Play]:
    """Write and time the programs of the most promising tilings."""
    played, clamp = 0, _clamp(layer)
    streams: dict[tuple[bool, bool], WeightStream] = {}
    for cut in _ranked(work, parameters):
        walk = cut.geometry.pack_taps, cut.geometry.pack_lines
        if walk not in streams:
            streams[walk] = weight_stream(layer, work, cut.geometry, parameters)
        stream = streams[walk]
        plan = weight_plan(stream, parameters)
        memory = _memory_map(input_bytes, len(stream.data), output_bytes)
        for variant in tapered(work, tiling(work, cut, parameters), parameters):
            program = emit(work, variant, stream, plan, clamp, memory, parameters)
            cycles = estimate_cycles(program, parameters)
            cost = cycles * _penalty(work, cut)
            yield _Play(variant, stream, memory, program, cycles, cost)
            played += len(program)
            if played > _BUDGET:
                return


def count_macs(program: Iterable[Instruction], rows: int) -> int:
    """Count the multiplications with a weight of the layer that a program does.

    For a grouped convolution that is the dense block over the groups of a column tile.

    Parameters
    ----------
    program : iterable of Instruction
        Each ``COMPUTE`` after a ``SETUP``.
    rows : int
        Rows of the array that the program was made for, 4 to 64.

    Returns
    -------
    int
    """
    total, used, walk = 0, [], 0
    for instruction in program:
        if instruction.opcode == Opcode.SETUP:
            geometry = Reduction(
                *(instruction[name] for name in ("run", "taps", "tap_pitch", "lines")),
                line_pitch=instruction["line_pitch"],
                pack_taps=bool(instruction["pack_taps"]),
                pack_lines=bool(instruction["pack_lines"]),
            )
            used = [p.used for p in reduction(geometry, rows)]
        elif instruction.opcode == Opcode.COMPUTE:
            walk = 0 if instruction["first"] else walk
            lanes = sum(used[walk : walk + instruction["passes"]])
            walk += instruction["passes"]
            total += lanes * instruction["width"] * instruction["height"] * instruction["columns"]
    return total


def _clamp(layer: Layer) -> Clamp:
    low, high = layer.bounds
    zero_point, padding = layer.output.zero_point - 128, layer.input.zero_point - 128
    return Clamp(zero_point, low - 128, high - 128, padding)


def _memory_map(input_bytes: int, weights_bytes: int, output_bytes: int) -> MemoryMap:
    """Place the areas one after the other; the program, whose length follows, comes last."""
    weights = _align(input_bytes)
    output = weights + _align(weights_bytes)
    program = output + _align(output_bytes)
    return MemoryMap(
        0, input_bytes, weights, weights_bytes, output, output_bytes, program, 0, program
    )


def _with_program(memory: MemoryMap, length: int) -> MemoryMap:
    size = length * INSTRUCTION_BYTES
    return replace(memory, program_bytes=size, size=memory.program + _align(size + _AFTER))


def _align(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _ranked(work: Problem, parameters: Parameters) -> list[Cut]:
    """The most promising cuts, best first."""
    return heapq.nsmallest(
        _FINALISTS, cuts(work, parameters), key=lambda cut: _bound(work, cut, parameters)
    )


def _bound(work: Problem, cut: Cut, parameters: Parameters) -> float:
    """Cycles of a cut if the slowest unit were always busy, plus start and end."""
    rows, axi = parameters.rows, parameters.axi_bytes
    tiles = work.images * cut.down * cut.across
    columns = len(work.column_tiles)
    pixels = work.vertical.out * work.horizontal.out / (cut.down * cut.across)
    one, last = max(pixels, rows), max(pixels * parameters.columns_per_lane, rows)
    exposed = max(2 * rows + 28 - last, 0) + 4
    compute = columns * (one * (cut.passes - 1) + last + exposed) + 40
    lines = work.vertical.cells(cut.height)
    load = lines * (work.horizontal.cells(cut.width) * work.channels / axi + 1)
    weights = columns * (PARAMETER_ROWS + cut.passes * rows) * parameters.weight_row_bytes
    groups = -(-columns // cut.group)
    if groups > 1:
        store = groups * (pixels * (work.out_channels / groups / axi + 1) + 45)
    else:
        store = cut.height * (cut.width * work.out_channels / axi + 1) + 45
    streams = 1 if weights <= parameters.weight_bytes else tiles
    read = tiles * load + streams * weights / axi
    # Tapering halves what is exposed, at least.
    cycles = max(tiles * compute, read, tiles * store) + load / 2 + store / groups / 2
    return cycles * _penalty(work, cut)


def _penalty(work: Problem, cut: Cut) -> float:
    """Whole pixels make long bursts: short ones must be worth it on a slower memory, too."""
    return 1.0 if cut.group == len(work.column_tiles) else 1.005
