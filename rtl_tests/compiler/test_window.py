"""Windows in slices and tiles: padding filled once, weights laid out, each output made once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from schedule_layers import random_conv2d

from maccord.compiler.builder import Builder, View
from maccord.compiler.layer import view
from maccord.compiler.tasks import Task
from maccord.compiler.window import WindowPlan, window_plan
from maccord.compiler.window_stream import Window, window_stream
from maccord.golden.kernels.gemm import fold_bias
from maccord.spec.isa import PARAMETER_ROWS, WINDOW, Mode, Opcode
from maccord.spec.parameters import Parameters

NO_WEIGHTS = np.zeros((0, 0), np.uint8)
MAX = Window(
    *(Mode.MAX, (3, 3), (1, 1), (1, 1), (20, 20)), fill=-128, zero_point=0, low=-128, high=127
)
TARGET = 1 << 20


def tasks(plan: WindowPlan, gap: int = 0) -> list[Task]:
    """Tasks of a plan whose tensors have a gap behind each pixel."""
    images, height, width, channels = plan.shape
    builder = Builder(Parameters())
    source = View(0, images, height, width, channels, channels + gap)
    target = View(TARGET, images, *plan.window.outputs, channels, channels + gap)
    plan.emit(builder, (source,), 0, target)
    return builder.tasks


@pytest.mark.parametrize("kernel", [(3, 3), (1, 2), (5, 4), (7, 7)])
@pytest.mark.parametrize("cols", [4, 12, 16])
def test_weights_lie_where_the_window_meets_them(kernel: tuple[int, int], cols: int) -> None:
    """Element (y, x) in pass (y // 3, x // 3), a smaller window in its last lines and cells."""
    p = Parameters(9, cols, axi_bytes=64)
    layer = random_conv2d(np.random.default_rng(1), (21, 1, *kernel), groups=21)
    stream = window_stream(layer, p)
    assert stream.shape[1] % p.axi_bytes == 0
    across = -(-kernel[1] // WINDOW)
    passes = -(-kernel[0] // WINDOW) * across
    used = (PARAMETER_ROWS + passes * p.rows) * p.weight_row_bytes
    assert not stream[:, used:].any()
    rows = stream[:, :used].reshape(len(stream), -1, p.weight_row_bytes).view(np.int8)
    found = np.zeros_like(rows)
    folded = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point).astype("<i4")
    for channel in range(21):
        tile, column = divmod(channel, cols)
        parameters = rows[tile, :PARAMETER_ROWS, column].tobytes()
        assert parameters == folded[channel].tobytes() + layer.multiplier[channel].tobytes()
        found[tile, :PARAMETER_ROWS, column] = np.frombuffer(parameters, np.int8)
        for y, x in np.ndindex(*kernel):
            line = max(WINDOW - kernel[0], 0) + y % WINDOW
            cell = max(WINDOW - kernel[1], 0) + x % WINDOW
            row = PARAMETER_ROWS + (y // WINDOW * across + x // WINDOW) * p.rows
            row += line * WINDOW + cell
            found[tile, row, column] = layer.weight[channel, 0, y, x]
    np.testing.assert_array_equal(rows, found)  # and 0 elsewhere


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("channels", [3, 24, 40])
@pytest.mark.parametrize(("height", "width"), [(20, 20), (7, 20), (6, 9)])
def test_every_output_is_computed_and_stored_once(
    height: int, width: int, channels: int, gap: int
) -> None:
    """Whatever the tiles, slices, and gaps."""
    plan = window_plan(MAX, (2, 20, 20, channels), NO_WEIGHTS, Parameters())
    plan = replace(plan, height=height, width=width, slice=min(channels, 32))
    work = tasks(plan, gap)
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
        plan = window_plan(MAX, (images, 20, 20, 16), NO_WEIGHTS, Parameters())
        work = tasks(replace(plan, height=20, width=20))
        fills[images] = sum(task.opcode == Opcode.FILL for task in work)
        assert sum(task.opcode == Opcode.LOAD for task in work) == images + 2
        assert all(t.fields["value"] == -128 for t in work if t.opcode == Opcode.FILL)
    assert fills[1] < fills[6] == fills[30]
    plan = window_plan(MAX, (30, 20, 20, 40), NO_WEIGHTS, Parameters())
    work = tasks(replace(plan, height=20, width=20, slice=32))
    assert sum(task.opcode == Opcode.FILL for task in work) > fills[30]


def test_first_and_last_tiles_are_small() -> None:
    """Nothing is computed beside the very first one's load and the very last one's store."""
    plan = window_plan(MAX, (1, 20, 20, 16), NO_WEIGHTS, Parameters())
    batch = replace(plan, shape=(3, 20, 20, 16))
    for work, height, heights in (
        (plan, 20, [5, 10, 5]),
        (plan, 8, [2, 6, 8, 2, 2]),
        (plan, 1, [1] * 20),
        (batch, 20, [5, 15, 20, 15, 5]),
    ):
        made = tasks(replace(work, height=height, width=20))
        found = [t.fields["height"] for t in made if t.opcode == Opcode.COMPUTE]
        assert found == heights


@pytest.mark.parametrize("cells", [16, 32, 256])
def test_tiles_fit_the_lines(cells: int) -> None:
    window = replace(MAX, stride=(2, 3), outputs=(30, 100))
    plan = window_plan(window, (1, 60, 300, 8), NO_WEIGHTS, Parameters(line_cells=cells))
    assert (plan.width - 1) * 3 + 3 <= cells
    assert plan.width > cells // 3 // 2  # not much less either


def test_estimates_grow_with_the_work() -> None:
    """A narrower bus, a larger image and a second one each cost more."""
    base = {"shape": (1, 56, 56, 64), "axi_bytes": 16}
    window = replace(MAX, outputs=(56, 56))

    def estimate(**changes: object) -> int:
        fields = {**base, **changes}
        shape, axi_bytes = fields["shape"], fields["axi_bytes"]
        return window_plan(window, shape, NO_WEIGHTS, Parameters(axi_bytes=axi_bytes)).estimate

    assert estimate(axi_bytes=8) > estimate() >= 4 * 56 * 56
    assert estimate(shape=(2, 56, 56, 64)) > 1.9 * estimate()
    assert estimate(shape=(1, 56, 56, 128)) > 1.9 * estimate()


def test_views_of_rows() -> None:
    """A tensor of rows is scanned as images of one pixel."""
    one = Window(
        *(Mode.MAX, (1, 1), (1, 1), (0, 0), (1, 1)), fill=-128, zero_point=0, low=-128, high=127
    )
    plan = window_plan(one, (3, 1, 1, 40), NO_WEIGHTS, Parameters())
    builder = Builder(Parameters())
    plan.emit(builder, (view(0, (3, 40)),), 0, view(4096, (3, 40)))
    opcodes = [task.opcode for task in builder.tasks]
    assert opcodes.count(Opcode.COMPUTE) == 3 * 3
    assert opcodes.count(Opcode.FILL) == 0
