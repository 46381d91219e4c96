"""Products with one value per channel: tiles that fit, and values that are loaded once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_plan import Run

from maccord.compiler.channel_product import channel_product_plan
from maccord.compiler.network import compile_network
from maccord.compiler.plan import plan
from maccord.golden.graph import Mul, Network, Quantization
from maccord.golden.machine.machine import Machine
from maccord.golden.network import execute
from maccord.spec.isa import Opcode
from maccord.spec.parameters import Parameters
from maccord.verify.regress.networks import NetworkBuilder
from maccord.verify.regress.operations import random_operation, random_product, random_quantization

WIDE = Parameters(product=True)
SMALL = Parameters(
    *(9, 4, 0, 8),
    activation_bytes=1 << 11,
    weight_bytes=1 << 10,
    output_bytes=1 << 10,
    product=True,
)
LANES = Parameters(8, 32, lanes=8, weight_bytes=1 << 11, product=True)


def operation() -> Mul:
    rng = np.random.default_rng(0)
    first, second, wide = (random_quantization(rng) for _ in range(3))
    output = Quantization(first.scale * second.scale * 250, wide.zero_point)
    return Mul("product", (first, second), output)


def run(shape: tuple[int, int, int, int], parameters: Parameters, *, gaps: bool = False) -> Run:
    gate = (shape[0], 1, 1, shape[3])
    work = Run(np.random.default_rng(1), operation(), [shape, gate], parameters, gaps=gaps)
    work.check()
    return work


@pytest.mark.parametrize("parameters", [WIDE, SMALL, LANES], ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(4))
def test_random_products_equal_reference(seed: int, parameters: Parameters) -> None:
    rng = np.random.default_rng(seed)
    for kind in ("product", "channel_product"):
        Run(rng, *random_operation(rng, kind), parameters).check()


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [((2, 7, 7, 96), WIDE), ((1, 13, 11, 70), SMALL), ((1, 1, 1, 3), WIDE), ((2, 9, 9, 40), LANES)],
)
def test_every_product_is_computed_once(
    shape: tuple[int, int, int, int], parameters: Parameters
) -> None:
    computes = [i for i in run(shape, parameters).program if i.opcode == Opcode.COMPUTE]
    assert sum(i["columns"] * i["width"] for i in computes) == np.prod(shape)
    assert {i["height"] for i in computes} == {1}


def test_values_are_loaded_once_into_a_buffer() -> None:
    """Tiles of one image and slice share three buffers, each with the slice's values."""
    shape = (2, 56, 56, 16)
    way = channel_product_plan(operation(), shape, SMALL)
    slices = 16 // way.slice
    assert slices > 1 and 56 * 56 / way.pixels > 20
    loads = [i for i in run(shape, SMALL).program if i.opcode == Opcode.LOAD]
    assert sum(i["rows"] == 1 for i in loads) == 2 * slices * 3


def test_wide_images_of_few_pixels_are_cut_by_channels() -> None:
    """Loads, products and stores then go on at the same time."""
    way = channel_product_plan(operation(), (1, 7, 7, 576), WIDE)
    assert (way.pixels, way.slice < 576, way.slice % 16) == (49, True, 0)


def test_a_column_tile_fits_the_smallest_scratchpads() -> None:
    smallest = Parameters(4, 64, activation_bytes=1 << 11, output_bytes=1 << 10, product=True)
    assert channel_product_plan(operation(), (1, 40, 40, 999), smallest).pixels > 1


def test_hardware_without_products() -> None:
    with pytest.raises(ValueError, match="product: product must be True to multiply two tensors"):
        plan(operation(), [(1, 4, 4, 8), (1, 1, 1, 8)], Parameters())


def tabled(seed: int) -> Network:
    """A gate with a table, and tables behind both kinds of product."""
    rng = np.random.default_rng(seed)
    net = NetworkBuilder(rng, (2, 8, 8, 3))

    def product(a: str, b: str) -> str:
        return net.lookup(net.append(random_product(rng, net.like(a), net.like(b)), a, b))

    x = net.conv("net.input", int(rng.integers(3, 40)), 3)
    x = product(x, net.lookup(net.avg_pool(x, 8)))
    return net.network(product(x, net.conv(x, net.tensors[x].shape[3], 3)))


@pytest.mark.parametrize("parameters", [WIDE, SMALL, LANES], ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(4))
def test_tables_behind_products(seed: int, parameters: Parameters) -> None:
    """They take no pass, and the place of buffers that are loaded anew then."""
    network, hardware = tabled(seed), replace(parameters, lookup=True)
    compiled = compile_network(network, hardware, batch=2)
    assert [stage.op.removesuffix("_relu") for stage in compiled.stages] == [
        *("conv2d", "avg_pool2d", "mul", "conv2d", "mul"),
    ]
    x_q = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    memory = compiled.image(x_q)
    Machine(hardware, memory).run(compiled.program_offset)
    found = compiled.tensor(network.output, compiled.areas[-1].view(memory))
    np.testing.assert_array_equal(found, execute(network, x_q)[network.output])
