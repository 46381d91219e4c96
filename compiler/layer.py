"""One layer as a program and a memory image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from ..golden.graph import Layer
from ..spec.isa import INSTRUCTION_BYTES, Instruction, encode_program
from ..spec.parameters import Parameters
from .builder import Builder, View
from .ordering import link
from .plan import Plan, plan
from .timing import estimate_cycles

__all__ = ["MemoryMap", "Schedule", "align", "schedule", "view"]

ALIGNMENT = 4096
AFTER = 512  # bytes; instruction prefetch may read this far past the program's end


@dataclass(frozen=True)
class MemoryMap:
    """Byte offsets (from the base address) and sizes of a layer's memory areas."""

    input: int
    input_bytes: int
    weights: int
    weights_bytes: int
    output: int
    output_bytes: int
    program: int
    program_bytes: int
    size: int


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
    plan : Plan
        The layer's tiling.
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
    plan: Plan
    macs: int
    estimate: int

    @property
    def utilization(self) -> float:
        """Estimated utilization of the array's multipliers, 0 to 1."""
        return self.macs / (self.parameters.rows * self.parameters.cols * self.estimate)

    def image(self, x_q: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the initial memory for input codes of shape `input_shape`; outputs are 0.

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
        program = np.frombuffer(encode_program(self.program), np.uint8)
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
    way = plan(layer, [input_shape], parameters)
    output_shape = tuple(layer.output_shape(input_shape))
    stream = np.ascontiguousarray(way.stream).reshape(-1)
    weights = align(prod(input_shape))
    output = weights + align(stream.size)
    start = output + align(prod(output_shape))
    builder = Builder(parameters)
    way.emit(builder, (view(0, input_shape),), weights, view(output, output_shape))
    program = link(builder.drafts, parameters.axi_bytes)
    size = len(program) * INSTRUCTION_BYTES
    memory = MemoryMap(
        *(0, prod(input_shape), weights, stream.size, output, prod(output_shape)),
        *(start, size, start + align(size + AFTER)),
    )
    return Schedule(
        layer,
        input_shape,
        output_shape,
        parameters,
        program,
        memory,
        stream,
        way,
        layer.macs(input_shape),
        estimate_cycles(program, parameters),
    )


def view(base: int, shape: tuple[int, ...], pitch: int = 0) -> View:
    """View a tensor (N, H, W, C) or (N, K) at a byte offset; pixels are contiguous by default."""
    images, height, width, channels = shape if len(shape) == 4 else (shape[0], 1, 1, shape[1])
    return View(base, images, height, width, channels, pitch or channels)


def align(size: int) -> int:
    """Round a size up to a multiple of the page size."""
    return -(-size // ALIGNMENT) * ALIGNMENT
