"""PyTorch's pools as the graph's operations."""

from __future__ import annotations

from ..golden.graph import AvgPool2d, MaxPool2d, Tensor
from .int8 import Step
from .lower_parts import own_output, pair, refused

__all__ = ["adaptive_pool", "average_pool", "max_pool", "mean_pool"]


def max_pool(step: Step, source: Tensor) -> MaxPool2d:
    """Return the operation of a "max_pool2d"."""
    values = step.arguments
    kernel = pair(values["kernel_size"])
    return MaxPool2d(
        step.name,
        source.quantization,
        kernel,
        pair(values.get("stride") or kernel),
        pair(values.get("padding", 0)),
        pair(values.get("dilation", 1)),
        bool(values.get("ceil_mode", False)),
    )


def average_pool(step: Step, source: Tensor) -> AvgPool2d:
    """Return the operation of an "avg_pool2d".

    Raises
    ------
    Unsupported
        If PyTorch uses another kernel for its arguments, with different rounding.
    """
    values = step.arguments
    if values.get("ceil_mode") or values.get("divisor_override"):
        raise refused(step, "ceil_mode and divisor_override", "off", "one of them")
    kernel = pair(values["kernel_size"])
    if kernel == (1, 1):
        raise refused(step, "kernel_size", "more than one element", kernel)
    stride = pair(values.get("stride") or kernel)
    padding = pair(values.get("padding", 0))
    return AvgPool2d(step.name, source.quantization, kernel, stride, padding, own_output(step))


def adaptive_pool(step: Step, source: Tensor) -> AvgPool2d | None:
    """Return the operation of an "adaptive_avg_pool2d"; None if it changes nothing.

    Raises
    ------
    Unsupported
        If its windows differ in size.
    """
    sizes = source.shape[1:3]
    given = step.arguments.get("output_size")
    wanted = [given] * 2 if given is None or isinstance(given, int) else given
    outputs = tuple(want or size for want, size in zip(wanted, sizes, strict=True))
    if any(size % want for size, want in zip(sizes, outputs, strict=True)):
        raise refused(step, "output_size", f"a divisor of {sizes}", outputs)
    own = own_output(step)
    if outputs == sizes and own is None:
        return None
    window = (sizes[0] // outputs[0], sizes[1] // outputs[1])
    return AvgPool2d(step.name, source.quantization, window, window, own_output=own)


def mean_pool(step: Step, source: Tensor) -> AvgPool2d:
    """Return the operation of a "mean", which keeps the image's dimensions.

    Raises
    ------
    Unsupported
        If it is not over the image's dimensions.
    """
    given = step.arguments.get("dim")
    dims = [given] if isinstance(given, int) else list(given or ())
    if sorted(dim % 4 for dim in dims) != [2, 3]:
        raise refused(step, "dim", "the image's two (2, 3)", given)
    window = (source.shape[1], source.shape[2])
    return AvgPool2d(step.name, source.quantization, window, window)
