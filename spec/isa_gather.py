"""Instructions that multiply two tensors: weights come from memory, and biases are kept.

``GATHER`` fills weight tiles with a tensor's bytes: `tiles` tiles, one behind the other from
`buffer` on, each of the array's rows, whatever `rows` says. A tile's bytes are `rows` rows of
`row_bytes` bytes in memory, without alignment constraints. Row i is row i of the tile or,
`transposed`, its column i. All other weights of the tile are 0; what does not fit the tile is
dropped. The next tile's first row lies `tile_pitch` bytes behind this one's.

A tensor's bytes are codes minus 128, so that sums of products lack what their activations' zero
point makes: a multiple of the sum of a column's weights, which nobody knows beforehand. A COMPUTE
of one pixel, whose activations are that multiple, sums it up: with `keep`, its last sum becomes the
bias kept in each column, once or twice, for a multiple of 128. A later COMPUTE with `first` and
`kept` starts from it. It has no parameters, and uses the multipliers that came last. Hardware
without GATHER ignores both fields.
"""

from __future__ import annotations

from .isa_features import Feature
from .isa_fields import Field
from .isa_names import Opcode
from .isa_rules import AlignedTo, AtMost, NonZero, Rule, WithinScratchpad

__all__ = ["GATHER_INSTRUCTIONS"]

_GATHER = (
    Field("memory", 32, "offset of the first tile's first row from the base address", "bytes"),
    Field("memory_pitch", 32, "distance between rows in memory", "bytes"),
    Field("buffer", 24, "weight scratchpad address of the first tile", "bytes"),
    Field("rows", 8, "rows in memory of a tile", "rows"),
    Field("row_bytes", 8, "length of a row in memory", "bytes"),
    Field("tiles", 16, "tiles, one behind the other in the scratchpad", "tiles"),
    Field("tile_pitch", 32, "distance between tiles in memory", "bytes"),
    Field("transposed", 1, "a row in memory is a column of the tile"),
)
_RULES: tuple[Rule, ...] = (
    *(NonZero(name) for name in ("rows", "row_bytes", "tiles")),
    *(AtMost(name, "tile_side") for name in ("rows", "row_bytes")),
    AlignedTo("buffer", "axi_bytes"),
    WithinScratchpad("buffer", "weight_bytes"),
)
#: What each does, its feature, its fields and its rules.
GATHER_INSTRUCTIONS: dict[Opcode, tuple[str, Feature, tuple[Field, ...], tuple[Rule, ...]]] = {
    Opcode.GATHER: ("tensor in memory to weight tiles", Feature.GATHER, _GATHER, _RULES),
}
