"""Writes a network, compiled and checked, into a folder that explains itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...compiler.network import CompiledNetwork
from ...golden.graph import Conv2d, Linear
from ...golden.network import execute
from ...runtime.errors import MismatchError
from ...runtime.files import atomic_folder
from ...spec.isa import encode_program
from ...spec.parameters import Parameters
from ..inputs import Inputs
from ..network.task import NetworkRecording, NetworkTask
from ..network.tensors import torch_tensor
from ..origin import origin_of
from ..searches import search
from . import contents
from .folder import MANIFEST, check_folder
from .manifest import SCHEMA, FileEntry, Manifest
from .memory_words import memory_words

__all__ = ["MismatchError", "compared", "compiled_for", "write_folder"]

Codes = npt.NDArray[np.uint8]


def compiled_for(recording: NetworkRecording, parameters: Parameters) -> CompiledNetwork:
    """Compile a recorded network, as `maccord sim` does.

    Raises
    ------
    ValueError
        If it does not fit the accelerator.
    """
    task = NetworkTask(recording, parameters, verilog="")
    found = search(task)
    if isinstance(found, str):
        raise ValueError(found)
    return task.compiled


def compared(recording: NetworkRecording, compiled: CompiledNetwork) -> dict[str, Codes]:
    """Run the golden model, and compare all that it makes with PyTorch's tensors, if it was asked.

    Returns
    -------
    dict of str to ndarray, uint8
        Every tensor of the compiled network by name, the inputs first.

    Raises
    ------
    MismatchError
        If a code differs.
    """
    tensors = execute(compiled.network, *recording.inputs)
    for node in () if recording.not_asked else compiled.network.nodes:
        ours, theirs = (
            tensors[node.name],
            torch_tensor(compiled.network, recording.tensors, node.name),
        )
        if ours.shape != theirs.shape:
            raise MismatchError(
                f"{node.name}: the golden model's shape is {ours.shape}, PyTorch's {theirs.shape}; "
                "nothing was written"
            )
        wrong = np.argwhere(ours != theirs)
        if len(wrong):
            first = tuple(int(i) for i in wrong[0])
            raise MismatchError(
                f"{node.name}: {len(wrong):,} of {ours.size:,} codes of the golden model differ "
                f"from PyTorch's, the first at {first}: {ours[first]} and {theirs[first]}; "
                "nothing was written"
            )
    return tensors


def write_folder(
    folder: Path,
    recording: NetworkRecording,
    compiled: CompiledNetwork,
    inputs: Inputs | None = None,
    word_bytes: int | None = None,
) -> Manifest:
    """Check a compiled network against PyTorch, and write all that it takes to run it.

    Parameters
    ----------
    folder : Path
        Written whole or not at all; see `check_folder` for what it may hold before.
    recording : NetworkRecording
    compiled : CompiledNetwork
        From `compiled_for`.
    inputs : Inputs, optional
        Files that the recording was made from.
    word_bytes : int, optional
        Bytes of the words of ``.hex`` files beside the ``.bin`` ones, 0 for the bus's; none are
        written if not given.

    Returns
    -------
    Manifest
        What ``manifest.json`` holds.

    Raises
    ------
    ValueError
        If the folder may not be replaced.
    MismatchError
        If the golden model and PyTorch differ; nothing is written.
    """
    check_folder(folder)
    tensors = compared(recording, compiled)
    with atomic_folder(folder) as temporary:
        files = _Files(temporary)
        image = compiled.image(*recording.inputs)
        for name, data in (
            ("memory", image),
            ("program", np.frombuffer(encode_program(compiled.program), np.uint8)),
        ):
            files.binary(f"{name}.bin", data)
            if word_bytes is not None:
                files.words(f"{name}.hex", data, word_bytes or compiled.parameters.axi_bytes)
        _write_arrays(files, compiled, tensors)
        manifest = Manifest(
            network=compiled.network.name,
            layer=recording.layer,
            engine=recording.engine,
            weights=recording.weights,
            batch=compiled.batch,
            byte_order="little",
            accelerator=contents.accelerator(compiled),
            memory=contents.memory(compiled),
            input=compiled.network.input.name,
            inputs=tuple(source.name for source in compiled.network.sources),
            output=compiled.network.output,
            tensors=contents.tensors(compiled),
            operations=contents.operations(compiled),
            steps=contents.steps(compiled),
            programs=contents.programs(compiled),
            compared_bytes=0
            if recording.not_asked
            else sum(tensors[node.name].size for node in compiled.network.nodes),
            not_asked=recording.not_asked,
            files=tuple(files.entries),
            provenance=origin_of(recording, inputs or Inputs()),
        )
        text = json.dumps({"schema": SCHEMA, **asdict(manifest)}, indent=1)
        (temporary / MANIFEST).write_text(text + "\n")
    return manifest


def _write_arrays(files: _Files, compiled: CompiledNetwork, tensors: Mapping[str, Codes]) -> None:
    """Write the numbers of each layer, and what each tensor must be."""
    nodes = {node.name: node for node in compiled.network.nodes}
    for entry in contents.operations(compiled):
        layer, table = nodes[entry.name].operation, contents.table_of(nodes[entry.name])
        if entry.table and table:
            files.array(entry.table, table.table)
        if entry.arrays and isinstance(layer, Conv2d | Linear):
            for field, path in asdict(entry.arrays).items():
                files.array(path, getattr(layer, field))
    for name, codes in tensors.items():
        files.array(contents.expected_file(name), codes)


class _Files:
    """Writes files into a folder, and keeps an account of them.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    entries : list of FileEntry
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: list[FileEntry] = []

    def binary(self, path: str, data: Codes) -> None:
        self._write(path, data.data)
        self._enter(path, "bin", "uint8", data.shape, 1)

    def words(self, path: str, data: Codes, size: int) -> None:
        self._write(path, memory_words(data, size).encode())
        self._enter(path, "hex", f"uint{8 * size}", (-(-data.size // size),), size)

    def array(self, path: str, data: np.ndarray) -> None:
        little = np.ascontiguousarray(data, data.dtype.newbyteorder("<"))
        file = BytesIO()
        np.save(file, little)
        self._write(path, file.getbuffer())
        self._enter(path, "npy", data.dtype.name, data.shape, data.dtype.itemsize)

    def _write(self, path: str, data: bytes | memoryview) -> None:
        """Write by Python, whose error for a full disk says so; NumPy's counts bytes."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def _enter(
        self, path: str, kind: str, dtype: str, shape: tuple[int, ...], element: int
    ) -> None:
        place = self.folder / path
        with place.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        order = "little" if element > 1 else "none"
        size = place.stat().st_size
        self.entries.append(FileEntry(path, kind, dtype, shape, order, size, digest))
