"""A network on its images: what it must compute, and the accelerator that is to run it."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...compiler import Choices, recall
from ...compiler.network import CompiledNetwork, compile_network
from ...golden.graph import Conv2d, Linear, Network
from ...spec.parameters import Parameters
from ..memory import MemoryModel
from ..results import GENERATED, file_stem

__all__ = ["NetworkRecording", "NetworkTask", "cost", "stage_index"]

Codes = npt.NDArray[np.uint8]

_ONE_PROCESS = 400_000_000  # bytes of a process, its libraries and the simulator, on the safe side
_NO_LOGITS = np.empty((0, 0), np.float32)


@dataclass(frozen=True, eq=False)
class NetworkRecording:
    """What a network made of its images in PyTorch; picklable, and free of PyTorch.

    A layer that runs alone is a network of one node, without logits.

    Parameters
    ----------
    engine, weights, perturbation : str
        As in `NetworkResult`.
    seed : int
    network : Network
    x_q : ndarray of shape (N, H, W, C) or (N, K), uint8
        Codes of the images, or of what the layer read.
    tensors : dict of str to ndarray, uint8
        PyTorch's tensors by the graph's names, at least those that the accelerator makes.
    logits : ndarray of shape (N, classes), float32
        PyTorch's, of each image run by itself; of shape (0, 0) for a layer.
    layer : str
        Of the layer that runs alone, empty for a whole network.
    logits_float : ndarray of shape (N, classes), float32
        The float network's; of shape (0, 0) for a layer, and where weights are only seeded.
    classes : tuple of str
        Names of the outputs, where they are known.
    snr_db, weak_layer, weak_layer_snr_db
        As in `NetworkResult`.
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

    @property
    def name(self) -> str:
        """Of the layer, or of the whole network."""
        return self.layer or self.network.name

    @property
    def label(self) -> str:
        """The name, with the perturbation where there is one."""
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
    """One recording to be run on one accelerator, as one program.

    Parameters
    ----------
    recording : NetworkRecording
    parameters : Parameters
        Of the accelerator.
    verilog : str
        Text of the netlist.
    memory : MemoryModel
    mhz : float
        Clock that frames per second are given for.
    interrupts : bool
        Whether the accelerator raises its interrupt after each operation.
    waves : Path, optional
        Where waves go, without the ending.
    window : (int, int)
        First and last cycle of the waves.
    waves_layer : str
        Operation, or tensor, before which the window begins; empty for reset.
    build_seconds : float
        Time that building the model took.
    image, netlist : str
        As in `NetworkResult`.
    choices : mapping
        Tilings that need not be searched for.
    keep : bool
        Whether the outcome keeps the tensors.
    classes : tuple of str
        Names of the network's outputs, where the user gave them.
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
    classes: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the outputs: the user's, or those that come with the weights; or none."""
        return self.classes or self.recording.classes

    @cached_property
    def compiled(self) -> CompiledNetwork:
        """The program, for as many images as were recorded; written when it is first asked for.

        A layer's has no counter records: it takes the cycles of the layer, and nothing else.

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


def stage_index(compiled: CompiledNetwork, name: str) -> int:
    """Return which operation of a network has a name, or makes the tensor of that name.

    Raises
    ------
    ValueError
        The message names the nearest.
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
    """Bytes of memory that a task takes at its peak, on the safe side."""
    recorded = task.recording
    tensors = {**recorded.tensors, recorded.network.input.name: recorded.x_q}
    weights = beside = 0
    for node in recorded.network.nodes:
        if isinstance(node.operation, Conv2d | Linear):
            weights += node.operation.weight.nbytes
        sizes = [tensors[name].size for name in (*node.inputs, node.name) if name in tensors]
        beside = max(beside, sum(sizes))  # int32 sums and gathered pixels of one operation
    return _ONE_PROCESS + 8 * weights + 12 * sum(t.size for t in tensors.values()) + 28 * beside
