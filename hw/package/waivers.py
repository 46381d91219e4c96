"""Verilator waivers for Verilog written by Yosys, each with its reason."""

from __future__ import annotations

from ...spec.parameters import Parameters
from ..family.black_boxes import black_boxes

__all__ = ["WAIVERS", "waivers"]

WAIVERS = {
    "CASEOVERLAP": "a multiplexer by one-hot selection is a casez with don't-cares",
    "CMPCONST": "a row of comparisons with each column's number ends with one that always holds",
    "DECLFILENAME": "one file holds all modules",
    "PROCASSINIT": "registers without reset keep their initial value in the declaration",
    "SYMRSVDWORD": "the port named interrupt is a word of some C++ dialects",
    "UNUSEDSIGNAL": "names of the source are kept as aliases; constant ports, parts of addresses",
    "VARHIDDEN": "arguments of the multiplexers' functions are called a and b",
    "WIDTHEXPAND": "operators extend their operands by Verilog's own rules",
    "WIDTHTRUNC": "a logical not of several bits asks for zero; shifts select a word",
}


def waivers(verilog: str, cells: str, parameters: Parameters) -> str:
    """Return the configuration file for ``verilator --lint-only -Wall``.

    Parameters
    ----------
    verilog : str
        Name of the file to waive; other files keep their warnings.
    cells : str
        Name of the file with black boxes of the family's primitives.
    parameters : Parameters
        Those of the accelerator that is in the first file.

    Returns
    -------
    str
    """
    lines = ["`verilator_config"]
    for rule, why in WAIVERS.items():
        lines += [f"// {why}", f'lint_off -rule {rule} -file "*{verilog}"']
    boxes = black_boxes(parameters)
    if boxes:
        lines += ["// black boxes: nothing is in them", f'lint_off -file "*{cells}"']
    for box in boxes:
        lines.append(f"// {box.name} has pins that are left open where they are not needed")
        lines += [
            f'lint_off -rule PINMISSING -file "*{verilog}" -match "*\'{pins}\'*"'
            for pins in box.open
        ]
    return "\n".join(lines) + "\n"
