"""The console output of a fault campaign."""

from __future__ import annotations

from rich.console import Console

from ...runtime.tables import Column, fitting, table_width
from .outcomes import OUTCOMES
from .results import Campaign
from .subjects import CLEAN
from .tables import ALL, MEAN, Difference, Share

__all__ = ["print_campaign"]

_OVER = {ALL: "all bits", MEAN: "blocks"}


def print_campaign(out: Console, campaign: Campaign) -> None:
    """Print the outcomes by block at each level, and what perturbations change."""
    for level in campaign.levels:
        shares = [s for s in (*campaign.all, *campaign.blocks) if s.level == level]
        out.print(f"{campaign.network}, {level}", style="bold")
        out.print(_table(out, shares))
    out.print(
        f"{campaign.faults} faults at each level in {campaign.bits:,} bits of "
        f"{campaign.registers:,} registers and memories ({campaign.injectable / campaign.bits:.2%} "
        f"of the bits are in the model) and {campaign.cycles:,} cycles; seed {campaign.seed}; "
        f"intervals at {campaign.confidence:.0%}; largest margin of a block {campaign.margin:.1%}",
        soft_wrap=True,
    )
    count = campaign.faults * len(campaign.levels)
    out.print(
        f"{count} faults in {campaign.cpu_seconds:,.0f} s of processor time, "
        f"{count / max(campaign.cpu_seconds, 1e-9):.1f} a second on one core; "
        f"{campaign.simulated_cycles / count:,.0f} cycles simulated for each on average",
        soft_wrap=True,
    )
    for difference in campaign.differences:
        if difference.name in _OVER:
            out.print(_sentence(difference), soft_wrap=True)


def _table(out: Console, shares: list[Share]) -> object:
    columns = [Column("block", [share.name for share in shares], left=True)]
    columns.append(Column("bits", [f"{share.bits:,}" for share in shares], rank=2))
    columns.append(Column("faults", [str(share.faults) for share in shares], rank=1))
    columns += [
        Column(name, [str(getattr(share, name)) for share in shares], rank=1) for name in OUTCOMES
    ]
    for name in ("avf", "critical"):
        ours = [tuple(getattr(s, name + end) for end in ("", "_low", "_high")) for s in shares]
        said = [f"{v:.2%} [{low:.2%}, {high:.2%}]" for v, low, high in ours]
        columns.append(Column(name.upper() if name == "avf" else name, said))
    return fitting(out, columns, table_width(False))[0]


def _sentence(found: Difference) -> str:
    what = {"avf": "AVF", "critical": "share of critical faults"}[found.measure]
    if found.low > 0:
        verdict = "more vulnerable"
    elif found.high < 0:
        verdict = "less vulnerable"
    else:
        verdict = "no difference shown"
    return (
        f"{what} over {_OVER[found.name]}, {found.level} less {CLEAN}: {found.difference:+.2%} "
        f"[{found.low:+.2%}, {found.high:+.2%}], {verdict} ({found.perturbed_only} faults count "
        f"when perturbed alone, {found.clean_only} when clean alone, of {found.faults})"
    )
