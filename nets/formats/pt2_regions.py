"""Regions of PT2E programs, from codes to codes, as XNNPACK computes them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.fx import Node

from ...golden.kernels.quantize import dequantize
from ...golden.quantization import Quantization
from .codes import quantized
from .pt2_layers import layer_of
from .pt2_means import MEANS, import_mean
from .pt2_products import is_xnnpacks
from .pt2_tables import UNARY, table_of
from .pt2_values import NO_PADS, Real, arguments_of, operator, path_of

if TYPE_CHECKING:
    from .pt2_importer import Pt2Importer, Work

__all__ = ["IDENTITIES", "OPERATORS", "PADS", "import_region"]

LAYERS = ("conv2d", "linear")
CLAMPS = ("relu", "relu_", "relu6", "relu6_", "hardtanh", "hardtanh_", "clamp", "clamp_")
PADS = ("pad", "constant_pad_nd")
IDENTITIES = ("dropout", "dropout_", "clone", "contiguous", "alias", "detach")
_MOVES = {
    "max_pool2d": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "flatten": ("start_dim", "end_dim"),
    "view": ("size",),
    "reshape": ("shape",),
    "cat": ("dim",),
}
_SUMS = ("add", "add_", "mul", "mul_")
# what ExecuTorch computes on the host alone
HOSTED = (
    *("abs", "amax", "amin", "avg_pool2d", "batch_norm", "conv1d", "conv_transpose2d", "div"),
    *("div_", "exp", "expand", "group_norm", "layer_norm", "log", "log_softmax", "matmul"),
    *("max_pool1d", "maximum", "minimum", "neg", "permute", "pixel_shuffle", "pow", "prelu"),
    *("reciprocal", "rsqrt", "sin", "slice", "softmax", "softplus", "sqrt", "squeeze", "sub"),
    *("sub_", "sum", "transpose", "unsqueeze", "upsample_bilinear2d"),
)
OPERATORS = (
    *HOSTED,
    *LAYERS,
    *CLAMPS,
    *IDENTITIES,
    *_MOVES,
    *MEANS,
    *_SUMS,
    *UNARY,
    *PADS,
    "upsample_nearest2d",
)


def import_region(importer: Pt2Importer, work: Work) -> Real:
    """Import what stands between codes.

    Raises
    ------
    Unsupported
        If XNNPACK does not compute it in integers, or the accelerator lacks it.
    """
    first, *others = work.nodes
    for node in work.nodes:
        if operator(node) in HOSTED:
            importer.refuse(node, f"operators must have exact hardware, got {node.target}")
    word = operator(first)
    clamps = [operator(node) in CLAMPS for node in others]
    if word in PADS and not others:
        return _padded(importer, work, first)
    if word != "conv2d" and any(read.pads != NO_PADS for read in work.reads):
        importer.refuse(first, "padding of its own must be read by a convolution")
    if word in (*LAYERS, *_SUMS) and all(clamps) and len(others) <= 1:
        make = _layer if word in LAYERS else _pair
        return make(importer, work, first, others)
    if word in MEANS and not others:
        return import_mean(importer, work, first)
    found, rest = _tabled(importer, work)
    for node in rest:
        # Quantizing and clamping commute, as both are monotonic: the first clamp changes the scale
        clamps = operator(node) in CLAMPS
        output = work.output if clamps else importer.kinds[found[0].step]
        found = (_plain(importer, work, node, found, output),)
    return found[0]


def _tabled(importer: Pt2Importer, work: Work) -> tuple[tuple[Real, ...], Sequence[Node]]:
    """Import functions of one code ahead of a chain, or a change of scale that no clamp makes."""
    kind = importer.kinds[work.reads[0].step]
    words = [operator(node) for node in work.nodes]
    count = next((i for i, w in enumerate(words) if w not in (*UNARY, *CLAMPS)), len(words))
    keeps = work.output == kind or any(word in CLAMPS for word in words)
    if keeps and not set(words[:count]) & {*UNARY}:
        return work.reads, work.nodes
    chain, rest = work.nodes[:count], work.nodes[count:]
    if len(work.reads) > 1:
        importer.refuse(work.nodes[0], f"inputs of {words[0]} must have the scale of its output")
    shown = chain[-1] if chain else work.nodes[0].all_input_nodes[0]
    name = importer.name(path_of(chain[-1]) if chain else f"{path_of(work.nodes[0])}_codes")
    end = work.end.name if not rest else shown.name
    table = table_of(importer, chain, kind, work.output)
    return (importer.add("lookup", work.reads, table, work.output, name, end),), rest


def _padded(importer: Pt2Importer, work: Work, node: Node) -> Real:
    """Note zeros around codes, which a convolution reads."""
    (read,), values = work.reads, arguments_of(node)
    widths = [int(width) for width in values["pad"]]
    if (
        values.get("mode", "constant") != "constant"
        or values["value"]
        or min(widths) < 0
        or len(widths) > 4
    ):
        importer.refuse(node, "pad must put zeros around an image")
    left, right, top, bottom = (*widths, 0, 0)[:4]
    (above, below), (before, behind) = read.pads
    pads = ((above + top, below + bottom), (before + left, behind + right))
    kind = importer.kinds[read.step]
    if kind != work.output:
        name = importer.name(f"{path_of(node)}_codes")
        shown = f"{work.end.name}:crop {pads[0][0]} {pads[0][1]} {pads[1][0]} {pads[1][1]}"
        table = table_of(importer, (), kind, work.output)
        read = importer.add("lookup", (read,), table, work.output, name, shown)
    return Real(read.step, pads)


def _bounds(node: Node) -> tuple[float, float]:
    """Smallest and largest real value that a clamp leaves."""
    values, word = arguments_of(node), operator(node).rstrip("_")
    low, high = {
        "relu": lambda: (0.0, inf),
        "relu6": lambda: (0.0, 6.0),
        "hardtanh": lambda: (values["min_val"], values["max_val"]),
        "clamp": lambda: (values["min"], values["max"]),
    }[word]()
    return -inf if low is None else float(low), inf if high is None else float(high)


def _limits(nodes: Sequence[Node], output: Quantization) -> tuple[int, int]:
    """Codes of a clamp's bounds, as ``xnn_qs8_quantize`` gives them: rint(f(v / s)) + z."""
    low, high = 0, 255
    for node in nodes:
        codes = [_code(bound, output) for bound in _bounds(node)]
        low, high = max(low, codes[0]), min(high, codes[1])
    return low, high


def _code(bound: float, output: Quantization) -> int:
    steps = np.float32(bound) / np.float32(output.scale)
    return int(np.clip(np.rint(np.clip(steps, -1e6, 1e6)) + output.zero_point, 0, 255))


def _layer(importer: Pt2Importer, work: Work, node: Node, clamps: list[Node]) -> Real:
    name = importer.name(path_of(node))
    source = importer.kinds[work.reads[0].step]
    ends = source, work.output
    layer = layer_of(importer, node, name, ends, _limits(clamps, work.output), work.reads)
    importer.layers[name] = layer
    return importer.add("layer", work.reads, {"name": name}, work.output, name, work.end.name)


def _pair(importer: Pt2Importer, work: Work, node: Node, clamps: list[Node]) -> Real:
    """Import a sum or product."""
    values, kind = arguments_of(node), operator(node).rstrip("_")
    sources = [importer.values.get(values[key]) for key in ("self", "other")]
    if values.get("alpha", 1) != 1 or not all(isinstance(each, Real) for each in sources):
        importer.refuse(node, f"{kind} must be of two quantized tensors, with alpha 1")
    word = [kind, *(operator(clamp).rstrip("_") for clamp in clamps)]
    if word not in ([kind], [kind, "relu"]):
        importer.refuse(node, f"only relu may follow {kind} ahead of quantize, got {word[1]}")
    name = importer.name(path_of(node))
    arguments: dict[str, Any] = {
        "scale": work.output.scale,
        "zero_point": work.output.zero_point,
    }
    reads: Any = tuple(sources)
    if kind == "add":
        arguments["rounding"] = "half_up"
    elif not is_xnnpacks([importer.kinds[read.step] for read in reads], work.output):
        importer.refuse(node, "mul must have the hardware's product for all pairs of codes")
    return importer.add("_".join(word), reads, arguments, work.output, name, work.end.name)


def _plain(
    importer: Pt2Importer,
    work: Work,
    node: Node,
    reads: tuple[Real, ...],
    output: Quantization,
) -> Real:
    """Import an operator that moves codes, or a clamp; between scales a clamp is a table."""
    word, last = operator(node), work.end.name if node is work.nodes[-1] else node.name
    kinds = {importer.kinds[read.step] for read in reads}
    (kind, *more) = kinds
    name = importer.name(path_of(node))
    if word in CLAMPS and kind != output and len(work.nodes) == 1:
        table = table_of(importer, work.nodes, kind, output)  # XNNPACK's own rounding
        return importer.add("lookup", reads, table, output, name, last)
    if word in CLAMPS and kind != output:
        return importer.add("lookup", reads, _table(node, kind, output), output, name, last)
    if more:
        importer.refuse(
            node,
            f"{word} must keep scale and zero point, got {sorted(kinds, key=str)} and {output}",
        )
    if word in CLAMPS:
        low, high = _limits([node], output)
        return importer.add("clamp_codes", reads, {"low": low, "high": high}, output, name, last)
    if word == "upsample_nearest2d":
        return importer.add("interpolate", reads, _upsampling(node), output, name, last)
    if word not in _MOVES:
        importer.refuse(node, f"{word} must be followed by quantize")
    values = arguments_of(node)
    arguments = {key: values[key] for key in _MOVES[word]}
    if word == "cat":
        reads = tuple(_real(importer, node, each) for each in values["tensors"])
    if word in ("view", "reshape"):
        word, arguments = "reshape", {"shape": _rows(importer, node)}
    if word == "max_pool2d":
        arguments["stride"] = arguments["stride"] or arguments["kernel_size"]
        arguments = {k: list(v) if isinstance(v, list | tuple) else v for k, v in arguments.items()}
    return importer.add(word, reads, arguments, output, name, last)


def _upsampling(node: Node) -> dict[str, Any]:
    values = arguments_of(node)
    size, factors = values["output_size"], values.get("scale_factors")
    given = {"size": [*size]} if size is not None else {"scale_factor": [*(factors or ())]}
    return {"mode": "nearest"} | given


def _real(importer: Pt2Importer, node: Node, source: Any) -> Real:  # noqa: ANN401
    value = importer.values.get(source)
    if not isinstance(value, Real):
        importer.refuse(node, f"{source} must be quantized")
    return value


def _rows(importer: Pt2Importer, node: Node) -> list[int]:
    shape = [int(size) for size in node.meta["val"].shape]
    if len(shape) != 2:
        importer.refuse(node, f"reshape must give one row per image, got {shape}")
    return shape


def _table(node: Node, kind: Quantization, output: Quantization) -> dict[str, Any]:
    """Return a clamp between scales: dequantize, clamp and quantize of each code."""
    low, high = _bounds(node)
    reals = dequantize(np.arange(256, dtype=np.uint8), kind)
    codes = quantized(reals.clip(np.float32(low), np.float32(high)), output)
    return {"scale": output.scale, "zero_point": output.zero_point, "table": codes.tolist()}
