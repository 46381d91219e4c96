"""Writes the plots and HTML pages of a run."""

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
    """Write one plot per network run and one page per network.

    Parameters
    ----------
    results : sequence of NetworkResult
        Results of single layers appear on a page only if `html` is given.
    folder : Path
        Folder for ``NETWORK.html`` and ``NETWORK[@PERTURBATION].svg``.
    html : Path, optional
        One page for all networks and layers, instead of one page per network.

    Returns
    -------
    list of Path
        The pages.
    """
    whole = [result for result in results if result.whole]
    if not (results if html else whole):
        return []
    from .page import page  # importing Matplotlib is slow
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
