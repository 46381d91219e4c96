"""A call of a quantized kernel with its result, and the files that hold recorded calls."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import Quantization
from ...runtime.files import atomic_write

__all__ = ["RECORDED", "Case", "Recording", "load", "quantization", "save"]

#: The files, without their suffixes: .json describes the calls, .npz holds their arrays.
RECORDED = Path(__file__).parent / "torch-2.13.0"

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Case:
    """A call of one of PyTorch's kernels.

    Parameters
    ----------
    name : str
        The operation's name, a dot, then what is special about the call.
    operation : str
        Its class in the golden graph, or ``quantize`` or ``dequantize``, which are outside it.
    kernel : str
        PyTorch's, a key of `kernels.KERNELS`.
    settings : dict
        JSON values; quantizations are [scale, zero point].
    arrays : dict from str to ndarray
        ``x`` and ``x1`` ... are inputs, channels last; ``y``, once recorded, the result.
    """

    name: str
    operation: str
    kernel: str
    settings: dict[str, Any]
    arrays: Arrays

    @property
    def inputs(self) -> list[npt.NDArray[Any]]:
        """Input tensors, in order."""
        names = [name for name in self.arrays if name.removeprefix("x").isdigit()]
        return [self.arrays["x"], *(self.arrays[name] for name in sorted(names))]

    def quantization(self, name: str) -> Quantization:
        """Quantization from a setting."""
        return quantization(self.settings[name])


def quantization(pair: Sequence[float]) -> Quantization:
    """Quantization from a setting's value."""
    scale, zero_point = pair
    return Quantization(float(scale), int(zero_point))


@dataclass(frozen=True, eq=False)
class Recording:
    """Recorded calls.

    Parameters
    ----------
    versions : dict from str to str
        Of what computed the results.
    cases : tuple of Case
    """

    versions: dict[str, str]
    cases: tuple[Case, ...]


def save(recording: Recording, path: Path = RECORDED) -> None:
    """Write a recording; the same one gives the same bytes with the same NumPy and zlib.

    Parameters
    ----------
    recording : Recording
    path : Path
        Without suffix.
    """
    arrays = {
        f"{case.name}:{name}": array
        for case in recording.cases
        for name, array in case.arrays.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    head = {"versions": recording.versions, "sha256": _digest(buffer.getvalue())}
    lines = [json.dumps(_described(case)) for case in recording.cases]
    text = json.dumps(head)[:-1] + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n"
    with atomic_write(path.with_name(f"{path.name}.npz")) as temporary:
        temporary.write_bytes(buffer.getvalue())
    with atomic_write(path.with_name(f"{path.name}.json")) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _described(case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "operation": case.operation,
        "kernel": case.kernel,
        "settings": case.settings,
        "arrays": list(case.arrays),
    }


def load(path: Path = RECORDED) -> Recording:
    """Read a recording.

    Parameters
    ----------
    path : Path
        Without suffix.

    Raises
    ------
    ValueError
        If the arrays are not those that the description was written with.
    """
    described = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    content = path.with_name(f"{path.name}.npz").read_bytes()
    if _digest(content) != described["sha256"]:
        raise ValueError(
            f"{path.name}.npz must have the SHA-256 {described['sha256']} of {path.name}.json, "
            f"got {_digest(content)}"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        cases = tuple(
            Case(
                **{key: each[key] for key in ("name", "operation", "kernel", "settings")},
                arrays={name: stored[f"{each['name']}:{name}"] for name in each["arrays"]},
            )
            for each in described["cases"]
        )
    return Recording(described["versions"], cases)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
