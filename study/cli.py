"""The whole command line: that of `maccord.sim`, with the study and its training."""

from __future__ import annotations

from ..sim.cli import app, main
from .cli_study import study
from .cli_train import train

__all__ = ["app", "main"]

app.command()(study)
app.command()(train)
