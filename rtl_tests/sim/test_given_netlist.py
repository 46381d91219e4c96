"""A netlist's first line tells what it lacks, before a simulator is built of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from narrow_networks import array_of, narrowed
from schedule_layers import random_linear

from maccord.compiler.network import alone
from maccord.sim.given_netlist import check_made
from maccord.sim.netlist import generated
from maccord.spec.parameters import Parameters

PLAIN = Parameters(4, 2)
NARROW = replace(PLAIN, narrow=True)


def check(made: Parameters, wanted: Parameters, bits: int = 8) -> None:
    rng = np.random.default_rng(0)
    layer = narrowed(random_linear(rng, 8, 2), rng, bits)
    text = f"// maccord accelerator, configuration {made.name}\nmodule maccord();"
    check_made(text, [alone(layer, "net", (1, 8))], wanted)


@pytest.mark.parametrize(
    ("made", "wanted", "bits", "said"),
    [
        (PLAIN, replace(PLAIN, rows=8), 8, "a netlist of 8 rows and 2 columns, got r4c2"),
        (PLAIN, NARROW, 4, "a netlist made with --narrow, which the network needs, got r4c2"),
        (
            *(replace(NARROW, axi_bytes=8), replace(NARROW, lookup=True, half_up=True), 8),
            "made with --lookup --half-up, which the network needs, got r4c2-b8-narrow",
        ),
        (replace(NARROW, weight_bits=4), PLAIN, 8, r"^layer: .* 4 bits or fewer .*, got 8 bits"),
        (replace(NARROW, weight_bits=2), NARROW, 4, r"^layer: .* 2 bits or fewer .*, got 4 bits"),
        (replace(NARROW, weight_bits=4), NARROW, 4, "array-weight-bits must be 4 for this netlist"),
    ],
)
def test_it_is_refused(made: Parameters, wanted: Parameters, bits: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check(made, wanted, bits)


@pytest.mark.parametrize("family", ["generic", "xcup"])
def test_what_suffices_is_accepted(family: str) -> None:
    more = replace(NARROW, product=True, lookup=True, half_up=True, family=family)
    for made, wanted in ((more, PLAIN), (more, NARROW), (NARROW, replace(NARROW, weight_bits=4))):
        check(made, wanted, bits=4 if wanted.narrow else 8)
    check_made("module maccord();", [], PLAIN)


def test_generated_netlists_have_the_line() -> None:
    with pytest.raises(ValueError, match=r"got r9c4-\S+-lookup-weights2"):
        check_made(generated(array_of(2)), [], PLAIN)
