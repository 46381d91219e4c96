"""What one simulated layer leaves behind: the record, its JSON, files that are whole or absent."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .bounds import bound_by

__all__ = [
    "CLEAN",
    "GENERATED",
    "LayerResult",
    "Outcome",
    "Verdict",
    "file_stem",
    "probe",
    "result_path",
    "save",
    "whole_file",
    "write_json",
]

CLEAN = "clean"
GENERATED = "generated"


class Verdict(IntEnum):
    """How a run ended; the values are the command's exit codes."""

    AGREES = 0
    MISMATCH = 1
    BAD_INPUT = 2
    FAILED = 3  # could not run, or hung


@dataclass(frozen=True)
class LayerResult:
    """One layer, simulated once on one input; the fields are those of the JSON.

    Parameters
    ----------
    network, layer, op : str
        `layer` is PyTorch's module path behind the network's name.
    engine : str
        PyTorch's quantized engine that computed the reference.
    weights : str
        Where the weights came from.
    perturbation : str
        As `--perturb` takes it, or ``clean``.
    seed : int
        Seed of the weights and of the perturbation.
    rows, cols : int
        Size of the array.
    input_shape, output_shape : tuple of int
        NHWC, or (N, features).
    macs, cycles : int
        Multiplications of the layer; cycles from start to interrupt.
    utilization : float
        macs / (rows * cols * cycles).
    cycles_by_cause : dict
        Cycles by what they were spent on; the sum is `cycles`.
    compared : int
        Output bytes compared.
    mismatches_golden : int
        Bytes that differ from the golden model: outputs, and any byte outside of the output
        that changed.
    mismatches_torch : int
        Output bytes that differ from PyTorch's module.
    sim_cycles_per_second, build_seconds, sim_seconds : float
        Simulation speed; time spent on building and on simulating.
    verilator : str
        Version.
    stall_seed : int
        Seed of the memory's stalls.
    image : str
        Path of the image, or name of the photograph that is built in.
    latency : int
        Cycles until memory answered.
    stalls : float
        Probability that a memory channel paused in a cycle.
    netlist : str
        ``generated``, or the path of the netlist that was given.
    """

    network: str
    layer: str
    op: str
    engine: str
    weights: str
    perturbation: str
    seed: int
    rows: int
    cols: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    macs: int
    cycles: int
    utilization: float
    cycles_by_cause: dict[str, int]
    compared: int
    mismatches_golden: int
    mismatches_torch: int
    sim_cycles_per_second: float
    build_seconds: float
    sim_seconds: float
    verilator: str
    stall_seed: int
    image: str
    latency: int
    stalls: float
    netlist: str

    @property
    def agrees(self) -> bool:
        """Whether all compared bytes were equal three ways."""
        return self.mismatches_golden == 0 and self.mismatches_torch == 0

    @property
    def bound_by(self) -> str:
        """Of `BOUNDS`, what took most cycles: as for the same layer in a whole network."""
        return bound_by(self.cycles_by_cause)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one task.

    Parameters
    ----------
    verdict : Verdict
    result : LayerResult, optional
        Missing if the simulation gave none, or none that can be trusted.
    equal : int
        Outputs that are equal three ways.
    codes : int
        Distinct output codes of the RTL, 1 to 256.
    problems : tuple of str
        One sentence each: mismatches explained, or why there is no result.
    y_golden, y_rtl : ndarray, uint8, optional
        Outputs in the layer's layout.
    waves : Path, optional
        Recorded waves.
    """

    verdict: Verdict
    result: LayerResult | None = None
    equal: int = 0
    codes: int = 0
    problems: tuple[str, ...] = ()
    y_golden: npt.NDArray[np.uint8] | None = None
    y_rtl: npt.NDArray[np.uint8] | None = None
    waves: Path | None = None


def file_stem(layer: str, perturbation: str) -> str:
    """Name of a result's files: the layer's, with the perturbation behind it unless clean."""
    if perturbation == CLEAN:
        return layer
    return f"{layer}@{perturbation.replace(':', '-')}"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that becomes `path` only if the block succeeds.

    Raises
    ------
    OSError
        Naming `path`, if it cannot be written.
    """
    if path.exists() and not path.is_file():
        yield path  # A device or a pipe, which a rename would replace
        return
    place = path.resolve()
    try:
        with _beside(place) as temporary:
            yield temporary
    except OSError as error:
        name = Path(error.filename or place)
        if name.parent != place.parent and name not in place.parents:
            raise  # of another file
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def probe(path: Path) -> None:
    """Try whether `whole_file` could write here, without a change to `path`.

    Raises
    ------
    OSError
        If not.
    """
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return
    folder = path.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=folder):
        pass


def result_path(folder: Path, layer: str, perturbation: str) -> Path:
    """Return where `save` writes a result under `folder`."""
    return folder / f"{file_stem(layer, perturbation)}.json"


def save(folder: Path, result: LayerResult) -> Path:
    """Write one result to its file under `folder` and return the path."""
    path = result_path(folder, result.layer, result.perturbation)
    _write(path, asdict(result))
    return path


def write_json(path: Path, results: Sequence[LayerResult]) -> None:
    """Write one object, or a list of them when there are several results."""
    objects = [asdict(result) for result in results]
    _write(path, objects[0] if len(objects) == 1 else objects)


def _write(path: Path, content: object) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
