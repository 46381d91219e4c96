"""The whole command line: that of `maccord.sim`, with the study, its training, and synthesis."""

from __future__ import annotations

from ..sim.cli import GATES, app, main
from ..synth.gate_families import FAMILIES
from .cli_study import study
from .cli_train import train

__all__ = ["app", "main"]

app.command()(study)
app.command()(train)
GATES.update(FAMILIES)
