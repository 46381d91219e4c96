"""Records PyTorch's quantized kernels, or checks that they still give what is recorded.

``python -m maccord.verify.vectors.record`` writes; with ``--check`` it compares and writes
nothing. Exit code 1 if a result differs, 3 if the installed torch has no such kernels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .case import RECORDED, Case, Recording, load, save
from .elementwise import elementwise_cases
from .layers import layer_cases
from .separating import separating_cases
from .transformers import transformer_cases
from .windows import window_cases

__all__ = ["cases", "differing", "main", "recorded"]


def cases() -> Iterator[Case]:
    """Yield all calls, without results."""
    yield from layer_cases()
    yield from separating_cases()
    yield from elementwise_cases()
    yield from window_cases()
    yield from transformer_cases()


def recorded(case: Case) -> Case:
    """Return a case with the live kernel's result, and the table and the output's parameters."""
    from .kernels import kernel_output

    result, target = kernel_output(case)
    arrays = case.arrays | {"y": result}
    settings = dict(case.settings)
    if target is not None and case.operation in ("Lookup", "Relabel"):
        settings["output"] = [target.scale, target.zero_point]
    if case.operation == "Lookup":
        codes = np.arange(256, dtype=np.uint8).reshape(1, 16, 1, 16)
        table, _ = kernel_output(replace(case, arrays={"x": codes}))
        arrays["table"] = table.reshape(-1)
    return replace(case, settings=settings, arrays=arrays)


def versions() -> dict[str, str]:
    """Versions of what computes the results."""
    import torch

    return {
        "torch": torch.__version__.partition("+")[0],
        "numpy": np.__version__,
        "engine": "qnnpack",
        "processor": torch.backends.cpu.get_cpu_capability(),
    }


def differing(case: Case) -> str:
    """Say where the live kernel's result differs from the recorded one; empty if nowhere."""
    found = recorded(case)
    if found.settings != case.settings:
        return f"{case.name}: settings must be {case.settings}, got {found.settings}"
    for name in ("y", "table"):
        if name not in case.arrays:
            continue
        due, got = case.arrays[name], found.arrays[name]
        if due.shape != got.shape or due.dtype != got.dtype:
            return (
                f"{case.name}: {name} must be {due.dtype} {due.shape}, got {got.dtype} {got.shape}"
            )
        wrong = np.argwhere(due != got)
        if len(wrong):
            place = tuple(wrong[0].tolist())
            return (
                f"{case.name}: {len(wrong)} of {due.size} values of {name} differ, first at "
                f"{place}: recorded {due[place]}, got {got[place]}"
            )
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Record or check; return the exit code."""
    from .kernels import lacking

    parser = argparse.ArgumentParser(description=__doc__, prog="maccord.verify.vectors.record")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--path", type=Path, default=RECORDED, help="files, without .json and .npz")
    given = parser.parse_args(arguments)
    missing = lacking()
    if missing:
        print(f"kernels must be there to be called, got: {missing}", file=sys.stderr)
        return 3
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    if not given.check:
        recording = Recording(versions(), tuple(recorded(case) for case in cases()))
        save(recording, given.path)
        print(f"{len(recording.cases)} calls recorded in {given.path}.npz")
        return 0
    recording = load(given.path)
    wrong = [text for text in map(differing, recording.cases) if text]
    print("\n".join([*wrong, f"{len(recording.cases)} calls compared, {len(wrong)} differ"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
