"""Each family's element and its array against the generic ones, with models of the primitives."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from amaranth.back import verilog
from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from maccord.hw.array.systolic_array import SystolicArray
from maccord.hw.family.elements import element_of
from maccord.sim.build import build_bench
from maccord.sim.primitives import MODELS, with_models
from maccord.sim.process import cocotb_environment, run_program
from maccord.spec.parameters import FAMILIES, WINDOW, Parameters

pytestmark = pytest.mark.usefixtures("quick_builds")

BENCH = Path(__file__).with_name("elements_tb.sv")
PLACES = {"first": (True, False), "middle": (False, False), "last": (False, True)}
ARRAYS = {family: Parameters(rows=9, cols=2, family=family) for family in FAMILIES}
ARRAYS["xcup_packed"] = replace(ARRAYS["xcup"], packed=True)
OTHERS = [name for name in ARRAYS if name != "generic"]
PAIRS = [f"{name} {what}" for name in OTHERS for what in (*PLACES, "array")]
ECP5, XC7, XCUP, PACKED = ({pair for pair in PAIRS if pair.startswith(f"{n} ")} for n in OTHERS)

# Mistakes of the models by what stands there and what is put in its place, and who must notice
MISTAKES = {
    ("else if (ce[ENABLE]) value <= d", "else value <= d"): ECP5,
    (".a(A[24:0])", ".a({17'd0, A[7:0]})"): XC7,
    (
        ".pcin(PCIN), .opmode(OPMODE),\n                .others",
        ".pcin(48'd0), .opmode(OPMODE),\n                .others",
    ): XCUP - {"xcup first"},
    ("ad <= a2 + d1", "ad <= a2 + d1[6:0]"): PACKED,
}
# A block that is told to add what nobody has modelled
REFUSED = """/*verilator public_flat_rw_on*/
module tb #(parameter int D = 16) (
    input logic aclk, input logic wakeup, output logic irq, input logic pairs,
    input logic [255:0] random, output logic [17:0] pair, output logic [15:0] wrong
);
    DSP48E1 #(
        .BREG(2), .OPMODEREG(0), .ALUMODEREG(0), .INMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0)
    ) block (.CLK(aclk), .OPMODE(7'b0110101));
endmodule
"""


class Flat(wiring.Component):
    """An array whose ports are vectors."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        rows, cols = parameters.rows, parameters.cols
        windows = {"lines": In(8 * cols * WINDOW), "depthwise": In(1)}
        super().__init__(
            {
                "activations": In(8 * rows),
                "weights": In(8 * cols),
                "swap": In(1),
                "capture": In(1),
                "sums": Out(parameters.partial_sum_bits * cols),
            }
            | (windows if parameters.depthwise else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.array = array = SystolicArray(self._parameters)
        inner: Any = array
        m.d.comb += [
            Cat(inner.activation).eq(self.activations),
            Cat(inner.weight).eq(self.weights),
            inner.swap.eq(self.swap),
            inner.capture.eq(self.capture),
            self.sums.eq(Cat(inner.partial_sum)),
        ]
        if self._parameters.depthwise:
            m.d.comb += [
                Cat(cell for line in inner.lines for cell in line).eq(self.lines),
                inner.depthwise.eq(self.depthwise),
            ]
        return m


@cache
def design() -> str:
    """Verilog of every element in every place, and of its array, without models."""
    blocks = {f"array_{name}": Flat(each) for name, each in ARRAYS.items()}
    blocks |= {
        f"{name}_{place}": element_of(each)(partial_sum_bits=20, first=first, last=last)
        for name, each in ARRAYS.items()
        for place, (first, last) in PLACES.items()
    }
    return "\n".join(
        verilog.convert(block, name=name, emit_src=False) for name, block in blocks.items()
    )


def differing(text: str, folder: Path, seed: int, bench: Path = BENCH) -> dict[str, set[str]]:
    """Pairs that differ with random operands, and those that do by the end of all pairs."""
    environment = cocotb_environment(folder, "elements_bench") | {"MACCORD_SEED": str(seed)}
    run_program([str(build_bench(bench, text, 16).path)], folder, environment)
    found = json.loads((folder / "found.json").read_text())
    assert found["counted"] > 1 << 17
    return {
        key: {name for bit, name in enumerate(PAIRS) if found[key] >> bit & 1}
        for key in ("random", "pairs")
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_elements_and_arrays_equal_the_generic_ones(seed: int, tmp_path: Path) -> None:
    """In every cycle, whatever is swapped and captured when, and for all pairs of operands."""
    found = differing(with_models(design()), tmp_path, seed)
    assert found == {"random": set(), "pairs": set()}


def test_mistakes_of_models_are_noticed(tmp_path: Path) -> None:
    """All at once, for a build takes seconds: each by the pairs that it concerns, and no other."""
    text = with_models(design())
    for right, wrong in MISTAKES:
        assert text.count(right) == 1, right
        text = text.replace(right, wrong)
    due = set().union(*MISTAKES.values())
    assert differing(text, tmp_path, 1) == {"random": due, "pairs": due}


def test_a_mode_without_a_model_ends_the_simulation(tmp_path: Path) -> None:
    """That of a port, which no build can refuse."""
    bench = tmp_path / "refused_tb.sv"
    bench.write_text(REFUSED)
    with pytest.raises(FileNotFoundError):  # no result
        differing((MODELS / "xilinx_multiply_add.v").read_text(), tmp_path, 1, bench)
    assert "DSP48 in a mode without a model" in (tmp_path / "log").read_text()
