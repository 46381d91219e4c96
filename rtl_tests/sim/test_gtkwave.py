"""The save file for GTKWave names what the generated netlist has."""

from __future__ import annotations

import re
from pathlib import Path

from maccord.sim.gtkwave import ports_of, write_save_file
from maccord.sim.netlist import generated
from maccord.spec.parameters import Parameters

VERILOG = generated(Parameters(rows=4, cols=4))


def test_units_and_array_are_groups(tmp_path: Path) -> None:
    text = write_save_file(tmp_path / "net.conv.vcd", VERILOG, 16).read_text()
    assert (tmp_path / "net.conv.gtkw").is_file()
    groups = re.findall(r"^-(.*)$", text, re.MULTILINE)
    units = ["dispatch", "LOAD", "WEIGHT", "COMPUTE", "STORE", "array"]
    assert [name for name in groups[::2] if name in units] == units
    assert groups[::2] == groups[1::2]  # each is opened and closed
    for name in ("load.state[1:0]", "compute.running", "compute.datapath.array.swap"):
        assert f"\ntb.dut.core.{name}\n" in text
    assert "clk\n" not in text.replace("aclk", "") and "_rst" not in text


def test_instances_have_the_names_of_their_modules() -> None:
    for module in ("core", "core.dispatch", "core.load", "core.compute.datapath.array"):
        name = module.rpartition(".")[2]
        assert re.search(rf"^  \\maccord\.{re.escape(module)}  {name} \(", VERILOG, re.MULTILINE)


def test_a_netlist_without_units_has_no_groups_of_them() -> None:
    assert list(ports_of("\nmodule maccord(aclk);\nendmodule\n", "core.load")) == []
    assert dict(ports_of(VERILOG, "core.load"))["write_enable"] == 16
