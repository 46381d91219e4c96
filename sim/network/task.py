"""A whole network on an image: what it must compute, and the accelerator that is to run it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...golden.compile import CompiledNetwork
from ...golden.graph import Conv2d, Linear, Network
from ...golden.parameters import Parameters
from ..jobs import MemoryModel
from ..results import GENERATED, file_stem

__all__ = ["NetworkRecording", "NetworkTask", "cost"]

Codes = npt.NDArray[np.uint8]

_ONE_PROCESS = 400_000_000  # bytes of a process, its libraries and the simulator, on the safe side


@dataclass(frozen=True, eq=False)
class NetworkRecording:
    """What a network made of its images in PyTorch; picklable, and free of PyTorch.

    Parameters
    ----------
    engine, weights, perturbation : str
        As in `LayerResult`.
    seed : int
    network : Network
    x_q : ndarray of shape (N, H, W, C), uint8
        Codes of the images.
    tensors : dict of str to ndarray, uint8
        PyTorch's tensors by the graph's names, at least those that the accelerator makes.
    logits : ndarray of shape (N, classes), float32
        PyTorch's, of each image run by itself.
    """

    engine: str
    weights: str
    perturbation: str
    seed: int
    network: Network
    x_q: Codes
    tensors: dict[str, Codes]
    logits: npt.NDArray[np.float32]

    @property
    def label(self) -> str:
        """The network, with the perturbation where there is one."""
        return file_stem(self.network.name, self.perturbation)

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
    compiled : CompiledNetwork
        For as many images as were recorded.
    verilog : str
        Text of the netlist.
    memory : MemoryModel
    mhz : float
        Clock that frames per second are given for.
    waves : Path, optional
        Where waves go, without the ending.
    window : (int, int)
        First and last cycle of the waves.
    build_seconds : float
        Time that building the model took.
    image, netlist : str
        As in `LayerResult`.
    """

    recording: NetworkRecording
    compiled: CompiledNetwork
    verilog: str
    memory: MemoryModel = MemoryModel()
    mhz: float = 200.0
    waves: Path | None = None
    window: tuple[int, int] = (0, 10_000)
    build_seconds: float = 0.0
    image: str = ""
    netlist: str = GENERATED

    @property
    def parameters(self) -> Parameters:
        """Of the accelerator that the network was compiled for."""
        return self.compiled.parameters


def cost(task: NetworkTask) -> int:
    """Bytes of memory that a task takes at its peak, on the safe side."""
    tensors = sum(codes.size for codes in task.recording.tensors.values())
    return _ONE_PROCESS + 4 * task.compiled.size + 12 * tensors
