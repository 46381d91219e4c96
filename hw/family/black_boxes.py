"""Black boxes of the vendors' primitives, for linters that check their connections."""

from __future__ import annotations

from dataclasses import dataclass

from ...spec.parameters import Parameters

__all__ = ["BlackBox", "black_boxes", "primitives_verilog"]


@dataclass(frozen=True)
class BlackBox:
    """A primitive, with the parameters and pins that the accelerators use.

    Parameters
    ----------
    name : str
    parameters : str
        Names, separated by spaces.
    inputs, outputs : dict of str to int
        Width by name; 0 for a scalar pin without a number.
    numbered : bool
        Whether the bits of a name are numbered pins instead of a vector.
    open : tuple of str
        Patterns of the pins that an instance may leave open.
    """

    name: str
    parameters: str
    inputs: dict[str, int]
    outputs: dict[str, int]
    numbered: bool
    open: tuple[str, ...]

    def verilog(self) -> str:
        """Write its module."""
        parameters = ",\n".join(f"    parameter {name} = 0" for name in self.parameters.split())
        ports = [
            f"    {way} {pin}"
            for way, pins in (("input", self.inputs), ("output", self.outputs))
            for name, bits in pins.items()
            for pin in self._pins(name, bits)
        ]
        listed = ",\n".join(ports)
        return f"module {self.name} #(\n{parameters}\n) (\n{listed}\n);\nendmodule\n"

    def _pins(self, name: str, bits: int) -> list[str]:
        if not bits:
            return [name]
        if self.numbered:
            return [f"{name}{bit}" for bit in range(bits)]
        return [f"[{bits - 1}:0] {name}"]


def _single(names: str) -> dict[str, int]:
    return dict.fromkeys(names.split(), 0)


def _dsp48(name: str, opmode_bits: int, d_bits: int, parameters: str = "") -> BlackBox:
    return BlackBox(
        name,
        "AREG ACASCREG BREG BCASCREG MREG PREG OPMODEREG ALUMODEREG INMODEREG CARRYINREG "
        f"CARRYINSELREG {parameters}",
        {"A": 30, "B": 18, "C": 48, "D": d_bits, "PCIN": 48, "OPMODE": opmode_bits}
        | {"ALUMODE": 4, "INMODE": 5, "CARRYINSEL": 3}
        | _single("CLK CARRYIN CEA1 CEA2 CEAD CEALUMODE CEB1 CEB2 CEC CECARRYIN CECTRL CED")
        | _single("CEINMODE CEM CEP RSTA RSTALLCARRYIN RSTALUMODE RSTB RSTC RSTCTRL RSTD")
        | _single("RSTINMODE RSTM RSTP"),
        {"P": 48, "PCOUT": 48},
        numbered=False,
        open=("PCIN",),
    )


_MULTIPLIER = BlackBox(
    "MULT18X18D",
    "REG_INPUTA_CLK REG_INPUTA_CE REG_INPUTA_RST REG_INPUTB_CLK REG_INPUTB_CE REG_INPUTB_RST "
    "REG_OUTPUT_CLK REG_OUTPUT_CE REG_OUTPUT_RST RESETMODE GSR",
    {"A": 18, "B": 18, "C": 18, "CLK": 1, "CE": 2, "RST": 1}
    | _single("SIGNEDA SIGNEDB SOURCEA SOURCEB"),
    {"P": 36},
    numbered=True,
    open=("C?", "C1?", "CE1", "P*"),
)
_MEMORY = BlackBox(
    "DP16KD",
    "DATA_WIDTH_A DATA_WIDTH_B REGMODE_A REGMODE_B RESETMODE ASYNC_RESET_RELEASE CSDECODE_A "
    "CSDECODE_B WRITEMODE_A WRITEMODE_B CLKAMUX CLKBMUX GSR",
    {"DIA": 18, "ADA": 14, "ADB": 14, "CSA": 3, "CSB": 3}
    | _single("CLKA CEA OCEA WEA RSTA CLKB CEB OCEB WEB RSTB"),
    {"DOB": 18},
    numbered=True,
    open=("DOB*",),
)

#: By family, of `maccord.spec.parameters.FAMILIES`.
_BLACK_BOXES: dict[str, tuple[BlackBox, ...]] = {
    "generic": (),
    "ecp5": (_MULTIPLIER, _MEMORY),
    "xc7": (_dsp48("DSP48E1", 7, 25),),
    "xcup": (_dsp48("DSP48E2", 9, 27),),
}
_PACKED = (_dsp48("DSP48E2", 9, 27, "DREG ADREG AMULTSEL PREADDINSEL"),)


def black_boxes(parameters: Parameters) -> tuple[BlackBox, ...]:
    """Return the primitives that an accelerator instantiates: by `family` and `packed`."""
    return _PACKED if parameters.packed else _BLACK_BOXES[parameters.family]


def primitives_verilog(parameters: Parameters) -> str:
    """Verilog of the primitives that an accelerator instantiates; empty if there are none."""
    return "\n".join(box.verilog() for box in black_boxes(parameters))
