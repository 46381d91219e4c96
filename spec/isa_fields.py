"""The fields of each instruction, in encoding order; see `maccord.spec.isa`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMPUTE", "SETUP", "SETUP_ADD", "SETUP_MUL", "TABLE", "TRANSFER", "Field"]


@dataclass(frozen=True)
class Field:
    """A field of an instruction, two's complement if `signed`; `unit` is its unit of measure."""

    name: str
    bits: int
    what: str
    unit: str = ""
    signed: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """Smallest and largest encodable value."""
        if self.signed:
            return -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        return 0, (1 << self.bits) - 1


TRANSFER = (
    Field("memory", 32, "offset of the first row from the base address", "bytes"),
    Field("memory_pitch", 32, "distance between rows in memory", "bytes"),
    Field("buffer", 24, "scratchpad address of the first row", "bytes"),
    Field("buffer_pitch", 24, "distance between rows in the scratchpad", "bytes"),
    Field("rows", 16, "rows of the transfer", "rows"),
    Field("row_bytes", 24, "length of a row", "bytes"),
    Field("value", 8, "byte that FILL writes; in RECORD, 1 raises the interrupt", signed=True),
)
_OUTPUT = (
    Field("zero_point", 8, "zero point of the outputs", "code - 128", signed=True),
    Field("low", 8, "smallest output", "code - 128", signed=True),
    Field("high", 8, "largest output", "code - 128", signed=True),
)
_STEPS = (
    Field("step_x", 24, "distance from a pixel's window to the next pixel's", "bytes"),
    Field("step_y", 24, "distance from a pixel's window to that of the pixel below", "bytes"),
)
SETUP = (
    Field("run", 24, "contiguous bytes of a tap, or of a kernel line", "bytes"),
    Field("taps", 8, "runs per kernel line", "runs"),
    Field("tap_pitch", 24, "distance between runs of a line", "bytes"),
    Field("lines", 8, "lines of the kernel", "lines"),
    Field("line_pitch", 24, "distance between lines", "bytes"),
    Field("pack_taps", 1, "a vector may continue into the next tap"),
    Field("pack_lines", 1, "a vector may continue into the next line"),
    *_STEPS,
    *_OUTPUT,
    Field("mode", 2, "what COMPUTE does with activations, a `Mode`"),
    Field("window_height", 2, "height of a window, not used in mode DENSE", "cells"),
    Field("window_width", 2, "width of a window, 0 for 5; not used in mode DENSE", "cells"),
    Field("stride_y", 4, "from a window to the one below, not used in mode DENSE", "cells"),
    Field("stride_x", 4, "from a window to the next, not used in mode DENSE", "cells"),
    Field("weight_width", 2, "bits of a weight: 0 for 8, 1 for 4, 2 for 2"),
)
SETUP_ADD = (
    Field("factor_a", 24, "fixed-point factor of the first operand"),
    Field("factor_b", 24, "fixed-point factor of the second operand"),
    Field("shift", 5, "bits by which the scaled sum is shifted right", "bits"),
    Field("zero_point_a", 8, "zero point of the first operand", "code - 128", signed=True),
    Field("zero_point_b", 8, "zero point of the second operand", "code - 128", signed=True),
    Field("operand_pitch", 24, "distance from the first operand to the second", "bytes"),
    *_STEPS,
    *_OUTPUT,
    Field("half_up", 1, "1: ties round towards plus infinity, 0: away from 0"),
)
SETUP_MUL = (
    Field("multiplier", 31, "fp32 multiplier of the product, without its sign bit"),
    Field("zero_point_a", 8, "zero point of the first operand", "code - 128", signed=True),
    Field("zero_point_b", 8, "zero point of the second operand", "code - 128", signed=True),
    Field("operand_pitch", 24, "distance from the first operand to the second", "bytes"),
    Field("broadcast", 1, "the second operand is one vector, read once per line of the tile"),
    *_STEPS,
    *_OUTPUT,
)
COMPUTE = (
    Field("activation", 24, "address of the window of the tile's first pixel", "bytes"),
    Field("weight", 24, "first row in the weight scratchpad", "weight rows"),
    Field("passes", 16, "passes over the tile, one weight tile each", "passes"),
    Field("columns", 8, "active columns of the array", "channels"),
    Field("width", 16, "width of the tile", "pixels"),
    Field("height", 16, "height of the tile", "pixels"),
    Field("accumulator", 16, "accumulator entry of the tile's first pixel", "entries"),
    Field("output", 24, "output scratchpad address of the first pixel", "bytes"),
    Field("output_pitch", 24, "distance between pixels in the output scratchpad", "bytes"),
    Field("first", 1, "sums start from the bias, which precedes the weights"),
    Field("last", 1, "sums are requantized and written"),
    Field("keep", 2, "the sum becomes the bias kept: 1 as it is, 2 twice; 0: it does not"),
    Field("kept", 1, "with `first`: sums start from the bias kept, and no parameters come"),
)
TABLE = (Field("activation", 24, "address of the table's first byte", "bytes"),)
