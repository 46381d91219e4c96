"""`maccord bench`."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["bench"]


def bench(
    json: Annotated[Path, typer.Option(help="Output file.")] = Path("build/bench.json"),
    profile: Annotated[
        str,
        typer.Option(
            metavar="LAYER",
            help="Instead, count the instructions that a layer's simulation takes, by block "
            "(valgrind); a plot is written beside the JSON.",
        ),
    ] = "",
    seconds: Annotated[
        float, typer.Option(help="Minimum measuring time for each side of a ratio.")
    ] = 2.0,
) -> None:
    """Benchmark against baselines, with both sides of each ratio measured in the same run.

    cocotb against a plain C++ loop over the same model; the golden model against PyTorch's
    qnnpack kernels on ResNet-18's layers, and against NumPy's int64 matrix product.
    """
    if not 0 < seconds < inf:
        raise ValueError(f"seconds must be above 0 and finite, got {seconds:g}")
    from ..runtime.files import check_writable
    from ..sim.request import check_cache

    check_writable("json", "file", json, json)
    check_cache()
    if profile:
        from ..sim.profiling import run as count
        from ..spec.parameters import Parameters

        count(profile, Parameters(), json)
        return
    from ..sim.bench import run

    run(json, seconds)
