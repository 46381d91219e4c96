"""ONNX Runtime: runs a file as its owner would, and parts of it on codes.

Sessions run on the CPU with one thread and all graph optimizations. An option makes INT8 kernels
exact on every x86 processor: for int8 activations ``session.qdqisint8allowed``, which keeps them,
for uint8 activations ``session.x64quantprecision``, which avoids the 16-bit sums of the kernel for
uint8 by int8 that saturate on processors without VNNI.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.quantization import Quantization
from ...runtime.errors import ToolchainError
from ...runtime.extras import extra_module
from ..layouts import Layout
from .codes import file_codes, plain_order, unsigned
from .kept import Kept
from .onnx_evaluator import Evaluator
from .onnx_file import Call, OnnxFile

__all__ = ["OnnxRuntime", "Read", "Region", "engine", "not_asked", "part", "run_part"]

Array = npt.NDArray[Any]
_IR_VERSION = 8
_MARK = "maccord_"  # begins the names by which operators are found in an optimized file
_QUIET = 4  # severity of messages: fatal ones only
_ELEMENT = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int8): 3}


def engine() -> str:
    """Name and version of the runtime, as results have it."""
    if not_asked():
        return "ONNX Runtime, not asked"
    return f"ONNX Runtime {_runtime().__version__}, CPU, all optimizations"


def not_asked() -> str:
    """Return the sentence that says why the runtime is not asked; empty if it is installed."""
    try:
        _runtime()
    except ToolchainError:
        return (
            "ONNX Runtime was not asked, as the package onnxruntime is not installed: "
            "pip install 'maccord[onnx]'"
        )
    return ""


def _runtime() -> Any:  # noqa: ANN401
    return extra_module("onnxruntime", "onnx", "to run ONNX files")


def _session(data: bytes, *, signed: bool, optimized: Path | None = None) -> Any:  # noqa: ANN401
    if not_asked():
        return Evaluator(data)
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    entry = "session.qdqisint8allowed" if signed else "session.x64quantprecision"
    options.add_session_config_entry(entry, "1")
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    with redirect_stdout(StringIO()):  # where the package prints what it raises, too
        return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


class OnnxRuntime:
    """Sessions of one file.

    Parameters
    ----------
    file : OnnxFile
    """

    def __init__(self, file: OnnxFile) -> None:
        self.file = file
        self._sessions: dict[tuple[str, ...], Any] = {}

    def run(self, image: Sequence[Array], names: Sequence[str] = ()) -> list[Array]:
        """Run the file on one of each input.

        Parameters
        ----------
        image : sequence of ndarray of the file's shapes and dtypes
        names : sequence of str
            Tensors to return; the file's outputs if empty.

        Raises
        ------
        ValueError
            If the runtime cannot run the file.
        """
        wanted = tuple(names) or self.file.outputs

        def session() -> list[Array]:
            if wanted not in self._sessions:
                data = self._model(wanted)
                self._sessions[wanted] = _session(data, signed=self.file.signed)
            feeds = dict(zip((each.name for each in self.file.inputs), image, strict=True))
            return self._sessions[wanted].run(list(wanted), feeds)

        return self._checked(session)

    def _checked(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return the call's result; what the runtime raises becomes one sentence."""
        try:
            return call()
        except Exception as error:  # the runtime's exceptions have no public base class
            who = "the package onnx" if not_asked() else engine()
            raise ValueError(f"{self.file.path}: {who} must run it: {_said(error)}") from None

    def _model(self, wanted: Sequence[str]) -> bytes:
        """Return the file with further outputs."""
        added = [name for name in wanted if name not in self.file.outputs]
        if not added:
            return self.file.path.read_bytes()
        model = type(self.file.model)()
        model.CopyFrom(self.file.model)
        for name in added:
            model.graph.output.add().name = name
        return model.SerializeToString()

    @cached_property
    def integer(self) -> frozenset[str]:
        """Results of the operators that the runtime computes with INT8 kernels.

        Whether it does depends on what stands around an operator, and on the scale of its bias.
        Where the runtime is not installed, all operators between quantizations are taken for such.
        """
        if not_asked():
            return frozenset(name for call in self.file.calls for name in call.outputs)
        onnx = extra_module("onnx", "onnx", "to read optimized ONNX files")
        model = type(self.file.model)()
        model.CopyFrom(self.file.model)
        results = {}
        for index, node in enumerate(model.graph.node):
            node.name = f"{_MARK}{index}_"
            results[node.name] = node.output[0]
        with TemporaryDirectory() as folder:
            path = Path(folder) / "optimized.onnx"
            self._checked(
                lambda: _session(model.SerializeToString(), signed=self.file.signed, optimized=path)
            )
            nodes = onnx.load_model_from_string(path.read_bytes()).graph.node
        found = set()
        for node in nodes:
            if node.op_type.startswith("QLinear") or node.op_type == "QGemm":
                name = node.name[: node.name.find("_", len(_MARK)) + 1]
                found |= {results[name]} if name in results else set()
        return frozenset(found)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor that depends on the input, for one image."""
        moving = {each.name for each in self.file.inputs}
        names = []
        for call in self.file.calls:
            if not moving.isdisjoint(call.inputs):
                names += [name for name in call.outputs if name]
                moving |= set(names)
        zeros = [np.zeros(each.shape, each.dtype) for each in self.file.inputs]
        return {n: np.shape(t) for n, t in zip(names, self.run(zeros, names), strict=True)}


@dataclass(frozen=True)
class Read:
    """A quantized tensor that a part of a file reads.

    Parameters
    ----------
    tensor : str
        Name in the file, of the codes or of their real values.
    quantization : Quantization
        As the graph has it.
    signed : bool
        Whether the file's codes are int8.
    real : bool
        Whether the part reads real values; then it begins with a DequantizeLinear.
    """

    tensor: str
    quantization: Quantization
    signed: bool
    real: bool

    @property
    def dtype(self) -> type[np.int8 | np.uint8]:
        """Dtype of the file's codes."""
        return np.int8 if self.signed else np.uint8


def part(file: OnnxFile, calls: Sequence[Call], reads: Sequence[Read], result: str) -> bytes:
    """Return a part of a file, from codes on, as a model of its own.

    Parameters
    ----------
    file : OnnxFile
    calls : sequence of Call
        In order of execution.
    reads : sequence of Read
    result : str
        Tensor that it returns.
    """
    onnx = extra_module("onnx", "onnx", "to run parts of ONNX files")
    make, array = onnx.helper, onnx.numpy_helper.from_array
    nodes, inputs, constants = [], [], {}
    for index, read in enumerate(reads):
        name = f"{read.tensor}/codes" if read.real else read.tensor
        inputs.append(make.make_tensor_value_info(name, _ELEMENT[np.dtype(read.dtype)], None))
        if read.real:
            zero = read.quantization.zero_point - 128 * read.signed
            constants[f"scale/{index}"] = np.array(read.quantization.scale, np.float32)
            constants[f"zero/{index}"] = np.array(zero, read.dtype)
            ends = [name, f"scale/{index}", f"zero/{index}"], [read.tensor]
            nodes.append(make.make_node("DequantizeLinear", *ends))
    used = {name for call in calls for name in call.inputs}
    constants |= {name: file.constants[name] for name in sorted(used & set(file.constants))}
    graph = make.make_graph(
        [*nodes, *(call.node for call in calls)],
        "part",
        inputs,
        [onnx.ValueInfoProto(name=result)],
        [array(value, name) for name, value in constants.items()],
    )
    model = make.make_model(graph, ir_version=_IR_VERSION)
    del model.opset_import[:]
    model.opset_import.extend(file.model.opset_import)
    return model.SerializeToString()


def run_part(data: bytes, inputs: Sequence[Array], *, signed: bool) -> Array:
    """Run a model of `part` once."""
    session = _session(data, signed=signed)
    names = [each.name for each in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))[0]


@dataclass(eq=False)
class Region:
    """The function of a `Host` operation, and of a network's end: a part of a file, by its runtime.

    Parameters
    ----------
    data : bytes
        The model.
    signed : tuple of bool
        Whether each input's codes are int8.
    layout : Layout
        The file's, of the result.
    layouts : tuple of Layout
        The file's, of each input.
    orders : tuple of (H, W, C) or None
        Sizes of flattened images whose codes are channels last, of each input.
    """

    data: bytes
    signed: tuple[bool, ...]
    layout: Layout
    layouts: tuple[Layout, ...] = ()
    orders: tuple[tuple[int, ...] | None, ...] = ()
    _kept: Kept[Any] = field(default_factory=Kept, repr=False)

    def placed(self, layouts: Sequence[Layout], orders: Sequence[tuple[int, ...] | None]) -> Region:
        """Return the function for inputs of these layouts and orders."""
        return Region(self.data, self.signed, self.layout, tuple(layouts), tuple(orders))

    def __call__(self, given: Sequence[npt.NDArray[np.uint8]]) -> Any:  # noqa: ANN401
        """Return codes in the graph's layout, or rows of float32, for the codes of each input.

        Images are run one by one, as the network's own results are.
        """
        session = self._kept.get(lambda: _session(self.data, signed=any(self.signed)))
        names = [each.name for each in session.get_inputs()]
        inputs = [self._input(index, codes) for index, codes in enumerate(given)]
        found = []
        for image in range(len(given[0])):
            feeds = {n: x[image : image + 1] for n, x in zip(names, inputs, strict=True)}
            found.append(session.run(None, feeds)[0])
        result = np.concatenate(found)
        if result.dtype == np.float32:
            return result.reshape(len(result), -1)
        return self.layout.to_graph(unsigned(result))

    def _input(self, index: int, codes: npt.NDArray[np.uint8]) -> Array:
        plain = plain_order(codes, self.layouts[index], self.orders[index])
        return file_codes(plain, np.int8 if self.signed[index] else np.uint8)


def _said(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return text.rpartition(" : ")[2] or type(error).__name__
