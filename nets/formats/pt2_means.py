"""Means over images of PT2E programs.

XNNPACK sums int8 codes r without their zero point and puts what that adds into an offset, in fp32:
y = rint(f(f(r) * m) + b), m = f(f(f(s) / f(so)) / n), b = f(zo - f(f(z * n) * m)), measured. The
accelerator's pools round before they add the zero point. At ties the two may part, so a mean is
imported only if they agree on every sum that there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch.fx import Node

from ...golden.graph import AvgPool2d
from ...golden.kernels.avg_pool2d import mean_multiplier
from ...golden.quantization import Quantization
from .pt2_values import Real, arguments_of, operator, path_of

if TYPE_CHECKING:
    from .pt2_importer import Pt2Importer, Work

__all__ = ["MEANS", "import_mean", "xnnpack_mean"]

MEANS = ("adaptive_avg_pool2d", "mean")

Codes = npt.NDArray[np.int64]


def xnnpack_mean(
    sums: Codes, count: int, source: Quantization, output: Quantization, *, fused: bool
) -> Codes:
    """Return XNNPACK's codes plus 128.

    Parameters
    ----------
    sums : ndarray, int64
        Sums of `count` codes minus 128.
    count : int
    source, output : Quantization
    fused : bool
        Whether product and offset are rounded once: no measurement tells the two apart.
    """
    f = np.float32
    zero, end = source.zero_point - 128, output.zero_point - 128
    factor = f(f(source.scale) / f(output.scale)) / f(count)
    offset = f(end) - f(zero * count) * factor
    if fused:
        scaled = (sums * np.float64(factor) + np.float64(offset)).astype(f)
    else:
        scaled = sums.astype(f) * factor + offset
    return np.clip(np.rint(scaled), -128, 127).astype(np.int64) + 128


def _ours(sums: Codes, pool: AvgPool2d) -> Codes:
    """Return the accelerator's codes for sums of codes."""
    count, end = pool.kernel[0] * pool.kernel[1], pool.output.zero_point
    acc = (sums - pool.input.zero_point * count).astype(np.float32)
    return np.clip(np.rint(acc * mean_multiplier(pool)) + end, 0, 255).astype(np.int64)


def _agrees(pool: AvgPool2d, source: Quantization, output: Quantization) -> bool:
    """Whether a pool gives XNNPACK's codes for every sum."""
    count = pool.kernel[0] * pool.kernel[1]
    sums = np.arange(255 * count + 1)
    return all(
        np.array_equal(
            _ours(sums, pool), xnnpack_mean(sums - 128 * count, count, source, output, fused=fused)
        )
        for fused in (False, True)
    )


def import_mean(importer: Pt2Importer, work: Work, node: Node) -> Real:
    """Import a mean over the image.

    Where zero points matter at ties, the pool reads and writes the codes as if they were from 0,
    which moves no byte.

    Raises
    ------
    Unsupported
        If it is not over the whole image, or rounds ties as no pool of the accelerator does.
    """
    word, values = operator(node), arguments_of(node)
    keeps = word != "mean" or bool(values["keepdim"])
    whole = (
        sorted(dim % 4 for dim in values["dim"] or ()) == [2, 3]
        if word == "mean"
        else list(values["output_size"]) == [1, 1]
    )
    shape = [int(size) for size in node.all_input_nodes[0].meta["val"].shape]
    if not whole or len(shape) != 4:
        importer.refuse(node, f"{word} must be over the whole image, got {list(shape)}")
    window = shape[2], shape[3]
    (read,) = work.reads
    source, output, name = importer.kinds[read.step], work.output, importer.name(path_of(node))
    own = None if output == source else output
    plain = AvgPool2d(name, source, window, window, own_output=own)
    end = work.end.name if keeps else f"{work.end.name}:4"
    if _agrees(plain, source, output):
        pooled = importer.add("adaptive_avg_pool2d", (read,), _arguments(own), output, name, end)
    else:
        start = Quantization(source.scale, 0)
        if own or not _agrees(AvgPool2d(name, start, window, window), source, output):
            importer.refuse(
                node,
                f"{word} over {window[0]} x {window[1]} pixels must round as XNNPACK does for "
                "every sum, got ties that no pool of the accelerator rounds so",
            )
        # the same codes as before and behind, from 0
        before, behind = (f"{of}:{start.zero_point}" for of in (importer.made[read.step], end))
        moved = _relabelled(importer, (read,), start, f"{name}_codes", before)
        inner = importer.name(f"{path_of(node)}_pool")
        values = _arguments(None)
        inside = importer.add("adaptive_avg_pool2d", (moved,), values, start, inner, behind)
        pooled = _relabelled(importer, (inside,), output, name, end)
    if keeps:
        return pooled
    flat = importer.name(f"{path_of(node)}_flatten")
    return importer.add("flatten", (pooled,), {"start_dim": 1}, output, flat, work.end.name)


def _arguments(own: Quantization | None) -> dict[str, Any]:
    size: dict[str, Any] = {"output_size": [1, 1]}
    return size | ({"scale": own.scale, "zero_point": own.zero_point} if own else {})


def _relabelled(
    importer: Pt2Importer, reads: tuple[Real, ...], kind: Quantization, name: str, node: str
) -> Real:
    arguments = {"scale": kind.scale, "zero_point": kind.zero_point}
    return importer.add("mul_scalar", reads, arguments, kind, name, node)
