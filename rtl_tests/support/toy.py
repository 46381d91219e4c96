"""A copying machine with the accelerator's ports, and jobs for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maccord.sim.simulate import Job

__all__ = ["FAULTS", "TARGET", "toy_data", "toy_job", "toy_verilog"]

FAULTS = (
    "none", "drops_valid", "wrong_last", "crosses", "hangs", "strays", "flickers",
    "misses_bytes", "unaligned", "overlaps", "unasked_response",
)  # fmt: skip

SOURCE = 0x2000
TARGET = 0x20000


def toy_verilog(axi_bytes: int, ballast: int = 0) -> str:
    """Return the netlist of the copying machine, `ballast` multipliers heavier."""
    text = Path(__file__).with_name("toy_accelerator.v").read_text()
    values = {"TOP": 8 * axi_bytes - 1, "LAST": axi_bytes - 1, "BYTES": axi_bytes}
    for name, value in {**values, "BALLAST": ballast}.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def toy_data(size: int, seed: int) -> npt.NDArray[np.uint8]:
    """Return random bytes."""
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def toy_job(
    data: npt.NDArray[np.uint8], axi_bytes: int = 16, *, fault: str = "none", **settings: Any
) -> Job:
    """Return the job that inverts `data`, at most 122,880 bytes, with one planted fault."""
    memory = toy_data(0x40000, seed=7)
    words = np.array([SOURCE, TARGET, data.size, FAULTS.index(fault)], dtype="<u4")
    memory[:16] = words.view(np.uint8)
    memory[SOURCE : SOURCE + data.size] = data
    common: dict[str, Any] = {"program": 0, "outputs": [(TARGET, data.size)]}
    return Job(
        toy_verilog(axi_bytes), axi_bytes, memory, **{"cycle_limit": 100_000, **common, **settings}
    )
