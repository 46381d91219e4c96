"""Write docs/cli.md, the reference of the command line, from the command line itself."""

from __future__ import annotations

from pathlib import Path

import click
from typer.cli import get_docs_for_click
from typer.main import get_command

from maccord.cli.main import app

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parent / "cli.md"


def page() -> str:
    """Return the reference as Markdown."""
    command = get_command(app)
    context = click.Context(command, info_name="maccord")
    text = get_docs_for_click(obj=command, ctx=context, name="maccord", title="Command line")
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
