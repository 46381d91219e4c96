"""Commands about maccord itself, and about what it has written."""

from __future__ import annotations

from typing import Annotated

import typer

from .cli_parameters import Cache

__all__ = ["cache"]


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete what is in it.")] = False,
    cache: Cache = None,
) -> None:
    """Say where the cache is and what is in it: models, netlists, quantized networks.

    Everything in it can be made again. Results lie elsewhere.
    """
    from ..nets.cache import KINDS, cache_root, clear_all, sizes

    typer.echo(cache_root())
    found = sizes()
    for kind, size in found.items():
        typer.echo(f"{size / 1e6:10,.1f} MB  {kind:10}{KINDS[kind]}")
    if clear:
        typer.echo(f"{clear_all() / 1e6:10,.1f} MB  deleted")
    else:
        typer.echo(f"{sum(found.values()) / 1e6:10,.1f} MB  in all")
