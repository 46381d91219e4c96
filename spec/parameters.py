"""Generation parameters of an accelerator, validated in one place."""

from __future__ import annotations

from dataclasses import dataclass

from .weight_widths import WIDTHS, packed_rows

__all__ = ["FAMILIES", "ID_WIDTH", "WIDE_WINDOW", "WINDOW", "Parameters", "check_family"]

WINDOW = 3  # height and width of the largest window that is scanned
WIDE_WINDOW = 5  # width of the widest one in hardware with wide windows
ID_WIDTH = 2  # AXI4 transaction IDs: one per reading unit
#: What the blocks that a family has cells for are made of; `generic` is plain Verilog.
FAMILIES = ("generic", "ecp5", "xc7", "xcup")


def _bits(count: int) -> int:
    """Bits needed to number `count` items."""
    return (count - 1).bit_length()


def _truth(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def _range(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, got {value}")


def _power_of_two(name: str, value: int, low: int, high: int) -> None:
    _range(name, value, low, high)
    if value & (value - 1):
        raise ValueError(f"{name} must be a power of two, got {value}")


def check_family(family: str) -> None:
    """Refuse what is none of `FAMILIES`.

    Raises
    ------
    ValueError
        With the present spelling of one that there was.
    """
    if family == "xcup-packed":
        raise ValueError(
            "family must be xcup, with packed (--family xcup --packed), got 'xcup-packed'"
        )
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")


@dataclass(frozen=True)
class Parameters:
    """Generation parameters of one accelerator.

    Parameters
    ----------
    rows : int
        Rows R of the array, along the reduction, 4 to 64.
    cols : int
        Columns C of the array, along output channels, 2 to 64.
    lanes : int
        Requantizer lanes; divides `cols`. 0 means one per column.
    axi_bytes : int
        Width of the AXI4 data bus in bytes: 8, 16, 32 or 64.
    activation_bytes : int
        Size of the activation scratchpad, a power of two.
    weight_bytes : int
        Size of the weight scratchpad, a power of two.
    output_bytes : int
        Size of the output scratchpad, a power of two.
    accumulators : int
        Depth of the accumulator memory (pixels of a tile), a power of two.
    line_cells : int
        Longest line of cells that depthwise convolutions and max pools scan, a power of two.
    family : str
        One of `FAMILIES`: whose cells are instantiated. Of no consequence to software.
    packed : bool
        Two columns to a multiplier block: of family `xcup`, or of `ecp5` with `weight_bits` of 4 or
        2, and an even number of `cols` only. Software sees it: such hardware has no `depthwise`.
    product : bool
        Whether it multiplies two tensors, SETUP_MUL.
    lookup : bool
        A table of 256 bytes behind each column's results, loaded by the instruction TABLE.
    narrow : bool
        Weights of 4 and 2 bits are stored packed, and unpacked at the array.
    half_up : bool
        Sums can round ties towards plus infinity, as those of XNNPACK do.
    weight_bits : int
        Bits of the widest weights that the array multiplies by: 8, 4 or 2. With 4 or 2 it is
        `narrow`; its multipliers, weight registers and partial sums have as many bits fewer.
    window_width : int
        Cells in a line of the widest depthwise window: 3 or 5. 5 needs 15 rows, one requantizer
        per column, and unpacked columns; a 5 x 5 kernel then takes two passes in place of four.
    gather : bool
        Weights may come from a tensor in memory, GATHER; only with weights of 8 bits, and where a
        tile fills whole beats of the bus.
    row_lanes : int
        Elements that softmax and layer norm take at once, a power of two up to `axi_bytes`. With 0
        the hardware has neither.
    row_elements : int
        Their longest row, a power of two, at least twice `row_lanes`.

    Raises
    ------
    TypeError
        If a parameter is not an integer, or a switch no bool.
    ValueError
        If a parameter is out of its range, or goes with no other; the message names it, what it
        must be and the value.
    """

    rows: int = 16
    cols: int = 16
    lanes: int = 0
    axi_bytes: int = 16
    activation_bytes: int = 1 << 17
    weight_bytes: int = 1 << 16
    output_bytes: int = 1 << 16
    accumulators: int = 1024
    line_cells: int = 256
    family: str = "generic"
    packed: bool = False
    product: bool = False
    lookup: bool = False
    window_width: int = WINDOW
    narrow: bool = False
    half_up: bool = False
    weight_bits: int = 8
    gather: bool = False
    row_lanes: int = 0
    row_elements: int = 1024

    def __post_init__(self) -> None:
        _range("rows", self.rows, 4, 64)
        _range("cols", self.cols, 2, 64)
        _range("lanes", self.lanes, 0, self.cols)
        if self.lanes == 0:
            object.__setattr__(self, "lanes", self.cols)
        if self.cols % self.lanes:
            raise ValueError(f"lanes must divide cols ({self.cols}), got {self.lanes}")
        _power_of_two("axi_bytes", self.axi_bytes, 8, 64)
        _power_of_two("activation_bytes", self.activation_bytes, 1 << 11, 1 << 22)
        _power_of_two("weight_bytes", self.weight_bytes, 1 << 10, 1 << 22)
        _power_of_two("output_bytes", self.output_bytes, 1 << 10, 1 << 22)
        _power_of_two("accumulators", self.accumulators, 16, 1 << 16)
        _power_of_two("line_cells", self.line_cells, 16, 1 << 12)
        check_family(self.family)
        _truth("packed", self.packed)
        _truth("product", self.product)
        _truth("lookup", self.lookup)
        _truth("narrow", self.narrow)
        _truth("half_up", self.half_up)
        _truth("gather", self.gather)
        self._check_weights()
        if self.packed and not (
            self.family == "xcup" or (self.family == "ecp5" and self.narrow_only)
        ):
            raise ValueError(
                "family must be xcup with packed, or ecp5 with weights of 4 bits or fewer "
                f"(--array-weight-bits), got {self.family!r} and {self.weight_bits} bits"
            )
        if self.packed and self.cols % 2:
            raise ValueError(f"cols must be even with packed, got {self.cols}")
        self._check_window()
        self._check_rows()
        tile = 2 * (self.tile_rows + 8) * self.weight_row_bytes
        if self.weight_bytes < tile:
            raise ValueError(
                f"weight_bytes must hold two weight tiles of {self.rows} x {self.cols}, at least "
                f"{1 << _bits(tile)}, got {self.weight_bytes}"
            )
        self._check_gather()

    def _check_gather(self) -> None:
        if not self.gather:
            return
        if self.narrow_only:
            raise ValueError(
                f"weight_bits must be 8 with gather: a tensor's codes have 8 bits, got "
                f"{self.weight_bits}"
            )
        tile = self.rows * self.weight_row_bytes
        if tile % self.axi_bytes:
            raise ValueError(
                f"axi_bytes must divide a weight tile of {tile} bytes with gather, got "
                f"{self.axi_bytes}"
            )

    def _check_weights(self) -> None:
        if self.weight_bits not in WIDTHS:
            raise ValueError(
                f"weight_bits (--array-weight-bits) must be 8, 4 or 2, got {self.weight_bits!r}"
            )
        if not (self.full_width or self.narrow):
            raise ValueError(
                f"narrow must be True with weight_bits {self.weight_bits}: weights of 4 and 2 bits "
                "are packed"
            )

    def _check_window(self) -> None:
        _range("window_width", self.window_width, WINDOW, WIDE_WINDOW)
        if self.window_width not in (WINDOW, WIDE_WINDOW):
            raise ValueError(
                f"window_width must be {WINDOW} or {WIDE_WINDOW}, got {self.window_width}"
            )
        if self.window_width == WINDOW or self.depthwise:
            return
        if self.rows < WINDOW * WIDE_WINDOW:
            raise ValueError(
                f"rows must be at least {WINDOW * WIDE_WINDOW} with window_width {WIDE_WINDOW}, "
                f"got {self.rows}"
            )
        what = "packed" if self.packed else f"{self.lanes} lanes for {self.cols} cols"
        raise ValueError(
            f"window_width must be {WINDOW} with {what}, which has no windows for depthwise "
            f"layers, got {self.window_width}"
        )

    def _check_rows(self) -> None:
        _range("row_lanes", self.row_lanes, 0, self.axi_bytes)
        _power_of_two("row_elements", self.row_elements, max(4, 2 * self.row_lanes), 1 << 16)
        if self.row_lanes & (self.row_lanes - 1):
            raise ValueError(f"row_lanes must be 0 or a power of two, got {self.row_lanes}")

    @property
    def activation_banks(self) -> int:
        """Byte-wide banks of the activation scratchpad, for a vector or a bus beat per cycle."""
        return max(1 << _bits(self.vector_bytes), self.axi_bytes)

    @property
    def vector_bytes(self) -> int:
        """Bytes per read of the activation scratchpad: one per row, or one per column."""
        return max(self.rows, self.cols)

    @property
    def depthwise(self) -> bool:
        """Whether each column can process a channel of its own.

        This needs enough rows for a window, one requantizer per column, and unpacked columns.
        """
        needed = WINDOW * self.window_width
        return self.rows >= needed and self.lanes == self.cols and not self.packed

    @property
    def narrow_window(self) -> bool:
        """Whether depthwise windows have up to `WINDOW` x `WINDOW` cells."""
        return self.depthwise and self.window_width == WINDOW

    @property
    def wide_window(self) -> bool:
        """Whether depthwise windows have up to `WINDOW` x `WIDE_WINDOW` cells."""
        return self.depthwise and self.window_width == WIDE_WINDOW

    @property
    def output_banks(self) -> int:
        """Byte-wide banks of the output scratchpad."""
        return max(1 << _bits(self.cols), self.axi_bytes)

    @property
    def weight_row_bytes(self) -> int:
        """Bytes of one weight tile row in memory: columns, padded to a power of 2."""
        return 1 << _bits(self.cols)

    @property
    def tile_side(self) -> int:
        """Most rows, and most bytes of a row, of a tensor's part that fills a weight tile."""
        return max(1 << _bits(self.rows), self.weight_row_bytes)

    @property
    def weight_rows(self) -> int:
        """Rows of weight tiles that the weight scratchpad holds."""
        return self.weight_bytes // self.weight_row_bytes

    @property
    def columns_per_lane(self) -> int:
        """Columns per requantizer lane: cycles per vector of outputs."""
        return self.cols // self.lanes

    @property
    def partial_sum_bits(self) -> int:
        """Width of the array's sums: `rows` products of up to 2**(6 + `weight_bits`).

        The largest sum, of -128 times the least weight in every row, takes 7 + `weight_bits` bits
        and the bits of the number `rows`: as many as here if it is a power of two, else one fewer.
        """
        return 8 + self.weight_bits + _bits(self.rows)

    @property
    def weight_widths(self) -> tuple[int, ...]:
        """Widths of weights that it runs, of `maccord.spec.weight_widths.WIDTHS`."""
        return tuple(bits for bits in WIDTHS if bits <= self.weight_bits) if self.narrow else (8,)

    @property
    def mixes_widths(self) -> bool:
        """Whether there are several `weight_widths`, so that each tile comes with its own."""
        return len(self.weight_widths) > 1

    @property
    def full_width(self) -> bool:
        """Whether it runs weights of 8 bits."""
        return self.weight_bits == WIDTHS[0]

    @property
    def narrow_only(self) -> bool:
        """Whether it runs no weights of 8 bits."""
        return not self.full_width

    @property
    def half_width(self) -> bool:
        """Whether it runs weights of 4 bits."""
        return 4 in self.weight_widths

    @property
    def quarter_width(self) -> bool:
        """Whether it runs weights of 2 bits and no others."""
        return self.weight_widths == (2,)

    @property
    def widest_code(self) -> int:
        """Least value of SETUP's field `weight_width`: that of `weight_bits`."""
        return WIDTHS.index(self.weight_bits)

    @property
    def tile_rows(self) -> int:
        """Rows of the weight scratchpad that a tile with weights of `weight_bits` takes."""
        return packed_rows(self.rows, self.weight_bits)

    @property
    def row_entries(self) -> int:
        """Entries of the longest table of a function of rows: of terms, or of elements."""
        return max(256, self.row_elements)

    @property
    def burst_beats(self) -> int:
        """Longest AXI burst; bursts never cross a multiple of burst_beats * axi_bytes <= 4096."""
        return min(64, 4096 // self.axi_bytes)

    @property
    def name(self) -> str:
        """Short unique name of the configuration, for result folders."""
        parts = [f"r{self.rows}c{self.cols}"]
        default = Parameters(rows=self.rows, cols=self.cols)
        for key, tag in (
            ("lanes", "l"),
            ("axi_bytes", "b"),
            ("activation_bytes", "a"),
            ("weight_bytes", "w"),
            ("output_bytes", "o"),
            ("accumulators", "p"),
            ("line_cells", "n"),
            ("window_width", "x"),
            ("row_lanes", "rows"),
            ("row_elements", "e"),
        ):
            if getattr(self, key) != getattr(default, key):
                parts.append(f"{tag}{getattr(self, key)}")
        if self.family != default.family:
            parts.append(self.family)
        if self.packed:
            parts.append("packed")
        if self.product:
            parts.append("product")
        if self.lookup:
            parts.append("lookup")
        if self.narrow:
            parts.append("narrow" if self.full_width else f"weights{self.weight_bits}")
        if self.half_up:
            parts.append("half_up")
        if self.gather:
            parts.append("gather")
        return "-".join(parts)
