"""Compares a network's results, as real numbers, with PyTorch's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...golden.graph import Network
from ...golden.kernels.quantize import dequantize
from ...runtime.reference_names import framework

if TYPE_CHECKING:
    from .task import NetworkRecording

__all__ = ["Returned", "compare_results", "describe", "real_results", "result_problems"]

Reals = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Returned:
    """One result of a network.

    Parameters
    ----------
    tensor : str
        Name of its tensor.
    label : str
        Place in PyTorch's tuple, list or dictionary; empty for a single result.
    shape : tuple of int
        (N, H, W, C) or (N, K).
    compared, mismatches_torch : int
        Real numbers compared with PyTorch's, and those that differ.
    """

    tensor: str
    label: str
    shape: tuple[int, ...]
    compared: int
    mismatches_torch: int


def real_results(
    network: Network, rtl: Mapping[str, npt.NDArray[np.uint8]], recorded: NetworkRecording
) -> dict[str, Reals]:
    """Return the real numbers of all complete results by tensor.

    Where the network ends on the host, all of them are in one row under the output's name.
    """
    if recorded.tail is not None:
        if not all(name in rtl for name in recorded.tail_reads):
            return {}
        return {network.output: recorded.tail([rtl[name] for name in recorded.tail_reads])}
    return {
        name: dequantize(rtl[name], network.tensors[name].quantization)
        for name in network.outputs
        if name in rtl
    }


def compare_results(
    ours: Mapping[str, Reals], theirs: Mapping[str, Reals], labels: Mapping[str, str]
) -> tuple[Returned, ...]:
    """Compare the RTL's results with PyTorch's; an incomplete one differs everywhere.

    Parameters
    ----------
    ours : mapping of str to ndarray, float32
        From `real_results`.
    theirs : mapping of str to ndarray, float32
        PyTorch's, each input run separately.
    labels : mapping of str to str
    """
    found = []
    for name, expected in theirs.items():
        got = ours.get(name)
        same = got is not None and got.shape == expected.shape
        wrong = int(np.count_nonzero(got != expected)) if same else expected.size
        compared = expected.size if same else 0
        found.append(Returned(name, labels.get(name, ""), expected.shape, compared, wrong))
    return tuple(found)


def result_problems(
    network: Network, ours: Mapping[str, Reals], recorded: NetworkRecording
) -> list[str]:
    """Describe differences between the results; of logits, the class of each image."""
    problems, whose = [], framework(recorded.engine)
    for name, expected in recorded.results.items():
        got = ours.get(name)
        if got is None or got.shape != expected.shape or np.array_equal(got, expected):
            continue  # a missing tensor has been reported
        if name == network.output and recorded.scores:
            problems += _other_classes(got, expected, whose)
        elif recorded.tail is not None:
            problems += _other_rows(got, expected, whose)
        else:
            count = np.count_nonzero(got != expected)
            problems.append(f"result {name}: {count:,} of {got.size:,} differ from {whose}'s")
    return problems


def _other_rows(ours: Reals, theirs: Reals, whose: str) -> list[str]:
    counts = np.count_nonzero(ours != theirs, axis=1)
    return [
        f"image {index}: {count} of {ours.shape[1]} results differ from {whose}'s"
        for index, count in enumerate(counts)
        if count
    ]


def _other_classes(logits: Reals, expected: Reals, whose: str) -> list[str]:
    problems = []
    for index, (ours, theirs) in enumerate(zip(logits, expected, strict=True)):
        if np.array_equal(ours, theirs):
            continue
        a, b = int(np.argmax(ours)), int(np.argmax(theirs))
        problems.append(
            f"image {index}: class {a} (logit {ours[a]:g}) in RTL, class {b} (logit "
            f"{theirs[b]:g}) in {whose}; {np.count_nonzero(ours != theirs)} logits differ"
        )
    return problems


def describe(results: tuple[Returned, ...], engine: str) -> list[str]:
    """Return a line for each result, unless there is a single row of logits."""
    if len(results) == 1 and len(results[0].shape) == 2:
        return []
    lines = []
    for number, result in enumerate(results):
        label = f"result {result.label or number}: " if len(results) > 1 else "result: "
        equal = result.compared - result.mismatches_torch if result.compared else 0
        lines.append(
            f"{label}{result.tensor}, {'x'.join(map(str, result.shape[1:]))}, "
            f"{equal:,} of {result.compared:,} numbers equal {framework(engine)}'s"
        )
    return lines
