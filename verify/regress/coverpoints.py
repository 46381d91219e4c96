"""The coverpoints and crosses of the regression."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

from ...golden.graph import Add, Conv2d, Operation
from ...golden.operations.conv_transpose2d import ConvTranspose2d
from ...spec.isa import Opcode, Unit
from ...spec.registers import COUNTERS, ErrorCode
from .configurations import CONFIGURATIONS
from .functional import Coverpoint, Cross, Facts
from .harness import ORDERS
from .recipe import DISTURBANCES
from .verdicts import Verdict

__all__ = ["POINTS"]

_OPERATIONS = (
    *("dense", "grouped", "depthwise", "linear", "transposed", "max_pool2d", "avg_pool2d", "add"),
    *("add, half up", "mul", "mul, one value a channel", "clamp", "cat", "upsample", "slice"),
    *("shuffle", "lookup", "flatten"),
)


def _range(value: float, *bounds: float) -> str:
    """Name the range between bounds that a value lies in: ``0``, ``1 to 9``, ``10 and more``."""
    for low, high in itertools.pairwise(bounds):
        if low <= value < high:
            return _named(low, high)
    return f"{bounds[-1]} and more"


def _named(low: float, high: float) -> str:
    return f"{low}" if high == low + 1 else f"{low} to {high - 1}"


def _ranges(*bounds: int) -> tuple[str, ...]:
    pairs = itertools.pairwise(bounds)
    return (*(_named(*pair) for pair in pairs), f"{bounds[-1]} and more")


def _operation(operation: Operation, shapes: list[tuple[int, ...]]) -> str:
    if isinstance(operation, ConvTranspose2d):
        return "transposed"
    if isinstance(operation, Conv2d):
        if operation.groups == 1:
            return "dense"
        return "depthwise" if operation.weight.shape[1] == 1 else "grouped"
    if isinstance(operation, Add):
        return "add, half up" if operation.rounding == "half_up" else "add"
    op = operation.op.removesuffix("_relu")
    if op == "mul" and len(shapes) > 1 and shapes[0] != shapes[1]:
        return "mul, one value a channel"
    return op


def _operations(facts: Facts) -> Iterator[str]:
    for operation in facts.get("operations", ()):
        yield _operation(operation, facts["shapes"] if facts["alone"] else [])


def _layer(of: Callable[[Conv2d], Iterable[str]]) -> Callable[[Facts], Iterable[str]]:
    """Apply to starts of a single convolution."""
    return lambda facts: of(facts["layer"]) if isinstance(facts.get("layer"), Conv2d) else ()


def _step(name: str, *bounds: int) -> Callable[[Facts], Iterable[str]]:
    return lambda facts: [_range(getattr(facts["step"], name), *bounds)]


def _padding(layer: Conv2d) -> Iterator[str]:
    for (begin, end), size in zip(layer.pads, layer.weight.shape[2:], strict=True):
        if begin == end == 0:
            yield "none"
        elif begin != end:
            yield "uneven"
        else:
            yield "even"
        if begin and begin >= size:
            yield "as wide as the window"


def _clamp(layer: Conv2d) -> Iterator[str]:
    if layer.relu:
        yield "relu"
    if layer.limits != (0, 255):
        yield "limits"
    if layer.bounds == (0, 255):
        yield "none"


def _zero(value: int) -> str:
    return str(value) if value in (0, 128, 255) else "other"


def _multiplier(facts: Facts) -> Iterator[str]:
    if "layer" in facts:
        for value in facts["layer"].multiplier:
            yield (
                *("below 2^-31", "2^-31 to 2^-12", "2^-12 to 2^-3", "2^-3 to 1/2", "1/2 and more"),
            )[sum(value >= bound for bound in (2.0**-31, 2.0**-12, 2.0**-3, 0.5))]


def _wanted(facts: Facts) -> Iterator[str]:
    yield from facts["tokens"]


def _other(configuration: str, accelerator: str) -> str:
    return "" if configuration == accelerator else f"{accelerator} is another"


def _lacks(operation: str, accelerator: str) -> str:
    """Return the feature that an operation needs and an accelerator lacks."""
    needs = {"add, half up": "half_up", "lookup": "lookup"}
    feature = "product" if operation.startswith("mul") else needs.get(operation, "")
    return _without(feature, accelerator) if feature else ""


def _without(feature: str, accelerator: str) -> str:
    has = getattr(CONFIGURATIONS[accelerator], feature)
    return "" if has else f"{accelerator} has no {feature}: the compiler refuses"


def _narrow(bits: str, accelerator: str) -> str:
    return "" if bits == "8" else _without("narrow", accelerator)


def _waits(cause: str, accelerator: str) -> str:
    """Say where no vector waits for a requantizer."""
    if cause != "requantizer" or CONFIGURATIONS[accelerator].columns_per_lane > 2:
        return ""
    return f"{accelerator} has a requantizer for every column or two: the next vector finds it free"


CONFIGURATION = Coverpoint(
    "configuration", lambda facts: [facts["configuration"]], tuple(CONFIGURATIONS), lacks=_other
)
OPERATION = Coverpoint("operation", _operations, _OPERATIONS, lacks=_lacks)
DISTURBANCE = Coverpoint(
    "disturbance",
    lambda facts: [facts["disturb"]] if facts["kind"] != "program" else (),
    tuple(DISTURBANCES),
)
STALL = Coverpoint("stall, of 256", _step("stall", 0, 1, 60), _ranges(0, 1, 60))
LATENCY = Coverpoint("latency", _step("latency", 2, 3, 4, 40), _ranges(2, 3, 4, 40))
JITTER = Coverpoint("jitter", _step("jitter", 0, 1), _ranges(0, 1))
ORDER = Coverpoint(
    "order of answers",
    lambda facts: [name for name, at in ORDERS.items() if facts["step"].seed >> 30 == at],
    tuple(ORDERS),
)
VERDICT = Coverpoint(
    "verdict of a random program",
    lambda facts: [facts["outcome"]] if facts["kind"] == "program" else (),
    tuple(Verdict.__members__),
)
ERROR = Coverpoint(
    "error code",
    lambda facts: [] if facts["error"] is None else [ErrorCode(facts["error"]).name],
    tuple(ErrorCode.__members__),
)
BITS = Coverpoint(
    "weight bits",
    lambda facts: [str(facts["layer"].weight_bits)] if "layer" in facts else (),
    ("8", "4", "2"), lacks=_narrow,
)  # fmt: skip
STRIDE = Coverpoint(
    "vertical stride", _layer(lambda layer: [_range(layer.stride[0], 1, 2, 3, 4)]),
    _ranges(1, 2, 3, 4),
)  # fmt: skip
WIDE_STRIDE = Coverpoint(
    "horizontal stride", _layer(lambda layer: [_range(layer.stride[1], 1, 2, 3, 4)]),
    _ranges(1, 2, 3, 4),
)  # fmt: skip
PADDING = Coverpoint(
    "padding", _layer(_padding), ("none", "even", "uneven", "as wide as the window")
)
ZERO_IN = Coverpoint(
    "zero point of the input",
    lambda facts: [_zero(facts["layer"].input.zero_point)] if "layer" in facts else (),
    ("0", "128", "255", "other"),
)

POINTS: tuple[Coverpoint | Cross, ...] = (
    CONFIGURATION, OPERATION, DISTURBANCE, STALL, LATENCY, JITTER, ORDER, VERDICT, ERROR, BITS,
    STRIDE, WIDE_STRIDE, PADDING, ZERO_IN,
    Coverpoint(
        "zero point of the output",
        lambda facts: [_zero(facts["layer"].output.zero_point)] if "layer" in facts else (),
        ("0", "128", "255", "other"),
    ),
    Coverpoint(
        "kernel", _layer(lambda layer: [_range(n, 1, 2, 3, 4, 5) for n in layer.weight.shape[2:]]),
        _ranges(1, 2, 3, 4, 5),
    ),
    Coverpoint(
        "dilation", _layer(lambda layer: [_range(n, 1, 2, 3) for n in layer.dilation]),
        _ranges(1, 2, 3),
    ),
    Coverpoint(
        "groups", _layer(lambda layer: [_range(layer.groups, 1, 2, 8)]), _ranges(1, 2, 8)
    ),
    Coverpoint("clamp", _layer(_clamp), ("relu", "limits", "none")),
    Coverpoint(
        "multiplier", _multiplier,
        ("below 2^-31", "2^-31 to 2^-12", "2^-12 to 2^-3", "2^-3 to 1/2", "1/2 and more"),
    ),
    Coverpoint(
        "largest accumulator",
        lambda facts: [_range(facts["largest"], 0, 1 << 16, 1 << 24)] if "largest" in facts else (),
        _ranges(0, 1 << 16, 1 << 24),
    ),
    Coverpoint(
        "rounding", lambda facts: facts.get("ties", ()),
        ("negative tie", "positive tie", "tie to even below", "tie to odd below"),
    ),
    Coverpoint(
        "output codes",
        lambda facts: [str(code) for code in facts.get("codes", ()) if code in (0, 255)],
        ("0", "255"),
    ),
    Coverpoint("images", lambda facts: [_range(facts["batch"], 1, 2)] if "batch" in facts else (),
               _ranges(1, 2)),
    Coverpoint("instruction", lambda facts: facts["opcodes"],
               tuple(name for name in Opcode.__members__ if name != "END")),
    Coverpoint("token", _wanted, tuple(f"{a.name} to {b.name}" for a in Unit for b in Unit)),
    Coverpoint(
        "cause of a cycle",
        lambda facts: [name for name in COUNTERS if facts["counters"].get(name)], COUNTERS,
        lacks=_waits,
    ),
    Coverpoint(
        "records",
        lambda facts: [] if facts["records"] is None else [facts["records"]],
        ("none", "memory", "interrupts"),
    ),
    Coverpoint("start after a reset", lambda facts: [str(facts["step"].reset)], ("True", "False")),
    Cross(OPERATION, STALL),
    Cross(OPERATION, DISTURBANCE),
    Cross(DISTURBANCE, CONFIGURATION),
    Cross(ERROR, CONFIGURATION),
    Cross(BITS, STRIDE),
    Cross(PADDING, ZERO_IN),
    Cross(STRIDE, PADDING),
    Cross(OPERATION, CONFIGURATION),
    Cross(LATENCY, STALL),
    Cross(ORDER, CONFIGURATION),
    Cross(OPERATION, ORDER),
)  # fmt: skip
