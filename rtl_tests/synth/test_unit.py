"""One instance alone, with every port connected."""

from __future__ import annotations

import re

import pytest
from command import ROOT

from maccord.runtime.cache import Cache
from maccord.spec.parameters import Parameters
from maccord.synth import flow
from maccord.synth.design import rtlil_of
from maccord.synth.targets import target_named
from maccord.synth.unit import modules_of, wrapper
from maccord.synth.unit_names import check_unit, computed, known

DESIGN = r"""
module \top
  wire width 1 input 0  \clock
end

module \top.accelerator
end

module \top.accelerator.core
  wire width 1 input 0  \clk
end

module \top.accelerator.core.adder
  attribute \init 4'0000
  wire width 4 \inside
  wire width 1 input 0  \clk
  wire width 1 input 1  \rst
  wire width 8 input 2  signed \a
  wire width 3 output 3  signed \y
  wire width 2 output 4  \port$6157$138
end

module \top.accelerator.core.adder.cell
end

module \top.accelerator.core.adder_2
end
"""


def test_modules_are_those_inside() -> None:
    inside = ["top.accelerator.core.adder", "top.accelerator.core.adder.cell"]
    assert modules_of(DESIGN, "core.adder") == inside
    assert len(modules_of(DESIGN, "")) == 6


def test_every_port_is_connected_once() -> None:
    text = wrapper(DESIGN, "core.adder")
    instance = re.search(
        r"\\top\.accelerator\.core\.adder \\accelerator\.core\.adder \((.*)\);", text
    )
    assert instance
    assert instance[1].split(", ") == [
        ".clk(clock)",
        r".\rst (drive[0:0])",
        r".\a (drive[8:1])",
        r".\y (outputs[2:0])",
        r".\port$6157$138 (outputs[4:3])",
    ]
    assert "reg [8:0] drive;" in text and "reg [4:0] caught;" in text


def test_the_table_of_names_is_that_of_the_design() -> None:
    """If it is not: `python -m maccord.synth.unit_names` writes it anew."""
    cache = Cache(ROOT / "build" / "synth" / "cache")
    sizes = target_named("ecp5-25k").parameters
    parameters = Parameters(**sizes, family="ecp5", lookup=True, product=True)
    wide = Parameters(rows=4, cols=4, lookup=True, product=True, row_lanes=4, gather=True)
    found = {*computed(flow._design(parameters, cache, print)), *computed(rtlil_of(wide))}
    assert known() == tuple(sorted(found))


def test_units_of_tables_need_tables() -> None:
    unit = "core.compute.lookup.table3"
    check_unit(unit, Parameters(lookup=True))
    with pytest.raises(
        ValueError, match=r"unit needs lookup \(--lookup\), got 'core.compute.lookup"
    ):
        check_unit(unit, Parameters())


def test_numbers_of_instances_end_with_the_array() -> None:
    parameters = Parameters(rows=8, cols=4, lanes=2)
    for unit in ("requantizer_1", "accumulator_3.memory", "array.element_7_3"):
        check_unit(f"core.compute.datapath.{unit}", parameters)
    for unit, size in (("requantizer_2", 2), ("array.element_7_4", 4), ("array.element_8_0", 8)):
        with pytest.raises(ValueError, match=f"unit must have numbers below {size} in core"):
            check_unit(f"core.compute.datapath.{unit}", parameters)


@pytest.mark.parametrize("unit", ["core.adde", "accelerator.core.adder", "adder"])
def test_an_unknown_unit_is_named(unit: str) -> None:
    with pytest.raises(ValueError, match=f"unit must be an instance such as core.*, got '{unit}'"):
        modules_of(DESIGN, unit)


@pytest.mark.parametrize("switch", ["lookup", "product"])
def test_instances_of_a_switch(switch: str) -> None:
    unit = f"core.compute.{switch}"
    check_unit(unit, Parameters(**{switch: True}))
    with pytest.raises(ValueError, match=rf"unit needs {switch} \(--{switch}\), got '{unit}'"):
        check_unit(unit, Parameters())
