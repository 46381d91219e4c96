"""Dispatch: each legal instruction to its unit in order, each kind of illegal one refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from stream_bench import RHYTHMS, Bench, decode
from unit_bench import command, instruction

from maccord.golden.control.dispatch import dispatch
from maccord.hw.control.dispatch import Dispatch
from maccord.hw.layouts import ROW_KINDS, fields_layout, header_layout
from maccord.spec.isa import (
    FIELDS,
    HEADER_BITS,
    RECORD_BYTES,
    UNIT_OF,
    Instruction,
    Mode,
    Opcode,
    Unit,
    encode,
)
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode

PARAMETERS = Parameters(
    rows=4, cols=12, axi_bytes=16, product=True, lookup=True, narrow=True, row_lanes=4
)
WALK = {"run": 1, "taps": 1, "lines": 1}
LEGAL = {
    Opcode.LOAD: {"rows": 1, "row_bytes": 1},
    Opcode.FILL: {"rows": 1, "row_bytes": 1},
    Opcode.WEIGHT: {"rows": 1, "row_bytes": 16},
    Opcode.SETUP: WALK,
    Opcode.COMPUTE: {"passes": 1, "columns": 12, "width": 1, "height": 1},
    Opcode.STORE: {"rows": 1, "row_bytes": 1},
    Opcode.SETUP_ADD: {"shift": 14},
    Opcode.RECORD: {"rows": 1, "row_bytes": RECORD_BYTES},
    Opcode.SETUP_MUL: {},
    Opcode.TABLE: {},
    Opcode.SETUP_ROW: {"function": 1},
    Opcode.ROW_TABLE: {"entries": 1},
    Opcode.ROWS: {"rows": 1, "elements": 1},
}
WINDOW = {"mode": Mode.MAX, "window_height": 1, "window_width": 3, "stride_y": 1, "stride_x": 15}
ILLEGAL = [
    *((opcode, {name: 0}) for opcode, fields in LEGAL.items() for name in fields),
    (Opcode.COMPUTE, {"columns": 13}),
    (Opcode.COMPUTE, {"columns": 255}),
    (Opcode.WEIGHT, {"rows": 2}),
    *((Opcode.WEIGHT, {name: 8}) for name in ("memory", "buffer", "row_bytes")),
    *((Opcode.WEIGHT, {name: 33}) for name in ("memory", "buffer", "row_bytes")),
    (Opcode.SETUP, {"mode": Mode.MAX}),
    (Opcode.SETUP, {"weight_width": 3}),
    *((Opcode.SETUP, WINDOW | {name: 0}) for name in WINDOW if name != "mode"),
    *((Opcode.SETUP, WINDOW | {"mode": mode}) for mode in (Mode.DEPTHWISE, Mode.ADD)),
    *((Opcode.SETUP_ADD, {"shift": shift}) for shift in (1, 13)),
    *((Opcode.SETUP_ADD, {"operand_pitch": pitch}) for pitch in (1, 8, 24, (1 << 24) - 1)),
    *((Opcode.SETUP_MUL, {"operand_pitch": pitch}) for pitch in (1, 8, 24, (1 << 24) - 1)),
    (Opcode.RECORD, {"rows": 2}),
    *((Opcode.RECORD, {"row_bytes": size}) for size in (1, 127, 129, 256)),
    *((Opcode.RECORD, {"buffer": buffer}) for buffer in (1, 16)),
    *((Opcode.RECORD, {"memory": memory}) for memory in (1, 8, 33)),
    *((Opcode.SETUP_ROW, {"function": function}) for function in (3, 8, 15)),
    *((Opcode.ROW_TABLE, {"entries": entries}) for entries in (1025, 1 << 16)),
    *((Opcode.ROWS, {"elements": elements}) for elements in (1025, 1 << 23)),
]
LIMITS = {  # first address beyond each scratchpad
    Opcode.WEIGHT: {"buffer": PARAMETERS.weight_bytes},
    Opcode.COMPUTE: {
        "activation": PARAMETERS.activation_bytes,
        "weight": PARAMETERS.weight_rows,
        "accumulator": PARAMETERS.accumulators,
        "output": PARAMETERS.output_bytes,
    },
    Opcode.TABLE: {"activation": PARAMETERS.activation_bytes},
}
BEYOND = [
    (opcode, {name: value})
    for opcode, limits in LIMITS.items()
    for name, limit in limits.items()
    for value in (limit, 1 << FIELDS[opcode][name][0] - 1)
]


def fetched(data: bytes, fault: int = 0) -> dict[str, object]:
    word = int.from_bytes(data, "little")
    return {"instruction": decode(header_layout(), word), "fault": fault}


def random_legal(rng: np.random.Generator) -> Instruction:
    """A legal instruction with its other fields anywhere in their range."""
    opcode = Opcode(int(rng.choice(list(LEGAL))))
    fields = {}
    for name, (bits, signed) in FIELDS[opcode].items():
        low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
        between = rng.integers(
            low, high - 1, endpoint=True, dtype=np.int64 if signed else np.uint64
        )
        fields[name] = [low, high - 1, int(between)][int(rng.integers(3))]
    for name in LEGAL[opcode]:
        fields[name] = max(fields[name], 1)
    if opcode == Opcode.COMPUTE:
        fields["columns"] = int(rng.integers(1, PARAMETERS.cols + 1))
    if opcode == Opcode.WEIGHT:
        for name in ("memory", "buffer", "row_bytes"):
            fields[name] = max(fields[name] // 16, 1) * 16
        fields["rows"] = 1
    if opcode == Opcode.SETUP:
        fields |= WINDOW | {"mode": Mode(int(rng.choice([Mode.DENSE, Mode.MAX])))}
        fields["weight_width"] %= 3
    if opcode == Opcode.SETUP_ADD:
        fields["shift"] = int(rng.integers(14, 32))
    if "operand_pitch" in fields:
        fields["operand_pitch"] &= -PARAMETERS.activation_banks
    if opcode == Opcode.SETUP_ROW:
        fields["function"] = int(rng.integers(1, 3))
    for name in ("entries", "elements"):
        if name in fields:
            fields[name] = 1 + (fields[name] - 1) % PARAMETERS.row_elements
    if opcode == Opcode.RECORD:
        fields |= {"rows": 1, "row_bytes": RECORD_BYTES, "buffer": 0}
        fields["memory"] &= -PARAMETERS.axi_bytes
    for name, limit in LIMITS.get(opcode, {}).items():
        fields[name] %= limit
    wait, signal = (int(mask) for mask in rng.integers(16, size=2))
    return Instruction(opcode, fields, wait, signal)


def due(source: Instruction) -> dict[str, object]:
    """What the unit's queue must receive."""
    extra = {
        Unit.LOAD: {"fill": int(source.opcode == Opcode.FILL)},
        Unit.WEIGHT: {"fill": 0},
        Unit.COMPUTE: {},
        Unit.STORE: {
            "record": int(source.opcode == Opcode.RECORD),
            "row": ROW_KINDS.get(source.opcode, 0),
        },
    }[UNIT_OF[source.opcode]]
    if source.opcode in ROW_KINDS:  # their fields lie where STORE's begin
        body = int.from_bytes(encode(source), "little") >> HEADER_BITS
        fields = decode(fields_layout(Opcode.STORE), body)
        return {"wait": source.wait, "signal": source.signal} | extra | {"fields": fields}
    return command(source, product=True, **extra)


def random_word(rng: np.random.Generator, axi_bytes: int) -> bytes:
    """An instruction with each field 0, small, a multiple of the bus width, or anything."""
    opcode = Opcode(int(rng.choice(list(Opcode))))
    fields = {}
    for name, (bits, signed) in FIELDS[opcode].items():
        value = int(rng.choice([1, 7, 8, axi_bytes * int(rng.integers(9)), rng.integers(2**31)]))
        fields[name] = (value if rng.random() < 0.95 else 0) % (1 << bits - signed)
    return encode(Instruction(opcode, fields, int(rng.integers(16)), int(rng.integers(16))))


class Setup:
    """A dispatcher with its four queues."""

    def __init__(self, items: list[dict[str, object]], rate: str = "always") -> None:
        self.block = block = Dispatch(PARAMETERS)
        self.bench = bench = Bench(block, seed=1)
        self.source = bench.source(block.i, items, rate if rate != "patient" else "random")
        self.units = {
            unit: bench.sink(unit.name, getattr(block, unit.name.lower()), rate) for unit in Unit
        }
        names = ("ended", "illegal", "beyond", "fault", "handed")
        self.seen = {name: bench.watch(getattr(block, name)) for name in names}

    def flags(self) -> dict[str, int]:
        return {name: self.seen[name].value for name in ("ended", "illegal", "beyond", "fault")}


@pytest.mark.parametrize("rate", RHYTHMS)
def test_legal_instructions_reach_their_unit(rate: str) -> None:
    rng = np.random.default_rng(1)
    program = [random_legal(rng) for _ in range(150)]
    assert all(dispatch(encode(i), PARAMETERS) == i.opcode for i in program)
    items = [fetched(encode(i)) for i in [*program, Instruction(Opcode.END, {}), program[0]]]
    setup = Setup(items, rate)
    cycles = setup.bench.run(lambda: setup.seen["ended"].value == 1)
    for unit, sink in setup.units.items():
        own = [i for i in program if UNIT_OF[i.opcode] == unit]
        assert sink.items == [due(i) for i in own]
    assert setup.flags() == {"ended": 1, "illegal": 0, "beyond": 0, "fault": 0}
    assert setup.seen["handed"].value == len(program)
    if rate == "always":
        assert cycles == len(program) * Dispatch.PERIOD + Dispatch.LATENCY + 1


def test_end_is_the_end() -> None:
    """Nothing behind END is handed out, and what is illegal there does no harm."""
    rng = np.random.default_rng(2)
    first, *rest = (random_legal(rng) for _ in range(4))
    program = [first, Instruction(Opcode.END, {}), *rest]
    setup = Setup(
        [*(fetched(encode(i)) for i in program), fetched(bytes(32)), fetched(bytes(32), 1)]
    )
    setup.bench.run(lambda: setup.bench.cycle == 40)
    assert sum(len(sink.items) for sink in setup.units.values()) == 1
    assert setup.flags() == {"ended": 1, "illegal": 0, "beyond": 0, "fault": 0}


@pytest.mark.parametrize(("opcode", "change"), ILLEGAL, ids=str)
def test_illegal_fields(opcode: Opcode, change: dict[str, int]) -> None:
    """Each is refused; the same instruction without the change is handed out."""
    good = instruction(opcode, **LEGAL[opcode])
    bad = instruction(opcode, **LEGAL[opcode] | change)
    assert dispatch(encode(good), PARAMETERS) == opcode
    assert dispatch(encode(bad), PARAMETERS) == ErrorCode.ILLEGAL_INSTRUCTION
    setup = Setup([fetched(encode(i)) for i in (good, bad, good)])
    setup.bench.run(lambda: setup.bench.cycle == 20)
    assert sum(len(sink.items) for sink in setup.units.values()) == 1
    assert setup.flags() == {"ended": 0, "illegal": 1, "beyond": 0, "fault": 0}
    assert setup.seen["handed"].value == 1


@pytest.mark.parametrize(("opcode", "change"), BEYOND, ids=str)
def test_addresses_beyond_a_scratchpad(opcode: Opcode, change: dict[str, int]) -> None:
    """The last address is handed out, the one behind it and far ones are refused."""
    (name,) = change
    step = PARAMETERS.axi_bytes if opcode == Opcode.WEIGHT else 1
    last = {name: LIMITS[opcode][name] - step}
    good = instruction(opcode, **LEGAL[opcode] | last)
    bad = instruction(opcode, **LEGAL[opcode] | change)
    assert dispatch(encode(good), PARAMETERS) == opcode
    assert dispatch(encode(bad), PARAMETERS) == ErrorCode.SCRATCHPAD_RANGE
    setup = Setup([fetched(encode(i)) for i in (good, bad, good)])
    setup.bench.run(lambda: setup.bench.cycle == 20)
    assert sum(len(sink.items) for sink in setup.units.values()) == 1
    assert setup.flags() == {"ended": 0, "illegal": 0, "beyond": 1, "fault": 0}


@pytest.mark.parametrize(
    ("options", "depthwise"),
    [({"rows": 9}, True), ({"rows": 8}, False), ({"rows": 9, "lanes": 4}, False)],
    ids=str,
)
def test_depthwise_setup(options: dict[str, int], depthwise: bool) -> None:
    """The mode is refused where the array does not have it."""
    p = Parameters(cols=8, **options)
    setup = encode(instruction(Opcode.SETUP, **WINDOW | {"mode": Mode.DEPTHWISE}, **WALK))
    block = Dispatch(p)
    bench = Bench(block)
    bench.source(block.i, [fetched(setup)])
    illegal, sink = bench.watch(block.illegal), bench.sink("compute", block.compute)
    bench.run(lambda: bench.cycle == 12)
    assert (len(sink.items), illegal.value) == (int(depthwise), int(not depthwise))
    due = Opcode.SETUP if depthwise else ErrorCode.ILLEGAL_INSTRUCTION
    assert dispatch(setup, p) == due


@pytest.mark.parametrize("product", [False, True])
def test_setup_of_a_product(product: bool) -> None:
    """The instruction is refused where the hardware does not have it."""
    p = replace(PARAMETERS, product=product)
    setup = encode(instruction(Opcode.SETUP_MUL))
    block = Dispatch(p)
    bench = Bench(block)
    bench.source(block.i, [fetched(setup)])
    illegal, sink = bench.watch(block.illegal), bench.sink("compute", block.compute)
    bench.run(lambda: bench.cycle == 12)
    assert (len(sink.items), illegal.value) == (int(product), int(not product))
    due = Opcode.SETUP_MUL if product else ErrorCode.ILLEGAL_INSTRUCTION
    assert dispatch(setup, p) == due


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("width", range(4))
def test_setup_of_packed_weights(width: int, narrow: bool) -> None:
    """Width 3 is refused; hardware without packed weights ignores the field."""
    p = replace(PARAMETERS, narrow=narrow)
    setup = encode(instruction(Opcode.SETUP, weight_width=width, **WALK))
    block = Dispatch(p)
    bench = Bench(block)
    bench.source(block.i, [fetched(setup)])
    illegal, sink = bench.watch(block.illegal), bench.sink("compute", block.compute)
    bench.run(lambda: bench.cycle == 12)
    legal = width < 3 or not narrow
    assert (len(sink.items), illegal.value) == (int(legal), int(not legal))
    assert dispatch(setup, p) == (Opcode.SETUP if legal else ErrorCode.ILLEGAL_INSTRUCTION)


@pytest.mark.parametrize("opcode", sorted(set(range(16)) - set(Opcode)))
def test_illegal_opcodes(opcode: int) -> None:
    data = bytes([opcode]) + bytes([255] * 31)
    assert dispatch(data, PARAMETERS) == ErrorCode.ILLEGAL_INSTRUCTION
    setup = Setup([fetched(data)])
    setup.bench.run(lambda: setup.bench.cycle == 8)
    assert not any(sink.items for sink in setup.units.values())
    assert setup.flags() == {"ended": 0, "illegal": 1, "beyond": 0, "fault": 0}


@pytest.mark.parametrize("axi_bytes", [8, 16, 32, 64])
def test_random_instructions(axi_bytes: int) -> None:
    """Instructions of any bits are handed out or refused as the golden model says."""
    p = Parameters(
        rows=4, cols=7, axi_bytes=axi_bytes, lookup=axi_bytes > 16, row_lanes=4 * (axi_bytes < 32)
    )
    rng = np.random.default_rng(axi_bytes)
    words = [random_word(rng, axi_bytes) for _ in range(400)]
    legal = [dispatch(word, p) for word in words]
    assert 50 < sum(isinstance(found, ErrorCode) for found in legal) < 350
    block = Dispatch(p)
    # What one instruction leads to is forgotten before the next.
    reset = Signal()
    bench = Bench(ResetInserter(reset)(block))
    valid = {unit: bench.watch(getattr(block, unit.name.lower()).valid) for unit in Unit}
    period = Dispatch.LATENCY + 2
    bench.drive(block.i.valid, 1)

    def show() -> None:
        index, phase = divmod(bench.cycle + 1, period)
        bench.drive(block.i.payload, fetched(words[min(index, len(words) - 1)]))
        bench.drive(reset, int(phase == period - 1))

    show()
    bench.each_cycle(show)
    bench.run(lambda: bench.cycle == period * len(words) - 1)
    for unit, shown in valid.items():
        due = [isinstance(o, Opcode) and UNIT_OF.get(o) == unit for o in legal]
        assert list(map(bool, shown.values[Dispatch.LATENCY :: period])) == due


@pytest.mark.parametrize("rate", ["always", "random"])
def test_read_faults(rate: str) -> None:
    """An instruction that came with an error is not looked at."""
    good = instruction(Opcode.LOAD, **LEGAL[Opcode.LOAD])
    items = [fetched(encode(good)), fetched(encode(good), fault=1), fetched(encode(good))]
    setup = Setup(items, rate)
    setup.bench.run(lambda: setup.bench.cycle == 40)
    assert len(setup.units[Unit.LOAD].items) == 1
    assert setup.flags() == {"ended": 0, "illegal": 0, "beyond": 0, "fault": 1}


@pytest.mark.parametrize("halt", range(6, 11))
def test_halt(halt: int) -> None:
    """After the cycle of `halt` nothing new is shown to a queue."""
    good = fetched(encode(instruction(Opcode.STORE, **LEGAL[Opcode.STORE])))
    setup = Setup([good] * 20)
    setup.bench.each_cycle(lambda: setup.bench.drive(setup.block.halt, setup.bench.cycle >= halt))
    setup.bench.run(lambda: setup.bench.cycle == 60)
    # Driven from cycle halt + 1 on
    due = range(Dispatch.LATENCY, halt + 2, Dispatch.PERIOD)
    assert setup.units[Unit.STORE].cycles == list(due)
    assert setup.flags() == {"ended": 0, "illegal": 0, "beyond": 0, "fault": 0}
