"""A network's run on the terminal: a row for each stage, then the sums."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..results import CLEAN
from .results import BOUNDS, NetworkResult, StageResult, bounds

__all__ = ["at_roofline", "print_network"]

_LEGEND = (
    "roofline: cycles by those that multipliers or bus need at least; compute to other: shares of "
    "the cycles; golden, torch: bytes that differ from that reference\n"
    "a stage ends when its outputs are in memory, and the next one has begun by then: what they "
    "overlap is counted with the first, so a stage whose count is below its roofline (*) began "
    "before its count did: it is shown as at its roofline, 1"
)
_CLASSES = 8  # of a batch's images, more are in the JSON


def print_network(out: Console, result: NetworkResult) -> None:
    """Print the table of stages, and what the whole network took and said.

    Parameters
    ----------
    out : Console
    result : NetworkResult
    """
    out.print(_table(result))
    out.print(_LEGEND, soft_wrap=True, style="dim")
    for line in _totals(result):
        out.print(escape(line), soft_wrap=True)


def _table(result: NetworkResult) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    perturbed = "" if result.perturbation == CLEAN else f" @ {result.perturbation}"
    table.add_column("tensor", f"{escape(result.network + perturbed)}", no_wrap=True)
    table.add_column("op", no_wrap=True)
    table.add_column("shape", no_wrap=True)
    sums = [*_numbers(result), "", *_mismatches(result)]
    names = ("MACs", "cycles", "utilisation", "roofline", *BOUNDS, "bound by", "golden", "torch")
    for name, total in zip(names, sums, strict=True):
        table.add_column(name, total, justify="right", no_wrap=True)
    for stage in result.stages:
        inputs = " + ".join(map(_size, stage.input_shapes))
        table.add_row(
            escape(stage.name),
            stage.op,
            f"{inputs} > {_size(stage.output_shape)}",
            *_numbers(stage),
            stage.bound_by,
            *_mismatches(stage),
        )
    return table


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape[1:]))


def _numbers(what: StageResult | NetworkResult) -> list[str]:
    shares = bounds(what.cycles_by_cause)
    return [
        f"{what.macs:,}",
        f"{what.cycles:,}",
        f"{int(what.utilization * 1000) / 10:.1f}%",  # 99.98 % is not 100.0 %
        at_roofline(what.roofline_ratio).replace(" ", ""),
        *(f"{100 * cycles / max(what.cycles, 1):.1f}%" for cycles in shares.values()),
    ]


def at_roofline(ratio: float) -> str:
    """Return a ratio of cycles to those at the roofline as tables show it.

    Examples
    --------
    >>> at_roofline(1.0671), at_roofline(0.9452)
    ('1.07 x', '1.00 x*')
    """
    return "1.00 x*" if 0 < ratio < 1 else f"{ratio:.2f} x"


def _mismatches(what: StageResult | NetworkResult) -> list[str]:
    counts = (what.mismatches_golden, what.mismatches_torch)
    return [f"[red]{count:,}[/]" if count else "0" for count in counts]


def _totals(result: NetworkResult) -> list[str]:
    images = f"{result.batch} images" if result.batch > 1 else "one image"
    time = (
        f"{images}: {result.cycles:,} cycles, {result.roofline_ratio:.3f} of the roofline's "
        f"{result.roofline_cycles:,.0f}; {result.frames_per_second:,.1f} frames/s at "
        f"{result.mhz:g} MHz; simulated at {result.sim_cycles_per_second:,.0f} cycles/s"
    )
    rung = f"; {result.interrupts} interrupts before the last" if result.interrupts else ""
    lines = [time, f"{result.tensors} tensors compared{rung}"]
    for index, (ours, theirs) in enumerate(
        list(zip(result.predicted, result.predicted_torch, strict=False))[:_CLASSES]
    ):
        which = f"image {index}: " if result.batch > 1 else ""
        lines.append(
            f"{which}class {ours}, logit {result.logits[index][ours]:g}; "
            f"PyTorch: class {theirs}, logit {result.logits_torch[index][theirs]:g}"
        )
    return lines
