"""The regression that judges mutants, on the design itself and on planted mutants."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mutation_regression import EXPECTED, INERT, observed

from maccord.hw import verilog
from maccord.hw.verilog import with_sources
from maccord.sim.netlist import generated
from maccord.spec.registers import Register
from maccord.verify.mutate.equivalence import prove
from maccord.verify.mutate.hardware import BLOCKS, SMALL
from maccord.verify.mutate.model import build_player
from maccord.verify.mutate.mutants import Mutant, block_of, draw
from maccord.verify.mutate.player import Outcome, Recorded, play, record
from maccord.verify.mutate.programs.networks import network_script
from maccord.verify.mutate.programs.shares import scripts
from maccord.verify.mutate.script import Script

pytestmark = pytest.mark.usefixtures("quick_builds")

#: A wrong bit of a sum; a stuck valid; nothing.
PLANTED = [
    INERT,
    Mutant(2, "inv", "maccord.core.compute", "adder", "y_12_0", 0),
    Mutant(3, "const0", "maccord.core.compute", "adder", "valid_out", 0),
]


@cache
def design() -> str:
    return with_sources(SMALL)


@cache
def model() -> Path:
    return build_player(design(), PLANTED, SMALL.axi_bytes).path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recorded, Path]:
    folder = tmp_path_factory.mktemp("ci")
    return record(model(), scripts("ci", SMALL), folder), folder


def test_the_mutated_design_is_the_one_that_is_shipped() -> None:
    """Line by line but for attributes, of which sources are some."""

    def plain(text: str) -> str:
        return re.sub(r"^ *\(\*.*?\*\)\n|^/\*.*?\*/\n|^//.*\n", "", text, flags=re.MULTILINE)

    mutated = verilog._back_end(SMALL, "write_verilog -noattr", sources=True)
    assert plain(mutated) == plain(generated(SMALL))


def test_the_design_passes(recorded: tuple[Recorded, Path]) -> None:
    """Bytes and ends as the golden model's; cycles and all that is observed as recorded."""
    found, _ = recorded
    assert found.wrong == []
    assert observed(found) == json.loads(EXPECTED.read_text())["ci"]


@pytest.mark.nightly
def test_the_design_passes_all(tmp_path: Path) -> None:
    found = record(model(), scripts("regress", SMALL), tmp_path)
    assert found.wrong == []
    assert observed(found) == json.loads(EXPECTED.read_text())["regress"]


def test_planted_mutants(recorded: tuple[Recorded, Path]) -> None:
    """Killed by bytes and by a hang; the one without effect survives, and is proved equal."""
    inert, wrong, stuck = play(model(), *recorded, [mutant.number for mutant in PLANTED])
    assert inert == Outcome(1, None, sum(int(values[-1]) for values in recorded[0].values))
    assert wrong.kill
    assert wrong.kill.by == "bytes"
    assert stuck.kill
    assert stuck.kill.by == "hang"
    assert dict(prove(design(), [PLANTED[0]])) == {1: "maccord"}


def test_a_wrong_expectation_fails(tmp_path: Path) -> None:
    """The regression compares the design with the golden model, not with itself alone."""
    script = network_script("net", np.random.default_rng(1), ["add"], SMALL)
    script.snapshots[-1].due[0] ^= 1
    due = script.snapshots[-1].due[0]
    said = f"net, snapshot 0: 1 bytes differ, the first at 0: {due ^ 1}, not {due}"
    assert record(model(), [script], tmp_path).wrong == [said]


def test_counters_are_set_while_they_count(tmp_path: Path) -> None:
    """Ones in both halves; no program runs, so that nothing is added."""
    script = Script("preset")
    script.image(np.zeros(4096, np.uint8))
    script.reset()
    script.ticks(20)  # until the core has left its reset
    script.read(Register.CYCLES)
    script.preset(0)
    script.ticks(2)
    script.read(Register.CYCLES)
    script.read(Register.CYCLES + 4)
    script.read(Register.INSTRUCTION)
    values = record(model(), [script], tmp_path).values[0].tolist()
    assert values[:-1] == [0, *[0xFFFF_FFFF] * 3]


def test_a_register_is_read_while_it_is_written(tmp_path: Path) -> None:
    """The old value if the read comes first, the new one if it comes behind."""
    script = Script("both")
    script.image(np.zeros(4096, np.uint8))
    script.reset()
    for lead in (0, 12):
        script.write(Register.PROGRAM, 0x100)
        script.both(Register.PROGRAM, 0x200, Register.PROGRAM, lead)
    values = record(model(), [script], tmp_path).values[0].tolist()
    assert (values[2], values[5]) == (0x100, 0x200)


def test_every_block_is_drawn() -> None:
    """At least one mutant of each, the same ones with the same seed; all are known in advance."""
    mutants, sizes = draw(design(), 60, 3)
    modules = re.findall(r"^module \\(\S+)", design(), re.MULTILINE)
    assert {*BLOCKS} == {block_of(module) for module in modules}
    assert {mutant.block for mutant in mutants} == {*sizes} <= {block_of(m) for m in modules}
    assert len(mutants) >= 55
    assert [mutant.number for mutant in mutants] == [*range(1, len(mutants) + 1)]
    assert draw(design(), 60, 3)[0] == mutants
    with pytest.raises(ValueError, match=r"blocks must be of accumulator, .*, got alu"):
        draw(design(), 5, 1, ["alu"])
