"""Plans of every operation, run on the instruction-level machine, equal the golden kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from schedule_layers import random_conv2d, random_layer

from maccord.compiler.builder import Builder, View
from maccord.compiler.global_pool import GlobalPoolPlan, global_pool_plan
from maccord.compiler.layer import align, view
from maccord.compiler.max_pools import PoolChain
from maccord.compiler.ordering import link
from maccord.compiler.plan import Plan, plan
from maccord.compiler.window import WindowPlan
from maccord.golden.graph import Add, AvgPool2d, Clamp, Flatten, MaxPool2d, Operation
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.network import compute
from maccord.spec.isa import Instruction, Opcode, encode_program
from maccord.spec.parameters import Parameters
from maccord.verify.regress.operations import OPERATIONS, random_operation, random_quantization

CONFIGURATIONS = [
    Parameters(),
    Parameters(
        *(9, 4, 0, 8),
        activation_bytes=1 << 13,
        weight_bytes=1 << 11,
        output_bytes=1 << 10,
        accumulators=64,
    ),
    Parameters(4, 4, axi_bytes=64, activation_bytes=1 << 14, accumulators=32),  # no depthwise mode
    Parameters(12, 20, axi_bytes=32, activation_bytes=1 << 12, weight_bytes=1 << 14, line_cells=16),
    Parameters(8, 32, lanes=8, accumulators=128, weight_bytes=1 << 11, line_cells=16),
    Parameters(32, 8, axi_bytes=64, accumulators=16, activation_bytes=1 << 12, line_cells=32),
]
_MEMORY = 1 << 20


class Run:
    """An operation's program in a memory of random bytes.

    Parameters
    ----------
    rng : Generator
        Of input codes, the rest of memory, and gaps between pixels.
    operation : Operation
    shapes : sequence of tuple of int
        Of its inputs.
    parameters : Parameters
    gaps : bool
        Whether tensors may lie as parts of wider ones.
    way : Plan, optional
        How to run it, if not as the compiler would.

    Attributes
    ----------
    program : list of Instruction
    """

    def __init__(
        self,
        rng: np.random.Generator,
        operation: Operation,
        shapes: Sequence[tuple[int, ...]],
        parameters: Parameters,
        *,
        gaps: bool = True,
        way: Plan | None = None,
    ) -> None:
        self._rng, self._gaps, self.parameters = rng, gaps, parameters
        self._end = 0
        self.memory = rng.integers(0, 256, _MEMORY, dtype=np.uint8)
        inputs = [rng.integers(0, 256, shape).astype(np.uint8) for shape in shapes]
        self.y_golden = compute(operation, inputs)
        views = [self._place(shape) for shape in (*shapes, self.y_golden.shape)]
        for codes, source in zip(inputs, views[:-1], strict=True):
            self.memory[_bytes(source)] = codes.reshape(source.pixels, -1) ^ np.uint8(0x80)
        way = way or plan(operation, shapes, parameters, dense=all(v.dense for v in views))
        weights = self._put(np.ascontiguousarray(way.stream).reshape(-1))
        scratch = way.scratch if isinstance(way, PoolChain) else 0
        builder = Builder(parameters, self._end)
        self._scratch = slice(self._end, self._end + scratch)
        self._end += scratch
        way.emit(builder, tuple(views[:-1]), weights, views[-1])
        self._target = _bytes(views[-1])
        self.program = link(builder.drafts, parameters.axi_bytes)

    def check(self, program: Sequence[Instruction] | None = None) -> None:
        """Run; the output, and nothing else but scratch memory, is written."""
        memory = self.memory.copy()
        encoded = encode_program(self.program if program is None else program)
        code = np.frombuffer(encoded, np.uint8)
        memory[self._end : self._end + code.size] = code
        expected = memory.copy()
        golden = self.y_golden.reshape(len(self._target), -1)
        expected[self._target] = golden ^ np.uint8(0x80)
        Machine(self.parameters, memory).run(self._end)
        expected[self._scratch] = memory[self._scratch]
        np.testing.assert_array_equal(memory, expected)

    def _place(self, shape: tuple[int, ...]) -> View:
        gap = int(self._rng.integers(0, 9)) if self._gaps and self._rng.random() < 0.5 else 0
        base = self._end + int(self._rng.integers(gap + 1))
        self._end = align(self._end + prod(shape[:-1]) * (shape[-1] + gap))
        return view(base, shape, shape[-1] + gap)

    def _put(self, data: np.ndarray) -> int:
        start, self._end = self._end, align(self._end + data.size)
        self.memory[start : start + data.size] = data
        return start


def _bytes(place: View) -> np.ndarray:
    """Offsets of a tensor's bytes, shape (pixels, channels)."""
    pixels = np.arange(place.pixels)[:, None]
    return place.base + pixels * place.pitch + np.arange(place.channels)


@pytest.mark.parametrize(
    "parameters",
    [
        p if p in CONFIGURATIONS[::3] else pytest.param(p, marks=pytest.mark.slow)
        for p in CONFIGURATIONS
    ],
    ids=lambda p: p.name,
)
@pytest.mark.parametrize("kind", OPERATIONS)
@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_random_operations_equal_reference(seed: int, kind: str, parameters: Parameters) -> None:
    rng = np.random.default_rng(seed)
    operation, shapes = random_operation(rng, kind)
    parameters = replace(parameters, product="product" in kind)
    Run(rng, operation, shapes, parameters).check()


@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_random_layers_with_gaps_equal_reference(seed: int, parameters: Parameters) -> None:
    """Convolutions and linear layers whose tensors are parts of concatenations."""
    rng = np.random.default_rng(100 + seed)
    layer, shape = random_layer(rng)
    Run(rng, layer, [shape], parameters).check()


ONE = random_quantization(np.random.default_rng(0))
SHAPED: dict[str, tuple[Operation, tuple[int, ...]]] = {
    "global 7": (AvgPool2d("pool", ONE, (7, 7), (1, 1)), (2, 7, 7, 40)),
    "global 13": (AvgPool2d("pool", ONE, (13, 13), (1, 1)), (1, 13, 13, 35)),
    "adaptive": (AvgPool2d("pool", ONE, (4, 3), (4, 3)), (1, 12, 9, 17)),
    "global, far apart": (AvgPool2d("pool", ONE, (5, 5), (99, 99)), (1, 6, 7, 3)),
    "overlapping": (MaxPool2d("pool", ONE, (3, 3), (2, 2)), (1, 27, 27, 33)),
    "beyond the input": (MaxPool2d("pool", ONE, (2, 2), (3, 3), ceil_mode=True), (1, 8, 11, 5)),
    "global 56": (AvgPool2d("pool", ONE, (56, 56), (1, 1)), (1, 56, 56, 20)),
    "large, padded": (AvgPool2d("pool", ONE, (47, 49), (2, 1), (3, 7)), (2, 44, 37, 5)),
    "5 x 5": (MaxPool2d("pool", ONE, (5, 5), (1, 1), (2, 2)), (2, 20, 20, 33)),
    "13 x 13": (MaxPool2d("pool", ONE, (13, 13), (1, 1), (6, 6)), (1, 13, 11, 20)),
    "by 16": (MaxPool2d("pool", ONE, (16, 16), (16, 16)), (1, 33, 48, 5)),
    "whole": (MaxPool2d("pool", ONE, (14, 14), (14, 14), (7, 7)), (1, 14, 14, 21)),
    "wide line": (MaxPool2d("pool", ONE, (3, 3), (1, 1), (1, 1)), (1, 2, 300, 4)),
    "wide row": (Clamp("clamp", ONE, 3, 250), (3, 5000)),
}


LARGE = ("large, padded", "wide row", "global 56")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in SHAPED],
)
def test_notable_shapes_equal_reference(name: str) -> None:
    operation, shape = SHAPED[name]
    for parameters in (CONFIGURATIONS[0], CONFIGURATIONS[3]):
        Run(np.random.default_rng(1), operation, [shape], parameters, gaps=False).check()


@pytest.mark.parametrize("side", [7, 13])
def test_weights_of_a_mean_are_fetched_once(side: int) -> None:
    """One column tile of ones serves all channels, if they fill the columns."""
    pool = AvgPool2d("pool", ONE, (side, side), (1, 1))
    run = Run(np.random.default_rng(2), pool, [(2, side, side, 64)], Parameters())
    run.check()
    assert sum(i.opcode == Opcode.WEIGHT for i in run.program) == 1


def test_tiles_of_windows_fit_the_accumulators() -> None:
    """What limits a tile are the accumulators, where its sums are, and not the scratchpads."""
    small = Parameters(16, 16, accumulators=16)
    rng = np.random.default_rng(3)
    layer = random_conv2d(rng, (16, 1, 3, 3), padding=(1, 1), groups=16)
    way = plan(layer, [(1, 14, 14, 16)], small)
    assert isinstance(way, WindowPlan)
    assert 8 < way.tiling.height * way.tiling.width <= 16
    Run(rng, layer, [(1, 14, 14, 16)], small).check()
    pool = plan(MaxPool2d("pool", ONE, (3, 3), (1, 1)), [(1, 14, 14, 16)], small)
    assert isinstance(pool, WindowPlan)
    assert pool.tiling.height * pool.tiling.width > 16  # no sums


@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
@pytest.mark.parametrize("channels", [16, 35])
@pytest.mark.parametrize("size", [(7, 7), (3, 11), (1, 20), (2, 1)], ids=str)
def test_global_pools_add_up_pixels(
    size: tuple[int, int], channels: int, parameters: Parameters
) -> None:
    """Whether the last vector of a pixel is full or not, and where windows would be faster."""
    pool = AvgPool2d("pool", random_quantization(np.random.default_rng(6)), size, (1, 1))
    found = global_pool_plan(pool, (2, *size, channels), parameters)
    assert found
    rng = np.random.default_rng(7)
    Run(rng, pool, [(2, *size, channels)], parameters, way=found).check()


def test_a_global_pool_is_as_fast_as_its_loads() -> None:
    """49 pixels of 80 vectors, one cycle each: what the bus takes to bring them."""
    pool = AvgPool2d("pool", ONE, (7, 7), (1, 1))
    way = plan(pool, [(1, 7, 7, 1280)], Parameters())
    assert isinstance(way, GlobalPoolPlan)
    assert 49 * 80 < way.estimate < 1.3 * 49 * 80
    assert way.stream.size < 3000


@pytest.mark.parametrize(
    "kernel",
    [(5, 5), *(pytest.param(k, marks=pytest.mark.slow) for k in ((4, 6), (5, 7), (9, 3)))],
    ids=str,
)
@pytest.mark.parametrize("stride", [(2, 2), (3, 1), (1, 2), (3, 3)], ids=str)
def test_strided_kernels_of_several_passes(
    kernel: tuple[int, int], stride: tuple[int, int]
) -> None:
    """Whether their passes are adjacent or interleaved; padding differs on all four sides."""
    for parameters in (CONFIGURATIONS[0], CONFIGURATIONS[1]):
        rng = np.random.default_rng([*kernel, *stride])
        layer = random_conv2d(
            *(rng, (21, 1, *kernel)),
            stride=stride,
            padding=(2, 0),
            end_padding=(1, 3),
            groups=21,
        )
        Run(rng, layer, [(2, 17, 13, 21)], parameters).check()


def test_a_strided_pass_scans_only_its_cells() -> None:
    """5 x 5 at stride 2 is scanned once in all: its four passes take a quarter of it each."""
    rng = np.random.default_rng(5)
    layer = random_conv2d(rng, (144, 1, 5, 5), stride=(2, 2), padding=(2, 2), groups=144)
    way = plan(layer, [(1, 56, 56, 144)], Parameters())
    assert isinstance(way, WindowPlan)
    assert [(p.count, p.step, p.stride) for p in way.tiling.pieces] == [(2, 2, 1)] * 2
    assert 9 * 59 * 59 < way.estimate < 1.4 * 9 * 59 * 59  # 121,977 with adjacent ones


def test_a_changed_program_is_noticed() -> None:
    """Each field of each kind of instruction matters, as far as the operation uses it."""
    rng = np.random.default_rng(4)
    layer = random_conv2d(rng, (24, 1, 5, 5), stride=(2, 1), padding=(2, 2), groups=24)
    run = Run(rng, layer, [(1, 12, 12, 24)], CONFIGURATIONS[1])
    run.check()
    changed = set()
    for opcode, names in {
        Opcode.LOAD: ("memory", "buffer", "rows", "row_bytes"),
        Opcode.FILL: ("value", "buffer"),
        Opcode.WEIGHT: ("memory",),
        Opcode.SETUP: ("tap_pitch", "line_pitch", "step_y", "zero_point", "high", "stride_y"),
        Opcode.COMPUTE: ("activation", "weight", "output", "columns", "width"),
        Opcode.STORE: ("memory", "buffer", "row_bytes"),
    }.items():
        index = next(n for n, i in enumerate(run.program) if i.opcode == opcode)
        for name in names:
            program = list(run.program)
            old = program[index]
            step = -1 if name in ("high", "columns", "width", "rows", "row_bytes") else 8
            fields = {**old.fields, name: old[name] + step}
            program[index] = Instruction(opcode, fields, old.wait, old.signal)
            with pytest.raises((AssertionError, ProgramError, ValueError)):
                run.check(program)
            changed.add((opcode, name))
    assert len(changed) == 21


DEPTHWISE = random_conv2d(np.random.default_rng(0), (40, 1, 13, 13), groups=40)
REFUSED: dict[str, tuple[Operation, tuple[int, ...], dict[str, int], str]] = {
    "window": (
        *(DEPTHWISE, (1, 13, 13, 40)),
        *({"activation_bytes": 1 << 11}, "layer: activation_bytes must be at least 2704 to"),
    ),
    "weights": (
        *(DEPTHWISE, (1, 13, 13, 40)),
        *({"weight_bytes": 1 << 12}, "layer: weight_bytes must be at least 6528 to hold"),
    ),
    "dilated max pool": (
        *(MaxPool2d("net.pool", ONE, (2, 2), (1, 1), dilation=(2, 2)), (1, 9, 9, 4)),
        *({}, r"net.pool: dilation of a max pool must be 1 .*, got \(2, 2\)"),
    ),
    "stride": (
        *(MaxPool2d("net.pool", ONE, (2, 2), (16, 1)), (1, 40, 9, 4)),
        *({}, "net.pool: stride of a max pool must be .*, got 16 with a window of 2"),
    ),
    "prime stride": (
        *(MaxPool2d("net.pool", ONE, (17, 2), (17, 1)), (1, 40, 9, 4)),
        *({}, "net.pool: stride of a max pool must be .*, got 17 with a window of 17"),
    ),
    "pixel of a sum": (
        *(Add("net.add", (ONE, ONE), ONE), (2, 1000)),
        *({"activation_bytes": 1 << 11}, "at least 2128 and 1000 to hold one pixel of net.add"),
    ),
    "pixel of a layer": (
        *(random_conv2d(np.random.default_rng(0), (4, 300, 3, 3)), (1, 3, 3, 300)),
        *({"activation_bytes": 1 << 11}, "layer: activation_bytes must be at least 2700 to hold"),
    ),
    "flatten": (Flatten("net.flat", ONE), (1, 2, 2, 2), {}, "net.flat must be an operation that"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case: str) -> None:
    operation, shape, fields, text = REFUSED[case]
    with pytest.raises(ValueError, match=text):
        plan(operation, [shape] * len(operation.inputs), Parameters(**fields))


@pytest.mark.parametrize("case", ["window", "weights", "pixel of a sum", "pixel of a layer"])
def test_what_is_asked_for_is_enough(case: str) -> None:
    """With the next power of two, the operation runs."""
    operation, shape, fields, text = REFUSED[case]
    least = int(text.split("at least ")[1].split()[0])
    enough = Parameters(**dict.fromkeys(fields, 1 << (least - 1).bit_length()))
    shapes = [shape] * len(operation.inputs)
    Run(np.random.default_rng(5), operation, shapes, enough, gaps=False).check()
