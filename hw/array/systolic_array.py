"""The R x C weight-stationary systolic array, with skew registers at its edges."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import WINDOW, Parameters
from ..family.elements import element_of
from ..family.processing_element import ProcessingElement
from ..parts.delay import CHUNK_BITS, delay, delays
from .unpack import next_token, unpack

__all__ = ["SystolicArray"]

CHUNK = CHUNK_BITS // 8  # columns whose activations shift as one word
GROUP = 2 * CHUNK  # columns per mode register


class SystolicArray(wiring.Component):
    """Multiplies a stream of activation vectors by a matrix of weights.

    Column j's partial sum is `sum(activation[i] * weight[i][j])`. It leaves `latency + j` cycles
    after its activations, one vector per cycle. Nothing is broadcast: activations and `swap`
    travel to the right, weights down, `capture` both ways, each skewed here.

    A matrix of weights is presented in `rows` consecutive cycles, row 0 first and with `capture`.
    If row 0 is presented in cycle t, a swap at `t + swap_gap` or later activates the matrix, until
    the next swap. The next matrix may be presented from the cycle of that swap on.

    With `depthwise`, each column works on its own channel: rows 0 to `WINDOW` * `window_width` - 1
    see a window of cells instead of the vector, row `window_width` * k + u the cell of line k that
    is `window_width` - 1 - u cells before the newest. Rows below see the vector. A window's newest
    cell appears at `lines` two cycles after the window's control, its earlier cells in the cycles
    immediately before. The lines travel down and to the right in register columns of their own.

    With `narrow`, rows of weights may be packed: each byte holds the weights of n rows, see
    `unpack`. A matrix is then presented in ceil(`rows` / n) cycles, and a swap may follow as many
    cycles after its first row.

    No register has a reset: stale data precede new data and are never used.

    Parameters
    ----------
    parameters : Parameters
        Uses `rows`, `cols`, `partial_sum_bits`, `depthwise`, `window_width`, `weight_widths`, and
        `family`, `packed` and `weight_bits` for the elements that it is made of.

    Members
    -------
    activation : signed(8), one per row
        A vector, all rows in one cycle.
    swap : 1
        The vector is the first that uses the matrix captured last.
    weight : signed(8), one per column
        A row of weights.
    capture : 1
        The row is row 0 of a matrix.
    width : 2, if there are several `weight_widths`
        With `capture`, the code of the matrix's width, see `maccord.spec.weight_widths`.
    partial_sum : signed(partial_sum_bits), one per column
        Sums; column j lags column 0 by j cycles.
    column_weight : signed(8), one per column
        The weights as they enter the columns; column j lags column 0 by j cycles.
    depthwise : 1, if the parameters have it
        Selects windows instead of vectors. Constant while vectors are in flight, and from
        `mode_gap` cycles before a vector of windows on.
    lines : signed(8), `WINDOW` lines by one per column, if the parameters have `depthwise`
        One column of pixels; the last line is the lowest.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        cols = parameters.cols
        windows = {"depthwise": In(1), "lines": In(signed(8)).array(WINDOW, cols)}
        super().__init__(
            {
                "activation": In(signed(8)).array(parameters.rows),
                "swap": In(1),
                "weight": In(signed(8)).array(cols),
                "capture": In(1),
                "partial_sum": Out(signed(parameters.partial_sum_bits)).array(cols),
                "column_weight": Out(signed(8)).array(cols),
            }
            | (windows if parameters.depthwise else {})
            | ({"width": In(2)} if parameters.mixes_widths else {})
        )

    @property
    def latency(self) -> int:
        """Cycles from a vector to the sum of column 0."""
        make = self._element
        return self._parameters.rows + make.LATENCY + make.SUMS_LATENCY

    @property
    def swap_gap(self) -> int:
        """Minimum number of cycles from a matrix's first row to the swap that activates it.

        Of a matrix with weights of `weight_bits`; for narrower ones, as many as it has packed rows.
        """
        return self._parameters.tile_rows

    @property
    def mode_gap(self) -> int:
        """Minimum number of cycles from a change of `depthwise` to the next vector."""
        return self._parameters.window_width - 1 + self._groups

    @property
    def _element(self) -> type[ProcessingElement]:
        return element_of(self._parameters)

    @property
    def _groups(self) -> int:
        """Number of column groups that share a mode register."""
        return -(-self._parameters.cols // GROUP)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows, cols = self._parameters.rows, self._parameters.cols
        weights = [delays(m, f"weight_{j}", self.weight[j], j + rows) for j in range(cols)]
        columns = {j: self._column(m, j) for j in range(0, cols, self._element.COLUMNS)}
        # Aligned with the registered vector; the weights have the same delay.
        swap, capture = delay(m, "swap", self.swap, 1), delay(m, "capture", self.capture, 1)
        if self._parameters.mixes_widths:
            capture = delay(m, "token", Cat(self.capture, self._width), 1)
        windows = self._windows(m) if self._parameters.depthwise else []
        for i in range(rows):
            if i < len(windows):
                activations = self._window_row(m, i, *windows[i])
            else:
                activations = delays(m, f"activation_{i}", self.activation[i], i + cols)[i + 1 :]
            swaps = delays(m, f"swap_{i}", swap, cols)
            captures = delays(m, f"capture_{i}", capture, max(cols, 2))
            for j, column in columns.items():
                element = column[i]
                m.d.comb += [
                    element.a.eq(activations[j]),
                    element.swap.eq(swaps[j]),
                    element.capture.eq(captures[j][:1]),
                ]
                for k, w in enumerate(element.weights):
                    m.d.comb += w.eq(self._weight(weights[j + k][i + j + 1], captures[j], i))
            # The next row's vectors are one cycle later, its weights two.
            swap = swaps[1]
            capture = self._below(m, i, capture, captures)
        for j, column in columns.items():
            for k, total in enumerate(self._element.sums(m, f"sums_{j}", column), j):
                m.d.comb += self.partial_sum[k].eq(total)
        for j in range(cols):
            m.d.comb += self.column_weight[j].eq(weights[j][j])
        return m

    def _weight(self, moving: Value, token: Value, row: int) -> Value:
        """Return a row's weight from the byte that moves past it."""
        if not self._parameters.narrow:
            return moving
        return unpack(moving, token, row, self._parameters.weight_widths)

    @property
    def _width(self) -> Value:
        """Index of a matrix's width in `weight_widths`."""
        first = self._parameters.widest_code
        return self.width[first:] if first else self.width

    def _below(self, m: Module, row: int, token: Value, captures: list[Value]) -> Value:
        """Return the token of the row below, whose weights are two cycles later, or one."""
        if not self._parameters.narrow:
            return captures[2]
        return next_token(m, row, token, self._parameters.weight_widths)

    def _column(self, m: Module, j: int) -> list[ProcessingElement]:
        """Elements of one or more columns, chained from top to bottom."""
        rows, bits = self._parameters.rows, self._parameters.partial_sum_bits
        reach = self._element.reach(self._parameters.weight_bits) or rows
        column = [
            self._element(
                partial_sum_bits=bits,
                weight_bits=self._parameters.weight_bits,
                first=i % reach == 0,
                last=i % reach == reach - 1 or i == rows - 1,
            )
            for i in range(rows)
        ]
        for i, element in enumerate(column):
            m.submodules[f"element_{i}_{j}"] = element
            if i % reach:
                m.d.comb += element.p.eq(column[i - 1].p_out)
        return column

    def _windows(self, m: Module) -> list[tuple[list[Value], list[Value]]]:
        """For each window row: the mode by column group, and its line's cells by column.

        The rows of a line see the same cells, each row one cycle after the row above. So its cells
        are one cell older, and all rows share one row of registers per line and column.
        """
        width = self._parameters.window_width
        down = delays(m, "mode", self.depthwise, WINDOW * width)[1:]
        modes = [delays(m, f"mode_{i}", mode, self._groups - 1) for i, mode in enumerate(down)]
        older = width - WINDOW  # cycles by which the oldest cell comes before a vector
        cells: list[list[Value]] = []
        for k, line in enumerate(self.lines):
            cells.append([])
            for j, cell in enumerate(line):
                # Hold when idle: a simulator then has nothing to evaluate.
                with m.If(modes[k][j // GROUP]):
                    cells[k] += delays(m, f"line_{k}_{j}", cell, older + width * k + j)[-1:]
        return [(mode, cells[i // width]) for i, mode in enumerate(modes)]

    def _window_row(self, m: Module, i: int, modes: list[Value], cells: list[Value]) -> list[Value]:
        """Select a row's activations: from the element to the left, or a window's cells."""
        left = delays(m, f"activation_{i}", self.activation[i], i)[-1]
        activations: list[Value] = []
        for start in range(0, self._parameters.cols, CHUNK):
            part = cells[start : start + CHUNK]
            line = Signal(8 * len(part), name=f"activations_{i}_{start}", reset_less=True)
            with m.If(modes[start // GROUP]):
                m.d.sync += line.eq(Cat(part))
            with m.Else():
                m.d.sync += line.eq(Cat(left, line))
            activations += [line.word_select(j, 8).as_signed() for j in range(len(part))]
            left = activations[-1]
        return activations
