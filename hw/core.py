"""The accelerator's units with their command queues and tokens, between control and memory."""

from __future__ import annotations

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.isa import Unit
from ..spec.parameters import ID_WIDTH, Parameters
from ..spec.registers import COUNTERS, RECORDED, ErrorCode, UnitState
from .compute import Compute
from .control.dispatch import Dispatch
from .control.fetch import Fetch
from .control.tokens import Tokens
from .memory.bursts import burst_layout
from .memory.loader import Loader
from .memory.read_arbiter import ReadArbiter
from .memory.storer import Storer, write_layout
from .memory.tile_gatherer import TileGatherer
from .parts.queue import Queue
from .parts.register_slice import RegisterSlice
from .row.row_unit import RowUnit

__all__ = ["Core"]

QUEUE_DEPTH = 8
DEADLOCK_CYCLES = 1024  # without progress; no pass waits nearly as long
SETTLE_CYCLES = 4  # idle cycles before finish: a command may start in the cycle of an error
_CAUSE = {name: 1 << index for index, name in enumerate(COUNTERS)}


class Core(wiring.Component):
    """Runs a program: fetch, dispatch, load, compute and store operate concurrently.

    The units are in the clock domains of `resets`; everything else is in `sync`.

    Members
    -------
    start : starts fetching, one cycle after the core's reset
    program : byte offset of the program
    abort : aborts the running program
    finish : one-cycle pulse, after `SETTLE_CYCLES` idle cycles
    error : `ErrorCode` of a program that stopped early
    read_* : AXI read channels, with offsets in place of addresses
    write_* : AXI write channels, with offsets in place of addresses
    cause : the counter that counts this cycle, one-hot, one cycle late
    work : multiplications
    counters : all counters, 64 bits each
    recorded : a RECORD requests the interrupt
    units : state of each unit
    instructions : number of instructions dispatched
    """

    write_request: stream.Interface
    write_data: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        width = 8 * parameters.axi_bytes
        super().__init__(
            {
                "start": In(1),
                "abort": In(1),
                "program": In(32),
                "finish": Out(1),
                "error": Out(ErrorCode),
                "read_address": Out(32),
                "read_id": Out(ID_WIDTH),
                "read_length": Out(8),
                "read_address_valid": Out(1),
                "read_address_ready": In(1),
                "read_data_id": In(ID_WIDTH),
                "read_data": In(width),
                "read_fault": In(1),
                "read_last": In(1),
                "read_data_valid": In(1),
                "read_data_ready": Out(1),
                "write_request": Out(stream.Signature(burst_layout())),
                "write_data": Out(stream.Signature(write_layout(parameters.axi_bytes))),
                "acknowledged": In(1),
                "write_fault": In(1),
                "cause": Out(len(COUNTERS)),
                "work": Out(range(parameters.rows * parameters.cols + 1)),
                "counters": In(64 * len(RECORDED)),
                "recorded": Out(1),
                "units": Out(4 * (len(Unit) + 1)),
                "instructions": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self._parameters
        m.submodules.fetch = self._fetch = fetch = Fetch(p)
        m.submodules.dispatch = self._dispatch = dispatch = Dispatch(p)
        self._load = Loader(p, size=p.activation_bytes)
        self._weight = TileGatherer(p) if p.gather else Loader(p, size=1 << 25, fills=False)
        self._store = Storer(p)
        self._compute = Compute(p)
        for part in ("load", "weight", "store", "compute"):
            m.submodules[part] = DomainRenamer(part)(getattr(self, f"_{part}"))
        self._rows: RowUnit | None = None
        if p.row_lanes:
            self._rows = RowUnit(p)
            m.submodules.rows = DomainRenamer("store")(self._rows)
        self._halt, self._running = Signal(), Signal()
        wiring.connect(m, fetch.o, dispatch.i)
        m.d.comb += [
            fetch.start.eq(self.start),
            fetch.program.eq(self.program),
            fetch.stop.eq(dispatch.ended | self._halt),
            dispatch.halt.eq(self._halt),
            self.instructions.eq(dispatch.handed),
        ]
        empty = self._queues(m)
        self._tokens(m)
        self._reads(m)
        self._moves(m)
        if self._rows is not None:
            self._share(m, self._rows)
        self._finish(m, empty)
        self._count(m)
        return m

    def _queues(self, m: Module) -> Value:
        """Add a command queue before each unit; return whether all are empty."""
        blocks = {
            "load": self._load,
            "weight": self._weight,
            "compute": self._compute,
            "store": self._rows or self._store,
        }
        held = []
        for name, block in blocks.items():
            queue = Queue(block.i.payload.shape(), depth=QUEUE_DEPTH, relaxed=True)
            m.submodules[f"{name}_queue"] = queue
            wiring.connect(m, getattr(self._dispatch, name), queue.i)
            wiring.connect(m, queue.o, block.i)
            m.d.comb += block.halt.eq(self._halt)
            held.append(queue.used)
        return ~Cat(held).any()

    def _tokens(self, m: Module) -> None:
        m.submodules.tokens = self._token_counters = tokens = Tokens()
        blocks = {
            Unit.LOAD: self._load,
            Unit.WEIGHT: self._weight,
            Unit.COMPUTE: self._compute,
            Unit.STORE: self._store,
        }
        for unit, block in blocks.items():
            name = unit.name.lower()
            m.d.comb += [
                getattr(tokens, f"give_{name}").eq(block.give),
                getattr(tokens, f"take_{name}").eq(block.take),
                block.held.eq(getattr(tokens, f"held_{name}")),
            ]

    def _reads(self, m: Module) -> None:
        """Arbitrate reads: fetch first, then activations, then weights, prefetched furthest."""
        readers = (self._fetch, self._load, self._weight)
        m.submodules.arbiter = self._arbiter = arbiter = ReadArbiter(
            self._parameters, units=len(readers)
        )
        for index, reader in enumerate(readers):
            wiring.connect(m, reader.read_request, getattr(arbiter, f"request{index}"))
        wiring.connect(m, arbiter.data0, self._fetch.read_data)  # always ready
        for name, beats, reader in (
            ("load", arbiter.data1, self._load),
            ("weight", arbiter.data2, self._weight),
        ):
            m.submodules[f"{name}_beats"] = near = RegisterSlice(beats.payload.shape())
            wiring.connect(m, beats, near.i)
            wiring.connect(m, near.o, reader.read_data)
        m.d.comb += [
            self._fetch.read_fault.eq(self.read_fault),
            self.read_address.eq(arbiter.address),
            self.read_id.eq(arbiter.id),
            self.read_length.eq(arbiter.length),
            self.read_address_valid.eq(arbiter.address_valid),
            arbiter.address_ready.eq(self.read_address_ready),
            arbiter.beat_id.eq(self.read_data_id),
            arbiter.beat.eq(self.read_data),
            arbiter.beat_last.eq(self.read_last),
            arbiter.beat_valid.eq(self.read_data_valid),
            arbiter.halt.eq(self._halt),
            self.read_data_ready.eq(arbiter.beat_ready),
        ]

    def _moves(self, m: Module) -> None:
        """Connect the transfer units to the scratchpads and to memory."""
        load, weight, compute, store = self._load, self._weight, self._compute, self._store
        wiring.connect(m, store.write_request, wiring.flipped(self.write_request))
        wiring.connect(m, store.write_data, wiring.flipped(self.write_data))
        m.d.comb += [
            compute.activation_enable.eq(load.write_enable),
            compute.activation_address.eq(load.write_address),
            compute.activation_data.eq(load.write_data),
            compute.weight_enable.eq(weight.write_enable[0]),  # whole beats only
            compute.weight_address.eq(weight.write_address),
            compute.weight_data.eq(weight.write_data),
            compute.output_enable.eq(store.read_enable),
            compute.output_address.eq(store.read_address),
            store.read_data.eq(compute.output_data),
            store.acknowledged.eq(self.acknowledged),
            store.counters.eq(self.counters),
            self.recorded.eq(store.recorded),
        ]

    def _share(self, m: Module, rows: RowUnit) -> None:
        """Connect the row unit, which shares the store unit's tokens and scratchpad ports."""
        compute, store, tokens = self._compute, self._store, self._token_counters
        wiring.connect(m, rows.o, store.i)
        m.d.comb += [
            store.halt.eq(self._halt),
            rows.held.eq(tokens.held_store),
            tokens.take_store.eq(store.take | rows.take),
            compute.output_enable.eq(store.read_enable | rows.read_enable),
            compute.output_address.eq(Mux(rows.read_enable, rows.read_address, store.read_address)),
            rows.read_data.eq(compute.output_data),
            rows.write_taken.eq(compute.writes),
            compute.row_enable.eq(rows.write_enable),
            compute.row_address.eq(rows.write_address),
            compute.row_data.eq(rows.write_data),
        ]

    def _finish(self, m: Module, empty: Value) -> None:
        """Finish when all units are idle or, after an error, when no burst is outstanding.

        An error is reported within `SETTLE_CYCLES` + 13 cycles of the last response to an
        outstanding burst, whatever the state of the units.
        """
        dispatch, fetch, compute = self._dispatch, self._fetch, self._compute
        transfers = (self._load, self._weight, self._store)
        moving, bus, idle, running = Signal(), Signal(), Signal(), self._running
        quiet = Signal(range(DEADLOCK_CYCLES + 1))
        settled = Signal(range(SETTLE_CYCLES + 1))
        progress, calm, owed, halted = Signal(), Signal(), Signal(), Signal()
        units = [t.state == s for t in transfers for s in (UnitState.RUNNING, UnitState.BUS)]
        if self._rows is not None:
            units.append(self._rows.state == UnitState.RUNNING)
        m.d.comb += [
            bus.eq(self.read_address_valid | self.write_request.valid | fetch.awaiting),
            idle.eq(
                empty
                & compute.drained
                & ~compute.running
                & (compute.weight_state == UnitState.IDLE)
            ),
        ]
        m.d.sync += [
            moving.eq(Cat(units).any()),
            running.eq((running | self.start) & ~self.finish),
            # Commands stalled in the compute unit are excluded: their tokens may never come
            progress.eq(moving | bus | compute.issuing | compute.flowing),
            owed.eq(self._arbiter.owed | self._store.owed),
            quiet.eq(Mux(progress | ~running, 0, quiet + 1)),
            # STORE may request a burst in the cycle after `halt`, and shows it three later
            halted.eq(self._halt),
            calm.eq(
                Mux(
                    self._halt,
                    halted & ~owed,
                    ~fetch.busy & ~moving & ~bus & dispatch.ended & idle,
                )
            ),
            settled.eq(Mux(calm & running, settled + 1, 0)),
            self.finish.eq(running & ~self.finish & (settled == SETTLE_CYCLES)),
        ]
        self._note(m, running, quiet == DEADLOCK_CYCLES)

    def _note(self, m: Module, running: Signal, deadlock: Value) -> None:
        """Latch the first error, and halt commands that have not started."""
        dispatch = self._dispatch
        transfers = [self._load, self._weight, self._store, *([self._rows] if self._rows else [])]
        reader_fault = self.read_fault & self.read_data_valid & (self.read_data_id != 0)
        for name, condition, code in (
            ("aborted", self.abort, ErrorCode.ABORTED),
            ("deadlock", deadlock, ErrorCode.DEADLOCK),
            (
                "beyond",
                Cat(t.range_error for t in transfers).any()
                | dispatch.beyond
                | self._compute.beyond,
                ErrorCode.SCRATCHPAD_RANGE,
            ),
            ("write_fault", self.acknowledged & self.write_fault, ErrorCode.WRITE_ERROR),
            ("read_fault", reader_fault | dispatch.fault, ErrorCode.READ_ERROR),
            ("illegal", dispatch.illegal | self._compute.illegal, ErrorCode.ILLEGAL_INSTRUCTION),
        ):
            seen = Signal(name=name)
            m.d.sync += seen.eq(condition)
            with m.If(seen & ~self._halt & running):
                m.d.sync += [self.error.eq(code), self._halt.eq(1)]

    def _count(self, m: Module) -> None:
        """Attribute each cycle to one cause, and report each unit's state."""
        compute, storing = self._compute, self._store.state
        if self._rows is not None:
            storing = Mux(self._rows.state == UnitState.IDLE, storing, self._rows.state)
        cause = Signal(len(COUNTERS), init=_CAUSE["control"])
        m.d.comb += self.cause.eq(cause)
        # Work of an aborted program still in flight must not count for the next one
        m.d.sync += self.work.eq(Mux(self._running, compute.work, 0))
        with m.If(compute.issuing):
            m.d.sync += cause.eq(_CAUSE["compute"])
        with m.Elif(compute.running & compute.throttled):
            m.d.sync += cause.eq(_CAUSE["requantizer"])
        with m.Elif(compute.running):
            m.d.sync += cause.eq(_CAUSE["array"])
        with m.Elif(compute.missing[Unit.LOAD]):
            m.d.sync += cause.eq(_CAUSE["loads"])
        with m.Elif(compute.missing[Unit.STORE]):
            m.d.sync += cause.eq(_CAUSE["stores"])
        with m.Elif(compute.weight_state == UnitState.WAITING):
            m.d.sync += cause.eq(_CAUSE["weights"])
        with m.Elif(self._dispatch.ended & (storing != UnitState.IDLE) & compute.drained):
            m.d.sync += cause.eq(_CAUSE["stores"])
        with m.Else():
            m.d.sync += cause.eq(_CAUSE["control"])
        fetching = Mux(self._fetch.awaiting, UnitState.BUS, UnitState.IDLE)
        weight = Mux(self._weight.state == UnitState.IDLE, compute.weight_state, self._weight.state)
        for index, state in enumerate((self._load.state, weight, compute.state, storing, fetching)):
            m.d.comb += self.units.word_select(index, 4).eq(state)
