"""Networks of one operation of a transformer, and their run in the instruction-level model."""

from __future__ import annotations

import numpy as np

from maccord.compiler.network import CompiledNetwork, compile_network
from maccord.golden.graph import Network, Node, Operation, Quantization, Tensor
from maccord.golden.machine.machine import Machine
from maccord.golden.network import execute
from maccord.golden.operations.tensor_product import TensorProduct
from maccord.golden.verify import verify
from maccord.spec.parameters import Parameters

__all__ = ["alone", "product_network", "random_codes", "run_in_machine"]


def product_network(
    *, scores: bool, sizes: tuple[int, int, int, int], zero_point: int, windows: int = 1
) -> Network:
    """A product of two tensors; `sizes` are heads, tokens of both tensors, channels of a head."""
    heads, tokens, others, channels = sizes
    depth = channels if scores else others
    first = (1, windows, tokens, heads * channels)
    if not scores:
        first = 1, windows * heads, tokens, others
    ends = Quantization(0.02, zero_point), Quantization(0.03, 128)
    output = Quantization(0.03 * depth**0.5, 120)
    product = TensorProduct("net.product", ends, output, heads, scores, depth)
    sources = (
        Tensor("net.a", first, ends[0]),
        Tensor("net.b", (1, windows, others, heads * channels), ends[1]),
    )
    node = Node(product, ("net.a", "net.b"))
    network = Network("net", sources[0], (node,), "net.product", other_inputs=sources[1:])
    verify(network)
    return network


def alone(operation: Operation, shape: tuple[int, ...]) -> Network:
    """A network of one operation of one input."""
    source = Tensor("net.input", shape, operation.inputs[0])
    network = Network("net", source, (Node(operation, (source.name,)),), operation.name)
    verify(network)
    return network


def random_codes(network: Network, rng: np.random.Generator) -> list[np.ndarray]:
    """Codes of all inputs; a symmetric one has no code 0."""
    return [
        rng.integers(source.quantization.zero_point == 128, 256, source.shape, np.uint8)
        for source in network.sources
    ]


def run_in_machine(
    network: Network, parameters: Parameters, inputs: list[np.ndarray]
) -> tuple[CompiledNetwork, np.ndarray, np.ndarray]:
    """Return the compiled network, its result in the machine, and the golden one."""
    compiled = compile_network(network, parameters)
    memory = compiled.image(*inputs)
    Machine(parameters, memory).run(compiled.program_offset)
    area = compiled.areas[-1]
    found = compiled.tensor(area.name, area.view(memory).copy())
    return compiled, found, execute(network, *inputs)[area.name]
