"""Processing elements of Xilinx 7-series and UltraScale+: one DSP48E1 or DSP48E2, nothing else."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value

from .processing_element import ProcessingElement

__all__ = ["Dsp48e1Element", "Dsp48e2Element", "extended"]

_PRODUCT, _SUM = 0b000_0101, 0b001_0101  # X and Y select the product; Z selects 0 or PCIN
_ENABLES = (
    *("CEA1", "CEA2", "CEAD", "CEALUMODE", "CEB1", "CEB2", "CEC", "CECARRYIN", "CECTRL", "CED"),
    *("CEINMODE", "CEM", "CEP"),
)
_RESETS = (
    *("RSTA", "RSTALLCARRYIN", "RSTALUMODE", "RSTB", "RSTC", "RSTCTRL", "RSTD", "RSTINMODE"),
    *("RSTM", "RSTP"),
)


class Dsp48e1Element(ProcessingElement):
    """`ProcessingElement` of one DSP48E1, without fabric registers.

    B1 is the shadow weight, B2 the active one. Partial sums use the dedicated PCIN/PCOUT cascade:
    a column needs as many vertically adjacent blocks as the array has rows.
    """

    SUM_BITS = 48
    CELL = "DSP48E1"
    #: Widths of `OPMODE` and of `D`.
    OPMODE_BITS, D_BITS = 7, 25

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parameters, pins = self._operands()
        # Yosys's DSP48E1 pass needs P connected even where it is unused
        to_fabric, down = Signal.like(self.p_out), Signal.like(self.p_out)
        m.d.comb += self.p_out.eq(to_fabric if self._last else down)
        inputs = {name: Const(0) for name in (*_ENABLES, *_RESETS, "CARRYIN")} | {
            "CLK": ClockSignal(),
            "C": Const(0, 48),
            "D": Const(0, self.D_BITS),
            "OPMODE": Const(_PRODUCT if self._first else _SUM, self.OPMODE_BITS),
            "ALUMODE": Const(0, 4),
            "INMODE": Const(0, 5),
            "CARRYINSEL": Const(0, 3),
        }
        if not self._first:
            inputs["PCIN"] = self.p
        # Cycle 2: multiply; cycle 3: add
        enabled = {name: Const(1) for name in ("CEM", "CEP")}
        m.submodules.block = Instance(
            self.CELL,
            **{f"p_{name}": value for name, value in parameters.items()},
            p_MREG=1,
            p_PREG=1,
            p_OPMODEREG=0,
            p_ALUMODEREG=0,
            p_INMODEREG=0,
            p_CARRYINREG=0,
            p_CARRYINSELREG=0,
            **{f"i_{name}": value for name, value in (inputs | enabled | pins).items()},
            o_P=to_fabric,
            o_PCOUT=down,
        )
        return m

    def _operands(self) -> tuple[dict[str, int | str], dict[str, Value]]:
        """Parameters and inputs of the operand registers: cycle 1."""
        return {"AREG": 1, "ACASCREG": 1, "BREG": 2, "BCASCREG": 2}, {
            "A": extended(self.a, 30),
            "B": extended(self.w, 18),
            "CEA2": Const(1),
            "CEB1": self.capture,
            "CEB2": self.swap,
        }


class Dsp48e2Element(Dsp48e1Element):
    """`ProcessingElement` of one DSP48E2."""

    CELL = "DSP48E2"
    OPMODE_BITS, D_BITS = 9, 27


def extended(value: Value, bits: int) -> Value:
    """Sign-extend a value."""
    return Cat(value, value[-1].replicate(bits - len(value)))
