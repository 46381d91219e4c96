"""The softmax unit against the golden rows: lanes, lengths, pauses, cycles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Value
from row_bench import run_rows
from row_player import LANES, Job, play
from stream_bench import refusal

import maccord.hw.row.softmax as hardware
from maccord.golden.row.softmax import exponentials, softmax

LONGEST = 512


def row_codes(rng: np.random.Generator, count: int, classes: int) -> np.ndarray:
    """Rows of each kind: uniform, around one code, equal codes, one largest code, two values."""
    uniform = rng.integers(0, 256, (count, classes))
    near = np.clip(np.rint(rng.normal(rng.uniform(0, 255), 12, (count, classes))), 0, 255)
    equal = np.repeat(rng.integers(0, 256, (count, 1)), classes, axis=1)
    peak = np.where(np.arange(classes) == rng.integers(0, classes, (count, 1)), 255, equal)
    ends = rng.choice([0, 255], (count, classes))
    return rng.permutation(np.concatenate([uniform, near, equal, peak, ends])).astype(np.uint8)


def simulate(
    x_q: np.ndarray, scale: float, lanes: int, pauses: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Send rows through a unit; check the cycles of rows that never wait."""
    classes = x_q.shape[1]
    unit = hardware.Softmax(lanes=lanes, longest=max(LONGEST, 2 * lanes))
    tables = {"write": exponentials(scale, classes)}
    settings = {"elements": classes}
    found, starts = run_rows(unit, x_q, lanes, settings, tables, pauses=pauses, seed=seed)
    if not pauses:
        # The second row does not wait for quotients
        assert set(np.diff(starts)[1:].tolist()) <= {unit.cycles(classes)}
    return found


@pytest.mark.parametrize("lanes", [1, 2, 8])
@pytest.mark.parametrize("classes", [1, 2, 8, 49, 197])
def test_rows(classes: int, lanes: int) -> None:
    rng = np.random.default_rng([classes, lanes])
    x_q = row_codes(rng, 1 if classes > 8 else 4, classes)
    scale = float(np.float32(np.exp2(rng.uniform(-9, 0))))
    due = softmax(x_q, exponentials(scale, classes))
    np.testing.assert_array_equal(simulate(x_q, scale, lanes), due)


@pytest.mark.parametrize("scale", [2.0**-13, 0.004, 0.05, 0.3, 4.0])
def test_pauses_and_scales(scale: float) -> None:
    x_q = row_codes(np.random.default_rng(1), 3, 50)
    due = softmax(x_q, exponentials(scale, 50))
    np.testing.assert_array_equal(simulate(x_q, scale, 4, pauses=0.5, seed=3), due)


@pytest.mark.parametrize("classes", [512, 511])
def test_the_longest_row(classes: int) -> None:
    """512 equal codes: the sum is 512 less than 2**32."""
    x_q = np.stack([np.full(classes, 3), np.arange(classes) % 256, np.zeros(classes)])
    x_q = x_q.astype(np.uint8)
    due = softmax(x_q, exponentials(0.02, classes))
    np.testing.assert_array_equal(simulate(x_q, 0.02, 8), due)


def one_too_large(quotient: Callable[..., Value]) -> Callable[..., Value]:
    return lambda term, total, cut: quotient(term, total + 1, cut)


def signed(code: Callable[..., Value]) -> Callable[..., Value]:
    return lambda vector, lane: code(vector, lane) ^ 0x80


EQUAL = np.full((1, 512), 3, np.uint8)  # each quotient is a tie, 1/2 + 1/2
ENDS = np.tile(np.array([[100, 200]], np.uint8), (1, 256))


@pytest.mark.parametrize(
    ("name", "mistake", "x_q"), [("quotient", one_too_large, EQUAL), ("_code", signed, ENDS)]
)
def test_mistakes_are_noticed(
    name: str,
    mistake: Callable[..., Callable[..., Value]],
    x_q: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    due = softmax(x_q, exponentials(0.1, 512))
    np.testing.assert_array_equal(simulate(x_q, 0.1, 8), due)
    monkeypatch.setattr(hardware, name, mistake(getattr(hardware, name)))
    assert np.any(simulate(x_q, 0.1, 8) != due)


@pytest.mark.nightly
def test_a_million_codes(tmp_path: Path) -> None:
    """Of 1 to 4,096 classes, Verilated; rows whose sum does not fit 32 bits are left out."""
    jobs, due = [], []
    for classes in (1, 2, 3, 10, 49, 64, 197, 511, 512, 1000, 4095, 4096):
        for seed in range(4):
            rng = np.random.default_rng([seed, classes])
            scale = float(np.float32(np.exp2(rng.uniform(-13, 2))))
            table = exponentials(scale, classes)
            x_q = row_codes(rng, max(1, 30_000 // (5 * classes)), classes)
            steps = 255 - x_q.max(axis=1, keepdims=True).astype(int) + x_q
            x_q = x_q[table.astype(np.int64)[steps].sum(axis=1) < 1 << 32]
            jobs.append(Job(x_q, table, [classes]))
            due.append(softmax(x_q, table))
    unit = hardware.Softmax(lanes=LANES, longest=4096)
    found = play(unit, (8, 23), {"elements": 13}, jobs, tmp_path)
    for each, right in zip(found, due, strict=True):
        np.testing.assert_array_equal(each, right)
    assert sum(each.size for each in found) > 1_000_000


@pytest.mark.parametrize(
    ("lanes", "longest", "sentence"),
    [
        (3, 512, "lanes must be a power of two, got 3"),
        (0, 512, "lanes must be a power of two, got 0"),
        (8, 8, "longest row must be a power of two from 16 to 65536 elements, got 8"),
        (8, 100, "longest row must be a power of two from 16 to 65536 elements, got 100"),
    ],
)
def test_refuses(lanes: int, longest: int, sentence: str) -> None:
    assert refusal(lambda: hardware.Softmax(lanes=lanes, longest=longest)) == sentence
