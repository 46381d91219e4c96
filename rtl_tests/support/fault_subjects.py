"""Small networks on a small accelerator, for tests of fault injection."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from maccord.compiler.network import CompiledNetwork, compile_network
from maccord.golden.graph import Network
from maccord.sim.netlist import generated
from maccord.spec.parameters import Parameters
from maccord.verify.faults.model import fault_model
from maccord.verify.faults.runs import Subject
from maccord.verify.regress.networks import NetworkBuilder

__all__ = ["PARAMETERS", "chain", "codes", "linear", "subject", "verilog"]

PARAMETERS = Parameters(
    rows=4, cols=4, axi_bytes=8, activation_bytes=4096, weight_bytes=2048, output_bytes=1024,
    accumulators=64,
)  # fmt: skip
CLASSES = 8


def verilog() -> str:
    """The accelerator."""
    return generated(PARAMETERS)


def chain() -> Network:
    """Two convolutions, a sum, and scores."""
    net = NetworkBuilder(np.random.default_rng(3), (1, 6, 6, 3))
    first = net.conv("net.input", 6, 3)
    second = net.conv(first, 6, 3)
    return net.network(net.linear(net.flatten(net.add(first, second)), CLASSES))


def linear() -> Network:
    """One linear layer with a score for each column, so that inputs are read once."""
    net = NetworkBuilder(np.random.default_rng(4), (1, 16))
    return net.network(net.linear("net.input", PARAMETERS.cols))


def codes(network: Network) -> np.ndarray:
    """Random input codes."""
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, network.input.shape, dtype=np.uint8)


@cache
def _compiled(name: str) -> CompiledNetwork:
    network = {"chain": chain, "linear": linear}[name]()
    return compile_network(network, PARAMETERS, records=False)


def subject(name: str, **settings: object) -> Subject:
    """One of the networks on the model, which is built once."""
    model = fault_model(verilog(), PARAMETERS.axi_bytes)
    compiled = _compiled(name)
    found = Subject(model.path, compiled, compiled.image(codes(compiled.network)))
    return replace(found, **settings)  # type: ignore[arg-type]
