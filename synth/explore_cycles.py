"""Cycles of a network, from the compiler's timing model or from the RTL."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from hashlib import sha256
from math import prod
from typing import Any

import numpy as np

from .. import compiler, golden, sim, spec
from ..compiler.network import CompiledNetwork, compile_network
from ..compiler.stage import Stage
from ..compiler.timing import estimate_cycles
from ..golden.graph import Conv2d, Linear, Network
from ..runtime.cache import SIMULATION, Cache, digest, sources
from ..runtime.errors import SimulationError
from ..sim.memory import MemoryModel
from ..sim.netlist import generated
from ..sim.network.run import run_network
from ..sim.network.task import NetworkRecording, NetworkTask
from ..sim.results import Verdict
from ..spec.parameters import Parameters

__all__ = ["BOUNDS", "Cycles", "Mismatch", "modelled", "network_digest", "of_width", "simulated"]

#: Possible bottlenecks of an operation.
BOUNDS = ("array", "requantizer", "reads", "writes")


class Mismatch(Exception):
    """The RTL differs from the golden model or PyTorch."""


@dataclass(frozen=True)
class Cycles:
    """The timing model's estimate for a network on an accelerator.

    Parameters
    ----------
    cycles : int
        From start to interrupt, for a memory latency of 30 without stalls.
    macs : int
        Multiplications of the network, for all images of the run.
    floors : dict of str to float
        For each of `BOUNDS`: the sum of the lower bounds on cycles of the operations it limits.
    """

    cycles: int
    macs: int
    floors: dict[str, float]

    @property
    def bound(self) -> str:
        """The bottleneck with the largest total."""
        return max(BOUNDS, key=lambda name: self.floors.get(name, 0.0))

    @property
    def share(self) -> float:
        """Share of `bound` in the total lower bound, 0 to 1."""
        return self.floors[self.bound] / max(sum(self.floors.values()), 1e-9)


def network_digest(network: Network) -> str:
    """Return a hash of a network's contents, including weights."""
    found = sha256()
    _feed(found.update, network)
    return found.hexdigest()[:20]


def _feed(update: Callable[[bytes], None], value: Any) -> None:
    if hasattr(value, "tobytes"):  # an array
        update(f"{value.dtype}{value.shape}".encode())
        update(value.tobytes())
    elif is_dataclass(value):
        update(type(value).__name__.encode())
        for field in fields(value):
            _feed(update, getattr(value, field.name))
    elif isinstance(value, list | tuple):
        update(f"[{len(value)}".encode())
        for each in value:
            _feed(update, each)
    else:
        update(f"{value!r};".encode())


def _key(network: str, parameters: Parameters, batch: int) -> str:
    return digest(network, repr(parameters), str(batch), sources(compiler, golden, spec))


def modelled(
    network: Network, name: str, parameters: Parameters, batch: int, cache: Cache
) -> Cycles:
    """Return the cycles estimated by the timing model, cached between runs.

    For an array of narrow weights alone, those of the network as if trained at that width.

    Parameters
    ----------
    network : Network
    name : str
        Its `network_digest`.
    parameters : Parameters
    batch : int
        Images per run.
    cache : Cache

    Returns
    -------
    Cycles

    Raises
    ------
    ValueError
        If the accelerator cannot run the network.
    """
    parameters = _plain(parameters)
    place = f"{parameters.name}-{_key(name, parameters, batch)}.cycles.json"
    kept = cache.get(place)
    if kept is not None:
        return Cycles(**json.loads(kept))
    at_width = of_width(network, parameters.weight_bits)
    compiled = compile_network(at_width, parameters, batch=batch)
    programs = [compiled.program[part.start : part.end] for part in compiled.segments]
    cycles = sum(estimate_cycles(program, parameters) for program in programs)
    macs = sum(stage.macs for stage in compiled.stages)
    found = Cycles(cycles, macs, _floors(compiled))
    cache.put(place, json.dumps(asdict(found)))
    return found


def of_width(network: Network, bits: int) -> Network:
    """Return a network as if trained at a width, for its cycles: these do not depend on codes.

    Parameters
    ----------
    network : Network
    bits : int
        8, 4 or 2. Layers with fewer already stay as they are; the codes of the others lose their
        lowest bits, so that what such a network computes is of no use.

    Returns
    -------
    Network
    """
    nodes = []
    for node in network.nodes:
        layer = node.operation
        if isinstance(layer, Conv2d | Linear) and layer.weight_bits > bits:
            codes = np.right_shift(layer.weight, layer.weight_bits - bits)
            layer = replace(layer, weight=codes, weight_bits=bits)
        nodes.append(replace(node, operation=layer))
    return replace(network, nodes=tuple(nodes))


def _plain(parameters: Parameters) -> Parameters:
    """Return the accelerator in plain Verilog, as a family's primitives do not affect the program.

    Packing two columns per DSP block does: it removes the depthwise instructions.
    """
    return parameters if parameters.packed else replace(parameters, family="generic")


def _floors(compiled: CompiledNetwork) -> dict[str, float]:
    floors: dict[str, float] = dict.fromkeys(BOUNDS, 0.0)
    for stage in compiled.stages:
        least = _least(stage, compiled.parameters)
        bound = max(least, key=lambda name: least[name])
        floors[bound] += least[bound]
    return floors


def _least(stage: Stage, parameters: Parameters) -> dict[str, float]:
    """Lower bounds on an operation's cycles, by part of the accelerator."""
    outputs = prod(stage.output_shape) if stage.macs else 0
    return {
        "array": stage.array_cycles(parameters),
        "requantizer": outputs / parameters.lanes,
        "reads": stage.read_bytes / parameters.axi_bytes,
        "writes": stage.written_bytes / parameters.axi_bytes,
    }


def simulated(recording: NetworkRecording, name: str, parameters: Parameters, cache: Cache) -> int:
    """Return the RTL's cycles, with every tensor compared; cached between runs.

    Parameters
    ----------
    recording : NetworkRecording
    name : str
        `network_digest` of its network.
    parameters : Parameters
    cache : Cache

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the accelerator cannot run the network.
    Mismatch
        If a byte of a tensor is wrong.
    SimulationError
        If the simulation could not run, or hung.
    """
    parameters = _plain(parameters)
    batch = len(recording.x_q)
    verilog = generated(parameters)
    simulation = sources(sim, suffixes=SIMULATION)
    key = digest(_key(name, parameters, batch), verilog, simulation, repr(MemoryModel()))
    place = f"{parameters.name}-{key}.rtl.json"
    kept = cache.get(place)
    if kept is not None:
        return int(json.loads(kept)["cycles"])
    task = NetworkTask(recording, parameters, verilog)
    _ = task.compiled  # raises if the accelerator cannot run it
    outcome = run_network(task)
    said = outcome.problems[0] if outcome.problems else "no result"
    if outcome.verdict == Verdict.MISMATCH:
        raise Mismatch(said)
    if outcome.verdict != Verdict.AGREES or outcome.result is None:
        raise SimulationError(said)
    cache.put(place, json.dumps({"cycles": outcome.result.cycles}))
    return outcome.result.cycles
