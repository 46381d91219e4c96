"""Products of two tensors: the instruction-level model equals the golden product."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tensor_products import product_network, random_codes, run_in_machine

from maccord.compiler.network import compile_network
from maccord.spec.isa import Opcode
from maccord.spec.parameters import Parameters

SMALL = Parameters(rows=4, cols=4, axi_bytes=8, gather=True)
HARDWARE = {
    "square": SMALL,
    "wide": Parameters(rows=4, cols=12, axi_bytes=8, gather=True),
    "tall": Parameters(rows=8, cols=2, axi_bytes=8, gather=True),
    "odd, one lane": Parameters(rows=6, cols=4, lanes=1, axi_bytes=8, gather=True),
    "bus wider than a row": Parameters(rows=16, cols=4, axi_bytes=32, gather=True),
    "several tiles": replace(
        SMALL, activation_bytes=2048, weight_bytes=1024, output_bytes=1024, accumulators=16
    ),
}


@pytest.mark.parametrize("zero_point", [0, 1, 100, 128, 255])
@pytest.mark.parametrize("scores", [True, False])
@pytest.mark.parametrize("name", HARDWARE)
def test_products_equal_the_golden_ones(name: str, scores: bool, zero_point: int) -> None:
    seed = 7 * zero_point + scores + 2 * list(HARDWARE).index(name)
    print("seed", seed)
    rng = np.random.default_rng(seed)
    heads, *sizes = (int(n) for n in rng.integers(1, (4, 40, 40, 40)))
    windows = int(rng.integers(1, 3))
    network = product_network(
        scores=scores, sizes=(heads, *sizes), zero_point=zero_point, windows=windows
    )
    inputs = random_codes(network, rng)
    _, found, golden = run_in_machine(network, HARDWARE[name], inputs)
    np.testing.assert_array_equal(found, golden)
    assert len(np.unique(golden)) > 1 or golden.size < 16


@pytest.mark.parametrize(("zero_point", "keeps"), [(0, 2), (1, 1), (128, 0)])
def test_the_zero_point_decides_what_is_kept(zero_point: int, keeps: int) -> None:
    network = product_network(scores=True, sizes=(1, 5, 5, 8), zero_point=zero_point)
    program = compile_network(network, SMALL).program
    kept = {step.fields.get("keep", 0) for step in program if step.opcode == Opcode.COMPUTE}
    assert kept == {0, keeps}


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (replace(SMALL, gather=False), "net.product: gather must be True"),
        (replace(SMALL, weight_bytes=1024), "weight_bytes must be at least 1056 to hold a column"),
        (replace(SMALL, activation_bytes=2048), "activation_bytes and output_bytes must be at"),
    ],
)
def test_hardware_that_is_too_small(parameters: Parameters, text: str) -> None:
    depth = 253 if "weight" in text else 2000
    network = product_network(scores=True, sizes=(1, 3, 3, depth), zero_point=0)
    with pytest.raises(ValueError, match=text):
        compile_network(network, parameters)
