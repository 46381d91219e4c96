"""Where layer norm rounds: inputs on which another formula gives another code than PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
import torch
from torch_tensors import tensor

from maccord.golden.graph import Quantization
from maccord.golden.row import layer_norm as rows
from maccord.golden.row.fused_multiply_add import fused_multiply_add
from maccord.nets.framework import qnnpack
from maccord.nets.transformer import kernels

EPS = 1e-5
INPUT = Quantization(float(np.float32(0.037)), 251)
ELEMENTS = 192

Rows = np.ndarray
Formula = Callable[[Rows, Rows, Rows], Rows]


def _factor(x_q: Rows, eps: float = EPS) -> tuple[Rows, Rows]:
    return rows.row_factors(*rows.row_sums(x_q), ELEMENTS, INPUT.scale, eps)


def _centred(x_q: Rows, mean: Rows) -> Rows:
    zero_point = np.float32(INPUT.zero_point)
    return (x_q.astype(np.float32) - zero_point) - (mean - zero_point)[:, None]


def exact(x_q: Rows, gamma: Rows, beta: Rows) -> Rows:
    mean, factor = _factor(x_q)
    return fused_multiply_add(_centred(x_q, mean) * factor[:, None], gamma, beta)


def unfused(x_q: Rows, gamma: Rows, beta: Rows) -> Rows:
    """The product rounded before the sum."""
    mean, factor = _factor(x_q)
    return _centred(x_q, mean) * factor[:, None] * gamma + beta


def factor_in_fp32(x_q: Rows, gamma: Rows, beta: Rows) -> Rows:
    """Sum, root and quotient in fp32."""
    mean, _ = _factor(x_q)
    count, step = np.float32(ELEMENTS), np.float32(INPUT.scale)
    squares = rows.row_sums(x_q)[1].astype(np.float32) / count
    variance = fused_multiply_add(-mean, mean, squares)
    factor = step / np.sqrt(variance * step * step + np.float32(EPS))
    return fused_multiply_add(_centred(x_q, mean) * factor[:, None], gamma, beta)


def mean_first(x_q: Rows, gamma: Rows, beta: Rows) -> Rows:
    """Codes minus the mean, without the zero point."""
    mean, factor = _factor(x_q)
    centred = x_q.astype(np.float32) - mean[:, None]
    return fused_multiply_add(centred * factor[:, None], gamma, beta)


def factor_with_gamma(x_q: Rows, gamma: Rows, beta: Rows) -> Rows:
    """The row's factor times the element's, first."""
    mean, factor = _factor(x_q)
    return fused_multiply_add(_centred(x_q, mean), factor[:, None] * gamma, beta)


def code(values: Rows, scale: np.float32) -> Rows:
    return np.clip(np.rint(values * (np.float32(1) / scale)) + 128, 0, 255)


def separating_scales(found: Rows, other: Rows) -> list[np.float32]:
    """Output scales that put half a step between the two formulas' results of some element."""
    pairs = zip(found[found != other][::7], other[found != other][::7], strict=True)
    near = (
        (a, b, np.float32(abs(a) / half) + np.float32(ulps) * np.spacing(np.float32(abs(a) / half)))
        for a, b in pairs
        for half in np.arange(0.5, 40, dtype=np.float32)
        for ulps in (0, -1)
    )
    return list(islice((scale for a, b, scale in near if code(a, scale) != code(b, scale)), 40))


@pytest.mark.parametrize("other", [unfused, factor_in_fp32, mean_first, factor_with_gamma])
def test_rounding(other: Formula) -> None:
    rng = np.random.default_rng(8)
    # In rows of small codes, the mean in steps from the zero point has fewer fraction bits
    x_q = np.concatenate([rng.integers(0, end, (4, ELEMENTS), np.uint8) for end in (255, 9)])
    gamma = rng.normal(1, 0.5, ELEMENTS).astype(np.float32)
    beta = rng.normal(0, 0.5, ELEMENTS).astype(np.float32)
    values, others = exact(x_q, gamma, beta), other(x_q, gamma, beta)
    separated = 0
    for scale in separating_scales(values, others):
        output = Quantization(float(scale), 128)
        parameters = torch.from_numpy(gamma), torch.from_numpy(beta), EPS
        with qnnpack():
            due = kernels.layer_norm(tensor(x_q, INPUT), *parameters, output.scale, 128)
        found = rows.layer_norm(x_q, gamma, beta, EPS, INPUT, output)
        np.testing.assert_array_equal(found, due.int_repr().numpy())
        separated += int((code(others, scale) != found).sum())
    assert separated >= 20
