"""Own models of primitives against the plain Verilog that they stand for, right and broken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from maccord.runtime.errors import SimulationError
from maccord.sim.build import build_bench
from maccord.sim.primitives import MODELS
from maccord.sim.process import cocotb_environment, run_program
from maccord.synth.gate import ECP5

pytestmark = pytest.mark.usefixtures("quick_builds")

BENCH = Path(__file__).with_name("primitives_tb.sv")
PAIRS = (
    *("plain", "element", "deep", "uneven"),
    *("bank", "wide", "narrowing", "widening", "both", "unequal", "nibbles", "single", "serial"),
    *("table", "adder", "carry", "flip-flop", "small memory", "read-only memory"),
    *("behind", "deepest"),
)
MULTIPLIERS, MEMORIES = set(PAIRS[:4]), {*PAIRS[4:13], *PAIRS[19:]}
MODEL = "".join((MODELS / name).read_text() for name in ECP5.models)

# Mistakes by what stands there and what is put in its place, and the pairs that must notice
MISTAKES = {
    ("{operand_a[18] & operand_a[17],", "{1'b0,"): MULTIPLIERS,
    ("{9{address[1]}}, {9{address[0]}}}", "18'h3ffff}"): {"wide", "narrowing", "both", "unequal"},
    ("(same ? mask_b : 36'd0)", "36'd0"): {"both", "unequal", "nibbles", "single", "deepest"},
    ("else if (OCEB) held_b", "else held_b"): {"behind", "deepest"},
    ("index = {D, C, B, A}", "index = {C, D, B, A}"): {"table"},
    ('hands_on_0 ^ (INJECT1_0 != "YES" && CIN)', "hands_on_0 ^ CIN"): {"carry"},
    ('LSRMUX == "INV" ? ~LSR : LSR', "LSR"): {"flip-flop"},
    ('WREMUX == "0" ? 1\'b0 : ', ""): {"read-only memory"},
}


def wrapped(primitive: str, model: str) -> str:
    """A module with vectors for the pins of a primitive that are numbered."""
    head = re.search(
        rf"^module {primitive} #\((.*?)\n\) \((.*?)\n\);", model, re.DOTALL | re.MULTILINE
    )
    assert head
    directions: dict[str, str] = {}
    pins: dict[str, list[tuple[int, str]]] = {}
    for direction, names in re.findall(
        r"(input|output)\b(.*?)(?=\binput|\boutput|$)", head[2], re.S
    ):
        for pin in re.findall(r"\w+", names):
            vector, number = re.findall(r"^(\w*?)(\d*)$", pin)[0]
            directions[vector] = direction
            pins.setdefault(vector, []).append((int(number or 0), pin))
    ports = [f"{directions[v]} [{len(pins[v]) - 1}:0] {v}" for v in pins]
    joined = [f".{pin}({v}[{number}])" for v in pins for number, pin in pins[v]]
    defaults = dict(re.findall(r"parameter (\w+) = ([^,\n]+)", head[1]))  # not INITVAL's
    declared = [f"parameter {name} = {value}" for name, value in defaults.items()]
    return (
        f"module wrapped_{primitive} #({', '.join(declared)})\n"
        f"({', '.join(ports)});\n"
        f"{primitive} #({', '.join(f'.{n}({n})' for n in defaults)}) cell_({', '.join(joined)});\n"
        "endmodule\n"
    )


def differing(model: str, folder: Path, seed: int) -> tuple[set[str], set[str]]:
    """Run random vectors; return the pairs that differ, and those with collisions."""
    text = model + wrapped("MULT18X18D", model) + wrapped("DP16KD", model)
    program = build_bench(BENCH, text, 16).path
    environment = cocotb_environment(folder, "primitives_bench") | {"MACCORD_SEED": str(seed)}
    run_program([str(program)], folder, environment)
    found = json.loads((folder / "found.json").read_text())
    return tuple(
        {name for bit, name in enumerate(PAIRS) if found[key] >> bit & 1}
        for key in ("wrong", "collided")
    )  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("seed", [1, 2])
def test_models_are_what_they_stand_for(seed: int, tmp_path: Path) -> None:
    wrong, collided = differing(MODEL, tmp_path, seed)
    assert wrong == set()
    assert collided == MEMORIES  # else the accesses would not try what hardware does not promise


def test_mistakes_are_noticed(tmp_path: Path) -> None:
    """All at once, for a build takes seconds: each by the pairs that it concerns, and no other."""
    broken = MODEL
    for right, wrong in MISTAKES:
        assert broken.count(right) == 1, right
        broken = broken.replace(right, wrong)
    assert differing(broken, tmp_path, 1)[0] == set().union(*MISTAKES.values())


def test_what_is_not_modelled_is_refused(tmp_path: Path) -> None:
    """A mode without a model must not run as if it were another."""
    broken = MODEL.replace('CSDECODE_A = "0b000"', 'CSDECODE_A = "0b001"')
    assert broken != MODEL
    with pytest.raises(SimulationError, match="DP16KD_of_a_mode_without_a_model"):
        differing(broken, tmp_path, 1)
