"""Shrinks a failing run to the smallest layer or program that still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from ...golden.machine.machine import ProgramError
from ...runtime.errors import SimulationError
from ...sim.build import Model
from .campaign import run_once
from .recipe import Recipe

__all__ = ["fails", "shrunk"]

_SIZES = (1, 2, 3, 4, 6, 8)
_LIMITS = ("batch", "height", "width", "channels", "outputs", "groups")
_QUIET = {"stall": 0, "jitter": 0, "latency": 2, "base": 0, "order": "in order"}
_PLAIN = {"disturb": "none", "records": "none", "shift": 0, "scrambled": False}
_MOST_NODES = 24
_MOST_INSTRUCTIONS = 256


def fails(model: Model, run: Recipe) -> list[str]:
    """Return what is wrong with a run alone; nothing if it is right, or illegal."""
    try:
        return run_once(model, run)[2]
    except ValueError:
        return []
    except (AssertionError, ProgramError, SimulationError) as error:
        return [str(error)]


def shrunk(run: Recipe, failing: Callable[[Recipe], bool], tries: int = 300) -> Recipe:
    """Return the smallest run found that fails.

    Parameters
    ----------
    run : Recipe
        Fails.
    failing : callable
        Whether a recipe fails.
    tries : int
        Most calls of `failing`.
    """
    left = tries
    going = True
    while going and left > 0:
        going = False
        for smaller in _smaller(run):
            if left == 0:
                break
            left -= 1
            if failing(smaller):
                run, going = smaller, True
                break
    return run


def _smaller(run: Recipe) -> Iterator[Recipe]:
    """Yield runs that are simpler in one respect, the largest steps first."""
    starts = run["starts"]
    for number in range(len(starts)):
        if len(starts) > 1:
            yield run | {"starts": starts[:number] + starts[number + 1 :]}
    for name, value in _QUIET.items():
        if run["memory"][name] != value:
            yield run | {"memory": run["memory"] | {name: value}}
    for number, start in enumerate(starts):
        for smaller in _smaller_start(start):
            yield run | {"starts": [*starts[:number], smaller, *starts[number + 1 :]]}


def _smaller_start(start: Recipe) -> Iterator[Recipe]:
    for name, plain in _PLAIN.items():
        if start.get(name, plain) != plain:
            yield start | {name: plain}
    if start["kind"] == "network":
        yield from _parts(start)
    elif start["kind"] == "layer":
        yield from _smaller_layer(start)
    elif start["kind"] == "program":
        yield from _shorter(start)


def _parts(start: Recipe) -> Iterator[Recipe]:
    """Yield single nodes of a network, and shorter networks."""
    if start["nodes"]:
        return
    for node in range(_MOST_NODES):
        yield start | {"nodes": [node]}
    for motifs in range(1, start["motifs"]):
        yield start | {"motifs": motifs}
    if start["batch"] > 1:
        yield start | {"batch": 1}


def _smaller_layer(start: Recipe) -> Iterator[Recipe]:
    limits: dict[str, Any] = start["limits"]
    for name in _LIMITS:
        for size in _SIZES:
            if size < limits.get(name, 1 << 30):
                yield start | {"limits": limits | {name: size}}
    for knob in start["knobs"]:
        fewer = deepcopy(start["knobs"])
        del fewer[knob]
        yield start | {"knobs": fewer}
    if start["inputs"] != "any":
        yield start | {"inputs": "any"}
    if start["bits"] != 8:
        yield start | {"bits": 8}


def _shorter(start: Recipe) -> Iterator[Recipe]:
    """Yield a program without its halves, quarters ... and single instructions."""
    kept: list[int] = start["keep"] or list(range(_MOST_INSTRUCTIONS))
    size = max(len(kept) // 2, 1)
    while True:
        for first in range(0, len(kept), size):
            fewer = kept[:first] + kept[first + size :]
            if fewer:
                yield start | {"keep": fewer}
        if size == 1:
            return
        size //= 2
