"""Models that are built in a third of the usual time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from maccord.sim import build
from maccord.sim.toolchain import find_compiler

__all__ = ["quick_builds"]


@contextmanager
def quick_builds() -> Iterator[None]:
    """Build models as one C++ file, not optimised: what runs for a second need not be fast."""
    command, variables = build._verilator_command, build._make_variables

    def whole(*arguments: object) -> list[str]:
        words = command(*arguments)  # type: ignore[arg-type]
        for option in ("--output-split", "--output-split-cfuncs"):
            words[words.index(option) + 1] = "0"
        return words

    def unoptimised(*arguments: str) -> list[str]:
        return ["OPT_SLOW=-O0" if v.startswith("OPT_SLOW=") else v for v in variables(*arguments)]

    compiler = replace(find_compiler(), optimise="-O0")
    with (
        patch.object(build, "find_compiler", lambda: compiler),
        patch.object(build, "_verilator_command", whole),
        patch.object(build, "_make_variables", unoptimised),
    ):
        yield
