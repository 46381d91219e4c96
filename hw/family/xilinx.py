"""Processing elements of Xilinx 7-series and UltraScale+: one DSP48E1 or DSP48E2, nothing else."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value

from .processing_element import ProcessingElement

__all__ = ["Dsp48e1Element", "Dsp48e2Element", "extended"]

_PRODUCT, _SUM = 0b000_0101, 0b001_0101  # X and Y take the product; Z nothing, or PCIN
_ENABLES = (
    *("CEA1", "CEA2", "CEAD", "CEALUMODE", "CEB1", "CEB2", "CEC", "CECARRYIN", "CECTRL", "CED"),
    *("CEINMODE", "CEM", "CEP"),
)
_RESETS = (
    *("RSTA", "RSTALLCARRYIN", "RSTALUMODE", "RSTB", "RSTC", "RSTCTRL", "RSTD", "RSTINMODE"),
    *("RSTM", "RSTP"),
)


class Dsp48e1Element(ProcessingElement):
    """`ProcessingElement` of one DSP48E1: all of its registers are the block's.

    B1 is the shadow, B2 the active weight. Sums go down a column by the blocks' own cascade, and
    no wire of the fabric: a column needs as many blocks above each other as the array has rows.
    """

    SUM_BITS = 48
    CELL = "DSP48E1"
    #: Bits of `OPMODE` and of `D`.
    OPMODE_BITS, D_BITS = 7, 25

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parameters, pins = self._operands()
        # Yosys's own handling of DSP48E1 needs P, whatever is read of it
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
        """Parameters and inputs of what is before the multiplier: cycle 1."""
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
    """Extend a signed value's sign."""
    return Cat(value, value[-1].replicate(bits - len(value)))
