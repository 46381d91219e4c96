"""What a netlist's registers are called, and where they stand."""

import pytest

from maccord.sim.build import HERE
from maccord.verify.faults.registers import registers
from maccord.verify.faults.table import bench_registers, table

NETLIST = """
module maccord(clk, out);
  wire [7:0] placed;
  reg [3:0] valid_0 = 4'h0;
  reg [2:0] _12_ = 3'h0;
  assign \\state$7 [5:3] = _12_ ;
  \\maccord.core  core (
    .clk(clk),
    .\\write$1 (placed[6:2]),
    .enable(valid_0[1]),
    .o__valid(out)
  );
endmodule
module \\maccord.core (clk, \\write$1 , enable, o__valid);
  output o__valid;
  reg o__valid = 1'h0;
  \\maccord.core.bank3  bank3 (
    .clk(clk),
    .read__addr(row[4:1]),
    .read_enable(enable),
    .write_address(\\write$1 [3:0]),
    .write_enable(enable)
  );
endmodule
module \\maccord.core.bank3 (clk, read__addr, read_enable, write_address, write_enable);
  reg [7:0] memory [15:0];
  always @(posedge clk) begin
    if (write_enable)
      memory[write_address] <= write_data;
  end
  reg [7:0] _2_;
  always @(posedge clk) begin
    if (read_enable) begin
      _2_ <= memory[read__addr];
    end
  end
endmodule
"""


def test_registers_have_paths_sizes_and_blocks() -> None:
    found = {register.full_name: register for register in registers(NETLIST)}
    assert list(found) == [
        "valid_0", "state$7[5:3]", "core.o__valid", "core.bank3.memory", "core.bank3._2_",
    ]  # fmt: skip
    memory = found["core.bank3.memory"]
    assert (memory.width, memory.words, memory.bits, memory.block) == (8, 16, 128, "bank")
    assert found["state$7[5:3]"].bits == 3 and found["state$7[5:3]"].block == "top"
    assert found["core.o__valid"].block == "core" and not found["core.o__valid"].memory


def test_members_are_spelled_as_verilator_does() -> None:
    found = {register.full_name: register for register in registers(NETLIST)}
    assert found["core.o__valid"].members[:3] == (
        "tb__DOT__dut__DOT__core__DOT__o___05Fvalid",
        "tb__DOT__dut__DOT____Vcellout__core__o___05Fvalid",
        "tb__DOT__dut__DOT__out",
    )
    assert found["state$7[5:3]"].members[0] == "tb__DOT__dut__DOT___12_"


def test_ports_of_memories_are_followed_outwards_with_their_bits() -> None:
    memory = next(register for register in registers(NETLIST) if register.memory)
    enable, row, _, address = memory.ports
    assert enable[-1] == "tb__DOT__dut__DOT__valid_0:1:1"
    assert row[-1] == "tb__DOT__dut__DOT__core__DOT__row:1:4"
    assert address[-1] == "tb__DOT__dut__DOT__placed:2:4"


def test_a_netlist_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="verilog must have a module maccord, got none"):
        registers("module other(); endmodule")


def test_the_table_takes_the_first_name_that_exists() -> None:
    text = table(registers(NETLIST), ["rvalid"])
    own, _, outer = registers(NETLIST)[2].members[:3]
    assert f"requires {{ root.{own}; }}) state.add(2, root.{own});" in text
    assert text.index(f"root.{own};") < text.index(f"root.{outer};")
    assert "state.add_bench(root.tb__DOT__memory__DOT__rvalid);" in text
    assert "signal(root.tb__DOT__dut__DOT__valid_0, 1, 1)" in text


def test_the_memorys_registers_are_found_without_its_statistics() -> None:
    found = bench_registers(HERE / "axi_memory.sv")
    assert {"read_due", "write_beat", "random", "rdata", "response_head"} <= set(found)
    assert "read_beats" not in found and len(found) == 33
