"""Starts the compute unit's commands: tokens, the active setup, output destinations."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import PARAMETER_ROWS, Mode, Opcode, Unit
from ...spec.parameters import Parameters
from ...spec.weight_widths import WIDTH_CODES, packed_rows
from ..layouts import compute_layout, fields_layout

__all__ = ["ComputeCommands", "outputs_layout"]

_WEIGHT = 1 << Unit.WEIGHT
_STORE = 1 << Unit.STORE
_ONE = {"window_height": 1, "window_width": 1, "stride_y": 1, "stride_x": 1}
_PAIR = {"window_height": 1, "window_width": 2, "stride_y": 1, "stride_x": 2}
_SHARED = ("step_x", "step_y", "zero_point", "low", "high")  # by all setups


def outputs_layout() -> data.StructLayout:
    """Destination of a tile's outputs, and the token mask to give once they are written."""
    return data.StructLayout(
        {"output": 24, "output_pitch": 24, "columns": 8, "width": 16, "height": 16, "signal": 4}
    )


def _one_run(rows: int) -> dict[str, int]:
    """Geometry of a vector of each operand."""
    return {"run": rows, "taps": 1, "lines": 1, "mode": Mode.ADD}


class ComputeCommands(wiring.Component):
    """Starts a command two cycles after its tokens arrive, one cycle after the last has started.

    Members
    -------
    i : commands; SETUP takes effect when nothing runs and nothing is in flight
    halt : starts no further command
    held, take : tokens, masks of units; tokens of the weight unit are taken earlier
    pending : passes of the last COMPUTE have not started
    running : passes remain or are in progress
    drained : no read is in flight
    begin : a COMPUTE is accepted from `i`
    setup : active geometry; SETUP_ADD sets its shared fields and windows of two cells, a dense
        SETUP windows of one cell
    setup_add : active addition
    setup_mul, multiplies : active product, and whether there is one, if the parameters have it; its
        shared fields and windows are those of an addition, its operand pitch is in `setup_add`
    weighted : the active mode has weights, two cycles after its SETUP
    outputs : destination of results, one for each tile with `last`
    illegal : a started COMPUTE continues no walk of the active mode
    beyond : a started COMPUTE has more passes than the weight scratchpad holds
    blocked : a COMPUTE may not start
    missing : units whose tokens it waits for
    """

    i: stream.Interface
    outputs: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._rows = parameters.rows
        self._weight_rows = parameters.weight_rows
        self._product = parameters.product
        self._widths = parameters.weight_widths
        products = {"setup_mul": Out(fields_layout(Opcode.SETUP_MUL)), "multiplies": Out(1)}
        layout = compute_layout(parameters)
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "halt": In(1),
                "held": In(len(Unit)),
                "take": Out(len(Unit)),
                "pending": In(1),
                "running": In(1),
                "drained": In(1),
                "begin": Out(1),
                "setup": Out(fields_layout(Opcode.SETUP)),
                "setup_add": Out(fields_layout(Opcode.SETUP_ADD, half_up=parameters.half_up)),
                "weighted": Out(1),
                "outputs": Out(stream.Signature(outputs_layout())),
                "illegal": Out(1),
                "beyond": Out(1),
                "blocked": Out(1),
                "missing": Out(len(Unit)),
            }
            | (products if parameters.product else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command, fields, mode = self.i.payload, self.i.payload.fields.compute, self.setup.mode
        shown, change, change_add = Signal(), Signal(), Signal()
        missing = Signal(len(Unit))
        there, placed = Signal(), Signal()  # its tokens are held; it has outputs
        wait = command.wait & ~_WEIGHT
        adds = command.add & ~command.mul if self._product else command.add
        changes = self.i.valid & command.setup & ~change & ~self.running & self.drained
        m.d.comb += [
            shown.eq(self.i.valid & ~command.setup & ~self.begin),
            missing.eq(wait & ~self.held),
            placed.eq(fields.last | ~self.weighted),
            self.take.eq(Mux(self.begin, wait, 0)),
            self.i.ready.eq(self.begin | change),
        ]
        m.d.sync += [
            self.weighted.eq((mode == Mode.DENSE) | (mode == Mode.DEPTHWISE)),
            there.eq(shown & (missing == 0) & ~self.halt),
            self.begin.eq(there & ~self.begin & ~self.pending & ~(placed & self.outputs.valid)),
            change.eq(changes),
            change_add.eq(changes & adds),
            self.missing.eq(Mux(shown & ~self.pending, missing, 0)),
            self.blocked.eq(shown & ~self.pending & ((missing != 0) | self.halt)),
        ]
        self._place(m, self.begin & placed)
        self._set_up(m, change, change_add)
        if self._product:
            self._set_up_product(m, change, changes & command.mul)
        self._judge(m, change)
        return m

    def _judge(self, m: Module, change: Signal) -> None:
        """Detect COMPUTEs that are illegal in the active mode; their fields alone cannot tell."""
        fields, begin = self.i.payload.fields.compute, self.begin
        configured, walking = Signal(), Signal()  # by a SETUP, by a COMPUTE with `first` since
        columns = Signal(8, reset_less=True)  # of that one
        # While a command is valid, at least two cycles before it starts
        same, one, many, many_first = (Signal(reset_less=True) for _ in range(4))
        room, room_first = self._rooms(m, change)
        m.d.sync += [
            same.eq(columns == fields.columns),
            one.eq((fields.passes == 1) & fields.first & fields.last),
            many.eq(fields.passes > room),
            many_first.eq(fields.passes > room_first),
        ]
        walks = Mux(fields.first, 1, walking & same)
        m.d.sync += [
            self.illegal.eq(begin & (~configured | ~Mux(self.weighted, walks, one))),
            self.beyond.eq(begin & self.weighted & Mux(fields.first, many_first, many)),
            configured.eq(configured | change),
            walking.eq((walking | (begin & fields.first)) & ~change),
        ]
        with m.If(begin & fields.first):
            m.d.sync += columns.eq(fields.columns)

    def _rooms(self, m: Module, change: Signal) -> list[int] | list[Signal]:
        """Most passes whose weights the scratchpad holds, and with rows of parameters before them.

        With packed weights, they follow the SETUP by two cycles: a COMPUTE starts after three.
        """
        free = (self._weight_rows, self._weight_rows - PARAMETER_ROWS)
        if len(self._widths) == 1:
            return [rows // packed_rows(self._rows, self._widths[0]) for rows in free]
        width = Signal(2, reset_less=True)
        with m.If(change):
            m.d.sync += width.eq(self.i.payload.fields.setup.weight_width)
        rooms = [Signal(range(self._weight_rows + 1), name=f"room_{rows}", reset_less=True)
                 for rows in free]  # fmt: skip
        for room, rows in zip(rooms, free, strict=True):
            with m.Switch(width):
                for bits in self._widths:
                    with m.Case(WIDTH_CODES[bits]):
                        m.d.sync += room.eq(rows // packed_rows(self._rows, bits))
        return rooms

    def _place(self, m: Module, begin: Value) -> None:
        """Hold the destination of outputs until it is accepted."""
        outputs, fields = self.outputs, self.i.payload.fields.compute
        m.d.sync += outputs.valid.eq(begin | (outputs.valid & ~outputs.ready))
        with m.If(~outputs.valid):
            m.d.sync += outputs.payload.signal.eq(self.i.payload.signal & _STORE)
            for name in ("output", "output_pitch", "columns", "width", "height"):
                m.d.sync += outputs.payload[name].eq(fields[name])

    def _set_up(self, m: Module, change: Signal, change_add: Signal) -> None:
        """Activate SETUP or SETUP_ADD; the latter sets both flags."""
        setup, fields = self.setup, self.i.payload.fields
        with m.If(change):
            m.d.sync += self.setup_add.operand_pitch.eq(0)
            with m.If(change_add):
                m.d.sync += [setup[name].eq(fields.setup_add[name]) for name in _SHARED]
                m.d.sync += [
                    setup[name].eq(value) for name, value in (_one_run(self._rows) | _PAIR).items()
                ]
            with m.Else():
                m.d.sync += setup.eq(fields.setup.as_value())
                with m.If(fields.setup.mode == Mode.DENSE):
                    m.d.sync += [setup[name].eq(value) for name, value in _ONE.items()]
        with m.If(change_add):
            m.d.sync += self.setup_add.eq(fields.setup_add.as_value())

    def _set_up_product(self, m: Module, change: Signal, changes_mul: Value) -> None:
        """Activate SETUP_MUL, in place of what `_set_up` does; any other setup ends the product."""
        setup, fields = self.setup, self.i.payload.fields.setup_mul
        change_mul = Signal()
        m.d.sync += change_mul.eq(changes_mul)
        with m.If(change):
            m.d.sync += [self.multiplies.eq(change_mul), self.setup_mul.broadcast.eq(0)]
        with m.If(change_mul):
            m.d.sync += self.setup_mul.eq(fields.as_value())
            m.d.sync += [setup[name].eq(fields[name]) for name in _SHARED]
            m.d.sync += [
                setup[name].eq(value) for name, value in (_one_run(self._rows) | _PAIR).items()
            ]
            m.d.sync += self.setup_add.operand_pitch.eq(fields.operand_pitch)
            with m.If(fields.broadcast):
                m.d.sync += setup.stride_x.eq(1)
