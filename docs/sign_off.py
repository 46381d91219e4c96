"""Write the sign-off table of docs/verification.md from results of `maccord regress --coverage`.

`python docs/sign_off.py FOLDER` keeps what the table shows in docs/sign_off.json, then writes it;
without a folder it writes the table anew from what is kept.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from maccord.runtime.cache import digest
from maccord.sim.netlist import generated
from maccord.verify.regress.configurations import CONFIGURATIONS, SIGN_OFF

__all__ = ["KEPT", "PAGE", "hardware", "keep", "page", "stage"]

PAGE = Path(__file__).parent / "verification.md"
KEPT = Path(__file__).parent / "sign_off.json"
BEGIN, END = "<!-- sign-off: begin -->", "<!-- sign-off: end -->"
V2, V3 = 90.0, 100.0  # percent of code and functional coverage


def hardware() -> str:
    """Hash of the Verilog that the table is about."""
    return digest(generated(CONFIGURATIONS[SIGN_OFF]))[:16]


def stage(lines: float, toggles: float, functional: float, failed: int) -> str:
    """Return the stage that a block has reached, of OpenTitan's V1 to V3."""
    least = min(lines, toggles, functional)
    if least >= V3 and not failed:
        return "V3"
    return "V2" if least >= V2 and not failed else "V1"


def keep(folder: Path) -> dict[str, Any]:
    """Return what the table shows of a campaign's results."""
    run = json.loads((folder / "regress.json").read_text())
    rows = json.loads((folder / "coverage.json").read_text())["configurations"]
    coverage = next(row for row in rows if row["configuration"] == SIGN_OFF)
    return {
        "hardware": hardware(),
        "configuration": SIGN_OFF,
        "runs": run["runs"],
        "starts": run["starts"],
        "failed": len(run["failures"]),
        "functional": [run["hit"], run["reachable"]],
        "holes": sum(len(point["holes"]) for point in run["points"]),
        "blocks": coverage["blocks"],
    }


def _row(block: dict[str, Any], functional: float, failed: int) -> str:
    lines = block["lines"] - block["lines_excluded"]
    toggles = block["toggles"] - block["toggles_excluded"]
    line_share = 100 * block["lines_covered"] / lines if lines else 100.0
    toggle_share = 100 * block["toggles_covered"] / toggles if toggles else 100.0
    excluded = block["lines_excluded"] + block["toggles_excluded"]
    reached = stage(line_share, toggle_share, functional, failed)
    return (
        f"| `{block['file']}` | {block['lines_covered']} of {lines} | {line_share:.1f} | "
        f"{block['toggles_covered']} of {toggles} | {toggle_share:.1f} | {excluded} | {reached} |"
    )


def table(kept: dict[str, Any]) -> str:
    """Return the table as Markdown."""
    hit, reachable = kept["functional"]
    functional = 100 * hit / reachable
    names = [name for name in kept["blocks"][0] if name != "file"]
    total = {"file": "all"} | {n: sum(block[n] for block in kept["blocks"]) for n in names}
    rows = [_row(block, functional, kept["failed"]) for block in (*kept["blocks"], total)]
    return "\n".join(
        [
            (
                f"Configuration {kept['configuration']}; {kept['runs']:,} runs with "
                f"{kept['starts']:,} starts, {kept['failed']} failed; functional coverage "
                f"{functional:.1f} % ({hit} of {reachable} bins)."
            ),
            "",
            "| block | lines | % | toggles | % | excluded | stage |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def page() -> str:
    """Return the page with the table of what is kept."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(json.loads(KEPT.read_text()))}\n\n{END}{after}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        KEPT.write_text(json.dumps(keep(Path(sys.argv[1])), indent=1) + "\n")
    PAGE.write_text(page())
