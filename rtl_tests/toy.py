"""A copying machine with the accelerator's ports, and its jobs."""

from pathlib import Path

import numpy as np

FAULTS = (
    "none", "drops_valid", "wrong_last", "crosses", "hangs", "strays", "flickers",
    "misses_bytes", "unaligned", "overlaps", "unasked_response",
)  # fmt: skip


def toy_verilog(axi_bytes: int, fault: str = "none", ballast: int = 0) -> str:
    """Return the netlist of the copying machine, with one planted fault."""
    text = Path(__file__).with_name("toy_accelerator.v").read_text()
    for name, value in {
        "TOP": 8 * axi_bytes - 1,
        "LAST": axi_bytes - 1,
        "BYTES": axi_bytes,
        "FAULT": FAULTS.index(fault),
        "BALLAST": ballast,
    }.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def toy_memory(source: int, target: int, data: np.ndarray, program: int = 0) -> np.ndarray:
    """Return a memory image: the copying program, the data, and random bytes elsewhere."""
    size = -(-max(source + data.size, target + data.size, program + 64) // 4096) * 4096 + 8192
    memory = np.random.default_rng(data.size).integers(0, 256, size, dtype=np.uint8)
    words = np.array([source, target, data.size], dtype="<u4")
    memory[program : program + 12] = words.view(np.uint8)
    memory[source : source + data.size] = data
    return memory
