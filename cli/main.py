"""The command-line entry point. Each command imports its heavy dependencies itself."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import suppress
from importlib.metadata import version
from types import FrameType, TracebackType
from typing import Annotated

import typer

from .about import cache, compare, doctor
from .bench import bench
from .closed_pipe import CLOSED, Outputs
from .compile import compile_target
from .explore import explore
from .export import export
from .faults import faults
from .generalize import generalize
from .layers import layers
from .mutate import mutate
from .regress import regress
from .sim import sim
from .study import study
from .synth import synth
from .train import train
from .verilog import verilog

__all__ = ["app", "main"]

app = typer.Typer(
    name="maccord",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="An INT8 accelerator whose RTL, NumPy model and PyTorch kernels agree bit for bit.\n\n"
    "Start with `maccord sim resnet18.conv1`.",
    epilog="Exit codes: 0 every compared byte agreed (or --dry-run), 1 mismatch, 2 bad input, "
    "3 the simulation could not run or hung, 130 interrupted, "
    "141 the reader of the output is gone, 143 terminated.",
)


_INTERRUPTED, _TERMINATED = 130, 143
_COMPLETING = "_MACCORD_COMPLETE"  # set by the shell during tab completion


for command in (cache, doctor, compare):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"maccord {version('maccord')}")
        raise typer.Exit


@app.callback()
def _whole(
    show: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


app.command()(sim)
app.command()(layers)
app.command()(verilog)
app.command("compile")(compile_target)
app.command()(export)
app.command()(bench)
app.command()(study)
app.command()(faults)
app.command()(generalize)
app.command()(train)
app.command()(synth)
app.command()(explore)
app.command()(mutate)
app.command()(regress)


def main() -> None:
    """Run the command line: errors are one sentence on stderr, and an exit code."""
    outputs = Outputs()
    sys.exit(outputs.finish(_guarded(outputs)))


class _Signals:
    """Handles SIGTERM like an interrupt, so that child processes are killed.

    Attributes
    ----------
    terminated : bool
        Whether SIGTERM was received.
    """

    def __init__(self) -> None:
        self.terminated = False
        signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True
        raise KeyboardInterrupt

    def said(self) -> int:
        """Report how the command ended; return its exit code."""
        if self.terminated:
            return _say("terminated", _TERMINATED)
        return _say("interrupted", _INTERRUPTED)


def _guarded(outputs: Outputs) -> int:
    from ..runtime.errors import MismatchError, SimulationError, ToolchainError, os_error_sentence

    signals = _Signals()
    try:
        code = app(standalone_mode=False) or 0
        return signals.said() if code == _INTERRUPTED else code
    except typer.TyperException as error:  # e.g. an unknown option, a wrong type
        return _say(error.format_message(), error.exit_code)
    except (ValueError, ToolchainError) as error:
        return _say(str(error), 2)
    except OSError as error:
        return _say(os_error_sentence(error), 2)
    except MismatchError as error:
        return _say(str(error), 1)
    except SimulationError as error:
        return _say(str(error), 3)
    except (KeyboardInterrupt, typer.Abort):
        return signals.said()
    except SystemExit as error:
        # Of Typer's completion, of a closed pipe, or of no command of ours: then nothing was
        # compared, whatever its code
        if _COMPLETING in os.environ:
            raise
        if outputs.cut_off(error):
            return CLOSED
        return _say(f"sys.exit was called{_place(sys.exc_info()[2])}; nothing was compared", 3)
    except Exception as error:  # a bug: Python would exit with 1, as for a mismatch
        if os.environ.get("MACCORD_DEBUG"):
            traceback.print_exc()
        return _say(f"internal error, please report: {type(error).__name__}: {error}", 3)


def _place(trace: TracebackType | None) -> str:
    last = traceback.extract_tb(trace)[-1:]
    return "".join(f" in {frame.filename}, line {frame.lineno}" for frame in last)


def _say(sentence: str, code: int) -> int:
    if sentence:
        with suppress(BrokenPipeError):  # nobody reads it; the code still tells
            typer.echo(f"maccord: {' '.join(sentence.split())}", err=True)
    return code
