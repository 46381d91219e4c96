"""A recorded network with the accelerator that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...compiler import Choices, recall
from ...compiler.network import CompiledNetwork, compile_network
from ...golden.graph import Conv2d, Host, Linear, Network
from ...spec.parameters import Parameters
from ..memory import MemoryModel
from ..results import GENERATED, file_stem
from .results import HostPart

__all__ = ["NetworkRecording", "NetworkTask", "cost", "input_shapes", "stage_index"]

Codes = npt.NDArray[np.uint8]

_FRAMEWORK = 400_000_000  # bytes, upper estimate: PyTorch, for what the host computes
_ONE_PROCESS = 400_000_000  # bytes, upper estimate: a process, its libraries and the simulator
_NO_LOGITS = np.empty((0, 0), np.float32)


@dataclass(frozen=True, eq=False)
class NetworkRecording:
    """A network's inputs and tensors as recorded in PyTorch; picklable, without PyTorch objects.

    A layer that runs alone is a network of one node, without logits.

    Parameters
    ----------
    engine, weights, perturbation : str
        As in `NetworkResult`.
    seed : int
    network : Network
    x_q : ndarray of shape (N, H, W, C) or (N, K), uint8
        Codes of the images, or of the layer's input; of the first of several inputs.
    tensors : dict of str to ndarray, uint8
        PyTorch's tensors by graph name, at least those that the accelerator computes.
    logits : ndarray of shape (N, classes), float32
        PyTorch's logits, each image run separately; of shape (0, 0) for a layer, and for a network
        whose first result is not a row of numbers.
    layer : str
        Name of the layer that runs alone; empty for a whole network.
    logits_float : ndarray of shape (N, classes), float32
        The float network's logits; of shape (0, 0) for a layer or seeded weights.
    classes : tuple of str
        Names of the outputs, if known.
    snr_db, weak_layer, weak_layer_snr_db
        As in `NetworkResult`.
    tail : callable, optional
        What the host computes from the output's codes, if more than their real values: takes a
        list of codes, returns one row of results for each image.
    tail_reads : tuple of str
        Tensors whose codes `tail` takes.
    scores : bool
        Whether logits are scores of classes.
    around : tuple of HostPart
        What the host computes before the first codes and behind the last ones.
    results : dict of str to ndarray, float32
        PyTorch's results by graph tensor, each input run separately; empty for a layer.
    result_labels : dict of str to str
        Their places in PyTorch's tuple, list or dictionary.
    source : str
        What the clean input is; empty if unknown.
    described : dict of str to str
        How the input was made, for provenance.
    other_inputs : tuple of ndarray, uint8
        Codes of the network's further inputs.
    not_asked : str
        Sentence on why the reference was not asked; `tensors` and `results` are then empty but for
        inputs. Empty if it was.
    """

    engine: str
    weights: str
    perturbation: str
    seed: int
    network: Network
    x_q: Codes
    tensors: dict[str, Codes]
    logits: npt.NDArray[np.float32] = field(default_factory=lambda: _NO_LOGITS)
    layer: str = ""
    logits_float: npt.NDArray[np.float32] = field(default_factory=lambda: _NO_LOGITS)
    classes: tuple[str, ...] = ()
    snr_db: float | None = None
    weak_layer: str = ""
    weak_layer_snr_db: float | None = None
    tail: Callable[[list[Codes]], npt.NDArray[np.float32]] | None = None
    scores: bool = True
    around: tuple[HostPart, ...] = ()
    tail_reads: tuple[str, ...] = ()
    results: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    result_labels: dict[str, str] = field(default_factory=dict)
    source: str = ""
    described: dict[str, str] = field(default_factory=dict)
    other_inputs: tuple[Codes, ...] = ()
    not_asked: str = ""

    @property
    def inputs(self) -> tuple[Codes, ...]:
        """Codes of all inputs, in the order of `Network.sources`."""
        return (self.x_q, *self.other_inputs)

    @property
    def name(self) -> str:
        """Name of the layer, or of the whole network."""
        return self.layer or self.network.name

    @property
    def outputs(self) -> int:
        """Numbers in a row of the first result; 0 if it is no row."""
        if self.not_asked and self.tail is None:
            shape = self.network.tensors[self.network.output].shape
            return shape[1] if len(shape) == 2 else 0
        return self.logits.shape[1]

    @property
    def label(self) -> str:
        """The name, followed by the perturbation if there is one."""
        return file_stem(self.name, self.perturbation)

    @property
    def macs(self) -> int:
        """Multiplications of the convolutions and linear layers, for all images."""
        tensors = self.network.tensors
        return len(self.x_q) * sum(
            node.operation.macs(tensors[node.inputs[0]].shape)
            for node in self.network.nodes
            if isinstance(node.operation, Conv2d | Linear)
        )


@dataclass(frozen=True, eq=False)
class NetworkTask:
    """One recording to run as one program on one accelerator.

    Parameters
    ----------
    recording : NetworkRecording
    parameters : Parameters
        Of the accelerator.
    verilog : str
        Text of the netlist.
    memory : MemoryModel
    mhz : float
        Clock used for frames per second.
    interrupts : bool
        Whether to interrupt after each operation.
    waves : Path, optional
        Waveform path without the suffix.
    window : (int, int)
        First and last recorded cycle.
    waves_layer : str
        Operation or tensor from which the window counts; empty for reset.
    build_seconds : float
        Build time of the model.
    image, netlist : str
        As in `NetworkResult`.
    choices : mapping
        Tilings already found.
    keep : bool
        Whether the outcome keeps the tensors.
    parts : int
        Parts of a whole network that run side by side.
    classes : tuple of str
        Names of the network's outputs, if given by the user.
    """

    recording: NetworkRecording
    parameters: Parameters
    verilog: str
    memory: MemoryModel = MemoryModel()
    mhz: float = 200.0
    interrupts: bool = False
    waves: Path | None = None
    window: tuple[int, int] = (0, 10_000)
    waves_layer: str = ""
    build_seconds: float = 0.0
    image: str = ""
    netlist: str = GENERATED
    choices: Choices = field(default_factory=dict)
    keep: bool = False
    parts: int = 1
    classes: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the outputs: from the user, or else from the weights; may be empty."""
        return self.classes or self.recording.classes

    @cached_property
    def compiled(self) -> CompiledNetwork:
        """The program for the recorded batch, compiled on first use.

        A layer's program has no counter records, so its cycles are those of the layer alone.

        Raises
        ------
        ValueError
            If the accelerator cannot run the network.
        """
        recall(self.choices)
        return compile_network(
            self.recording.network,
            self.parameters,
            batch=len(self.recording.x_q),
            interrupts=self.interrupts,
            records=self.interrupts or not self.recording.layer,
        )


def input_shapes(recorded: NetworkRecording) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input's codes, by the name of its tensor."""
    names = [source.name for source in recorded.network.sources]
    return {name: x.shape for name, x in zip(names, recorded.inputs, strict=True)}


def stage_index(compiled: CompiledNetwork, name: str) -> int:
    """Return the index of the operation with a given name or output tensor.

    Raises
    ------
    ValueError
        If there is none; the message suggests the nearest names.
    """
    for index, stage in enumerate(compiled.stages):
        if name in (stage.name, stage.layer):
            return index
    names = [stage.name for stage in compiled.stages]
    near = get_close_matches(name, names, 1, cutoff=0.0)[0]
    raise ValueError(
        f"waves-layer must be an operation of {compiled.network.name}, got {name!r} "
        f"(nearest: {near})"
    )


def cost(task: NetworkTask) -> int:
    """Upper estimate of a task's peak memory, bytes."""
    recorded = task.recording
    sizes_of = {
        name: len(recorded.x_q) * prod(tensor.shape[1:])
        for name, tensor in recorded.network.tensors.items()
    }
    weights = beside = 0
    for node in recorded.network.nodes:
        if isinstance(node.operation, Conv2d | Linear):
            weights += node.operation.weight.nbytes
        sizes = [sizes_of[name] for name in (*node.inputs, node.name)]
        beside = max(beside, sum(sizes))  # int32 sums and gathered pixels of one operation
    hosted = any(isinstance(node.operation, Host) for node in recorded.network.nodes)
    framework = _FRAMEWORK if hosted or recorded.tail is not None else 0
    return _ONE_PROCESS + framework + 8 * weights + 12 * sum(sizes_of.values()) + 28 * beside
