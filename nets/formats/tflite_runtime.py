"""LiteRT: runs a file as its owner would, and parts of it on codes.

Interpreters run on the CPU with one thread and the kernels that LiteRT takes by default, those of
XNNPACK where it has some. XNNPACK keeps tensors between its kernels to itself; a file whose tensors
are all results shows them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from importlib.metadata import version
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from ...runtime.errors import ToolchainError
from ...runtime.extras import extra_module
from .codes import file_codes, unsigned
from .kept import Kept
from .tflite_file import TfliteCall, TfliteFile, packed

__all__ = ["Interpreter", "TfliteRegion", "TfliteRuntime", "engine", "not_asked", "part", "parts"]

Array = npt.NDArray[Any]
_PROBE_SECONDS = 300
_PROBE = """
import sys
from ai_edge_litert.interpreter import Interpreter
try:
    runs = Interpreter(model_content=sys.stdin.buffer.read(), num_threads=1)
    runs.allocate_tensors()
    runs.invoke()
except Exception as error:
    sys.exit(str(error).partition("\\n")[0] or "refused")
"""

_announced: list[bool] = []
_LOCK = Lock()


def engine() -> str:
    """Name and version of the runtime, as results have it."""
    if not_asked():
        return "LiteRT, not asked"
    return f"LiteRT {version('ai-edge-litert')}, CPU, XNNPACK"


def _module() -> Any:  # noqa: ANN401
    return extra_module("ai_edge_litert.interpreter", "tflite", "to run TFLite files")


def not_asked() -> str:
    """Return the sentence that says why the runtime is not asked; empty if it is installed.

    The package that has LiteRT also has the format's classes, which are needed in any case.
    """
    try:
        _module()
    except ToolchainError:
        return (
            "LiteRT was not asked, as ai_edge_litert.interpreter cannot be imported: "
            "pip install 'maccord[tflite]'"
        )
    return ""


@contextmanager
def _silent() -> Iterator[None]:
    """Keep away the line that LiteRT prints when it first uses XNNPACK."""
    if _announced:
        yield
        return
    with _LOCK:
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
            _announced.append(True)


class Interpreter:
    """LiteRT's interpreter of a model, for codes and real numbers.

    Parameters
    ----------
    data : bytes
        From `tflite_file.packed`.

    Raises
    ------
    ValueError
        If the runtime refuses the model.
    """

    def __init__(self, data: bytes) -> None:
        module = _module()
        try:
            with _silent():
                self._runs = module.Interpreter(model_content=data, num_threads=1)
                self._runs.allocate_tensors()
        except Exception as error:  # the runtime's exceptions have no base class
            raise ValueError(_said(error)) from None
        self._turn = Lock()  # the golden model runs beside the RTL
        outputs = self._runs.get_output_details()
        self._inputs = [each["index"] for each in self._runs.get_input_details()]
        self._outputs = [each["index"] for each in outputs]
        self.shapes = [tuple(each["shape"].tolist()) for each in outputs]

    def __call__(self, *inputs: Array) -> list[Array]:
        """Return the outputs in order."""
        try:
            with self._turn:
                for index, value in zip(self._inputs, inputs, strict=True):
                    self._runs.set_tensor(index, value)
                self._runs.invoke()
                return [self._runs.get_tensor(index) for index in self._outputs]
        except Exception as error:
            raise ValueError(_said(error)) from None


class TfliteRuntime:
    """Interpreters of one file.

    Parameters
    ----------
    file : TfliteFile

    Attributes
    ----------
    added : list of TfliteCall
        Operators that `tensors` computes beside the file's; their results follow its tensors.

    Raises
    ------
    ValueError
        If LiteRT cannot run the file: it is tried first in a process of its own.
    """

    def __init__(self, file: TfliteFile) -> None:
        self.file = file
        self.added: list[TfliteCall] = []
        self._all: Interpreter | None = None
        if not not_asked():
            data = packed(file.model)
            _probe(file, data)
            self._whole = Interpreter(data)
            self._check_shapes()

    def _check_shapes(self) -> None:
        """Refuse a file whose operators give tensors of other shapes than it says."""
        found = Interpreter(self._shown(self.file.activations)).shapes
        for index, shape in zip(self.file.activations, found, strict=True):
            tensor = self.file.tensors[index]
            if tensor.shape != shape:
                raise ValueError(
                    f"{self.file.path}: tensor {tensor.name} must have the shape that LiteRT "
                    f"computes, {shape}, got {tensor.shape}"
                )

    def results(self, *sources: Array) -> list[Array]:
        """Return the file's results for one of each input, by the file as it is."""
        return self._whole(*sources)

    def tensors(self, *sources: Array) -> dict[int, Array]:
        """Return what each operator computes for one of each input, by number."""
        count = len(self.file.tensors)
        shown = (*self.file.activations, *range(count, count + len(self.added)))
        if self._all is None:
            self._all = Interpreter(self._shown(shown))
        return dict(zip(shown, self._all(*sources), strict=True))

    def _shown(self, outputs: Sequence[int]) -> bytes:
        """Return the file, and what is added to it, with these results."""
        model, graph = copy(self.file.model), copy(self.file.model.subgraphs[0])
        model.subgraphs = [graph]
        count = len(self.file.tensors)
        graph.tensors = [*graph.tensors, *(graph.tensors[c.outputs[0]] for c in self.added)]
        added = [
            _with(call.operator, outputs=np.array([count + place], np.int32))
            for place, call in enumerate(self.added)
        ]
        graph.operators = [*graph.operators, *added]
        graph.outputs = np.array(outputs, np.int32)
        return packed(model)


def _probe(file: TfliteFile, data: bytes) -> None:
    """Run a file once in a process of its own, which it may end."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            input=data,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{file.path}: {engine()} must run it within {_PROBE_SECONDS} s") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said = lines[-1] if lines and done.returncode > 0 else "its process was ended by a signal"
        raise ValueError(f"{file.path}: {engine()} must run it: {said}")


def part(
    file: TfliteFile,
    call: TfliteCall,
    reads: Sequence[int],
    shapes: Sequence[Sequence[int]] = (),
) -> bytes:
    """Return an operator with its constants as a model of its own.

    Parameters
    ----------
    file : TfliteFile
    call : TfliteCall
    reads : sequence of int
        Tensors that become inputs.
    shapes : sequence of sequence of int
        Of the inputs and the result, if not the file's.
    """
    return parts(file, [call], reads, call.outputs[0], shapes)


def parts(
    file: TfliteFile,
    calls: Sequence[TfliteCall],
    reads: Sequence[int],
    result: int,
    shapes: Sequence[Sequence[int]] = (),
) -> bytes:
    """Return operators as a model of their own; parameters as of `part`."""
    model, graph = copy(file.model), copy(file.model.subgraphs[0])
    model.subgraphs = [graph]
    graph.operators = [call.operator for call in calls]
    graph.inputs = np.array(reads, np.int32)
    graph.outputs = np.array([result], np.int32)
    graph.tensors = list(graph.tensors)
    used = {index for call in calls for index in (*call.inputs, *call.outputs)}
    for index, shape in zip((*reads, result), shapes, strict=False):
        graph.tensors[index] = _with(graph.tensors[index], shape=np.array(shape, np.int32))
    buffers = {graph.tensors[index].buffer for index in used if index >= 0}
    model.buffers = [
        each if number in buffers else _with(each, data=None)
        for number, each in enumerate(model.buffers)
    ]
    return packed(model)


def _with(record: Any, **values: Any) -> Any:  # noqa: ANN401
    other = copy(record)
    vars(other).update(values)
    return other


@dataclass(eq=False)
class TfliteRegion:
    """The function of a `Host` operation, and of a network's end: a part of a file, by LiteRT.

    The graph's codes are channels last, as the file's.

    Parameters
    ----------
    data : bytes
        The model.
    shapes : tuple of tuple of int
        The file's, of the inputs for one image.
    dtypes : tuple of str
        Of the inputs: int8 or uint8.
    shape : tuple of int
        The graph's, of the result without images; empty for rows of real numbers.
    """

    data: bytes
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]
    shape: tuple[int, ...] = ()
    _kept: Kept[Interpreter] = field(default_factory=Kept, repr=False)

    def placed(self, layouts: object, orders: object) -> TfliteRegion:
        """Return the function: it reads the graph's order of elements."""
        return self

    def __call__(self, given: Sequence[npt.NDArray[np.uint8]]) -> Any:  # noqa: ANN401
        """Return codes, or rows of float32, for the codes of each input; images run one by one."""
        runs = self._kept.get(lambda: Interpreter(self.data))
        found = []
        for image in range(len(given[0])):
            inputs = [
                file_codes(codes[image].reshape(shape), np.dtype(dtype))
                for codes, shape, dtype in zip(given, self.shapes, self.dtypes, strict=True)
            ]
            found.append(runs(*inputs)[0])
        if found[0].dtype == np.float32:
            return np.stack(found).reshape(len(found), -1)
        return unsigned(np.stack(found)).reshape(len(found), *self.shape)


def _said(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
