"""Mutants whose change reaches no register and no port of the design."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .mutants import Mutant, run_yosys

__all__ = ["unobservable"]

_SWITCH = "maccord_active_"  # input of a mutant: active where it is 1
_CELL_PORT = re.compile(r"^    connect .*$", re.MULTILINE)
#: Whole design, bit by bit: constants are propagated and what nothing observes is removed. The
#: state at power-on counts: a register that keeps it is a constant. Memories that are read without
#: a clock, as those of queues, become registers.
_REDUCE = """flatten
opt -fine
wreduce
opt_clean
memory_map c:* r:RD_CLK_ENABLE=1'1 %d
simplemap
opt -fine
opt_clean
techmap
opt -fast
opt_clean
write_rtlil reduced.il
"""


def unobservable(design: str, mutants: Sequence[Mutant]) -> set[int]:
    """Numbers of the mutants that are equal to the design, whatever its inputs are.

    Each mutant has a switch of its own. Yosys flattens the design, propagates constants and removes
    what no port depends on; a switch that then leads nowhere changes nothing. The others may be
    equal all the same: what no state ever reaches is not removed.

    Parameters
    ----------
    design : str
        RTLIL.
    mutants : sequence of Mutant

    Raises
    ------
    ToolchainError, SimulationError
        If Yosys is missing or fails.
    """
    if not mutants:
        return set()
    lines = []
    for mutant in mutants:
        switch = f"{_SWITCH}{mutant.number}"
        lines += [f"add -global_input {switch} 1", mutant.command(f"-ctrl {switch} 1 1")]
    _, (written,) = run_yosys("\n".join([*lines, _REDUCE]), design, "reduced.il")
    reduced = written.decode()
    ports = "\n".join(_CELL_PORT.findall(reduced))
    seen = {int(number) for number in re.findall(rf"{_SWITCH}(\d+)\b", ports)}
    # A switch may also go straight to a port of the design
    for line in re.findall(r"^  connect .*$", reduced, re.MULTILINE):
        target, *source = line.split()[1:]
        if not re.search(rf"{_SWITCH}\d+$", target):
            seen |= {int(number) for number in re.findall(rf"{_SWITCH}(\d+)\b", " ".join(source))}
    return {mutant.number for mutant in mutants} - seen
