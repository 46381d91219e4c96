"""What `maccord verilog` writes: the same twice, of one mind, and taken by other tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path

import pytest
from accelerator_bench import CONFIGURATIONS
from command import maccord
from driver_library import compiler, headers

from maccord.hw.accelerator import memory_port
from maccord.hw.control.control import control_port
from maccord.hw.interfaces import annotate
from maccord.hw.package.description import describe
from maccord.hw.package.files import companions, stem
from maccord.hw.package.registers import registers
from maccord.hw.package.waivers import WAIVERS
from maccord.sim.netlist import generated
from maccord.sim.ports import parse_ports
from maccord.sim.toolchain import find_verilator
from maccord.spec.isa import FIELDS, Mode, Opcode, Unit
from maccord.spec.parameters import FAMILIES, Parameters
from maccord.spec.registers import (
    WITHOUT_REGISTER,
    WRITABLE,
    ErrorCode,
    Register,
    Status,
    UnitState,
)

SIZES = list(CONFIGURATIONS.values())[:3]
SIZE = SIZES[0]
SHARED = {"maccord.h", "maccord_driver.c", "maccord_driver.h"}
OF_FAMILIES = [replace(SIZE, family=family) for family in FAMILIES if family != "generic"]
OF_FAMILIES.append(replace(SIZE, family="xcup", packed=True))


@cache
def verilog(parameters: Parameters) -> str:
    return generated(parameters)


def lint(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    found = find_verilator()
    return subprocess.run(
        [str(found.binary), "--lint-only", "-Wall", "--top-module", "maccord", *files],
        cwd=folder,
        env=os.environ | {"VERILATOR_ROOT": str(found.root)},
        capture_output=True,
        text=True,
    )


def write(parameters: Parameters, folder: Path) -> str:
    """Write a configuration's files; their common stem."""
    name = stem(parameters)
    for file, text in (companions(parameters) | {f"{name}.v": verilog(parameters)}).items():
        (folder / file).write_text(text)
    return name


@pytest.mark.parametrize("parameters", SIZES, ids=lambda p: p.name)
def test_lint_is_silent(parameters: Parameters, tmp_path: Path) -> None:
    """Not one warning with the waivers; without them, or with a fault, there are some."""
    name = write(parameters, tmp_path)
    done = lint(tmp_path, f"{name}.v", f"{name}.vlt")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("parameters", OF_FAMILIES, ids=lambda p: p.name)
def test_lint_knows_the_cells(parameters: Parameters, tmp_path: Path) -> None:
    """With black boxes of them lint is silent; without them, or with a wrong pin, it is not."""
    name = write(parameters, tmp_path)
    files = (f"{name}.v", f"{name}_cells.v", f"{name}.vlt")
    done = lint(tmp_path, *files)
    assert (done.returncode, done.stderr) == (0, "")
    assert "%Error-MODMISSING" in lint(tmp_path, f"{name}.v", f"{name}.vlt").stderr
    box = tmp_path / f"{name}_cells.v"
    pin = "input A17" if parameters.family == "ecp5" else "input [29:0] A"
    assert box.read_text().count(f"{pin},") == 1
    box.write_text(box.read_text().replace(pin, "input another", 1))
    assert "%Error-PINNOTFOUND" in lint(tmp_path, *files).stderr


def test_lint_still_sees_faults(tmp_path: Path) -> None:
    name = write(SIZE, tmp_path)
    bare = lint(tmp_path, f"{name}.v")
    assert set(re.findall(r"%Warning-(\w+)", bare.stderr)) <= set(WAIVERS)
    assert bare.returncode != 0
    fault = "  reg held;\n  always @* if (aresetn) held = interrupt;\nendmodule"
    (tmp_path / f"{name}.v").write_text(verilog(SIZE).replace("endmodule", fault, 1))
    done = lint(tmp_path, f"{name}.v", f"{name}.vlt")
    assert set(re.findall(r"%Warning-(\w+)", done.stderr)) == {"LATCH"}


def test_every_waiver_is_needed_and_explained(tmp_path: Path) -> None:
    """In one of the configurations; the file names each with its reason, for its Verilog only."""
    needed = set()
    for parameters in SIZES:
        name = write(parameters, tmp_path)
        needed |= set(re.findall(r"%Warning-(\w+)", lint(tmp_path, f"{name}.v").stderr))
    assert needed == set(WAIVERS)
    text = (tmp_path / f"{stem(SIZE)}.vlt").read_text()
    for rule, why in WAIVERS.items():
        assert f'// {why}\nlint_off -rule {rule} -file "*{stem(SIZE)}.v"\n' in text


def test_two_generations_are_equal(tmp_path: Path) -> None:
    """In this process, and by command in others in which hashes differ."""
    for seed in ("1", "2"):
        folder = tmp_path / seed
        given = {f.name: getattr(SIZE, f.name) for f in fields(SIZE)}
        given = {name: value for name, value in given.items() if value is not False}  # switches
        given["array_weight_bits"] = given.pop("weight_bits")
        options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        done = maccord("verilog", *options, "--out", str(folder), env={"PYTHONHASHSEED": seed})
        assert done.returncode == 0, done.stderr
        written = {path.name: path.read_text() for path in folder.iterdir()}
        assert written == companions(SIZE) | {f"{stem(SIZE)}.v": verilog(SIZE)}
        assert done.stdout.split() == [str(folder / name) for name in written_order(SIZE)]
        assert str(tmp_path) not in "".join(written.values())


def written_order(parameters: Parameters) -> list[str]:
    return [f"{stem(parameters)}.v", *companions(parameters)]


def test_other_parameters_change_all_but_common_header_and_driver() -> None:
    one, other = ({k.replace(stem(p), ""): v for k, v in companions(p).items()} for p in SIZES[:2])
    assert set(one) == set(other) == {".json", ".rdl", ".core", ".vlt", ".h", *SHARED}
    assert {name for name in one if one[name] == other[name]} == SHARED


def macros(parameters: Parameters, folder: Path) -> dict[str, int]:
    """The macros of a configuration's header as the compiler sees them."""
    headers(parameters, folder)
    done = subprocess.run(
        [compiler(), "-E", "-dM", "-std=c99", f"{folder}/{stem(parameters)}.h"],
        capture_output=True,
        text=True,
        check=True,
    )
    pattern = r"^#define MACCORD_(\w+) (0x[0-9a-f]+|\d+)u$"
    return {n: int(v, 0) for n, v in re.findall(pattern, done.stdout, re.MULTILINE)}


def test_header_and_description_are_of_one_mind(tmp_path: Path) -> None:
    """Every macro is in the description with its value, and the other way round.

    But for what no register holds: FEATURES tells what follows from it.
    """
    found = macros(SIZE, tmp_path)
    described = json.loads(companions(SIZE)[f"{stem(SIZE)}.json"])
    due: dict[str, int] = {}
    for register in described["registers"]:
        due[f"REG_{register['name']}"] = register["address"]
        if register["name"] in ("ID", "VERSION"):
            due[f"{register['name']}_VALUE"] = register["reset"]
        for field in register["fields"]:
            if field["name"] != "VALUE":
                name = f"{register['name']}_{field['name']}"
                due[f"{name}_MASK"] = (1 << field["bits"]) - 1 << field["low"]
                due[f"{name}_LSB"] = field["low"]
    for prefix, name in (
        ("ERROR", "error_code"),
        ("STATE", "unit_state"),
        ("UNIT", "unit"),
        ("MODE", "mode"),
    ):
        due |= {f"{prefix}_{k}": v for k, v in described["enumerations"][name].items()}
    due["RESET_CYCLES"] = described["ports"]["reset"]["cycles"]
    due["COUNTERS"] = len(described["counters"])
    due |= {f"COUNTER_{name.upper()}": i for i, name in enumerate(described["counters"])}
    instructions = described["instructions"]
    due |= instructions["constants"]
    layouts = {"INSTRUCTION": instructions["header"]}
    for opcode in instructions["opcodes"]:
        due[f"OP_{opcode['name']}"] = opcode["code"]
        layouts[opcode["name"]] = opcode["fields"]
    for prefix, layout in layouts.items():
        for field in layout:
            due[f"{prefix}_{field['name'].upper()}_LSB"] = field["low"]
            due[f"{prefix}_{field['name'].upper()}_BITS"] = field["bits"]
    for name in WITHOUT_REGISTER:
        assert described["parameters"].pop(name) == getattr(SIZE, name)
    for name, value in (described["parameters"] | described["derived"]).items():
        due[name.upper()] = int(value)
    assert found == due


def test_no_macro_is_defined_twice(tmp_path: Path) -> None:
    headers(SIZE, tmp_path)
    text = "".join(path.read_text() for path in tmp_path.glob("*.h"))
    names = re.findall(r"^#define (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names)) > 200


def test_the_description_is_the_source() -> None:
    """Registers, their bits, codes and fields, one by one from the golden model's modules."""
    described = describe(SIZE)
    assert described["parameters"] == asdict(SIZE)
    by_name = {entry["name"]: entry for entry in described["registers"]}
    for register in set(Register) - {Register.CYCLES, Register.COUNTER}:
        assert by_name[register.name]["address"] == register
    assert by_name["CYCLES_LOW"]["address"] == Register.CYCLES
    assert by_name["COMPUTE_LOW"]["address"] == Register.COUNTER
    for entry in registers(SIZE):
        masks = [field.mask for field in entry.fields if field.access == "read-write"]
        writable = {r.name: mask for r, mask in WRITABLE.items()}
        assert sum(masks) == writable.get(entry.name, 0)
        bits = [bit for f in entry.fields for bit in range(f.low, f.low + f.bits)]
        assert len(bits) == len(set(bits)) and max(bits) < 32
    status = {f["name"]: 1 << f["low"] for f in by_name["STATUS"]["fields"] if f["bits"] == 1}
    assert status == {bit.name: bit for bit in Status}
    units = {f["name"]: (f["low"], f["bits"]) for f in by_name["UNITS"]["fields"]}
    assert units == {u.name: (4 * u, 4) for u in Unit} | {"FETCH": (16, 4)}
    for name, members in (
        *(("error_code", ErrorCode), ("unit_state", UnitState)),
        *(("unit", Unit), ("mode", Mode)),
    ):
        assert described["enumerations"][name] == {m.name: int(m) for m in members}
    for opcode in described["instructions"]["opcodes"]:
        due = FIELDS[Opcode[opcode["name"]]]
        assert {f["name"]: (f["bits"], f["signed"]) for f in opcode["fields"]} == due


@pytest.mark.parametrize("parameters", SIZES[:2], ids=lambda p: p.name)
def test_every_port_is_in_an_interface(parameters: Parameters) -> None:
    """Attributes stand directly before the port's declaration, in the top module only."""
    top, _, rest = verilog(parameters).partition("endmodule")
    assert "X_INTERFACE" not in rest
    pattern = r"((?:^ *\(\* \w+ = \".*\" \*\)\n)+) *(input|output) (?:\[\d+:0\] )?(\w+);$"
    found = {
        name: dict(re.findall(r"(\w+) = \"(.*)\"", text))
        for text, _, name in re.findall(pattern, top, re.MULTILINE)
    }
    assert set(found) == set(parse_ports(verilog(parameters)))
    for name in (*control_port(), *memory_port(parameters)):
        bus, signal = name[:5], name[6:].upper()
        info = found[name]["X_INTERFACE_INFO"]
        assert info == f"xilinx.com:interface:aximm:1.0 {bus} {signal}"
    for name, kind, logical in (
        ("aclk", "clock", "CLK"),
        ("aresetn", "reset", "RST"),
        ("interrupt", "interrupt", "INTERRUPT"),
    ):
        info = found[name]["X_INTERFACE_INFO"]
        assert info == f"xilinx.com:signal:{kind}:1.0 {name} {logical}"
    parameter = {n: a.get("X_INTERFACE_PARAMETER") for n, a in found.items()}
    width = 8 * parameters.axi_bytes
    assert {n: p for n, p in parameter.items() if p} == {
        "aclk": "XIL_INTERFACENAME aclk, ASSOCIATED_BUSIF s_axi:m_axi, ASSOCIATED_RESET aresetn",
        "aresetn": "XIL_INTERFACENAME aresetn, POLARITY ACTIVE_LOW",
        "interrupt": "XIL_INTERFACENAME interrupt, SENSITIVITY LEVEL_HIGH",
        "s_axi_awaddr": "XIL_INTERFACENAME s_axi, PROTOCOL AXI4LITE, DATA_WIDTH 32, ADDR_WIDTH 12",
        "m_axi_awaddr": f"XIL_INTERFACENAME m_axi, PROTOCOL AXI4, DATA_WIDTH {width}, "
        f"ADDR_WIDTH 40, ID_WIDTH 2, MAX_BURST_LENGTH {parameters.burst_beats}, "
        "SUPPORTS_NARROW_BURST 0",
    }


def test_a_port_without_an_interface_is_refused() -> None:
    for old, new in (
        ("  input aclk;\n", ""),
        ("  input aclk;\n", "  input aclk;\n  input more;\n"),
    ):
        with pytest.raises(RuntimeError, match="each port must be declared once"):
            annotate(verilog(SIZE).replace(old, new, 1), SIZE)


@pytest.mark.parametrize("parameters", [*SIZES, *OF_FAMILIES], ids=lambda p: p.name)
def test_the_core_names_what_is_there(parameters: Parameters) -> None:
    """FuseSoC's first line, a name with four parts, and no file that is not written."""
    files = companions(parameters)
    core = files[f"{stem(parameters)}.core"]
    assert core.startswith("CAPI=2:\n")
    name = re.search(r'^name: "(.*)"$', core, re.MULTILINE)
    assert name is not None
    assert name[1] == f"maccord:accelerator:{parameters.name}:{describe(parameters)['version']}"
    named = re.findall(r"^      - ([\w.-]+)(?:: \{.*\})?$", core, re.MULTILINE)
    apart = {f"{stem(parameters)}.{ending}" for ending in ("json", "rdl", "core")}
    assert sorted(named) == sorted({*files, f"{stem(parameters)}.v"} - apart)
    assert "\t" not in core
