"""Windows that slide along lines: values, cycles, and pauses; alone and behind the line buffer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from open_loop import run

import maccord.hw.array.max_window as hardware
from maccord.golden.array.line_buffer import line_buffer
from maccord.golden.array.max_window import max_window
from maccord.golden.graph import MaxPool2d, Quantization
from maccord.golden.kernels.max_pool2d import max_pool2d
from maccord.hw.array.line_buffer import LineBuffer
from maccord.hw.parts.delay import delay
from maccord.spec.parameters import WINDOW, Parameters

COLS = 7
PARAMETERS = Parameters(rows=4, cols=COLS, line_cells=16)
WINDOWS = [(h, w) for h in range(1, WINDOW + 1) for w in range(1, WINDOW + 1)]
CLAMPS = [(-128, 127), (-30, 127), (-128, 40), (5, 5)]


class Scan(NamedTuple):
    """Cells (lines, width, COLS) and the windows that slide over them."""

    cells: np.ndarray
    window: tuple[int, int]
    stride: tuple[int, int]
    clamp: tuple[int, int]

    @property
    def emits(self) -> np.ndarray:
        """Which cells complete a window, shape (lines, width)."""
        ends = [
            (np.arange(n) >= size - 1) & ((np.arange(n) - size + 1) % step == 0)
            for n, size, step in zip(self.cells.shape[:2], self.window, self.stride, strict=True)
        ]
        return ends[0][:, None] & ends[1]

    @property
    def expected(self) -> np.ndarray:
        return max_window(self.cells, self.window, self.stride, *self.clamp).reshape(-1, COLS)


class Scanner(wiring.Component):
    """The max window behind the line buffer, as the compute unit has them."""

    LATENCY = LineBuffer.LATENCY + hardware.MaxWindow.LATENCY

    def __init__(self, parameters: Parameters) -> None:
        self._buffer, self._window = LineBuffer(parameters), hardware.MaxWindow(parameters)
        inputs = ("valid", "emit", "window_height", "window_width", "low", "high")
        members = {name: In(getattr(self._window, name).shape()) for name in inputs}
        members |= {name: In(getattr(self._buffer, name).shape()) for name in ("cell", "data")}
        members |= {"valid_out": Out(1), "y": Out(8).array(parameters.cols)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer, m.submodules.window = buffer, window = self._buffer, self._window
        for name in ("valid", "cell", "data"):
            m.d.comb += getattr(buffer, name).eq(getattr(self, name))
        for name in ("window_height", "window_width", "low", "high"):
            m.d.comb += getattr(window, name).eq(getattr(self, name))
        for ours, outer in zip(window.lines, buffer.lines, strict=True):
            m.d.comb += Cat(ours).eq(Cat(outer))
        later = delay(m, "later", Cat(self.valid, self.emit), buffer.LATENCY, reset_less=False)
        m.d.comb += Cat(window.valid, window.emit).eq(later)
        m.d.comb += [self.valid_out.eq(window.valid_out), Cat(self.y).eq(Cat(window.y))]
        return m


def random_scan(rng: np.random.Generator, window: tuple[int, int], clamp: tuple[int, int]) -> Scan:
    shape = [size + int(rng.integers(0, 8)) for size in window]
    cells = rng.integers(-128, 128, (*shape, COLS))
    alike = rng.random(cells.shape) < 0.2
    cells[alike] = rng.choice([-128, 127], alike.sum())
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 5)))
    return Scan(cells.astype(np.int8), window, stride, clamp)


def simulate(
    block: hardware.MaxWindow | Scanner, scans: list[Scan], pauses: float, seed: int
) -> list[np.ndarray]:
    """Run scans with pauses, the pipeline empty in between; check cycles, return the maxima."""
    rng = np.random.default_rng(seed)
    tables: list[dict[str, np.ndarray]] = []
    due, start = [], 0
    for scan in scans:
        count = scan.emits.size
        length = int(count / (1 - pauses))
        at = np.sort(rng.choice(length, count, replace=False))
        whole = length + block.LATENCY
        constants = zip(
            ("window_height", "window_width", "low", "high"), scan.window + scan.clamp, strict=True
        )
        table = {name: np.full(whole, value) for name, value in constants}
        table |= {"valid": np.zeros(whole, np.int64), "emit": rng.integers(0, 2, whole)}
        table["valid"][at], table["emit"][at] = 1, scan.emits.ravel()
        if isinstance(block, Scanner):
            bits = scan.cells.reshape(-1, COLS).view(np.uint8).astype(np.int64)
            table["cell"] = np.zeros(whole, np.int64)
            table["cell"][at] = np.tile(np.arange(scan.cells.shape[1]), scan.cells.shape[0])
            table["data"] = rng.integers(0, 1 << 8 * COLS, whole)
            table["data"][at] = bits @ (1 << 8 * np.arange(COLS))
        else:
            anything = rng.integers(-128, 128, (whole, WINDOW, COLS))
            lines = line_buffer(scan.cells).reshape(-1, WINDOW, COLS)
            anything[at] = np.where(np.ma.getmaskarray(lines), anything[at], lines.data)
            table["lines"] = anything
        tables.append(table)
        due.append(start + at[scan.emits.ravel()] + block.LATENCY)
        start += whole
    inputs = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    outputs = run(block, inputs, ["valid_out", "y"], extra_cycles=1)
    np.testing.assert_array_equal(np.flatnonzero(outputs["valid_out"]), np.concatenate(due))
    return [outputs["y"][cycles].astype(np.int8) for cycles in due]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pauses", [0.0, 0.5])
@pytest.mark.parametrize("block", [hardware.MaxWindow, Scanner])
def test_windows(block: type[hardware.MaxWindow] | type[Scanner], pauses: float, seed: int) -> None:
    """Every window, random strides, clamps and sizes, extremes among the cells."""
    rng = np.random.default_rng(seed)
    scans = [
        random_scan(rng, WINDOWS[k], CLAMPS[(k + seed) % len(CLAMPS)])
        for k in rng.permutation(len(WINDOWS))
    ]
    maxima = simulate(block(PARAMETERS), scans, pauses, seed)
    for scan, got in zip(scans, maxima, strict=True):
        np.testing.assert_array_equal(got, scan.expected, err_msg=str(scan[1:]))


def unsigned(a: Value, b: Value) -> Value:
    """A comparison that takes codes minus 128 for codes."""
    return a.as_unsigned() > b.as_unsigned()


@pytest.mark.parametrize("mutant", [unsigned, lambda a, b: Const(1), lambda a, b: Const(0)])
def test_wrong_maximum_is_noticed(mutant: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "exceeds", mutant)
    rng = np.random.default_rng(0)
    for window in ((1, 2), (2, 1), (1, 3), (3, 1)):
        scan = random_scan(rng, window, CLAMPS[0])
        (got,) = simulate(hardware.MaxWindow(PARAMETERS), [scan], 0.0, 0)
        assert np.any(got != scan.expected)


@pytest.mark.parametrize("seed", range(8))
def test_golden_is_a_max_pool(seed: int) -> None:
    """On codes with their padding in place, the golden window is PyTorch's max pool."""
    rng = np.random.default_rng(seed)
    window = WINDOWS[1:][seed]
    stride, padding = tuple(rng.integers(1, 4, 2).tolist()), tuple(size // 2 for size in window)
    codes = rng.integers(0, 256, (1, 9, 8, 5)).astype(np.uint8)
    pool = MaxPool2d("pool", Quantization(1.0, 0), window, stride, padding)
    cells = (codes[0].astype(int) - 128).astype(np.int8)
    (top, left), outside = padding, -128
    cells = np.pad(cells, ((top, top), (left, left), (0, 0)), constant_values=outside)
    got = max_window(cells, window, stride).astype(int) + 128
    np.testing.assert_array_equal(got, max_pool2d(codes, pool)[0])


def test_refuses() -> None:
    cells = np.zeros((3, 4, 2), np.int8)
    for arguments, message in (
        ((cells.astype(np.uint8), (2, 2), (1, 1)), "cells must be int8, got uint8"),
        ((cells, (4, 2), (1, 1)), r"between 1 and 3 each way, got \(4, 2\)"),
        ((cells[:2], (3, 2), (1, 1)), r"a window of \(3, 2\) inside, got \(2, 4, 2\)"),
        ((cells, (2, 2), (0, 1)), r"stride must be at least 1, got \(0, 1\)"),
        ((cells, (2, 2), (1, 1), 3, 2), "ordered within -128..127, got 3 and 2"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            max_window(*arguments)
