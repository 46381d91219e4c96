"""The reference: PyTorch's own INT8 network, executed by PyTorch node by node.

This module is independent of `importer`. Each node of the converted module is called unchanged, and
its result is stored by node name.

There are four workarounds. First, qnnpack's clamp (``qclamp.cpp`` and ``qrelu.cpp`` of torch 2.13)
allocates a contiguous result but fills it in the input's memory order. For a channels-last image,
as produced by INT8 convolutions, the codes are correct but at the wrong pixels. Clamps therefore
get a contiguous copy of their input. So for networks with ReLU6, hardtanh or clamp, the reference
is the module from ``convert_fx`` with this copy before the clamps, not its plain ``forward``.

Second, LeakyReLU and ELU round ties otherwise in the last elements of a tensor, those behind its
last whole vector (`functions.TAILED`). They get a copy whose size is a multiple of `_VECTOR`, so
that each code has one result.

Third, a concatenation that rescales its inputs has a kernel of its own for channels-last images,
whose results at ties depend on the processor's vector instructions. It gets contiguous copies and
so takes the other kernel: dequantize, concatenate, quantize.

Fourth, a sum of tensors of two shapes gets the larger one first: PyTorch allocates the result like
the first one, and prints a warning when it has to resize it. The order changes no sum.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx, nn

from ..golden.graph import Quantization
from .examples import Example, Images, arrays_of, fresh, from_arrays
from .framework import path_of, qnnpack
from .functions import TAILED, TAILED_MODULES
from .int8 import LayerRecording, check_image, codes, layer_codes
from .int8_modules import is_linear
from .outputs import rows, tensors_of
from .source_line import line_of
from .unsupported import NoKernel

__all__ = ["Interpreter", "Reference", "Result"]

_CLAMPS = (
    *(nn.functional.relu6, nn.functional.hardtanh, torch.clamp, "clamp"),
    torch.ops.quantized.relu6,
)
_VECTOR = 64  # elements of the longest vector register, AVX-512's
_SUMS = (torch.ops.quantized.add, torch.ops.quantized.add_relu)
_CATS = (torch.cat, torch.concat, torch.concatenate)


@dataclass(frozen=True, eq=False)
class Result:
    """The quantized result of a node.

    Parameters
    ----------
    codes : ndarray of shape (N, H, W, C) or (N, K), uint8
    quantization : Quantization
        As stored in the tensor.
    """

    codes: npt.NDArray[np.uint8]
    quantization: Quantization


_Executed = tuple[fx.Node, list[torch.Tensor], Any]


class Interpreter(fx.Interpreter):
    """Executes nodes, with contiguous inputs for clamps."""

    def __init__(self, converted: fx.GraphModule) -> None:
        super().__init__(converted)
        self.nodes = list(converted.graph.nodes)

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a module; clamps read contiguous inputs."""
        module = self.fetch_attr(target)
        if isinstance(module, nn.Hardtanh):  # includes ReLU6
            args = _contiguous(args)
        if isinstance(module, TAILED_MODULES):
            return _in_vectors(args[0], module)
        return super().call_module(target, args, kwargs)

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function; clamps, and concatenations that rescale, read contiguous inputs."""
        args = _contiguous(args) if target in _CLAMPS else args
        if target in _CATS and _rescales(args[0]):
            args = ([part.contiguous() for part in args[0]], *args[1:])
        if target in _SUMS:
            args = _pair_first(args)
        if target in TAILED:
            return _in_vectors(args[0], lambda x: target(x, *args[1:], **kwargs))
        return super().call_function(target, args, kwargs)

    def call_method(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a method; clamps read contiguous inputs."""
        args = _contiguous(args) if target in _CLAMPS else args
        return super().call_method(target, args, kwargs)

    def execute(self, *example: torch.Tensor) -> Iterator[_Executed]:
        """Yield each node with its inputs and result; free results that no later node reads.

        Results must be used immediately, as a later node may modify them in place.
        """
        self.env = {}
        self.args_iter = iter(example)
        for node in self.nodes:
            sources = [self.env[source] for source in node.all_input_nodes]
            with qnnpack():
                result = self.env[node] = self._computed(node)
            yield node, sources, result
            for unused in self.user_to_last_uses.get(node, []):
                del self.env[unused]

    def _computed(self, node: fx.Node) -> Any:
        """Run a node; PyTorch quantizes some calls that it has no INT8 kernel for."""
        try:
            return self.run_node(node)
        except (RuntimeError, TypeError, IndexError) as error:
            word = str(getattr(node.target, "__name__", node.target))
            path = word if node.op == "call_module" else path_of(node, word)
            reason = str(error).strip().partition("\n")[0].partition(". ")[0]
            place = line_of(self.module, node.name)  # pyright: ignore[reportArgumentType]
            said = f"call must be one that PyTorch computes in INT8, got: {reason}"
            raise NoKernel(path, said, place, node.name) from error


def _check_sum(a: torch.Tensor, b: torch.Tensor, scale: torch.Tensor) -> None:
    """Raise RuntimeError for scales that qnnpack refuses, which would print to stderr."""
    for source in (a, b):
        ratio = source.q_scale() / float(scale)
        if not 2.0**-14 <= ratio < 2.0**8:
            raise RuntimeError(
                f"a scale of an input over the output's of {ratio:g}, which must be from 2**-14 to "
                "below 2**8"
            )


def _pair_first(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a sum's arguments, of two tensors the larger one first."""
    first, second, *others = args
    if not others:
        return args  # with a number
    _check_sum(first, second, others[0])
    return args if first.numel() >= second.numel() else (second, first, *others)


def _rescales(parts: Any) -> bool:
    """Whether a concatenation's inputs are quantized with scales or zero points that differ."""
    if not all(isinstance(part, torch.Tensor) and part.is_quantized for part in parts):
        return False
    return len({(part.q_scale(), part.q_zero_point()) for part in parts}) > 1


def _contiguous(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return (args[0].contiguous(), *args[1:])


def _in_vectors(x: torch.Tensor, kernel: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Run an elementwise kernel on a copy that has whole vectors only."""
    flat = x.contiguous().reshape(-1)
    spare = -len(flat) % _VECTOR
    whole = torch.cat([flat, flat[:1].repeat(spare)]) if spare else flat
    return kernel(whole)[: len(flat)].reshape(x.shape)


class Reference:
    """Runs a converted network.

    Parameters
    ----------
    converted : GraphModule
        From `framework.convert`.
    """

    def __init__(self, converted: fx.GraphModule) -> None:
        self.converted = converted

    def _execute(self, images: Images) -> Iterator[_Executed]:
        for image in arrays_of(images):
            check_image(image)
        return Interpreter(self.converted).execute(*from_arrays(images))

    def record(self, images: Images, names: Mapping[str, str]) -> dict[str, LayerRecording]:
        """Run the network on normalized images up to the last of the layers to record.

        Parameters
        ----------
        images : ndarray of shape (N, ...), float32, or a tuple of them
            One for each input.
        names : mapping of str to str
            Nodes of layers, and the names of their recordings.

        Returns
        -------
        dict of str to LayerRecording
            In order of execution.
        """
        recordings: dict[str, LayerRecording] = {}
        for node, sources, result in self._execute(images):
            if len(recordings) == len(names):
                break
            if node.name in names:
                module = self.converted.get_submodule(str(node.target))
                x_q, y = (layer_codes(t, linear=is_linear(module)) for t in (sources[0], result))
                recordings[names[node.name]] = LayerRecording(x_q, y)
        return recordings

    def tensors(self, images: Images, names: Collection[str]) -> dict[str, Result]:
        """Return the named quantized nodes' results; images as for `record`."""
        return {
            node.name: Result(codes(result), Quantization(result.q_scale(), result.q_zero_point()))
            for node, _, result in self._execute(images)
            if node.name in names and isinstance(result, torch.Tensor) and result.is_quantized
        }

    def dequantized(self, batch: Example) -> dict[str, torch.Tensor]:
        """Return the dequantized values of all quantized nodes by name, and the ``output``."""
        found = {}
        for node, _, result in Interpreter(self.converted).execute(*fresh(batch)):
            if node.op == "output":
                found["output"] = torch.from_numpy(rows(result, len(batch[0])))
            elif isinstance(result, torch.Tensor) and result.is_quantized:
                found[node.name] = result.dequantize()
        return found

    def results(self, images: Images) -> list[torch.Tensor]:
        """Return the network's results in order, those of tuples too; images as for `record`."""
        *_, (node, _, result) = self._execute(images)
        return tensors_of(result, node.name)

    def logits(self, images: Images) -> npt.NDArray[np.float32]:
        """Output (N, classes), float32; images as for `record`.

        Of a network that returns anything else, all results of an image in one row.
        """
        *_, (_, _, result) = self._execute(images)
        plain = isinstance(result, torch.Tensor) and result.is_floating_point()
        return result.numpy() if plain else rows(result, len(arrays_of(images)[0]))
