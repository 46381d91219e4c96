"""Networks: quantize, compile, run in PyTorch and in the golden model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn
from torch.export import ExportedProgram

from ..compiler import network as compiler
from ..compiler.network import CompiledNetwork
from ..golden.network import execute
from ..nets import library
from ..nets.examples import Images
from ..nets.formats.files import is_model_file, load_file
from ..nets.library import QuantizedNetwork
from ..spec.parameters import Parameters
from .arrays import calibrating, floats

__all__ = ["compile_network", "golden", "load", "load_program", "pytorch", "quantize"]

Codes = npt.NDArray[np.uint8]


def quantize(
    model: nn.Module,
    calibration: Images | None = None,
    name: str = "network",
    *,
    input_shape: Sequence[int] | Sequence[Sequence[int]] = (),
    seed: int = 0,
    strict: bool = False,
    weight_bits: str = "8",
) -> QuantizedNetwork:
    """Quantize a float network with PyTorch's post-training quantization for qnnpack.

    Parameters
    ----------
    model : Module
        In evaluation mode and traceable by ``torch.fx``.
    calibration : ndarray of shape (N, C, H, W), (N, C, L), (N, L, C) or (N, K), float32, optional
        Inputs that set the quantization ranges, normalized for the network; of a network of several
        inputs a tuple of one array for each. Eight of normally distributed numbers if not given.
    name : str
        Prefix of layer and tensor names.
    input_shape : sequence of int, or of shapes
        Shape of one input, without N, or of each of several; needed without `calibration`.
    seed : int
        Seed of the random inputs.
    strict : bool
        Whether to refuse operators that the host would have to compute.
    weight_bits : str
        Width at which hardware stores and moves weights: ``auto``, the narrowest of 8, 4 and 2
        that each layer's codes fit, or one of these for all layers. Results are the same.

    Returns
    -------
    QuantizedNetwork
        `graph` is the integer graph.

    Raises
    ------
    ValueError
        If the network cannot be traced, or an operator can run nowhere or, if `strict`, only on
        the host; the message names operator, module and line. If neither calibration nor shape is
        given, or they differ. If a layer's codes do not fit `weight_bits`.
    """
    images = calibrating(calibration, input_shape, seed)
    network = library.quantized(model, name, "as given", images, strict=strict)
    return network.with_weight_bits(weight_bits)


def load(name: str, weights: Path | str | None = None, seed: int = 0) -> QuantizedNetwork:
    """Load a built-in network, quantized, from the cache if present; or a model file.

    Parameters
    ----------
    name : str
        ``resnet18``, ``resnet50``, ``vgg16``, ``squeezenet1_1`` or ``mobilenet_v2``, or the path of
        an ``.onnx``, ``.tflite`` or ``.pt2`` file.
    weights : path, optional
        Checkpoint with torchvision's names; seeded weights if not given.
    seed : int
        Seed of those weights, at least 0.

    Raises
    ------
    ValueError
        If the network is unknown, or the checkpoint does not fit it.
    """
    if is_model_file(name):
        if weights is not None:
            raise ValueError(f"weights must be left out with {name}, which has them, got {weights}")
        return load_file(name)
    return library.load(name, None if weights is None else Path(weights), seed)


def load_program(program: ExportedProgram, name: str) -> QuantizedNetwork:
    """Import a program that PT2E has quantized with the XNNPACK quantizer.

    Parameters
    ----------
    program : torch.export.ExportedProgram
        Of one image: ``torch.export.export`` of what ``convert_pt2e`` returns.
    name : str
        Of the network.

    Returns
    -------
    QuantizedNetwork
        Its reference is ExecuTorch.

    Raises
    ------
    ValueError
        If it cannot be imported; the message names operator and reason.
    """
    from ..nets.formats import pt2_network

    return pt2_network.load_program(program, name)


def compile_network(
    network: QuantizedNetwork, parameters: Parameters | None = None, batch: int = 1
) -> CompiledNetwork:
    """Compile a network to one program for an accelerator.

    Parameters
    ----------
    network : QuantizedNetwork
    parameters : Parameters, optional
        The accelerator's parameters; a 16 x 16 array by default.
    batch : int
        Images per run.

    Returns
    -------
    CompiledNetwork
        `program` is the list of instructions, `image(*inputs)` the initial memory, `estimate` the
        cycles by the timing model.

    Raises
    ------
    ValueError
        If a layer does not fit the accelerator's memories; the message names it.
    """
    return compiler.compile_network(network.graph, parameters or Parameters(), batch=batch)


def golden(network: QuantizedNetwork, images: Images) -> dict[str, Codes]:
    """Run the golden model.

    Parameters
    ----------
    network : QuantizedNetwork
    images : ndarray of shape (N, *input_shape), float32, or a tuple of them
        Of a network of several inputs one array for each, in order.

    Returns
    -------
    dict of str to ndarray, uint8
        Codes of each tensor by name: (N, H, W, C), or (N, K) after flattening.
    """
    return execute(network.graph, *network.source_codes(floats(images)))


def pytorch(network: QuantizedNetwork, images: Images) -> dict[str, Codes]:
    """Run PyTorch's own converted module.

    Parameters
    ----------
    network : QuantizedNetwork
    images : ndarray of shape (N, *input_shape), float32, or a tuple of them
        Of a network of several inputs one array for each, in order.

    Returns
    -------
    dict of str to ndarray, uint8
        As returned by `golden`, each captured while the module runs.
    """
    return network.tensors(floats(images))
