"""The whole command line: that of `maccord.sim`, with the study, its training, and synthesis."""

from __future__ import annotations

from ..sim.cli import GATES, app, main
from ..synth.cli_explore import explore
from ..synth.cli_synth import synth
from ..synth.gate_families import FAMILIES
from .cli_study import study
from .cli_train import train

__all__ = ["app", "main"]

app.command()(study)
app.command()(train)
app.command()(synth)
app.command()(explore)
GATES.update(FAMILIES)
