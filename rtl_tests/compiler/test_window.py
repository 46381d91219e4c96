"""Windows in slices and tiles: padding filled once, weights laid out, each output made once."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from schedule_layers import random_conv2d

from maccord.compiler.builder import Builder, View
from maccord.compiler.drafts import Draft
from maccord.compiler.layer import view
from maccord.compiler.window import WindowPlan, window_plan
from maccord.compiler.window_stream import Pieces, Window, passes, window_stream
from maccord.golden.kernels.gemm import fold_bias
from maccord.spec.isa import PARAMETER_ROWS, WINDOW, Mode, Opcode
from maccord.spec.parameters import Parameters

MAX = Window(
    *(Mode.MAX, (3, 3), (1, 1), (1, 1), (20, 20)), fill=-128, zero_point=0, low=-128, high=127
)
TARGET = 1 << 20


def drafts(plan: WindowPlan, gap: int = 0) -> list[Draft]:
    """Drafts of a plan whose tensors have a gap behind each pixel."""
    images, height, width, channels = plan.tiling.shape
    builder = Builder(Parameters())
    source = View(0, images, height, width, channels, channels + gap)
    target = View(TARGET, images, *plan.tiling.window.outputs, channels, channels + gap)
    plan.emit(builder, (source,), 0, target)
    return builder.drafts


def cut(plan: WindowPlan, **changes: object) -> WindowPlan:
    """Cut a plan otherwise."""
    return replace(plan, tiling=replace(plan.tiling, **changes))


STRIDES = [(1, 1), (2, 2), (2, 1), (3, 2)]


def ways(
    kernel: tuple[int, int], stride: tuple[int, int], p: Parameters
) -> list[tuple[Pieces, Pieces]]:
    """The ways to divide a depthwise kernel into passes."""
    return list(passes(replace(MAX, mode=Mode.DEPTHWISE, kernel=kernel, stride=stride), p))


def taps(pieces: Pieces) -> list[list[int]]:
    """Elements of the kernel by pass and cell of its window; those beyond the kernel too."""
    return [
        [part * pieces.pitch + cell * pieces.step for cell in range(pieces.size)]
        for part in range(pieces.count)
    ]


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("kernel", range(1, 12))
@pytest.mark.parametrize("width", [3, 5])
def test_passes_take_each_element_once(kernel: int, stride: int, width: int) -> None:
    """Windows of a pass are as far apart in the input as the outputs, whatever the step."""
    found = ways((kernel, kernel), (stride, stride), Parameters(window_width=width))
    for axis, pieces in {(axis, pair[axis]) for pair in found for axis in (0, 1)}:
        assert pieces.size in (range(1, 4), {1, 2, 3, width})[axis]
        assert pieces.step * pieces.stride == stride
        elements = [e for part in taps(pieces) for e in part]
        assert sorted(e for e in elements if e < kernel) == list(range(kernel))
        for element in range(kernel):
            part, cell = pieces.place(element)
            assert part * pieces.pitch + cell * pieces.step == element


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("kernel", [(3, 3), (1, 2), (5, 4), (7, 7), (5, 5)])
@pytest.mark.parametrize("cols", [4, 12, 16])
@pytest.mark.parametrize("width", [3, 5])
def test_weights_lie_where_the_window_meets_them(
    kernel: tuple[int, int], stride: tuple[int, int], cols: int, width: int
) -> None:
    """Each element in its pass, a smaller window in its last lines and cells, else 0."""
    p = Parameters(3 * width, cols, axi_bytes=64, window_width=width)
    layer = random_conv2d(np.random.default_rng(1), (21, 1, *kernel), groups=21)
    folded = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point).astype("<i4")
    for down, across in ways(kernel, stride, p):
        stream = window_stream(layer, (down, across), p)
        assert stream.shape[1] % p.axi_bytes == 0
        used = (PARAMETER_ROWS + down.count * across.count * p.rows) * p.weight_row_bytes
        assert not stream[:, used:].any()
        rows = stream[:, :used].reshape(len(stream), -1, p.weight_row_bytes).view(np.int8)
        due = np.zeros_like(rows)
        for channel in range(21):
            tile, column = divmod(channel, cols)
            parameters = folded[channel].tobytes() + layer.multiplier[channel].tobytes()
            due[tile, :PARAMETER_ROWS, column] = np.frombuffer(parameters, np.int8)
            for part_y, lines in enumerate(taps(down)):
                for part_x, cells in enumerate(taps(across)):
                    part = PARAMETER_ROWS + (part_y * across.count + part_x) * p.rows
                    for (i, y), (j, x) in itertools.product(enumerate(lines), enumerate(cells)):
                        if y < kernel[0] and x < kernel[1]:
                            line, cell = WINDOW - len(lines) + i, width - len(cells) + j
                            due[tile, part + line * width + cell, column] = layer.weight[
                                channel, 0, y, x
                            ]
        np.testing.assert_array_equal(rows, due)


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("channels", [3, 24, 40])
@pytest.mark.parametrize(("height", "width"), [(20, 20), (7, 20), (6, 9)])
def test_every_output_is_computed_and_stored_once(
    height: int, width: int, channels: int, gap: int
) -> None:
    """Whatever the tiles, slices, and gaps."""
    plan = window_plan(MAX, (2, 20, 20, channels), None, Parameters())
    plan = cut(plan, height=height, width=width, slice=min(channels, 32))
    work = drafts(plan, gap)
    outputs = 2 * 20 * 20 * channels
    computed = [t.fields for t in work if t.opcode == Opcode.COMPUTE]
    assert sum(f["height"] * f["width"] * f["columns"] for f in computed) == outputs
    stored = np.zeros((2 * 20 * 20, channels + gap), int)
    for fields in (t.fields for t in work if t.opcode == Opcode.STORE):
        for row in range(fields["rows"]):
            start = fields["memory"] - TARGET + row * fields["memory_pitch"]
            stored.reshape(-1)[start : start + fields["row_bytes"]] += 1
    assert (stored[:, :channels] == 1).all()
    assert not stored[:, channels:].any()


def test_padding_is_filled_once_per_buffer() -> None:
    """Images take turns in buffers whose padding stays; a slice of another width fills it anew."""
    fills = {}
    for images in (1, 6, 30):
        plan = window_plan(MAX, (images, 20, 20, 16), None, Parameters())
        work = drafts(cut(plan, height=20, width=20))
        fills[images] = sum(draft.opcode == Opcode.FILL for draft in work)
        assert sum(draft.opcode == Opcode.LOAD for draft in work) == images + 2
        assert all(t.fields["value"] == -128 for t in work if t.opcode == Opcode.FILL)
    assert fills[1] < fills[6] == fills[30]
    plan = window_plan(MAX, (30, 20, 20, 40), None, Parameters())
    work = drafts(cut(plan, height=20, width=20, slice=32))
    assert sum(draft.opcode == Opcode.FILL for draft in work) > fills[30]


def test_first_and_last_tiles_are_small() -> None:
    """Nothing is computed beside the very first one's load and the very last one's store."""
    plan = window_plan(MAX, (1, 20, 20, 16), None, Parameters())
    batch = cut(plan, shape=(3, 20, 20, 16))
    for work, height, heights in (
        (plan, 20, [5, 10, 5]),
        (plan, 8, [2, 6, 8, 2, 2]),
        (plan, 1, [1] * 20),
        (batch, 20, [5, 15, 20, 15, 5]),
    ):
        made = drafts(cut(work, height=height, width=20))
        found = [t.fields["height"] for t in made if t.opcode == Opcode.COMPUTE]
        assert found == heights


@pytest.mark.parametrize("cells", [16, 32])
def test_tiles_fit_the_lines(cells: int) -> None:
    window = replace(MAX, stride=(2, 3), outputs=(30, 100))
    plan = window_plan(window, (1, 60, 300, 8), None, Parameters(line_cells=cells))
    assert (plan.tiling.width - 1) * 3 + 3 <= cells
    assert plan.tiling.width > cells // 3 // 2  # not much less either


def test_estimates_grow_with_the_work() -> None:
    """A narrower bus, a larger image and a second one each cost more."""
    base = {"shape": (1, 56, 56, 64), "axi_bytes": 16}
    window = replace(MAX, outputs=(56, 56))

    def estimate(**changes: object) -> int:
        fields = {**base, **changes}
        shape, axi_bytes = fields["shape"], fields["axi_bytes"]
        return window_plan(window, shape, None, Parameters(axi_bytes=axi_bytes)).estimate

    assert estimate(axi_bytes=8) > estimate() >= 4 * 56 * 56
    assert estimate(shape=(2, 56, 56, 64)) > 1.75 * estimate()  # starts and ends once
    assert estimate(shape=(1, 56, 56, 128)) > 1.75 * estimate()


def test_views_of_rows() -> None:
    """A tensor of rows is scanned as images of one pixel."""
    one = Window(
        *(Mode.MAX, (1, 1), (1, 1), (0, 0), (1, 1)), fill=-128, zero_point=0, low=-128, high=127
    )
    plan = window_plan(one, (3, 1, 1, 40), None, Parameters())
    builder = Builder(Parameters())
    plan.emit(builder, (view(0, (3, 40)),), 0, view(4096, (3, 40)))
    opcodes = [draft.opcode for draft in builder.drafts]
    assert opcodes.count(Opcode.COMPUTE) == 3 * 3
    assert opcodes.count(Opcode.FILL) == 0
