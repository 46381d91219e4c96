"""The Verilated model of a fault campaign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...sim import build as simulator
from ...sim.ports import check_ports
from ...sim.primitives import with_models
from .registers import registers
from .table import bench_registers, table

__all__ = ["fault_model"]

_HERE = Path(__file__).parent
_SOURCES = ("dram.h", "state.h", "ports.h", "clock.h", "memory.cpp")
_FLAGS = ("-fno-dedup",)  # equal registers stay apart, as in the netlist


def fault_model(
    verilog: str,
    axi_bytes: int,
    *,
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> simulator.Model:
    """Build the model whose registers can be flipped, or take it from the cache.

    Parameters
    ----------
    verilog, axi_bytes, cache, jobs, progress
        As for `maccord.sim.build.build`.

    Raises
    ------
    ValueError, ToolchainError, SimulationError
        As for `maccord.sim.build.build`.
    """
    bench = bench_registers(simulator.HERE / "axi_memory.sv")
    extra = {name: (_HERE / name).read_text() for name in _SOURCES}
    extra["main.cpp"] = (_HERE / "inject.cpp").read_text()
    extra["registers.h"] = table(registers(verilog), bench)
    return simulator.build_bench(
        simulator.HERE / "tb.sv", with_models(verilog), axi_bytes, kind="plain", cache=cache,
        jobs=jobs, progress=progress, check=lambda: check_ports(verilog, axi_bytes),
        extra=extra, flags=_FLAGS,
    )  # fmt: skip
