"""The Verilated model of a batch of mutants."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ...hw.verilog import TOP
from ...sim.build import HERE as SIM
from ...sim.build import Model, build_bench
from ...sim.ports import accelerator_ports
from ...sim.primitives import with_models
from .mutants import SELECT, Mutant, instrument

__all__ = ["PRESET", "build_player", "presettable", "selectable"]

#: Modules whose registers of 32 bits a script may set: counters that no run fills. The one that
#: stays 0 where each column has a requantizer is none of them.
PRESET = r"maccord\.control\.counter_(?!requantizer)\w+|maccord\.core\.dispatch"

_PLAYER = Path(__file__).with_name("player.cpp")


def selectable(mutated: str, axi_bytes: int, width: int) -> str:
    """Wrap a mutated netlist in a module with the accelerator's own ports.

    The testbench's C++ sets the select input, once, when the model is made.

    Parameters
    ----------
    mutated : str
        Verilog of the module `maccord` with the input `SELECT`.
    axi_bytes : int
    width : int
        Bits of that input; 0 if there is none.
    """
    inner, found = re.subn(rf"^module {TOP}\(", f"module {TOP}_mutated(", mutated, flags=re.M)
    assert found == 1
    ports = accelerator_ports(axi_bytes)
    declared = ",\n".join(f"  {way} [{bits - 1}:0] {name}" for name, (way, bits) in ports.items())
    connected = [f".{name}({name})" for name in ports]
    select = ""
    if width:
        connected.append(f".{SELECT}({SELECT})")
        select = (
            'import "DPI-C" function int unsigned maccord_selected();\n'
            f"reg [{width - 1}:0] {SELECT};\n"
            f"initial {SELECT} = {width}'(maccord_selected());\n"
        )
    return (
        f"{inner}\nmodule {TOP}(\n{declared}\n);\n{select}"
        f"{TOP}_mutated inner({', '.join(connected)});\nendmodule\n"
    )


def presettable(mutated: str) -> str:
    """Let the player set the counters' registers, at the falling edge of their clock.

    Parameters
    ----------
    mutated : str
        Verilog, whose registers have the names that the mutants leave them.
    """
    count = 0

    def extended(module: re.Match[str]) -> str:
        nonlocal count
        names = re.findall(r"^  reg \[31:0\] (\S+)(?: = .*)?;$", module[0], re.MULTILINE)
        sets = []
        for name in names:
            sets.append(f"if (maccord_preset({count}, preset_) != 0) {name} <= preset_;")
            count += 1
        return (
            f'{module[1]}  import "DPI-C" function int maccord_preset(\n'
            "    input int which, output int unsigned value);\n"
            f"  int unsigned preset_;\n"
            f"  always @(negedge clk) begin\n    {chr(10).join(sets)}\n  end\nendmodule\n"
        )

    return re.sub(
        rf"^(module \\(?:{PRESET}) .*?)^endmodule$", extended, mutated, flags=re.M | re.DOTALL
    )


def build_player(
    design: str,
    mutants: Sequence[Mutant],
    axi_bytes: int,
    *,
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Model:
    """Build a model that holds mutants, or take it from the cache.

    Parameters
    ----------
    design : str
        RTLIL, from `maccord.hw.verilog.with_sources`.
    mutants : sequence of Mutant
    axi_bytes : int
        Bytes per beat of the master port.
    cache, jobs, progress
        As `maccord.sim.build.build`.

    Raises
    ------
    ToolchainError, SimulationError
        As there, and if Yosys is missing or fails.
    """
    text, width = instrument(design, mutants)
    return build_bench(
        SIM / "tb.sv", with_models(selectable(presettable(text), axi_bytes, width)), axi_bytes,
        kind="plain", extra={"main.cpp": _PLAYER.read_text()}, cache=cache, jobs=jobs,
        progress=progress,
    )  # fmt: skip
