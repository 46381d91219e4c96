"""fp32 arithmetic in pipelines against NumPy's and the golden fused multiply-add."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from amaranth.hdl import Module, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from open_loop import run

import maccord.hw.row.float32 as hardware
from maccord.golden.row.fused_multiply_add import fused_multiply_add
from maccord.hw.row.pipeline import Pipeline

COUNT = 3000
OPERANDS = ("x", "y", "z")


class Block(wiring.Component):
    """A function of operands, in a pipeline of its own."""

    def __init__(
        self, function: Callable[..., Value], stages: int, shapes: dict[str, object], result: object
    ) -> None:
        self._function, self._stages, self._names = function, stages, tuple(shapes)
        ports = {name: In(shape) for name, shape in shapes.items()}
        super().__init__({"valid": In(1), "found": Out(result)} | ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pipeline = Pipeline(m, self.valid, self._stages, "generic")
        m.d.comb += self.found.eq(
            self._function(pipeline, *(getattr(self, name) for name in self._names))
        )
        pipeline.finish()
        return m


def simulate(
    function: Callable[..., Value],
    stages: int,
    operands: dict[str, np.ndarray],
    shapes: dict[str, object],
    result: object = 32,
) -> np.ndarray:
    """Send operands back to back; return what comes `stages` cycles later."""
    table = {"valid": np.ones(len(next(iter(operands.values()))), np.int64)} | operands
    block = Block(function, stages, shapes, result)
    return run(block, table, ["found"], extra_cycles=stages)["found"][stages:]


def bits(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).view(np.uint32).astype(np.int64)


def floats(words: np.ndarray) -> np.ndarray:
    return words.astype(np.uint32).view(np.float32)


def numbers(rng: np.random.Generator, count: int, low: int = -40, high: int = 20) -> np.ndarray:
    """Normal numbers of either sign, some of few bits, some powers of two, some 0."""
    significands = rng.integers(1 << 23, 1 << 24, count) & (-1 << rng.integers(0, 24, count))
    values = np.ldexp(significands.astype(np.float32), rng.integers(low - 23, high - 23, count))
    return (values * rng.choice([-1, 1, 1, -1, 0], count)).astype(np.float32)


def triples(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Operands: random; cancelling; an addend far away; near ties."""
    x, y, z = (numbers(rng, COUNT) for _ in range(3))
    part = np.array_split(np.arange(COUNT), 5)
    rounded = (x * y).astype(np.float32)
    z[part[1]] = -rounded[part[1]]
    z[part[2]] = np.nextafter(-rounded[part[2]], np.float32(0))
    z[part[3]] = (rounded * np.exp2(rng.integers(-30, 31, COUNT)).astype(np.float32))[part[3]]
    z[part[3]] *= rng.choice([-1, 1], len(part[3])).astype(np.float32)
    y[part[4]] = np.ldexp(rng.integers(1, 4, len(part[4])), rng.integers(-30, 8, len(part[4])))
    return x, y, z


@pytest.mark.parametrize("seed", range(2))
def test_fused_multiply_add(seed: int) -> None:
    operands = triples(np.random.default_rng(seed))
    table = {name: bits(values) for name, values in zip(OPERANDS, operands, strict=True)}
    found = simulate(
        hardware.fused_multiply_add, hardware.FUSED_STAGES, table, dict.fromkeys(table, 32)
    )
    np.testing.assert_array_equal(floats(found), fused_multiply_add(*operands))


def test_results_below_the_normal_range_are_zero() -> None:
    rng = np.random.default_rng(4)
    x, y = numbers(rng, COUNT, -80, -50), numbers(rng, COUNT, -80, -50)
    z = numbers(rng, COUNT, -126, -120)
    table = {name: bits(values) for name, values in zip(OPERANDS, (x, y, z), strict=True)}
    due = fused_multiply_add(x, y, z)
    due[np.abs(due) < np.finfo(np.float32).tiny] = 0
    found = simulate(
        hardware.fused_multiply_add, hardware.FUSED_STAGES, table, dict.fromkeys(table, 32)
    )
    np.testing.assert_array_equal(floats(found), due)


def test_product() -> None:
    rng = np.random.default_rng(5)
    x, y = numbers(rng, COUNT), numbers(rng, COUNT)
    table = {"x": bits(x), "y": bits(y)}
    found = simulate(hardware.product, hardware.PRODUCT_STAGES, table, dict.fromkeys(table, 32))
    np.testing.assert_array_equal(floats(found), x * y)


def test_difference_from_a_code() -> None:
    """Means of a row's codes, minus each zero point, from codes minus the zero point."""
    rng = np.random.default_rng(6)
    count = rng.integers(1, 4097, COUNT).astype(np.float32)
    mean = (rng.integers(0, 256 * count.astype(int)).astype(np.float32) / count).clip(0, 255)
    mean[: COUNT // 2] = rng.integers(0, 3, COUNT // 2) / count[: COUNT // 2]
    zero_point = rng.choice([0, 1, 128, 255], COUNT)
    steps = rng.integers(0, 256, COUNT) - zero_point
    offset = mean - zero_point.astype(np.float32)
    table = {"steps": steps, "offset": bits(offset)}
    found = simulate(
        hardware.code_difference,
        hardware.DIFFERENCE_STAGES,
        table,
        {"steps": signed(9), "offset": 32},
    )
    np.testing.assert_array_equal(floats(found), steps.astype(np.float32) - offset)


def test_scaled_code() -> None:
    rng = np.random.default_rng(7)
    x = numbers(rng, COUNT, -20, 8)
    multiplier = np.exp2(rng.uniform(-10, 10, COUNT)).astype(np.float32)
    multiplier[::2] = np.exp2(rng.integers(-3, 4, COUNT // 2))
    x[::4] = rng.integers(-4000, 4000, COUNT // 4) / 16
    zero_point = rng.integers(-128, 128, COUNT)
    zero_point[:] = zero_point[0]
    table = {"x": bits(x), "multiplier": bits(multiplier), "zero_point": zero_point}
    shapes = {"x": 32, "multiplier": 31, "zero_point": signed(8)}
    found = simulate(hardware.scaled_code, hardware.CODE_STAGES, table, shapes, signed(8))
    due = np.clip(np.rint(x * multiplier) + zero_point, -128, 127).astype(int)
    np.testing.assert_array_equal(found, due)


def from_one_integer(pipeline: Pipeline, value: Value) -> Value:
    return hardware.from_integers(pipeline, value)[0]


@pytest.mark.parametrize("width", [17, 24, 32])
def test_from_integer(width: int) -> None:
    rng = np.random.default_rng(width)
    value = rng.integers(0, 1 << width, COUNT) >> rng.integers(0, width, COUNT)
    value[:3] = 0, 1, (1 << width) - 1
    found = simulate(from_one_integer, hardware.INTEGER_STAGES, {"x": value}, {"x": width})
    np.testing.assert_array_equal(floats(found), value.astype(np.float32))
