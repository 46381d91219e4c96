"""A network's run on the terminal: a row for each stage, then the sums."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..results import CLEAN
from .results import BOUNDS, NetworkResult, StageResult, bounds

__all__ = ["print_network"]

_LEGEND = (
    "roofline: cycles by those that multipliers or bus need at least; compute to other: shares of "
    "the cycles; golden, torch: bytes that differ from that reference\n"
    "a stage ends when its outputs are in memory, and the next one has begun by then: what they "
    "overlap is counted with the first, so a roofline below 1 (*) says that a stage began before "
    "its count did"
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
        f"{what.roofline_ratio:.2f}x{'*' if 0 < what.roofline_ratio < 1 else ''}",
        *(f"{100 * cycles / max(what.cycles, 1):.1f}%" for cycles in shares.values()),
    ]


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
        line = (
            f"{which}{_class(result, ours)}, logit {result.logits[index][ours]:g}; "
            f"PyTorch: {_class(result, theirs)}, logit {result.logits_torch[index][theirs]:g}"
        )
        if result.predicted_float:
            floats = result.predicted_float[index]
            logit = result.logits_float[index][floats]
            line += f"; FP32: {_class(result, floats)}, logit {logit:g}"
        lines.append(line)
    return lines + _fidelity(result)


def _class(result: NetworkResult, index: int) -> str:
    name = result.class_names.get(index)
    return f"class {index}, {name}" if name else f"class {index}"


def _fidelity(result: NetworkResult) -> list[str]:
    """Say how near INT8 is to floating point."""
    if result.snr_db is None:
        return []
    said = f"INT8 against FP32 on calibration images: {result.snr_db:.1f} dB"
    if result.weak_layer:
        said += (
            f"; {result.weak_layer} is the first layer that loses more than INT8 explains: it "
            f"keeps {result.weak_layer_snr_db:.1f} dB of its own result"
        )
    return [said]
