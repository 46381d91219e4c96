"""Arrays generated for weights of 4 and 2 bits: programs on the machine, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from narrow_networks import array_of, narrowed, of_width
from schedule_layers import random_linear

from maccord.compiler import schedule
from maccord.compiler.features import check_widths, with_features
from maccord.compiler.network import alone, compile_network
from maccord.golden.graph import AvgPool2d, Network
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.network import execute
from maccord.spec.isa import Opcode, encode_program
from maccord.spec.parameters import Parameters
from maccord.spec.weight_widths import WIDTH_CODES
from maccord.verify.regress.networks import NetworkBuilder, random_network


def check(network: Network, parameters: Parameters, batch: int = 1) -> None:
    """Run a network on the machine: its output must be the reference's."""
    compiled = compile_network(network, with_features(parameters, [network]), batch=batch)
    x_q = np.random.default_rng(1).integers(0, 256, compiled.network.input.shape).astype(np.uint8)
    memory = compiled.image(x_q)
    Machine(compiled.parameters, memory).run(compiled.program_offset)
    golden = execute(compiled.network, x_q)[compiled.network.output]
    found = compiled.places[-1].view(memory) ^ np.uint8(0x80)
    np.testing.assert_array_equal(found.ravel(), golden.ravel())


@pytest.mark.slow
@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("seed", range(4))
def test_networks_equal_reference(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    network = of_width(random_network(rng, 4, 0.2), rng, bits)
    check(network, array_of(bits), batch=1 + seed % 2)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("rows", [9, 4])
def test_pools_have_weights_of_the_array(rows: int, bits: int) -> None:
    """Means of windows, of images and of more than an image: their weights are ones."""
    rng = np.random.default_rng(bits)
    net = NetworkBuilder(rng, (1, 20, 23, 5))
    small = net.avg_pool("net.input", 3, 2)
    sizes = {(20, 23): "net.input", net.tensors[small].shape[1:3]: small, (17, 19): "net.input"}
    pools = [net.append(AvgPool2d("", net.like(x), size, size), x) for size, x in sizes.items()]
    check(net.network(net.concat(*pools)), replace(array_of(bits), rows=rows))


def test_wider_weights_are_refused() -> None:
    rng = np.random.default_rng(0)
    layer = random_linear(rng, 40, 5)
    with pytest.raises(ValueError, match=r"^layer: the hardware multiplies by weights of 2 bits or "
                       r"fewer \(--array-weight-bits 2\), got 4 bits; generate the hardware "
                       r"for 8 bits, or take a network trained for 2 bits"):  # fmt: skip
        schedule(narrowed(layer, rng, 4), (1, 40), array_of(2))
    with pytest.raises(ValueError, match=r"got 8 bits; .* train --weight-bits 4 --end-bits 4"):
        check_widths([alone(layer, "net", (1, 40))], array_of(4))
    fits = replace(narrowed(layer, rng, 4), weight_bits=8)
    with pytest.raises(ValueError, match=r"got 8 bits, whose codes fit 4: --weight-bits auto"):
        check_widths([alone(fits, "net", (1, 40))], array_of(4))
    check_widths([alone(narrowed(layer, rng, 2), "net", (1, 40))], array_of(4))


@pytest.mark.parametrize("bits", [4, 2])
def test_the_machine_refuses_what_dispatch_does(bits: int) -> None:
    rng = np.random.default_rng(0)
    p = array_of(bits)
    work = schedule(narrowed(random_linear(rng, 45, 5), rng, bits), (1, 45), p)
    for code in range(4):
        changed = [
            replace(i, fields=i.fields | {"weight_width": code}) if i.opcode == Opcode.SETUP else i
            for i in work.program
        ]
        memory = work.image(np.zeros((1, 45), np.uint8))
        binary = np.frombuffer(encode_program(changed), np.uint8)
        memory[work.memory.program :][: binary.size] = binary
        if WIDTH_CODES[bits] <= code < 3:
            Machine(p, memory).run(work.memory.program)
            continue
        with pytest.raises(ProgramError, match=r"SETUP\.weight_width must be at") as caught:
            Machine(p, memory).run(work.memory.program)
        assert caught.value.at_dispatch
