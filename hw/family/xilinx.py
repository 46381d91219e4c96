"""Processing elements of Xilinx 7-series and UltraScale+: one DSP48E1 or DSP48E2, nothing else."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value

from ..processing_element import ProcessingElement

__all__ = ["Dsp48e1Element", "Dsp48e2Element"]

_ENABLED = ("CEA2", "CEM", "CEP")
_IDLE = (
    *("CEA1", "CEAD", "CEALUMODE", "CEC", "CECARRYIN", "CECTRL", "CED", "CEINMODE"),
    *("RSTA", "RSTALLCARRYIN", "RSTALUMODE", "RSTB", "RSTC", "RSTCTRL", "RSTD", "RSTINMODE"),
    *("RSTM", "RSTP", "CARRYIN"),
)
_PRODUCT, _SUM = 0b000_0101, 0b001_0101  # X and Y take the product; Z nothing, or PCIN


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
        mode = _PRODUCT if self._first else _SUM
        pins: dict[str, Value] = {"i_CLK": ClockSignal()}
        pins |= {f"i_{name}": Const(1) for name in _ENABLED}
        pins |= {f"i_{name}": Const(0) for name in _IDLE}
        if not self._first:
            pins["i_PCIN"] = self.p
        # Yosys's own handling of DSP48E1 needs P, whatever is read of it
        to_fabric, down = Signal.like(self.p_out), Signal.like(self.p_out)
        m.d.comb += self.p_out.eq(to_fabric if self._last else down)
        m.submodules.block = Instance(
            self.CELL,
            # Cycle 1: operands; cycle 2: multiply; cycle 3: add
            p_AREG=1,
            p_ACASCREG=1,
            p_BREG=2,
            p_BCASCREG=2,
            p_MREG=1,
            p_PREG=1,
            p_OPMODEREG=0,
            p_ALUMODEREG=0,
            p_INMODEREG=0,
            p_CARRYINREG=0,
            p_CARRYINSELREG=0,
            i_A=Cat(self.a, self.a[-1].replicate(22)),
            i_B=Cat(self.w, self.w[-1].replicate(10)),
            i_CEB1=self.capture,
            i_CEB2=self.swap,
            i_C=Const(0, 48),
            i_D=Const(0, self.D_BITS),
            i_OPMODE=Const(mode, self.OPMODE_BITS),
            i_ALUMODE=Const(0, 4),
            i_INMODE=Const(0, 5),
            i_CARRYINSEL=Const(0, 3),
            o_P=to_fabric,
            o_PCOUT=down,
            **pins,
        )
        return m


class Dsp48e2Element(Dsp48e1Element):
    """`ProcessingElement` of one DSP48E2."""

    CELL = "DSP48E2"
    OPMODE_BITS, D_BITS = 9, 27
