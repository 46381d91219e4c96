"""The scheduler: every layer of the three networks fits, keeps the array busy, and is sound."""

from __future__ import annotations

import numpy as np
import pytest
from schedule_layers import SHAPES, random_conv2d, random_layer, random_linear, shaped_layer

from maccord.compiler import Schedule, count_macs, schedule
from maccord.compiler.search import DensePlan
from maccord.golden.control.tokens import Tokens
from maccord.spec.isa import UNIT_OF, Opcode, Unit, encode_program
from maccord.spec.parameters import Parameters

LEAST = {
    "resnet18.conv1": 0.88,
    "resnet18.layer1.0.conv1": 0.97,
    "resnet18.layer4.0.conv2": 0.97,
    "vgg16.features.2": 0.99,
    "squeezenet1_1.features.3.expand3x3": 0.97,
}


def check(work: Schedule) -> None:
    """Areas apart, everything within memory, tokens in balance."""
    memory = work.memory
    areas = sorted(
        (getattr(memory, name), getattr(memory, f"{name}_bytes"))
        for name in ("input", "weights", "output", "program")
    )
    ends = [start + size for start, size in areas]
    assert all(end <= start for end, (start, _) in zip(ends, areas[1:], strict=False))
    assert ends[-1] <= memory.size
    assert all(start % 4096 == 0 for start, _ in areas)
    assert len(encode_program(work.program)) == memory.program_bytes
    tokens, balance = Tokens(), 0
    for instruction in work.program[:-1]:
        tokens.begin(UNIT_OF[instruction.opcode], instruction)
        tokens.finish(UNIT_OF[instruction.opcode], instruction)
        balance += instruction.signal.bit_count() - instruction.wait.bit_count()
    assert balance == 0
    assert work.program[-1].opcode == Opcode.END


@pytest.mark.slow
@pytest.mark.parametrize(
    "size", [16, *(pytest.param(size, marks=pytest.mark.nightly) for size in (8, 32))]
)
@pytest.mark.parametrize("name", SHAPES)
def test_network_layers(name: str, size: int, record_property: pytest.RecordProperty) -> None:
    layer, shape = shaped_layer(name)
    work = schedule(layer, shape, Parameters(size, size))
    check(work)
    assert count_macs(work.program, size) == work.macs
    record_property("utilization", round(work.utilization, 4))
    print(f"{name} on {size} x {size}: {work.estimate} cycles, {work.utilization:.1%}")
    if size == 16:
        assert work.utilization >= LEAST.get(name, 0)


@pytest.mark.slow
def test_linear_runs_at_the_rate_of_the_bus() -> None:
    layer, shape = shaped_layer("vgg16.classifier.0")
    work = schedule(layer, shape, Parameters())
    beats = work.stream.size // 16
    assert beats >= 1568 * 256 * 16  # one weight tile of 16 beats per pass
    assert work.estimate <= 1.01 * beats


def test_first_layer_packs_kernel_lines() -> None:
    layer, shape = shaped_layer("resnet18.conv1")
    work = schedule(layer, shape, Parameters())
    passes = [i["passes"] for i in work.program if i.opcode == Opcode.COMPUTE and i["first"]]
    assert isinstance(work.plan, DensePlan)
    assert work.plan.tiling.cut.passes == 10
    assert max(passes) == 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_layers_on_small_memories(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer, shape = random_layer(rng)
    parameters = Parameters(
        *(12, 20),
        lanes=int(rng.choice([1, 5, 20])),
        axi_bytes=int(rng.choice([8, 16, 32, 64])),
        activation_bytes=1 << 12,
        weight_bytes=1 << 11,
        output_bytes=1 << 10,
        accumulators=32,
    )
    work = schedule(layer, shape, parameters)
    check(work)
    groups = getattr(layer, "groups", 1)
    counted = count_macs(work.program, parameters.rows)
    assert counted == work.macs if groups == 1 else counted >= work.macs


def test_equal_inputs_give_equal_programs() -> None:
    layer, shape = shaped_layer("squeezenet1_1.features.6.expand3x3")
    x_q = np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)
    first, second = (schedule(layer, shape, Parameters()) for _ in range(2))
    np.testing.assert_array_equal(first.image(x_q), second.image(x_q))
    assert first.estimate == second.estimate


def test_activations_that_do_not_fit() -> None:
    layer = random_conv2d(np.random.default_rng(6), (8, 600, 3, 3))
    small = Parameters(activation_bytes=1 << 12)
    with pytest.raises(ValueError, match="activation_bytes must be at least 5400 to hold"):
        schedule(layer, (1, 8, 8, 600), small)


def test_weights_that_do_not_fit() -> None:
    """Tiles that start in the middle of a beat take more room than aligned ones."""
    layer = random_conv2d(np.random.default_rng(6), (8, 300, 3, 3))
    small = Parameters(55, 8, axi_bytes=64, weight_bytes=1 << 10)
    with pytest.raises(ValueError, match="weight_bytes must be at least 1264 to hold two weight"):
        schedule(layer, (1, 8, 8, 300), small)


def test_shapes_that_do_not_fit_the_layer() -> None:
    rng = np.random.default_rng(7)
    conv, fc = random_conv2d(rng, (8, 3, 3, 3)), random_linear(rng, 10, 4)
    with pytest.raises(ValueError, match="input of layer must have 4 dimensions, 3 channels"):
        schedule(conv, (1, 8, 8, 4), Parameters())
    with pytest.raises(ValueError, match="at least as large as the kernel, got 2 x 8"):
        schedule(conv, (1, 2, 8, 3), Parameters())
    with pytest.raises(ValueError, match="input of layer must have 2 dimensions, 10 channels"):
        schedule(fc, (1, 2, 5), Parameters())


def test_image_refuses_another_input() -> None:
    layer = random_linear(np.random.default_rng(8), 10, 4)
    work = schedule(layer, (2, 10), Parameters())
    with pytest.raises(ValueError, match=r"x_q must be uint8 of shape \(2, 10\), got int8"):
        work.image(np.zeros((2, 10), np.int8))
    with pytest.raises(ValueError, match=r"x_q must be uint8 of shape \(2, 10\), got uint8 of"):
        work.image(np.zeros((1, 10), np.uint8))


def test_a_first_tile_is_loaded_by_the_channels_of_its_passes() -> None:
    """The array starts on 32 of 480 channels; each further command waits for its own part."""
    layer = random_conv2d(np.random.default_rng(9), (40, 480, 1, 1))
    work = schedule(layer, (1, 7, 7, 480), Parameters())
    check(work)
    assert isinstance(work.plan, DensePlan)
    pixels = work.plan.tiling.tiles[0].pixels
    loads = [i for i in work.program if i.opcode == Opcode.LOAD][:5]
    assert [(i["rows"], i["row_bytes"]) for i in loads] == [
        (pixels, size) for size in (32, 64, 128, 128, 128)
    ]
    computes = [i for i in work.program if i.opcode == Opcode.COMPUTE][:7]
    assert [bool(i.wait >> Unit.LOAD & 1) for i in computes] == [True] * 5 + [False] * 2
