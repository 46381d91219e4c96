"""Coverage by block: covered, excluded with an argument, missing; a stale exclusion shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maccord import hw
from maccord.verify.coverage.netlist import Assumed, Nets, nets_of
from maccord.verify.coverage.origins import Origins
from maccord.verify.coverage.points import read_points
from maccord.verify.coverage.report import Coverage, Exclusion, decoded, report
from maccord.verify.regress.configurations import CONFIGURATIONS

SOURCE = f"{hw.__path__[0]}/memory/loader.py"
NETLIST = f"""
(* src = "{hw.__path__[0]}/accelerator.py:87" *)
module maccord(clk);
  (* src = "{hw.__path__[0]}/accelerator.py:90" *)
  wire [1:0] a;
endmodule

(* src = "{SOURCE}:70" *)
module \\maccord.core.load (clk);
  (* src = "{SOURCE}:75" *)
  reg [3:0] \\row$1 ;
  (* src = "{SOURCE}:80" *)
  always @(posedge clk)
    if (go) row <= 1;
endmodule
"""


def row(kind: str, line: int, name: str, hierarchy: str, count: int) -> str:
    page = f"v_{kind}/maccord"
    fields = {"f": "maccord.v", "l": line, "n": 5, "t": kind, "page": page, "o": name}
    fields |= {"h": f"tb.dut{hierarchy}"}
    return "C '" + "".join(f"\x01{k}\x02{v}" for k, v in fields.items()) + f"' {count}\n"


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    """What a run leaves: a line and toggles in two modules, and a point of the testbench's."""
    path = tmp_path / "coverage.dat"
    path.write_text(
        "# SystemC::Coverage-3\n"
        + row("toggle", 5, "a[0]:0->1", "", 3)
        + row("toggle", 5, "a[0]:1->0", "", 0)
        + row("toggle", 5, "a[1]:0->1", "", 0)
        + row("toggle", 11, "row__0241[2]:0->1", ".core.load", 0)
        + row("branch", 14, "else", ".core.load", 0)
        + row("line", 14, "if", ".core.load", 9)
        + row("line", 14, "if", ".core.load", 9).replace("maccord.v", "tb.sv")
    )
    return path


def reported(counted: Path, *rules: Exclusion) -> Coverage:
    points, counts = read_points(counted)
    assert len(points) == 6
    return report("small", points, counts, Origins(NETLIST), nets, rules)


def nets(assumed: Collection[Assumed]) -> Nets:
    """Return nets of which bit 0 of `a` is bit 2 of `row$1`, and bit 1 of `a` is constant."""
    found: Nets = {"a": [7, "0"], "core.load.row$1": [4, 5, 7, 8]}
    constant = {found[each.path][each.bit]: str(each.value) for each in assumed}
    return {name: [constant.get(bit, bit) for bit in bits] for name, bits in found.items()}


def test_blocks(counted: Path) -> None:
    """Bit 1 of `a` is constant; names and lines are Amaranth's."""
    found = reported(counted)
    core, loader = found.blocks
    assert (core.file, core.toggles, core.toggles_covered, core.toggles_excluded) == (
        "hw/accelerator.py", 3, 1, 1,
    )  # fmt: skip
    assert core.toggle_percent == 50
    assert (loader.file, loader.lines, loader.lines_covered) == ("hw/memory/loader.py", 2, 1)
    assert (loader.line_percent, loader.toggle_percent) == (50, 0)
    assert found.total.toggles == 4
    assert found.missing == (
        "hw/accelerator.py:90  toggle a: 1",
        "hw/memory/loader.py:75 core.load toggle row$1: 1",
        "hw/memory/loader.py:80 core.load line else: 1",
    )
    assert found.stale == ()


def test_exclusions(counted: Path) -> None:
    """One that names a net excludes it under all of its names: bit 0 of `a` is bit 2 of `row`."""
    found = reported(
        counted,
        Exclusion("toggle", r"core\..*", r"row\$\d", "rows of 4 bytes only", least=2),
        Exclusion("line", "core.load", r"hw/memory/loader\.py:80 .*", "always goes"),
    )
    assert found.blocks[1].toggle_percent == 100
    assert found.missing == ()
    assert found.blocks[0].toggles_excluded == 2
    # The other branch of that line was covered
    (stale,) = found.stale
    assert stale.endswith("hw/memory/loader.py:80 if was covered")


def test_exclusions_of_what_holds_one_or_changes_by_chance(counted: Path) -> None:
    """A bit that holds 1 may rise; of bits that some runs cover, not all may be."""
    text = counted.read_text()
    rises = Exclusion("toggle", "", "a", "set at the start", most=0, value=1)
    assert reported(counted, rises).stale == ()
    assert reported(counted, replace(rises, value=0)).stale == (" a: a[0]:0->1 was covered",)
    chance = Exclusion("toggle", "", "a", "a long run", chance=True)
    assert reported(counted, chance).stale == ()
    counted.write_text(text.replace("' 0\n", "' 1\n"))
    assert reported(counted, chance).stale == (" a: all of it was covered",)
    assert reported(counted, rises).stale == (" a: a[0]:1->0 was covered",)


def test_what_follows_from_a_constant_is_constant() -> None:
    """Dispatch hands WEIGHTs of one row on: their copies in the unit's queue are constant."""
    parameters = CONFIGURATIONS["4x2"]
    path, copy = "core.weight_queue.o__payload.fields.rows", "core.weight.places.read__data"
    plain = nets_of(parameters)
    assert all(isinstance(bit, int) for bit in plain[path])
    found = nets_of(parameters, {Assumed(path, bit, int(bit == 0)) for bit in range(16)})
    assert all(isinstance(bit, str) for bit in found[path])
    fewer = [bit for bit, was in zip(found[copy], plain[copy], strict=True) if bit != was]
    assert sum(isinstance(bit, str) for bit in fewer) == 16


def test_an_exclusion_that_matches_nothing_is_stale(counted: Path) -> None:
    found = reported(counted, Exclusion("toggle", "core.store", ".*", "gone"))
    assert found.stale == ("core.store .*: matches nothing",)


def test_bits_of_groups() -> None:
    """Of a bus of 8-bit counters, the upper half of each."""
    rule = Exclusion("toggle", "", "counts", "slow", least=4, every=8)
    found = [bit for bit in range(16) if rule.matches("toggle", "", f"counts[{bit}]:1->0")]
    assert found == [4, 5, 6, 7, 12, 13, 14, 15]
    below = replace(rule, least=0, most=1, every=0)
    assert [bit for bit in range(16) if below.matches("toggle", "", f"counts[{bit}]:0->1")] == [
        0,
        1,
    ]
    assert not rule.matches("toggle", "", "count[4]:1->0")
    assert not rule.matches("toggle", "core", "counts[4]:1->0")
    assert not rule.matches("line", "", "counts")


def test_counts_add_up_over_runs(counted: Path) -> None:
    points, counts = read_points(counted)
    again, more = read_points(counted)
    assert points == again
    np.testing.assert_array_equal(counts + more, [6, 0, 0, 0, 0, 18])


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text("nothing")
    with pytest.raises(ValueError, match="must be a coverage file of Verilator"):
        read_points(path)


def test_names_as_verilator_spells_them() -> None:
    assert decoded("i___05Fpayload__02efields__02435[3]:0->1") == "i__payload.fields$35[3]:0->1"
