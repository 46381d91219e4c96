"""Imports a TFLite file: operators from codes to codes become layers, sums, pools and tables.

Each operator has the arithmetic of the kernel that LiteRT runs. The host computes with LiteRT what
the accelerator cannot compute to the bit. The integer graph is channels last, as the file is; steps
name dimensions as PyTorch does, channels before the image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from ...golden.graph import Layer
from ...golden.quantization import Quantization
from ...runtime.errors import ToolchainError
from ..int8 import Step
from ..layouts import Layout
from ..unsupported import Unsupported
from .tflite_file import TfliteCall, TfliteFile, TfliteTensor
from .tflite_formulas import Softmax
from .tflite_runtime import TfliteRegion, not_asked, parts

__all__ = ["Handler", "Pads", "TfliteImporter"]

_LAYOUTS = {2: Layout.ROWS, 3: Layout.SEQUENCE, 4: Layout.IMAGE}

Pads = tuple[tuple[int, int], tuple[int, int]]
Handler = Callable[["TfliteImporter", TfliteCall], None]


class TfliteImporter:
    """Makes steps of a file's operators.

    Parameters
    ----------
    file : TfliteFile
    network : str
        Its name.
    handlers : mapping of str to callable
        What imports an operator; it raises Unsupported for what the accelerator cannot compute.
    hosted : mapping of str to Unsupported
        Tensors that the host computes, with the reason.
    """

    def __init__(
        self,
        file: TfliteFile,
        network: str,
        handlers: Mapping[str, Handler],
        hosted: Mapping[str, Unsupported],
    ) -> None:
        self.file = file
        self.network = network
        self.handlers = handlers
        self.hosted = hosted
        self.steps: list[Step] = []
        self.layers: dict[str, Layer] = {}
        self.codes: dict[int, str] = {}  # step of each quantized tensor
        self.reals: dict[int, int] = {}  # tensor of codes that real values are of
        self.floats: dict[int, list[TfliteCall]] = {}  # what computes other real values
        self.added: list[TfliteCall] = []  # operators without activations, for the reference
        self.fixed: dict[int, list[TfliteCall]] = {}  # what computes numbers from shapes alone
        self.pads: dict[int, tuple[TfliteCall, Pads]] = {}  # padded tensors that layers read
        self.quantized: set[int] = set()  # inputs
        self._names: set[str] = set()

    def place(self, error: Unsupported) -> str:
        """Return the tensor of the file that a refused step computes, or is on the way to."""
        said = str(error).partition(":")[0]
        places = [place for place, step in enumerate(self.steps) if said == step.name]
        behind = self.steps[places[0] :] if places else []
        return next((step.node for step in behind if step.node.isdigit()), error.node)

    def run(self) -> None:
        """Import all operators and the results.

        Raises
        ------
        Unsupported
            If a step cannot run on the accelerator.
        ValueError
            If the file is not quantized.
        """
        for index in self.file.inputs:
            if self.tensor(index).dtype != np.float32 and self.users(index):
                self.quantize(index, index)
        for call in self.file.calls:
            self.visit(call)
        self._results()
        self._prune()

    def tensor(self, index: int) -> TfliteTensor:
        """Return a tensor of the file."""
        return self.file.tensors[index]

    def name(self, path: str) -> str:
        """Return a name of the network's that no other step has."""
        wanted = found = f"{self.network}.{path}"
        number = 1
        while found in self._names:
            number += 1
            found = f"{wanted}_{number}"
        self._names.add(found)
        return found

    def lacks(self, call: TfliteCall, what: str) -> NoReturn:
        """Say what the accelerator lacks for an operator."""
        raise Unsupported(f"{self.network}.{call.name}: {what}")

    def quantization(self, index: int) -> Quantization:
        """Return the quantization of a tensor, as the graph has it."""
        tensor = self.tensor(index)
        if tensor.dtype not in (np.int8, np.uint8) or len(tensor.scale) != 1:
            raise ValueError(
                f"{self.network}: tensor {tensor.name} must be int8 with one scale and zero point, "
                f"got {tensor.dtype} with {len(tensor.scale)}"
            )
        zero = int(tensor.zero_point[0]) + 128 * (tensor.dtype == np.int8)
        try:
            return Quantization(float(tensor.scale[0]), zero)
        except ValueError as error:
            raise ValueError(f"{self.network}: tensor {tensor.name}: {error}") from None

    def reads(self, call: TfliteCall) -> list[int]:
        """Return the tensors that an operator reads and that depend on the input."""
        given = [i for i in call.inputs if i >= 0 and self.tensor(i).data is None]
        return [index for index in given if index not in self.fixed]

    def codes_read(self, call: TfliteCall, index: int) -> str:
        """Return the step of a tensor that an operator reads."""
        if index not in self.codes:
            self.lacks(call, f"input of {call.op} must be codes, got a padded tensor")
        return self.codes[index]

    def users(self, index: int) -> list[TfliteCall]:
        """Return the operators that read a tensor."""
        return [call for call in self.file.calls if index in call.inputs]

    def constant(self, call: TfliteCall, index: int) -> Any:  # noqa: ANN401
        """Return a constant input; None if it is not given."""
        number = call.given(index)
        if number < 0:
            return None
        data = self.tensor(number).data
        if data is None:
            self.lacks(call, f"input {index} of {call.op} must be a constant")
        return data

    def visit(self, call: TfliteCall) -> None:
        """Import one operator."""
        reads = self.reads(call)
        if call.op == "SHAPE" or (not reads and any(i in self.fixed for i in call.inputs)):
            calls = [*self._fixing(call), call]
            self.fixed |= dict.fromkeys(call.outputs, calls)
        elif not reads:
            raise ValueError(f"{self.network}.{call.name}: {call.op} must read more than constants")
        elif call.op == "QUANTIZE" and reads[0] in self.file.inputs and reads[0] not in self.codes:
            if reads[0] in self.quantized:
                raise ValueError(
                    f"{self.network}.{call.name}: network must quantize its input "
                    f"{self.tensor(reads[0]).name} once"
                )
            self.quantize(reads[0], call.outputs[0])
        elif call.op == "DEQUANTIZE" and (reads[0] in self.codes or reads[0] in self.pads):
            self.reals[call.outputs[0]] = reads[0]
        elif any(index in self.reals or index in self.floats for index in reads):
            self._float(call, reads)
        elif all(index in self.codes or index in self.pads for index in reads):
            self._integer(call)
        else:
            raise ValueError(
                f"{self.network}.{call.name}: network must be quantized from its input on, got "
                f"{call.op} of {self.tensor(reads[0]).dtype}"
            )

    def _fixing(self, call: TfliteCall) -> list[TfliteCall]:
        """Return what computes an operator's inputs from shapes alone, in order."""
        found: dict[int, TfliteCall] = {}
        for index in call.inputs:
            found |= {each.outputs[0]: each for each in self.fixed.get(index, [])}
        return list(found.values())

    def _integer(self, call: TfliteCall) -> None:
        reason = self.hosted.get(str(call.outputs[0]))
        handler = self.handlers.get(call.op)
        if reason is None and handler is not None:
            count, names = (len(self.steps), len(self.added)), set(self._names)
            try:
                for index in call.outputs:
                    self.quantization(index)
                handler(self, call)
            except Unsupported as error:
                del self.steps[count[0] :], self.added[count[1] :]
                self._names = names
                reason = error
            else:
                return
        said = reason or (
            f"{self.network}.{call.name}: operators must have exact hardware, got {call.op}"
        )
        self.host(call, str(said))

    def _float(self, call: TfliteCall, reads: list[int]) -> None:
        """Note an operator behind the last codes."""
        if any(self.tensor(index).dtype == np.int8 for index in call.outputs):
            raise ValueError(
                f"{self.network}.{call.name}: network must stay quantized up to its end, got "
                f"{call.op} of real values"
            )
        before = {each.outputs[0]: each for each in self._fixing(call)}
        for index in reads:
            calls = self.floats.get(index)
            if index in self.reals:
                calls = [each for each in self.file.calls if index in each.outputs]
            if calls is None:
                raise ValueError(
                    f"{self.network}.{call.name}: input {self.tensor(index).name} of {call.op} "
                    "must be real values"
                )
            before |= {each.outputs[0]: each for each in calls}
        before[call.outputs[0]] = call
        for index in call.outputs:
            self.floats[index] = list(before.values())

    def quantize(self, given: int, codes: int) -> None:
        """Begin with the codes of an input, which are a tensor of the file."""
        kind, position = self.quantization(codes), self.file.inputs.index(given)
        alone = len(self.file.inputs) == 1
        name = self.name("input" if alone else f"input.{self.tensor(given).name}")
        arguments: dict[str, Any] = {"scale": kind.scale, "zero_point": kind.zero_point}
        arguments["position"] = position
        self.steps.append(Step(name, "quantize", ("input",), arguments, str(codes)))
        self.codes[codes] = name
        self.quantized.add(given)

    def same(self, tensor: int | str) -> str:
        """Return the node of a step whose result has a tensor's codes, in a shape of its own."""
        return f"{str(tensor).partition(':')[0]}:"

    def extra(self, call: TfliteCall) -> str:
        """Return the node of a step that computes an operator without its activation.

        The file has no such tensor. LiteRT computes it beside the file's own.
        """
        self.added.append(call)
        return f"{len(self.file.tensors) + len(self.added) - 1}:"

    def step(
        self,
        op: str,
        inputs: tuple[str, ...],
        arguments: dict[str, Any],
        result: int | str,
        path: str,
    ) -> str:
        """Append a step; its result is a tensor of the file, or from `same` or `extra`."""
        name = path if path in self.layers else self.name(path)
        if isinstance(result, int):
            self.codes[result] = name
            node = str(result)
        else:
            node = f"{result}{name}" if result.endswith(":") else result
        self.steps.append(Step(name, op, inputs, arguments, node))
        return name

    def written(self, call: TfliteCall) -> dict[str, Any]:
        """Return scale and zero point of an operator's result, as arguments of a step."""
        kind = self.quantization(call.outputs[0])
        return {"scale": kind.scale, "zero_point": kind.zero_point}

    def host(self, call: TfliteCall, reason: str) -> None:
        """Let LiteRT compute an operator."""
        if call.op != "SOFTMAX":
            self._need_runtime(reason)
        calls = [*self._fixing(call), call]
        reads = list(dict.fromkeys(i for each in calls for i in self.reads(each)))
        for index in reads:
            if index in self.pads and index not in self.codes:
                self.host(self.pads[index][0], reason)
        for index in call.outputs:
            tensor, kind = self.tensor(index), self.quantization(index)
            if len(tensor.shape) not in _LAYOUTS or tensor.shape[0] != 1:
                raise ValueError(
                    f"{reason}; the host cannot run it either: result {tensor.name} must have the "
                    f"shape (1, H, W, C), (1, L, C) or (1, K), got {tensor.shape}"
                )
            layout = _LAYOUTS[len(tensor.shape)]
            shape = tensor.shape[1:] if layout is not Layout.SEQUENCE else (1, *tensor.shape[1:])
            arguments = {
                "scale": kind.scale,
                "zero_point": kind.zero_point,
                "shape": list(shape),
                "layout": layout.value,
                "calls": [call.op],
                "reason": reason,
                "region": self._region(call, calls, reads, index, shape),
            }
            inputs = tuple(self.codes[each] for each in reads)
            self.step("host", inputs, arguments, index, call.name)

    def _region(
        self,
        call: TfliteCall,
        calls: list[TfliteCall],
        reads: list[int],
        result: int,
        shape: tuple[int, ...],
    ) -> TfliteRegion | Softmax:
        if not_asked():
            ends = self.quantization(reads[0]), self.quantization(result)
            return Softmax(*ends, float(call.option("beta", 1.0)))
        data = parts(self.file, calls, reads, result)
        return TfliteRegion(data, *self._read(reads), shape)

    def _need_runtime(self, reason: str) -> None:
        """Refuse what LiteRT would compute on the host, if it is not installed."""
        if not_asked():
            raise ToolchainError(
                f"{reason}; the host would compute it with LiteRT, which is not installed: pip "
                "install 'maccord[tflite]'"
            )

    def _read(self, reads: list[int]) -> tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]:
        tensors = [self.tensor(index) for index in reads]
        return tuple(t.shape for t in tensors), tuple(t.dtype.name for t in tensors)

    def _results(self) -> None:
        """Import the file's results: real values of codes, codes, or an end in floating point."""
        alone = len(self.file.outputs) == 1
        for place, index in enumerate(self.file.outputs):
            source = self.reals.get(index, index)
            name = self.tensor(index).name
            if source in self.codes:
                label = "" if alone else name
                end = self.name("logits" if alone else f"results.{place}")
                arguments = {"results": [(place, label)]}
                self.steps.append(Step(end, "dequantize", (self.codes[source],), arguments, ""))
            elif alone and index in self.floats:
                self._tail(index)
            else:
                raise ValueError(
                    f"{self.network}: result {name} must come from quantized tensors, or be the "
                    "only one"
                )

    def _prune(self) -> None:
        """Drop what no result depends on."""
        used: set[str] = set()
        kept: list[Step] = []
        for step in reversed(self.steps):
            if step.op in ("quantize", "dequantize", "tail") or step.name in used:
                kept.append(step)
                used.update(step.inputs)
            else:
                self.layers.pop(step.name, None)
        self.steps = kept[::-1]

    def _tail(self, index: int) -> None:
        calls = self.floats[index]
        made = {each for call in calls for each in call.outputs}
        reads = sorted({i for call in calls for i in self.reads(call)} - made)
        first = next(call for call in calls if call.op != "DEQUANTIZE")
        reason = f"{self.network}.{first.name}: results must be quantized, got {first.op}"
        self._need_runtime(reason)
        data = parts(self.file, calls, reads, index)
        arguments = {
            "calls": [call.op for call in calls if call.op != "DEQUANTIZE"],
            "scores": len(self.tensor(index).shape) == 2,
            "reason": reason,
            "region": TfliteRegion(data, *self._read(reads)),
        }
        inputs = tuple(self.codes[each] for each in reads)
        self.steps.append(Step(self.name(first.name), "tail", inputs, arguments, str(index)))
