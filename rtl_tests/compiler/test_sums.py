"""Sums are cut into tiles that fit scratchpads and fields, bytes in the order of memory."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from test_plan import Run

from maccord.compiler.features import with_features
from maccord.compiler.sums import sum_plan
from maccord.golden.graph import Add, Network, Node, Quantization, Tensor
from maccord.golden.kernels.add import check_add
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.spec.isa import Instruction, Opcode, encode_program
from maccord.spec.isa_features import Feature
from maccord.spec.isa_needs import needed
from maccord.spec.parameters import Parameters
from maccord.verify.regress.operations import random_quantization

MOST = (1 << 16) - 1  # rows of a transfer, vectors of a COMPUTE
LARGE = {"activation_bytes": 1 << 22, "output_bytes": 1 << 22}


def operation() -> Add:
    rng = np.random.default_rng(0)
    first, second, output = (random_quantization(rng) for _ in range(3))
    return Add("sum", (first, second), output)


def run(shape: tuple[int, ...], parameters: Parameters) -> Run:
    work = Run(np.random.default_rng(1), operation(), [shape, shape], parameters, gaps=False)
    work.check()
    return work


@pytest.mark.parametrize("cols", [2, 5, 16, 64])
@pytest.mark.parametrize("shape", [(1, 7, 9, 24), (3, 5, 5, 7), (2, 301), (1, 1, 1, 1)])
def test_every_vector_is_full_but_a_tiles_last(shape: tuple[int, ...], cols: int) -> None:
    """Pixels matter nothing to the array: channels need not fill its columns."""
    program = run(shape, Parameters(8, cols)).program
    computes = [i for i in program if i.opcode == Opcode.COMPUTE]
    tiles = [i["row_bytes"] for i in program if i.opcode == Opcode.STORE]
    assert sum(i["columns"] * i["width"] for i in computes) == sum(tiles) == prod(shape)
    assert sum(i["width"] for i in computes) == sum(-(-size // cols) for size in tiles)


def test_both_operands_fit_the_scratchpads() -> None:
    """Tiles are an eighth of what there is room for, or one pixel."""
    for channels in (2, 50, 960):
        small = Parameters(activation_bytes=1 << 11, output_bytes=1 << 10)
        shape = (1, 13, 13, channels)
        assert sum_plan(operation(), shape, small).pixels == max(120 // channels, 1)
        run(shape, small)


def test_tiles_stay_within_the_fields() -> None:
    """Large scratchpads hold more vectors, or pixels, than an instruction can tell."""
    narrow = Parameters(4, 2, **LARGE)
    image = (1, 1 << 10, 1 << 10, 1)
    assert sum_plan(operation(), image, narrow).pixels == MOST
    row = (1, 300_000)
    widths = [i["width"] for i in run(row, narrow).program if i.opcode == Opcode.COMPUTE]
    assert widths == [MOST, MOST, 150_000 - 2 * MOST]


def test_relu_is_the_lower_bound() -> None:
    """Codes begin at the zero point with ReLU, else at the smallest code."""
    plain = operation()
    for relu, low in ((False, -128), (True, plain.output.zero_point - 128)):
        changed = Add("sum", plain.inputs, plain.output, relu)
        shapes = [(1, 4, 4, 8)] * 2
        work = Run(np.random.default_rng(2), changed, shapes, Parameters())
        work.check()
        (setup,) = (i for i in work.program if i.opcode == Opcode.SETUP_ADD)
        factors = check_add(changed)
        assert (setup["low"], setup["high"]) == (low, 127)
        assert (setup["factor_a"], setup["factor_b"]) == (factors.a, factors.b)


def test_half_up() -> None:
    """On the instruction-level machine; hardware without it is refused, by compiler and machine."""
    plain = operation()
    (a, _), output = plain.inputs, Quantization(plain.inputs[0].scale * 4, 9)
    changed = Add("sum", (a, a), output, rounding="half_up")
    shapes, parameters = [(1, 9, 9, 8)] * 2, Parameters(half_up=True)
    work = Run(np.random.default_rng(2), changed, shapes, parameters)
    work.check()
    assert needed(work.program, parameters) == Feature.ADD | Feature.HALF_UP
    with pytest.raises(ValueError, match="sum: half_up must be True for sums that round half up"):
        sum_plan(changed, (1, 4), Parameters())
    (setup,) = (i for i in work.program if i.opcode == Opcode.SETUP_ADD)
    assert setup["half_up"] == 1
    code = encode_program([setup, Instruction(Opcode.END, {})])
    with pytest.raises(ProgramError, match="half_up must be 0 on hardware that is not half_up"):
        Machine(Parameters(), np.frombuffer(code, np.uint8).copy()).run(0)
    source = Tensor("net.input", (1, 4), a)
    network = Network("net", source, (Node(changed, (source.name,) * 2),), changed.name)
    assert with_features(Parameters(), [network]) == Parameters(half_up=True)
    assert with_features(Parameters(), [network], ()) == Parameters()


def test_illegal_scales_are_refused() -> None:
    plain = operation()
    coarse = random_quantization(np.random.default_rng(3))
    fine = Quantization(coarse.scale / 2**9, 3)
    with pytest.raises(ValueError, match="sum: scale of an input over the output's must be from"):
        sum_plan(Add("sum", (coarse, coarse), fine), (1, 4), Parameters())
    assert sum_plan(plain, (1, 4), Parameters()).pixels == 1
