"""`maccord synth`: checks options, runs synthesis, prints and writes results."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.markup import escape

from ..runtime.cache import Cache
from ..runtime.console import console, waiting
from ..runtime.files import atomic_write, check_writable
from ..spec.parameters import Parameters
from .baseline import baseline, excesses, kept
from .flow import Options, check_minutes, synthesize
from .plot import resources_by_block
from .resource_table import print_synthesis
from .results import load, save
from .targets import Target, target_named
from .trend import summary_before
from .unit_names import check_unit

__all__ = ["SynthesisRequest", "parsed_seeds", "run"]

_SPEEDS = (6, 7, 8)
_LINE_SECONDS = 60.0  # a run takes minutes


@dataclass(frozen=True)
class SynthesisRequest:
    """Options of `maccord synth`.

    Parameters
    ----------
    target : str
    parameters : dict of str to int, str or bool
        Those that were given; the target's for the others.
    seeds : str
        Comma-separated.
    speed : int
    mhz : float
    jobs : int
        Parallel processes; 0: one per processor.
    unit : str
        Instance to build alone; empty for the accelerator.
    json : Path, optional
    out : Path
    minutes : int
        Limit of the processor time of place and route of a seed.
    """

    target: str
    parameters: dict[str, int | str | bool]
    seeds: str = "2"
    speed: int = 6
    mhz: float = 130.0
    jobs: int = 0
    unit: str = ""
    json: Path | None = None
    out: Path = Path("build/synth")
    minutes: int = 60


def parsed_seeds(text: str) -> tuple[int, ...]:
    """Parse seeds from a comma-separated list.

    Raises
    ------
    ValueError
        If they are not distinct positive integers.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) for word in words) or len({*words}) < len(words):
        raise ValueError(f"seeds must be different positive numbers, as 1,2,3, got {text!r}")
    return tuple(int(word) for word in words)


def run(request: SynthesisRequest) -> int:
    """Synthesize, print the tables, write JSON and plot.

    Returns
    -------
    int
        Exit code: 1 if the configuration is larger or slower than recorded.

    Raises
    ------
    ValueError
        If an option is invalid, or the design does not fit.
    ToolchainError
        If the tools are not installed.
    """
    target = target_named(request.target)
    parameters = _parameters(target, request)
    options = _options(request)
    folder = request.out / parameters.name
    place = folder / f"{'-'.join(filter(None, (target.name, request.unit)))}.json"
    check_unit(request.unit, parameters)
    check_writable("out", "folder", request.out, place)
    if request.json:
        check_writable("json", "file", request.json, request.json)
    with waiting(console(stderr=True), "synthesizing", every=_LINE_SECONDS) as show:
        result = synthesize(target, parameters, options, Cache(request.out / "cache"), show)
    result = replace(result, previous=summary_before(result, load(place)))
    out = console()
    print_synthesis(out, result, target)
    for path in filter(None, (place, request.json)):
        save(path, result)
    plot = place.parent / f"{place.name.removesuffix('.json')}.svg"
    with atomic_write(plot) as temporary:
        temporary.write_text(resources_by_block(result))
    out.print(f"results: {escape(str(place))}, {escape(str(plot))}", soft_wrap=True)
    figures = baseline(result)
    sentences = excesses(result, figures)
    for sentence in sentences:
        out.print(f"[bold red]{escape(sentence)}[/]", soft_wrap=True)
    if figures and not sentences:
        out.print(f"[green]{escape(kept(result, figures))}[/]", soft_wrap=True)
    return 1 if sentences else 0


def _parameters(target: Target, request: SynthesisRequest) -> Parameters:
    made_of = target.family.made_of
    chosen: dict[str, Any] = {"family": made_of[0], **target.parameters, **request.parameters}
    parameters = Parameters(**chosen)
    if parameters.family not in made_of:
        raise ValueError(
            f"family must be {' or '.join(made_of)} for {target.name}, got {parameters.family!r}"
        )
    return parameters


def _options(request: SynthesisRequest) -> Options:
    if request.speed not in _SPEEDS:
        raise ValueError(f"speed must be 6, 7 or 8, got {request.speed}")
    if not 1 <= request.mhz <= 1000:
        raise ValueError(f"mhz must be between 1 and 1000, got {request.mhz:g}")
    if request.jobs < 0:
        raise ValueError(f"jobs must be at least 0, got {request.jobs}")
    check_minutes(request.minutes)
    jobs = request.jobs or os.cpu_count() or 1
    seeds = parsed_seeds(request.seeds)
    return Options(seeds, request.speed, request.mhz, jobs, request.unit, request.minutes)
