"""Block RAM: a family's own against the plain one, with models of the primitives."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from open_loop import run
from stream_bench import refusal

from maccord.hw.family.ecp5_ram import Geometry, geometry
from maccord.hw.family.ram import Ram
from maccord.sim.build import build_bench
from maccord.sim.primitives import with_models
from maccord.sim.process import cocotb_environment, run_program

pytestmark = pytest.mark.usefixtures("quick_builds")

BENCH = Path(__file__).with_name("ram_tb.sv")
# Every width of a block; words across several blocks, and behind each other
SHAPES = [(8, 16), (20, 1024), (8, 2048), (7, 4096), (12, 8192), (2, 16384), (8, 32768), (1, 65536)]
ALL = {f"{width} x {depth}" for width, depth in SHAPES}
# Mistakes of the model by what stands there and what is put in its place, and who must notice
MISTAKES = {
    ("else if (OCEB) held_b <= q_b", "else held_b <= q_b"): ALL,
    ("wire [35:0] shown_b = REGMODE_B", "wire [35:0] shown_b = REGMODE_A"): ALL,
    ("nine + {3'd0, address[2:1], 1'd0}", "nine + {3'd0, 2'd0, 1'd0}"): {"12 x 8192"},
}


class Pair(wiring.Component):
    """A plain memory and an ECP5's, with the same accesses to 32 of their words.

    Members
    -------
    random : whether is written and read, where, and what
    differs : what comes out, other than of a word that was written while it was read
    collides : such a word comes out
    """

    random: Signal
    differs: Signal
    collides: Signal

    def __init__(self, width: int, depth: int) -> None:
        self._shape = width, depth
        super().__init__({"random": In(64), "differs": Out(1), "collides": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width, depth = self._shape
        bits = (depth - 1).bit_length()

        def address(of: Value) -> Value:
            """Words at both ends of the memory and of its blocks."""
            return Cat(of[:2], of[2].replicate(bits - 3), of[3])

        read, write = self.random[0], self.random[1]
        read_address, write_address = address(self.random[2:6]), address(self.random[6:10])
        out = []
        for family in ("generic", "ecp5"):
            m.submodules[family] = ram = Ram(width=width, depth=depth, family=family, hold=True)
            m.d.comb += [
                ram.read_enable.eq(read),
                ram.read_address.eq(read_address),
                ram.write_enable.eq(write),
                ram.write_address.eq(write_address),
                ram.write_data.eq(self.random[10:]),
            ]
            out.append(ram.read_data)
        asked, collided = Signal(), Signal()
        m.d.sync += asked.eq(read)
        with m.If(read):
            m.d.sync += collided.eq(write & (read_address == write_address))
        with m.If(asked):
            m.d.sync += self.collides.eq(collided)
        m.d.comb += self.differs.eq((out[0] != out[1]) & ~self.collides)
        return m


@cache
def design() -> str:
    """Verilog of a pair for each shape, with models of the primitives."""
    pairs = [
        verilog.convert(Pair(*shape), name=f"pair{index}", emit_src=False)
        for index, shape in enumerate(SHAPES)
    ]
    return with_models("\n".join(pairs))


def differing(text: str, folder: Path, seed: int) -> dict[str, set[str]]:
    """Run random accesses: shapes that differ, and those with collisions."""
    environment = cocotb_environment(folder, "ram_bench") | {"MACCORD_SEED": str(seed)}
    run_program([str(build_bench(BENCH, text, 16).path)], folder, environment)
    found = json.loads((folder / "found.json").read_text())
    return {
        key: {f"{w} x {d}" for bit, (w, d) in enumerate(SHAPES) if found[key] >> bit & 1}
        for key in ("wrong", "collided")
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_the_family_s_own_equal_the_plain_ones(seed: int, tmp_path: Path) -> None:
    assert differing(design(), tmp_path, seed) == {"wrong": set(), "collided": ALL}


def test_mistakes_of_the_model_are_noticed(tmp_path: Path) -> None:
    text = design()
    for right, wrong in MISTAKES:
        assert text.count(right) == 1, right
        text = text.replace(right, wrong)
    assert differing(text, tmp_path, 1)["wrong"] == set().union(*MISTAKES.values())


@pytest.mark.parametrize("seed", [1, 2])
def test_a_word_comes_after_two_cycles_and_stays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cycles = 400
    table = {
        "write_enable": rng.random(cycles) < 0.5,
        "write_address": rng.integers(0, 16, cycles),
        "write_data": rng.integers(0, 256, cycles),
        "read_enable": rng.random(cycles) < 0.5,
        "read_address": rng.integers(0, 16, cycles),
    }
    # In the first cycles, all words are written
    table["write_enable"][:16], table["write_address"][:16] = True, np.arange(16)
    table["read_enable"][:16] = False
    same = table["read_address"] == table["write_address"]
    table["read_enable"] &= ~(same & table["write_enable"])
    outputs = run(Ram(width=8, depth=16, family="generic", hold=True), table, ["read_data"])[
        "read_data"
    ]
    store, shown, compared = np.zeros(16, int), 0, 0
    for cycle in range(cycles - Ram.LATENCY):
        if table["read_enable"][cycle]:
            shown, compared = store[table["read_address"][cycle]], compared + 1
        if compared:
            assert outputs[cycle + Ram.LATENCY] == shown
        if table["write_enable"][cycle]:
            store[table["write_address"][cycle]] = table["write_data"][cycle]
    assert compared > 50


@pytest.mark.parametrize(
    ("shape", "form"),
    [
        ((32, 1024), Geometry(18, 1024, 2, 1)),
        ((8, 8192), Geometry(2, 8192, 4, 1)),
        ((128, 4096), Geometry(4, 4096, 32, 1)),
        ((64, 256), Geometry(18, 1024, 4, 1)),
        ((8, 32768), Geometry(1, 16384, 8, 2)),
    ],
    ids=str,
)
def test_blocks_are_few(shape: tuple[int, int], form: Geometry) -> None:
    assert geometry(*shape) == form
    assert form.width * form.across >= shape[0] and form.words * form.behind >= shape[1]


def test_a_depth_is_a_power_of_two() -> None:
    assert refusal(lambda: Ram(width=8, depth=12, family="generic")) == (
        "depth must be a power of two of at least 2, got 12"
    )
