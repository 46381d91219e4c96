"""The options that describe an accelerator: each field of `Parameters`, in each command."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from maccord.cli.groups import Group, grouped
from maccord.cli.main import app
from maccord.cli.parameters import Hardware, fitted, for_network, generated, swept
from maccord.spec.parameters import Parameters

COMMANDS = ("sim", "compile", "verilog", "synth", "explore")
OPTIONS = [field.name.replace("weight_bits", "array_weight_bits") for field in fields(Parameters)]


def made(group: Group, *arguments: str) -> Any:
    """What a group of options makes of a command line."""
    got: list[object] = []

    @grouped(hardware=group)
    def command(hardware: object) -> None:
        got.append(hardware)

    own = typer.Typer()
    own.command()(command)
    done = CliRunner().invoke(own, arguments)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return got[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_each_field(command: str) -> None:
    found = vars(typer.main.get_command(app))["commands"][command]
    assert [p.name for p in found.params if p.name in OPTIONS] == OPTIONS


def test_generated_hardware() -> None:
    assert made(generated) == Parameters()
    given = made(generated, "--rows", "32", "--lookup", "--family", "xcup", "--packed")
    assert given == Parameters(rows=32, lookup=True, family="xcup", packed=True)


def test_narrow_arrays_store_narrow_weights() -> None:
    assert made(generated, "--array-weight-bits", "4") == Parameters(weight_bits=4, narrow=True)
    with pytest.raises(ValueError, match="narrow"):
        made(generated, "--array-weight-bits", "4", "--no-narrow")


def test_a_network_decides_on_switches_that_are_not_given() -> None:
    hardware: Hardware = made(for_network, "--no-product", "--narrow")
    assert hardware.switches == ("lookup", "half_up", "gather", "row_lanes")
    assert hardware.parameters() == Parameters(narrow=True)
    assert hardware.parameters(family="ecp5").family == "ecp5"
    assert made(for_network, "--family", "xc7").parameters(family="ecp5").family == "xc7"


def test_a_target_decides_on_what_is_not_given() -> None:
    assert made(fitted) == {}
    assert made(fitted, "--rows", "8", "--packed") == {"rows": 8, "packed": True}
    assert made(fitted, "--array-weight-bits", "2") == {"narrow": True, "weight_bits": 2}


def test_swept_values() -> None:
    assert made(swept, "--rows", "4,8", "--array-weight-bits", "8,4", "--packed", "no,yes") == {
        "rows": "4,8",
        "packed": "no,yes",
        "weight_bits": "8,4",
    }
