"""Netlists with other ports are refused with the port's name."""

import pytest
from toy import toy_verilog

from maccord.sim.build import build
from maccord.sim.ports import accelerator_ports, check_ports, parse_ports

pytestmark = pytest.mark.usefixtures("quick_builds")


@pytest.mark.parametrize("axi_bytes", [8, 16, 32, 64])
def test_the_accelerators_ports_are_found(axi_bytes: int) -> None:
    assert parse_ports(toy_verilog(axi_bytes)) == accelerator_ports(axi_bytes)
    check_ports(toy_verilog(axi_bytes), axi_bytes)


def test_separate_declarations_attributes_and_comments() -> None:
    verilog = """
    // module maccord(input comment);
    (* src = "module maccord(input attribute);" *)
    module other(input unrelated); endmodule
    module maccord(aclk, data, \
result);
      input aclk; wire aclk;
      (* keep *) input signed [7:0] data;
      output reg [0:3] result = 4'h0;
      function [1:0] pick; input [1:0] choice; pick = choice; endfunction
      always @(*) begin end
      sub cell_ (.input_a(data));
    endmodule
    """
    assert parse_ports(verilog) == {
        "aclk": ("input", 1),
        "data": ("input", 8),
        "result": ("output", 4),
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "output reg interrupt",
            "output reg irq",
            "the netlist must have the port interrupt, found none",
        ),
        (
            "input [11:0] s_axi_awaddr",
            "input [9:0] s_axi_awaddr",
            "the netlist's port s_axi_awaddr must be an input of 12 bits, got an input of 10 bits",
        ),
        (
            "input m_axi_awready",
            "output m_axi_awready",
            "the netlist's port m_axi_awready must be an input of 1 bits, got an output of 1 bits",
        ),
        (
            "input aclk,",
            "input aclk, input extra,",
            "the netlist must have the accelerator's ports only, got also extra",
        ),
        ("module maccord", "module other", "the netlist must have a module maccord, found none"),
        (
            "[11:0] s_axi_awaddr",
            "[WIDTH-1:0] s_axi_awaddr",
            "port ranges must be numbers, got [WIDTH-1:0] s_axi_awaddr",
        ),
    ],
)
def test_other_ports_are_refused(old: str, new: str, message: str) -> None:
    verilog = toy_verilog(16).replace(old, new)
    with pytest.raises(ValueError) as caught:
        build(verilog, 16)
    assert str(caught.value) == message


def test_another_bus_width_is_refused() -> None:
    with pytest.raises(ValueError, match="m_axi_wdata must be an output of 256 bits, got an out"):
        build(toy_verilog(16), 32)
    with pytest.raises(ValueError, match="axi_bytes must be 8, 16, 32 or 64, got 24"):
        build(toy_verilog(16), 24)
