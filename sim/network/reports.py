"""The files of a run that people look at: plots and pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...runtime.files import atomic_write
from ..results import file_stem
from .results import NetworkResult

__all__ = ["write_reports"]


def write_reports(
    results: Sequence[NetworkResult], folder: Path, html: Path | None = None
) -> list[Path]:
    """Write a plot of each network's run, and a page of each network.

    Parameters
    ----------
    results : sequence of NetworkResult
        Those of layers alone are on a page only if one is asked for.
    folder : Path
        Gets ``NETWORK.html`` and ``NETWORK[@PERTURBATION].svg``.
    html : Path, optional
        One page for all networks and layers, in place of one each of the networks.

    Returns
    -------
    list of Path
        The pages.
    """
    whole = [result for result in results if result.whole]
    if not (results if html else whole):
        return []
    from .page import page  # Matplotlib takes a while
    from .plot import cycles_by_stage

    for result in whole:
        path = folder / f"{file_stem(result.network, result.perturbation)}.svg"
        _write(path, cycles_by_stage(result))
    if html:
        return [_write(html, page(results))]
    networks = dict.fromkeys(result.network for result in whole)
    return [
        _write(folder / f"{name}.html", page([r for r in whole if r.network == name]))
        for name in networks
    ]


def _write(path: Path, text: str) -> Path:
    with atomic_write(path) as temporary:
        temporary.write_text(text)
    return path
