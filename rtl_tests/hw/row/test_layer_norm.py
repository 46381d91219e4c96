"""The layer norm unit against the golden rows: lanes, lengths, pauses, cycles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from row_bench import run_rows
from row_player import LANES, Job, play

import maccord.hw.row.layer_norm as hardware
from maccord.golden.graph import Quantization
from maccord.golden.row.layer_norm import layer_norm

LONGEST = 256


def row_codes(rng: np.random.Generator, count: int, length: int) -> np.ndarray:
    """Rows of each kind: uniform, around one code, equal codes, all but equal, two values."""
    uniform = rng.integers(0, 256, (count, length))
    near = np.clip(np.rint(rng.normal(rng.uniform(0, 255), 20, (count, length))), 0, 255)
    equal = np.repeat(rng.integers(0, 256, (count, 1)), length, axis=1)
    odd = np.where(np.arange(length) == 0, equal ^ 1, equal)
    ends = rng.choice([0, 255], (count, length))
    return rng.permutation(np.concatenate([uniform, near, equal, odd, ends])).astype(np.uint8)


def parameters(rng: np.random.Generator, length: int, *, ties: bool) -> tuple:
    """gamma, beta, eps and both quantizations; with `ties`, halves of output steps."""
    given, output = (
        Quantization(float(np.float32(np.exp2(rng.uniform(-8, 0)))), int(rng.integers(256)))
        for _ in range(2)
    )
    gamma = rng.normal(1, 0.5, length).astype(np.float32)
    beta = rng.normal(0, 0.5, length).astype(np.float32)
    if ties:
        output = Quantization(2.0 ** -int(rng.integers(1, 7)), output.zero_point)
        gamma[:] = 2.0 ** rng.integers(-4, 3) * rng.integers(0, 2)
        beta = (rng.integers(-128, 128, length) * output.scale / 2).astype(np.float32)
    return gamma, beta, float(rng.choice([1e-5, 1e-6])), given, output


def settings(length: int, norm: tuple) -> dict[str, int]:
    """Values of the unit's ports for a layer norm."""
    _, _, eps, given, output = norm
    inverse = np.float32(1) / np.float32(output.scale)
    return {
        "elements": length,
        "zero_point": given.zero_point,
        "scale": int(np.float32(given.scale).view(np.uint32)),
        "eps": int(np.float64(eps).view(np.uint64)),
        "multiplier": int(inverse.view(np.uint32)),
        "output_zero_point": output.zero_point - 128,
    }


def words(norm: tuple) -> np.ndarray:
    """Return gamma and beta as the unit's table has them."""
    gamma, beta = (values.view(np.uint32).astype(np.uint64) for values in norm[:2])
    return gamma | beta << np.uint64(32)


def simulate(x_q: np.ndarray, norm: tuple, lanes: int, pauses: float = 0.0) -> np.ndarray:
    """Send rows through a unit; check the cycles of rows that never wait."""
    length = x_q.shape[1]
    unit = hardware.LayerNorm(lanes=lanes, longest=LONGEST)
    tables = {"write": words(norm)}
    found, starts = run_rows(unit, x_q, lanes, settings(length, norm), tables, pauses=pauses)
    if not pauses:
        assert np.diff(starts).max(initial=0) <= unit.most_cycles(length)
    return found


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("length", [1, 7, 96, 192])
def test_rows(length: int, lanes: int) -> None:
    rng = np.random.default_rng([length, lanes])
    norm = parameters(rng, length, ties=lanes == 4)
    x_q = row_codes(rng, 1, length)
    np.testing.assert_array_equal(simulate(x_q, norm, lanes), layer_norm(x_q, *norm))


@pytest.mark.parametrize("ties", [False, True])
def test_pauses(ties: bool) -> None:
    rng = np.random.default_rng(3)
    norm = parameters(rng, 50, ties=ties)
    x_q = row_codes(rng, 2, 50)
    np.testing.assert_array_equal(simulate(x_q, norm, 2, pauses=0.5), layer_norm(x_q, *norm))


def test_a_lost_bit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results a last bit above half a step, which round to even without it."""
    rng = np.random.default_rng(4)
    gamma, _, eps, given, _ = parameters(rng, 64, ties=False)
    beta = np.nextafter(np.arange(64, dtype=np.float32) / 2 + np.float32(0.5), np.float32(99))
    norm = (0 * gamma, beta, eps, given, Quantization(1.0, 7))
    x_q = row_codes(rng, 1, 64)[:1]
    np.testing.assert_array_equal(simulate(x_q, norm, 2), layer_norm(x_q, *norm))
    fused = hardware.fused_multiply_add
    monkeypatch.setattr(
        hardware, "fused_multiply_add", lambda *operands: fused(*operands) & 0xFFFFFFFE
    )
    assert np.any(simulate(x_q, norm, 2) != layer_norm(x_q, *norm))


@pytest.mark.nightly
def test_a_million_codes(tmp_path: Path) -> None:
    """Of rows of 1 to 1,024 elements, Verilated."""
    jobs, due = [], []
    for length in (1, 2, 7, 48, 64, 96, 127, 192, 384, 768, 1024):
        for seed in range(6):
            rng = np.random.default_rng([seed, length])
            norm = parameters(rng, length, ties=seed % 2 == 1)
            x_q = row_codes(rng, max(1, 16_000 // (5 * max(length, 8))), length)
            if length > 7:
                x_q = np.concatenate([x_q, row_codes(rng, max(1, 8_000 // (5 * length)), length)])
            jobs.append(Job(x_q, words(norm), list(settings(length, norm).values())))
            due.append(layer_norm(x_q, *norm))
    unit = hardware.LayerNorm(lanes=LANES, longest=1024)
    ports = {"elements": 11, "zero_point": 8, "scale": 32, "eps": 64}
    ports |= {"multiplier": 31, "output_zero_point": 8}
    found = play(unit, (10, 64), ports, jobs, tmp_path)
    for each, right in zip(found, due, strict=True):
        np.testing.assert_array_equal(each, right)
    assert sum(each.size for each in found) > 1_000_000
