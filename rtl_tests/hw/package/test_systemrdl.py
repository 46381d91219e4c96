"""The register map in SystemRDL: a compiler of that language reads what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest
from accelerator_bench import CONFIGURATIONS
from systemrdl import RDLCompiler
from systemrdl.node import AddrmapNode

from maccord.hw.package.registers import registers
from maccord.hw.package.systemrdl import systemrdl
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode, UnitState

SIZE = next(iter(CONFIGURATIONS.values()))


def elaborated(parameters: Parameters, folder: Path) -> AddrmapNode:
    path = folder / "maccord.rdl"
    path.write_text(systemrdl(parameters))
    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    return compiler.elaborate().top


@pytest.mark.parametrize("parameters", [SIZE, Parameters()], ids=lambda p: p.name)
def test_another_compiler_reads_the_same_registers(parameters: Parameters, tmp_path: Path) -> None:
    """Addresses, bits, reset values and access of every field, none more and none less."""
    found = {
        (register.inst_name, register.address_offset, field.inst_name): (
            *(field.low, field.width, field.get_property("reset")),
            *(field.is_sw_readable, field.is_sw_writable, str(field.get_property("onwrite"))),
        )
        for register in elaborated(parameters, tmp_path).registers()
        for field in register.fields()
    }
    access = {
        "read-only": (True, False, "None"),
        "write-only": (False, True, "None"),
        "read-write": (True, True, "None"),
        "write-1-to-clear": (True, True, "OnWriteType.woclr"),
    }
    assert found == {
        (register.name, register.address, field.name): (
            *(field.low, field.bits, (register.reset & field.mask) >> field.low),
            *access[field.access],
        )
        for register in registers(parameters)
        for field in register.fields
    }


def test_codes_have_their_names(tmp_path: Path) -> None:
    top = elaborated(SIZE, tmp_path)
    for path, values in (("STATUS.ERROR_CODE", ErrorCode), ("UNITS.FETCH", UnitState)):
        field = top.find_by_path(path)
        assert field is not None
        names = {member.name: member.value for member in field.get_property("encode")}
        assert names == {value.name: int(value) for value in values}
