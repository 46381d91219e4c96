"""Configurations far apart."""

from __future__ import annotations

from accelerator_bench import CONFIGURATIONS

from maccord.spec.parameters import Parameters

__all__ = ["SWEEP"]


def _parameters(rows: int, cols: int, lanes: int, axi_bytes: int, *memories: int) -> Parameters:
    names = ("activation_bytes", "weight_bytes", "output_bytes", "accumulators", "line_cells")
    given = dict(zip(names, memories, strict=True))
    return Parameters(rows=rows, cols=cols, lanes=lanes, axi_bytes=axi_bytes, **given)


# Fewer lanes by every factor, memories out of all proportion to each other
_OTHERS = (
    _parameters(4, 2, 1, 8, 2048, 1024, 1024, 16, 16),
    _parameters(7, 5, 5, 64, 2048, 4096, 1024, 512, 32),
    _parameters(9, 2, 2, 16, 32768, 1024, 1024, 16, 64),
    _parameters(11, 6, 2, 8, 4096, 2048, 16384, 64, 16),
    _parameters(16, 3, 1, 32, 8192, 8192, 1024, 32, 128),
    _parameters(4, 16, 4, 16, 2048, 2048, 2048, 256, 16),
    _parameters(16, 4, 4, 16, 65536, 16384, 8192, 16, 512),
)
SWEEP = CONFIGURATIONS | {parameters.name: parameters for parameters in _OTHERS}
