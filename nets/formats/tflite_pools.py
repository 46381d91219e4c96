"""Pools and means of TFLite files.

LiteRT rounds means in two ways, neither of which is the hardware's, which requantizes the sum of
the steps from the input's zero point and rounds half to even:

- AVERAGE_POOL_2D is integer and rounds half away from zero, where zero is the code 0 of int8. With
  zero points of 128 the hardware's sums are those of LiteRT's signed codes, and a factor a little
  above 1 / n moves ties, and nothing else, away from zero.
- MEAN is XNNPACK's: rint(f(f(sum) * m) + f(zo - f(f(n * zx) * m))), m = f(f(sx / so) * f(1 / n)).
  It differs from the hardware's at ties only, which most scales do not have.

So LiteRT's own kernel computes every sum that is close to a tie, and the scales have to give its
result for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import AvgPool2d
from ...golden.kernels.avg_pool2d import mean_multiplier
from ...golden.quantization import Quantization
from .codes import file_codes, unsigned
from .tflite_file import TfliteCall
from .tflite_formulas import means
from .tflite_layers import bounds, close_scales, same_pads, without_activation
from .tflite_runtime import Interpreter, not_asked, part

if TYPE_CHECKING:
    from .tflite_importer import TfliteImporter

__all__ = ["POOLS", "near_ties"]

_MIDDLE = 128  # the graph's code for LiteRT's 0
_NEAR = 0.01  # codes from a tie; fp32 is off by less than a thousandth of it
_MOST_BYTES = 1 << 26  # of the codes that are measured

Sums = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]


def near_ties(source: Quantization, output: Quantization, count: int) -> Sums:
    """Return the sums of so many codes whose mean is close to halfway between two codes.

    Examples
    --------
    >>> kind = Quantization(0.5, 0)
    >>> near_ties(kind, kind, 2)[:4]
    array([1, 3, 5, 7])
    """
    sums = np.arange(255 * count + 1, dtype=np.int64)
    steps = (sums - source.zero_point * count) * (source.scale / (output.scale * count))
    return sums[np.abs(steps - np.floor(steps) - 0.5) < _NEAR]


def _measured(
    importer: TfliteImporter, call: TfliteCall, kernel: tuple[int, int], sums: Sums
) -> Codes:
    """Return LiteRT's codes for windows of these sums."""
    count = kernel[0] * kernel[1]
    if not len(sums):
        return np.empty(0, np.uint8)
    if not_asked():
        ends = (importer.quantization(i) for i in (call.inputs[0], call.outputs[0]))
        return means(call.op, sums, count, *ends)
    if len(sums) * count > _MOST_BYTES:
        importer.lacks(call, f"window must be small enough to try its ties, got {kernel}")
    more = np.arange(count)[:, None] < sums % count
    codes = (sums // count + more).astype(np.uint8).reshape(1, *kernel, len(sums))
    shape = (1,) * (len(importer.tensor(call.outputs[0]).shape) - 1)
    data = part(importer.file, call, importer.reads(call), (codes.shape, (*shape, len(sums))))
    given = file_codes(codes, importer.tensor(call.inputs[0]).dtype)
    return unsigned(Interpreter(data)(given)[0]).reshape(-1)


def _agrees(
    source: Quantization, output: Quantization, count: int, sums: Sums, found: Codes
) -> bool:
    """Whether the hardware gives these codes."""
    pool = AvgPool2d("pool", source, (1, count), (1, 1), own_output=output)
    acc = (sums - source.zero_point * count).astype(np.float32)
    codes = np.rint(acc * mean_multiplier(pool)) + output.zero_point
    return np.array_equal(np.clip(codes, 0, 255), found)


def _averaged(
    importer: TfliteImporter,
    call: TfliteCall,
    kernel: tuple[int, int],
    arguments: tuple[str, dict[str, Any]],
    choices: Iterator[tuple[Quantization, Quantization]],
    result: int | str,
    path: str,
) -> str:
    """Append a pool with the first quantization of both ends that rounds as LiteRT does."""
    source, output = (importer.quantization(i) for i in (call.inputs[0], call.outputs[0]))
    count = kernel[0] * kernel[1]
    sums = near_ties(source, output, count)
    found = _measured(importer, call, kernel, sums)
    for first, last in choices:
        if _agrees(first, last, count, sums, found):
            break
    else:
        importer.lacks(
            call, f"{call.op} must have scales whose ties the hardware rounds as LiteRT does"
        )
    name = importer.codes_read(call, call.inputs[0])
    if first != source:
        written = {"scale": first.scale, "zero_point": first.zero_point}
        same = importer.same(call.inputs[0])
        name = importer.step("mul_scalar", (name,), written, same, f"{call.name}.signed")
    own = {"scale": last.scale, "zero_point": last.zero_point}
    op, values = arguments
    if last == output:
        return importer.step(op, (name,), values | own, result, path)
    name = importer.step(op, (name,), values | own, importer.same(result), f"{path}.mean")
    return importer.step("mul_scalar", (name,), importer.written(call), result, path)


def _half_away(source: Quantization) -> Iterator[tuple[Quantization, Quantization]]:
    first = Quantization(source.scale, _MIDDLE)
    for bits in range(22, 10, -1):
        scale = float(np.float32(source.scale * (1 - 2.0**-bits)))
        yield first, Quantization(scale, _MIDDLE)


def _kernel(call: TfliteCall) -> tuple[int, int]:
    return call.option("filterHeight"), call.option("filterWidth")


def _strides(call: TfliteCall) -> list[int]:
    return [call.option("strideH"), call.option("strideW")]


def _checked(importer: TfliteImporter, call: TfliteCall) -> Quantization:
    """Return the quantization of both ends of a pool."""
    source, output = (importer.quantization(i) for i in (call.inputs[0], call.outputs[0]))
    if source != output:
        importer.lacks(call, f"scale and zero point of {call.op} must stay as they are")
    return source


def _average(importer: TfliteImporter, call: TfliteCall) -> None:
    source, kernel = _checked(importer, call), _kernel(call)
    if same_pads(importer, call, kernel) != ((0, 0), (0, 0)):
        importer.lacks(call, "average must be of whole windows, got padding, which it leaves out")
    arguments = "avg_pool2d", {"kernel_size": list(kernel), "stride": _strides(call)}
    low, high = bounds(importer, call, source)
    bare, clamped = without_activation(call), (low, high) != (0, 255)
    last: int | str = importer.extra(bare) if clamped else call.outputs[0]
    path = f"{call.name}.average" if clamped else call.name
    name = _averaged(importer, bare, kernel, arguments, _half_away(source), last, path)
    if clamped:
        clamp = {"low": low, "high": high}
        importer.step("clamp_codes", (name,), clamp, call.outputs[0], call.name)


def _max(importer: TfliteImporter, call: TfliteCall) -> None:
    source, kernel = _checked(importer, call), _kernel(call)
    pads = same_pads(importer, call, kernel)
    if any(not 0 <= end - begin <= 1 for begin, end in pads):
        importer.lacks(call, f"padding must be by one more at most at the end, got {pads}")
    arguments = {
        "kernel_size": list(kernel),
        "stride": _strides(call),
        "padding": [begin for begin, _ in pads],
        "ceil_mode": any(end > begin for begin, end in pads),
    }
    name = importer.codes_read(call, call.inputs[0])
    low, high = bounds(importer, call, source)
    if (low, high) == (0, 255):
        importer.step("max_pool2d", (name,), arguments, call.outputs[0], call.name)
        return
    bare = importer.extra(without_activation(call))
    name = importer.step("max_pool2d", (name,), arguments, bare, f"{call.name}.max")
    importer.step("clamp_codes", (name,), {"low": low, "high": high}, call.outputs[0], call.name)


def _mean(importer: TfliteImporter, call: TfliteCall) -> None:
    axes = importer.constant(call, 1)
    shape = importer.tensor(call.inputs[0]).shape
    if len(shape) != 4 or sorted(int(a) % 4 for a in np.reshape(axes, -1)) != [1, 2]:
        importer.lacks(call, f"mean must be over the image's two dimensions, got {axes}")
    source, output = (importer.quantization(i) for i in (call.inputs[0], call.outputs[0]))
    kept = bool(call.option("keepDims"))
    last: int | str = call.outputs[0] if kept else importer.same(call.outputs[0])
    path = call.name if kept else f"{call.name}.image"
    arguments = "adaptive_avg_pool2d", {"output_size": 1}
    choices = ((source, each) for each in close_scales(output))
    name = _averaged(importer, call, shape[1:3], arguments, choices, last, path)
    if not kept:
        flat = {"start_dim": 1, "channels_last": True}
        importer.step("flatten", (name,), flat, call.outputs[0], call.name)


POOLS = {"AVERAGE_POOL_2D": _average, "MAX_POOL_2D": _max, "MEAN": _mean}
