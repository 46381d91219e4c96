"""Terminal report of a synthesis."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .blocks import BLOCKS
from .results import Synthesis
from .targets import RESOURCES, Target
from .timing import Path
from .trend import changes

__all__ = ["print_synthesis"]

_HEADS = {
    "dsp": "DSP", "bram": "BRAM", "lutram": "LUTRAM", "lut": "LUT", "ff": "FF", "gates": "gates",
}  # fmt: skip


def print_synthesis(out: Console, result: Synthesis, target: Target) -> None:
    """Print resources by block, the mapping of memories, timing, and notes on the numbers."""
    out.print(_resources(result))
    out.print(f"memories: {_memories(result)}", soft_wrap=True)
    if result.placements:
        out.print(_timing(result))
        slowest = min(result.placements, key=lambda each: each.fmax_mhz)
        path = slowest.path
        ends = f"{escape(path.source)} to {escape(path.sink)}"
        out.print(f"critical path of seed {slowest.seed}: {ends}", soft_wrap=True)
        out.print(_critical(path))
        out.print(_latest(result))
        fmax = result.fmax_mhz
        out.print(
            f"[bold]fmax {min(fmax):.1f} to {max(fmax):.1f} MHz[/] over seeds "
            f"{', '.join(str(each.seed) for each in result.placements)} on {escape(result.target)}"
            f" -{result.speed}, after routing, by nextpnr"
            f"{f', of {escape(result.unit)} alone' * bool(result.unit)}",
            soft_wrap=True,
        )
    if trend := changes(result):
        said = ", ".join(f"{_HEADS.get(n, n)} {change:+.1%}" for n, change in trend.items())
        out.print(f"since the last different run: {said}", soft_wrap=True)
    for note in (
        *target.family.notes,
        "Out of context: a scan wrapper keeps all ports alive; no multiplier or memory was lost.",
    ):
        out.print(note, soft_wrap=True, style="dim")


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left", no_wrap=True)
    return table


def _resources(result: Synthesis) -> Table:
    total = result.total
    shown = [name for name in RESOURCES if total.get(name)]
    table = _table("block", *(_HEADS[name] for name in shown))
    for block in BLOCKS:
        if block in result.resources:
            counted = result.resources[block]
            table.add_row(block, *(_number(counted.get(name, 0)) for name in shown))
    table.add_row("total", *(_number(total[name]) for name in shown), style="bold")
    if result.available:
        table.add_row("of", *(_number(result.available.get(name, 0)) for name in shown))
    return table


def _number(value: float) -> str:
    if not value:
        return ""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _memories(result: Synthesis) -> str:
    kinds: Counter[str] = Counter()
    for memory in result.memories.values():
        kinds[memory["kind"]] += memory["words"] * memory["bits"]
    return ", ".join(f"{bits:,} bits in {kind}" for kind, bits in sorted(kinds.items()))


def _timing(result: Synthesis) -> Table:
    table = _table("seed", "fmax MHz", "ns", "logic", "routing", "ends in")
    for run in result.placements:
        path = run.path
        numbers = (f"{ns:.2f}" for ns in (path.ns, path.logic_ns, path.routing_ns))
        table.add_row(str(run.seed), f"{run.fmax_mhz:.1f}", *numbers, path.steps[-1].block)
    return table


def _critical(path: Path) -> Table:
    table = _table("through", "block", "ns")
    for step in path.steps:
        table.add_row(escape(step.instance), step.block, f"{step.ns:.2f}")
    return table


def _latest(result: Synthesis) -> Table:
    """Return the latest arrival in each block over all seeds, worst first."""
    worst = {}
    for run in result.placements:
        for block, arrival in run.blocks.items():
            if block not in worst or arrival.ns > worst[block].ns:
                worst[block] = arrival
    table = _table("latest in", "ns", "at")
    table.columns[2].justify = "left"
    for arrival in sorted(worst.values(), key=lambda each: -each.ns):
        table.add_row(arrival.block, f"{arrival.ns:.2f}", escape(arrival.signal))
    return table
