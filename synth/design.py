"""The synthesis input: RTLIL of the accelerator in its scan wrapper."""

from __future__ import annotations

import re

from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]

from ..hw.accelerator import Accelerator
from ..spec.parameters import Parameters
from .wrapper import ScanWrapper

__all__ = ["TOP", "rtlil_of"]

TOP = "top"
# Initial memory contents are never read, and would prevent mapping to RAM blocks and macros
_INITIAL_MEMORY = re.compile(r"^  cell \$meminit_v2 .*?^  end$\n", re.MULTILINE | re.DOTALL)


def rtlil_of(parameters: Parameters) -> str:
    """RTLIL of the wrapped accelerator, module `TOP`; equal parameters give equal text.

    Amaranth's RTLIL is used instead of Verilog because Yosys 0.70 does not recognize instances of
    primitives in Verilog that it has written itself.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    str
    """
    wrapped = ScanWrapper(Accelerator(parameters))
    return _INITIAL_MEMORY.sub("", rtlil.convert(wrapped, name=TOP, emit_src=False))
