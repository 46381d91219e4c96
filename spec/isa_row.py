"""Instructions on rows, softmax and layer norm, which the store unit executes in its scratchpad.

``SETUP_ROW`` selects the `RowFunction` of what follows, with its parameters; softmax has none. It
takes and gives no tokens; its masks are ignored. ``ROW_TABLE`` copies a table from the output
scratchpad: the exponentials of softmax, 256 entries of `SOFTMAX_ENTRY` bytes of which `TERM_BITS`
bits are used, or gamma and beta of layer norm, fp32 each, an entry of `NORM_ENTRY` bytes per
element. Each function keeps its table until the next one is copied. ``ROWS`` replaces each row in
the output scratchpad by its softmax or layer norm; rows of one instruction must not overlap.

``ROW_TABLE`` and ``ROWS`` take tokens and give none; `signal` is ignored. The unit's instructions
are in order: the ``STORE`` that follows stores results, and gives the tokens. All codes are in the
int8 domain (code - 128).
"""

from __future__ import annotations

from .isa_features import Feature
from .isa_fields import Field
from .isa_names import Opcode, RowFunction
from .isa_rules import AtMost, Implemented, NonZero, Rule

__all__ = [
    "NORM_ENTRY",
    "ROW_FEATURES",
    "ROW_INSTRUCTIONS",
    "SOFTMAX_ENTRY",
    "TERMS",
    "TERM_BITS",
]  # fmt: skip

TERMS = 256  # entries of softmax's table
TERM_BITS = 23  # of an entry
SOFTMAX_ENTRY, NORM_ENTRY = 4, 8  # bytes of an entry in the scratchpad
#: Features of which hardware with these instructions has one or more.
ROW_FEATURES = Feature.SOFTMAX | Feature.LAYER_NORM

_SETUP_ROW = (
    Field("function", 4, "1: softmax, 2: layer norm; softmax ignores the other fields"),
    Field("zero_point", 8, "zero point of the input", "code"),
    Field("scale", 32, "scale of the input, fp32 bits, positive and normal"),
    Field("eps", 64, "added to the variance, fp64 bits, positive and normal"),
    Field("multiplier", 31, "1 / scale of the results, fp32 without its sign bit"),
    Field("output_zero_point", 8, "zero point of the results", "code - 128", signed=True),
)
_ROW_TABLE = (
    Field("buffer", 24, "output scratchpad address of the first entry", "bytes"),
    Field("entries", 17, "entries of the table", "entries"),
)
_ROWS = (
    Field("buffer", 24, "output scratchpad address of the first row", "bytes"),
    Field("buffer_pitch", 24, "distance between rows", "bytes"),
    Field("rows", 16, "number of rows", "rows"),
    Field("elements", 24, "elements of a row, a byte each", "elements"),
)
#: What each does, its fields and its rules.
ROW_INSTRUCTIONS: dict[Opcode, tuple[str, tuple[Field, ...], tuple[Rule, ...]]] = {
    Opcode.SETUP_ROW: (
        "function of rows",
        _SETUP_ROW,
        (Implemented("function", tuple((int(function), "") for function in RowFunction)),),
    ),
    Opcode.ROW_TABLE: (
        "table of a function of rows, from the output scratchpad",
        _ROW_TABLE,
        (NonZero("entries"), AtMost("entries", "row_entries")),
    ),
    Opcode.ROWS: (
        "rows of the output scratchpad replaced by a function of them",
        _ROWS,
        (NonZero("rows"), NonZero("elements"), AtMost("elements", "row_elements")),
    ),
}
