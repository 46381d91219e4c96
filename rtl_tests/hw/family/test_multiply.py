"""Blocks with a family's own multipliers against those with plain ones, cycle by cycle."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from open_loop import run
from stream_bench import refusal

from maccord.hw.array.add import Adder
from maccord.hw.array.requantize import Requantizer
from maccord.hw.family.multiply import LATENCY, multiply
from maccord.hw.parts.delay import delays
from maccord.sim.build import build_bench
from maccord.sim.primitives import with_models
from maccord.sim.process import cocotb_environment, run_program
from maccord.spec.parameters import Parameters

pytestmark = pytest.mark.usefixtures("quick_builds")

BENCH = Path(__file__).with_name("multiply_tb.sv")
SHAPES = {
    "17 x 17": (unsigned(17), unsigned(17)),
    "8 x 7": (unsigned(8), unsigned(7)),
    "signed 9 x 17": (signed(9), unsigned(17)),
    "signed 9 x 6": (signed(9), unsigned(6)),
    "18 x signed 18": (unsigned(18), signed(18)),
    "signed 18 x signed 18": (signed(18), signed(18)),
}
NAMES = [*SHAPES, "requantizer", "adder"]
# Mistakes by what the Verilog has and what is put in its place, and who must notice. The product
# of 9 x 6 bits has none that a sign extended to 18 would be missing from.
MISTAKES = {
    (".SIGNED{}(1'h1)", ".SIGNED{}(1'h0)"): {
        *("signed 9 x 17", "18 x signed 18", "signed 18 x signed 18", "adder"),
    },
    ('.REG_INPUT{}_CLK("CLK0")', '.REG_INPUT{}_CLK("NONE")'): set(NAMES),
}


class Product(wiring.Component):
    """A product of its inputs, in the cycle after `LATENCY` where they are valid."""

    def __init__(self, a: Shape, b: Shape, family: str) -> None:
        self._family = family
        shape = (Signal(a) * Signal(b)).shape()
        super().__init__(
            {"valid": In(1), "a": In(a), "b": In(b), "valid_out": Out(1), "y": Out(shape)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        valid = delays(m, "valid", self.valid, LATENCY, reset_less=False)
        m.d.comb += [
            self.y.eq(multiply(m, "product", self.a, self.b, valid[0], valid[1], self._family)),
            self.valid_out.eq(valid[LATENCY]),
        ]
        return m


class Pairs(wiring.Component):
    """Each block twice, with the same inputs.

    Members
    -------
    random : what they get
    wrong, given : one bit for each of `NAMES`
        Outputs have differed while valid; outputs were valid.
    """

    random: Signal
    wrong: Signal
    given: Signal

    def __init__(self) -> None:
        super().__init__({"random": In(128), "wrong": Out(8), "given": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        valid, second = self.random[0], Signal()
        with m.If(valid):
            m.d.sync += second.eq(~second)
        bits, one = self.random[8:], Const(1, 24)
        for name, shapes in SHAPES.items():
            sides = [Product(*shapes, family) for family in ("generic", "ecp5")]
            self._compare(m, name, sides, {"valid": valid, "a": bits, "b": bits[20:]})
        inputs = {
            "valid": valid,
            "acc": bits[:32].as_signed() >> self.random[1:6],
            "multiplier": Cat(bits[32:55], bits[55:60], Const(0b011, 3)),  # 2**-31 to 2
            "zero_point": Const(5),
            "low": Const(-128, 8),
            "high": Const(127, 8),
        }
        sides = [Requantizer(family=family) for family in ("generic", "ecp5")]
        self._compare(m, "requantizer", sides, inputs)
        inputs |= {"second": second, "data": bits, "shift": Const(20)}
        inputs |= {"factor_a": (one << 21) | 0x2CAFE, "factor_b": (one << 22) - 1}
        inputs |= {"zero_point_a": Const(-128, 8), "zero_point_b": Const(100)}
        adders = [Adder(Parameters(cols=2, family=family)) for family in ("generic", "ecp5")]
        self._compare(m, "adder", adders, inputs)
        return m

    def _compare(
        self, m: Module, name: str, sides: list[wiring.Component], inputs: dict[str, Value]
    ) -> None:
        codes = []
        for side, family in zip(sides, ("generic", "ecp5"), strict=True):
            m.submodules[f"{name} {family}".replace(" ", "_")] = side
            names = set(side.signature.members) & set(inputs)
            m.d.comb += [getattr(side, key).eq(inputs[key]) for key in sorted(names)]
            codes.append(Cat(side.valid_out, side.y))  # pyright: ignore[reportAttributeAccessIssue]
        bit, valid = NAMES.index(name), codes[0][0]
        with m.If((valid | codes[1][0]) & (codes[0] != codes[1])):
            m.d.sync += self.wrong[bit].eq(1)
        with m.If(valid):
            m.d.sync += self.given[bit].eq(1)


@cache
def design() -> str:
    """Verilog of the pairs, with models of the primitives."""
    return with_models(verilog.convert(Pairs(), name="pairs", emit_src=False))


def found(text: str, folder: Path, seed: int) -> dict[str, set[str]]:
    """Run random inputs: names of blocks that have differed, and that were compared."""
    environment = cocotb_environment(folder, "multiply_bench") | {"MACCORD_SEED": str(seed)}
    run_program([str(build_bench(BENCH, text, 16).path)], folder, environment)
    bits = json.loads((folder / "found.json").read_text())
    return {
        key: {name for index, name in enumerate(NAMES) if value >> index & 1}
        for key, value in bits.items()
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_the_family_s_own_equal_the_plain_ones(seed: int, tmp_path: Path) -> None:
    assert found(design(), tmp_path, seed) == {"wrong": set(), "given": set(NAMES)}


@pytest.mark.parametrize("mistake", MISTAKES, ids=["signs", "registers"])
def test_mistakes_are_noticed(mistake: tuple[str, str], tmp_path: Path) -> None:
    text = design()
    for operand in "AB":
        right, wrong = (each.format(operand) for each in mistake)
        assert right in text
        text = text.replace(right, wrong)
    assert found(text, tmp_path, 1)["wrong"] == MISTAKES[mistake]


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_plain_products(shapes: tuple[Shape, Shape]) -> None:
    """The product comes after two cycles; of numbers at the ends of their ranges, too."""
    rng = np.random.default_rng(0)
    table = {"valid": rng.integers(0, 2, 400)}
    for name, shape in zip("ab", shapes, strict=True):
        low = -(1 << shape.width - 1) if shape.signed else 0
        high = low + (1 << shape.width) - 1
        table[name] = np.where(
            rng.random(400) < 0.3, rng.choice([low, high], 400), rng.integers(low, high + 1, 400)
        )
    outputs = run(Product(*shapes, "generic"), table, ["valid_out", "y"], extra_cycles=LATENCY)
    at = np.flatnonzero(table["valid"])
    np.testing.assert_array_equal(np.flatnonzero(outputs["valid_out"]), at + LATENCY)
    np.testing.assert_array_equal(outputs["y"][at + LATENCY], (table["a"] * table["b"])[at])


def test_an_operand_fits_a_block() -> None:
    one = Const(1)
    text = refusal(lambda: multiply(Module(), "p", Signal(19), Signal(4), one, one, "ecp5"))
    assert text == "operand must have 18 bits or fewer, got 19"
