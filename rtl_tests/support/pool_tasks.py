"""What the tests of the pool run in its processes, which import it by name."""

from __future__ import annotations

import os
import time
from pathlib import Path

from maccord.runtime.pool import tell

__all__ = ["count_up", "crash_on_odd", "free", "note_span", "refuse_odd", "square"]


def square(number: int) -> int:
    return number * number


def crash_on_odd(number: int) -> int:
    if number % 2:
        os._exit(7)
    return number


def refuse_odd(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def note_span(arguments: tuple[Path, int]) -> int:
    """Leave a file while running; return how many others there were."""
    folder, number = arguments
    (folder / str(number)).touch()
    time.sleep(0.2)
    others = len(list(folder.iterdir())) - 1
    (folder / str(number)).unlink()
    return others


def count_up(number: int) -> int:
    for step in range(number):
        tell(step)
    return number


def free(_: object) -> int:
    return 0
