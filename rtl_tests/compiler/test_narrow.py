"""Packed weights: programs on the instruction-level machine, cycles, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from narrow_networks import NARROW_ARRAYS, narrowed, narrowed_network
from schedule_layers import random_conv2d, random_layer, random_linear, shaped_layer

from maccord.compiler import schedule
from maccord.compiler.features import with_features
from maccord.compiler.network import alone, compile_network
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.network import compute, execute
from maccord.spec.isa import Opcode, encode_program
from maccord.spec.isa_features import Feature
from maccord.spec.isa_needs import needed
from maccord.spec.parameters import Parameters
from maccord.spec.weight_widths import WIDTHS
from maccord.verify.regress.networks import random_network

CONFIGURATIONS = [
    *NARROW_ARRAYS.values(),
    Parameters(4, 2, axi_bytes=64, accumulators=16, weight_bytes=1 << 11, narrow=True),
    Parameters(18, 5, lanes=1, axi_bytes=32, accumulators=64, weight_bytes=1 << 10, narrow=True),
    Parameters(15, 4, window_width=5, weight_bytes=1 << 10, narrow=True),
]


def run(layer, x_q: np.ndarray, parameters: Parameters) -> np.ndarray:
    work = schedule(layer, x_q.shape, parameters)
    memory = work.image(x_q)
    Machine(parameters, memory).run(work.memory.program)
    return work.output(memory)


@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
@pytest.mark.parametrize(
    "seed", [n if n < 3 else pytest.param(n, marks=pytest.mark.slow) for n in range(24)]
)
def test_random_layers_equal_reference(seed: int, parameters: Parameters) -> None:
    rng = np.random.default_rng(seed)
    layer, shape = random_layer(rng)
    layer = narrowed(layer, rng, WIDTHS[seed % 3])
    x_q = rng.integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(run(layer, x_q, parameters), compute(layer, [x_q]))


@pytest.mark.slow
@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
@pytest.mark.parametrize("bits", WIDTHS)
def test_depthwise_layers_equal_reference(bits: int, parameters: Parameters) -> None:
    rng = np.random.default_rng(bits)
    for kernel in (3, 5):
        layer = random_conv2d(rng, (21, 1, kernel, kernel), padding=(1, 1), groups=21)
        layer = narrowed(layer, rng, bits)
        x_q = rng.integers(0, 256, (1, 8, 9, 21)).astype(np.uint8)
        np.testing.assert_array_equal(run(layer, x_q, parameters), compute(layer, [x_q]))


@pytest.mark.slow
@pytest.mark.parametrize("parameters", CONFIGURATIONS[:2], ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(6))
def test_networks_of_mixed_widths(seed: int, parameters: Parameters) -> None:
    rng = np.random.default_rng(seed)
    network = narrowed_network(random_network(rng, 4), rng)
    compiled = compile_network(network, with_features(parameters, [network]), batch=2)
    x_q = rng.integers(0, 256, compiled.network.input.shape).astype(np.uint8)
    memory = compiled.image(x_q)
    Machine(compiled.parameters, memory).run(compiled.program_offset)
    golden = execute(compiled.network, x_q)[compiled.network.output]
    found = compiled.places[-1].view(memory) ^ np.uint8(0x80)
    np.testing.assert_array_equal(found.ravel(), golden.ravel())


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "share"), [(4, 0.53), (2, 0.28)])
def test_linear_layers_take_the_time_of_their_bytes(bits: int, share: float) -> None:
    """VGG-16's first, by the cycle model, on the array of the default size."""
    layer, shape = shaped_layer("vgg16.classifier.0")
    cycles = [
        schedule(narrowed(layer, np.random.default_rng(0), b), shape, Parameters(narrow=True))
        for b in (8, bits)
    ]
    wide, narrow = (work.estimate for work in cycles)
    assert narrow <= share * wide


@pytest.mark.slow
def test_convolutions_lose_no_cycle() -> None:
    layer, shape = shaped_layer("resnet18.layer1.0.conv1")
    found = {
        schedule(narrowed(layer, np.random.default_rng(0), bits), shape, Parameters(narrow=True))
        for bits in WIDTHS
    }
    wide, *others = sorted(work.estimate for work in found)
    assert max(others) <= wide * 1.001


def test_packed_streams_are_shorter() -> None:
    layer = random_linear(np.random.default_rng(0), 1600, 16)
    sizes = []
    for bits in WIDTHS:
        work = schedule(
            narrowed(layer, np.random.default_rng(0), bits), (1, 1600), Parameters(narrow=True)
        )
        sizes.append(work.stream.size - 8 * 16)
    assert sizes == [100 * 256, 100 * 128, 100 * 64]


def test_hardware_without_it_refuses() -> None:
    layer = narrowed(random_linear(np.random.default_rng(0), 40, 5), np.random.default_rng(0), 2)
    with pytest.raises(ValueError, match="layer: narrow must be True for weights of 2 bits"):
        schedule(layer, (1, 40), Parameters())
    network = alone(layer, "net", (1, 40))
    assert with_features(Parameters(), [network]) == Parameters(narrow=True)
    assert with_features(Parameters(), [network], ()) == Parameters()


def test_programs_need_the_feature() -> None:
    rng = np.random.default_rng(0)
    layer = random_linear(rng, 40, 5)
    parameters = CONFIGURATIONS[0]
    plain = schedule(layer, (1, 40), parameters)
    packed = schedule(narrowed(layer, rng, 4), (1, 40), parameters)
    assert needed(plain.program, parameters) == Feature.DENSE
    assert needed(packed.program, parameters) == Feature.NARROW
    memory = packed.image(np.zeros((1, 40), np.uint8))
    machine = Machine(replace(parameters, narrow=False), memory)
    with pytest.raises(ProgramError, match="weight_width must be 0 on hardware that is not narrow"):
        machine.run(packed.memory.program)


def test_a_stale_width_is_another_result() -> None:
    """The width of a SETUP, not that of the one before, decides how a tile is read."""
    rng = np.random.default_rng(0)
    parameters = CONFIGURATIONS[0]
    layer = narrowed(random_linear(rng, 45, 5), rng, 4)
    x_q = rng.integers(0, 256, (1, 45)).astype(np.uint8)
    work = schedule(layer, (1, 45), parameters)
    stale = [
        replace(i, fields=i.fields | {"weight_width": 2}) if i.opcode == Opcode.SETUP else i
        for i in work.program
    ]
    memory = work.image(x_q)
    code = np.frombuffer(encode_program(stale), np.uint8)
    memory[work.memory.program :][: code.size] = code
    Machine(parameters, memory).run(work.memory.program)
    assert np.any(work.output(memory) != compute(layer, [x_q]))
