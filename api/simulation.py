"""Runs a network in RTL and compares every tensor with the golden model and PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..compiler.features import with_features
from ..nets.examples import Images
from ..nets.lacking import without_lacking
from ..nets.library import QuantizedNetwork
from ..sim.memory import MemoryModel
from ..sim.netlist import generated
from ..sim.network.results import NetworkResult
from ..sim.network.run import run_network
from ..sim.network.task import NetworkTask
from ..sim.recording import record_network
from ..sim.results import CLEAN, Verdict
from ..spec.parameters import Parameters
from .arrays import floats

__all__ = ["Simulation", "simulate"]

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Simulation:
    """The result of a simulation.

    Parameters
    ----------
    equal : bool
        Whether every byte of every tensor was equal in all three engines, without other errors.
    problems : tuple of str
        Mismatches and failures, one sentence each; empty if `equal`.
    result : NetworkResult or None
        Cycles, causes, roofline and stages, as in the JSON of `maccord sim`; None if the
        simulation did not complete.
    golden, torch, rtl : mapping of str to ndarray, uint8
        Codes of the tensors that the accelerator computes, by name.
    """

    equal: bool
    problems: tuple[str, ...]
    result: NetworkResult | None
    golden: Mapping[str, Codes]
    torch: Mapping[str, Codes]
    rtl: Mapping[str, Codes]

    @property
    def cycles(self) -> int:
        """Cycles from start to interrupt; 0 if the simulation did not complete."""
        return self.result.cycles if self.result else 0


def simulate(
    network: QuantizedNetwork,
    images: Images,
    parameters: Parameters | None = None,
    memory: MemoryModel | None = None,
) -> Simulation:
    """Run a network in RTL from image to logits, and compare all tensors in three engines.

    The Verilated model of an accelerator is built once (one to two minutes) and then cached.

    Parameters
    ----------
    network : QuantizedNetwork
    images : ndarray of shape (N, *input_shape), float32, or a tuple of them
        Normalized, of a network of several inputs one array for each, in order; run as one batch.
    parameters : Parameters, optional
        The accelerator's parameters; by default a 16 x 16 array with the features that the network
        needs. The host computes what given ones lack.
    memory : MemoryModel, optional
        Timing of the AXI memory; 30 cycles of latency by default.

    Returns
    -------
    Simulation
        Includes mismatches; nothing is raised for a network that differs.

    Raises
    ------
    ToolchainError
        If Verilator or the C++ compiler is missing.
    SimulationError
        If the model cannot be built.
    """
    chosen = parameters or with_features(Parameters(), [network.graph])
    recording = record_network(network, CLEAN, floats(images), 0)
    recording = replace(recording, network=without_lacking(recording.network, chosen))
    task = NetworkTask(recording, chosen, generated(chosen), memory or MemoryModel(), keep=True)
    outcome = run_network(task)
    made = {name: recording.tensors[name] for name in outcome.rtl if name in recording.tensors}
    return Simulation(
        outcome.verdict is Verdict.AGREES,
        outcome.problems,
        outcome.result,
        outcome.golden,
        made,
        outcome.rtl,
    )
