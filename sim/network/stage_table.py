"""Terminal report of a network's run: one row per stage, then totals."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from ...runtime.reference_names import column, framework
from ...runtime.tables import Column, fitting, print_wrapped
from ..results import CLEAN
from .host_lines import host_lines, on_host, operator
from .ranking import Ranked
from .results import BOUNDS, NetworkResult, StageResult, bounds
from .returned import describe

__all__ = ["at_roofline", "print_network"]

_LEGENDS = {
    "roofline": "roofline: cycles by those that multipliers or bus need at least",
    "compute": "compute to other: shares of the cycles",
    "golden": "golden{}: bytes that differ from that reference",
}
_OVERLAP = (
    "a stage ends when its outputs are in memory, and the next one has begun by then: what they "
    "overlap is counted with the first"
)
_BELOW = (
    ", so a stage whose count is below its roofline (*) began before its count did: it is shown as "
    "at its roofline, 1"
)
# Rank of each column: the highest is dropped first on a narrow terminal
_BOUND_BY, _UTILISATION, _ROOFLINE, _SHAPE, _OP, _MACS, _SHARES = range(1, 8)
_NUMBERS = {
    "MACs": _MACS,
    "cycles": 0,
    "utilisation": _UTILISATION,
    "roofline": _ROOFLINE,
    **dict.fromkeys(BOUNDS, _SHARES),
}
_CLASSES = 8  # images of a batch to print; the JSON has all


def print_network(out: Console, result: NetworkResult, width: int | None = None) -> None:
    """Print the table of stages, and the network's totals and predictions.

    Parameters
    ----------
    out : Console
    result : NetworkResult
    width : int, optional
        Maximum table width in characters; less important columns are dropped.
    """
    table, hidden = fitting(out, _columns(result), width)
    out.print(table)
    said = [
        text.format("" if result.not_asked else f", {column(result.engine)}")
        for name, text in _LEGENDS.items()
        if name not in hidden
    ]
    print_wrapped(out, "; ".join(said), width)
    print_wrapped(out, _OVERLAP + ("" if "roofline" in hidden else _BELOW), width)
    if hidden:
        print_wrapped(out, f"--wide shows {', '.join(hidden)}", width)
    for line in _totals(result):
        print_wrapped(out, escape(line), width, style="")
    if len(result.top5) == 1:
        out.print(fitting(out, _top5(result.top5[0]), width)[0])


def _columns(result: NetworkResult) -> list[Column]:
    perturbed = "" if result.perturbation == CLEAN else f" @ {result.perturbation}"
    stages = result.stages
    inputs = [" + ".join(map(_size, stage.input_shapes)) for stage in stages]
    shapes = [f"{i} > {_size(stage.output_shape)}" for i, stage in zip(inputs, stages, strict=True)]
    numbers = zip(*map(_numbers, [*stages, result]), strict=True)
    counts = zip(*map(_mismatches, [*stages, result]), strict=True)
    names = [escape(stage.name) for stage in stages]
    return [
        Column("tensor", names, 0, escape(result.network + perturbed), left=True),
        Column("op", [operator(stage) for stage in stages], _OP, left=True),
        Column("shape", shapes, _SHAPE, left=True),
        *(
            Column(name, entries, rank, total)
            for (name, rank), (*entries, total) in zip(_NUMBERS.items(), numbers, strict=True)
        ),
        Column("bound by", ["" if on_host(s) else s.bound_by for s in stages], _BOUND_BY),
        *(
            Column(name, entries, 0, total)
            for name, (*entries, total) in zip(
                ("golden", column(result.engine)), counts, strict=False
            )
        ),
    ]


def _top5(best: Sequence[Ranked]) -> list[Column]:
    columns = [
        Column(f"top {len(best)}", [str(place) for place in range(1, len(best) + 1)]),
        Column("class", [str(ranked.index) for ranked in best]),
        Column("logit", [f"{ranked.logit:g}" for ranked in best]),
    ]
    if best and best[0].name:
        columns.append(Column("name", [escape(ranked.name) for ranked in best], left=True))
    return columns


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape[1:]))


def _numbers(what: StageResult | NetworkResult) -> list[str]:
    shares = bounds(what.cycles_by_cause)
    if on_host(what):
        return ["host" if name == "cycles" else "" for name in _NUMBERS]
    return [
        f"{what.macs:,}",
        f"{what.cycles:,}",
        f"{int(what.utilization * 1000) / 10:.1f}%",  # rounded down: 99.98 % is not 100.0 %
        at_roofline(what.roofline_ratio).replace(" ", ""),
        *(f"{100 * cycles / max(what.cycles, 1):.1f}%" for cycles in shares.values()),
    ]


def at_roofline(ratio: float) -> str:
    """Format a ratio of cycles to roofline cycles.

    Examples
    --------
    >>> at_roofline(1.0671), at_roofline(0.9452)
    ('1.07 x', '1.00 x*')
    """
    return "1.00 x*" if 0 < ratio < 1 else f"{ratio:.2f} x"


def _mismatches(what: StageResult | NetworkResult) -> list[str]:
    counts = (what.mismatches_golden, what.mismatches_torch)
    return [f"[red]{count:,}[/]" if count else "0" for count in counts if count is not None]


def _totals(result: NetworkResult) -> list[str]:
    images = f"{result.batch} images" if result.batch > 1 else "one image"
    time = (
        f"{images}: {result.cycles:,} cycles, {result.roofline_ratio:.3f} of the roofline's "
        f"{result.roofline_cycles:,.0f}; {result.frames_per_second:,.1f} frames/s at "
        f"{result.mhz:g} MHz; simulated at {result.sim_cycles_per_second:,.0f} cycles/s"
    )
    often = "1 interrupt" if result.interrupts == 1 else f"{result.interrupts} interrupts"
    rung = f"; {often} before the last" if result.interrupts else ""
    tensors = "1 tensor" if result.tensors == 1 else f"{result.tensors} tensors"
    lines = [time, f"{tensors} compared{rung}", *host_lines(result)]
    for index, ours in enumerate(result.predicted[:_CLASSES]):
        which = f"image {index}: " if result.batch > 1 else ""
        line = f"{which}{_class(result, ours)}, logit {result.logits[index][ours]:g}"
        if result.predicted_torch:
            theirs = result.predicted_torch[index]
            line += (
                f"; {framework(result.engine)}: {_class(result, theirs)}, "
                f"logit {result.logits_torch[index][theirs]:g}"
            )
        if result.predicted_float:
            floats = result.predicted_float[index]
            logit = result.logits_float[index][floats]
            line += f"; FP32: {_class(result, floats)}, logit {logit:g}"
        lines.append(line)
    return lines + describe(result.results, result.engine) + _fidelity(result)


def _class(result: NetworkResult, index: int) -> str:
    name = result.class_names.get(index)
    return f"class {index} ({name})" if name else f"class {index}"


def _fidelity(result: NetworkResult) -> list[str]:
    """Describe the INT8 network's fidelity to floating point."""
    if result.snr_db is None:
        return []
    said = f"INT8 against FP32 on calibration images: {result.snr_db:.1f} dB"
    if result.weak_layer:
        said += (
            f"; {result.weak_layer} is the first layer that loses more than INT8 explains: it "
            f"keeps {result.weak_layer_snr_db:.1f} dB of its own result"
        )
    return [said]
