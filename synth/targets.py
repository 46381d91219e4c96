"""Targets of `maccord synth`: FPGA families, and ASIC gates."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["RESOURCES", "TARGETS", "Family", "Target", "target_named"]

#: Columns of the table, in order.
RESOURCES = ("dsp", "bram", "lutram", "lut", "ff", "gates")


@dataclass(frozen=True)
class Family:
    """Primitives of a family, and the resources of each.

    Parameters
    ----------
    name : str
    synthesis : str
        Yosys commands that map the flat generic netlist to the primitives.
    primitives : dict of str to dict of str to float
        Resources, of `RESOURCES`, by type of primitive; missing types take none.
    notes : tuple of str
        Notes on the numbers, one sentence each.
    made_of : tuple of str
        Supported values of `Parameters.family`; the first is the default.
    """

    name: str
    synthesis: str
    primitives: dict[str, dict[str, float]] = field(hash=False)
    notes: tuple[str, ...] = ()
    made_of: tuple[str, ...] = ("generic",)


@dataclass(frozen=True)
class Target:
    """A device, or a family without place and route.

    Parameters
    ----------
    name : str
    family : Family
    device, package : str
        Options of nextpnr; empty if there is no place and route.
    available : dict of str to int
        Amount of each resource, if the device is known.
    parameters : dict of str to int
        Default configuration, which fits.
    """

    name: str
    family: Family
    device: str = ""
    package: str = ""
    available: dict[str, int] = field(default_factory=dict, hash=False)
    parameters: dict[str, int] = field(default_factory=dict, hash=False)

    @property
    def placed(self) -> bool:
        """Whether the target supports place and route."""
        return bool(self.device)


_ECP5 = Family(
    "ecp5",
    "synth_lattice -family ecp5 -top top",
    {
        "LUT4": {"lut": 1},
        "CCU2C": {"lut": 2},
        "TRELLIS_DPR16X4": {"lutram": 4},
        "TRELLIS_FF": {"ff": 1},
        "DP16KD": {"bram": 1},
        "PDPW16KD": {"bram": 1},
        "MULT18X18D": {"dsp": 1},
    },
    (
        (
            "LUT: 4-input, two for each two bits of carry; place and route adds those that feed "
            "carries. LUTRAM: LUT sites that hold memory. BRAM: 18 kbit."
        ),
    ),
    made_of=("ecp5", "generic"),
)
_XILINX = {
    **{f"LUT{n}": {"lut": 1} for n in range(1, 7)},
    **{name: {"lut": 1} for name in ("SRL16E", "SRLC32E")},
    **{name: {"lutram": 1} for name in ("RAM32X1S", "RAM64X1S")},
    **{name: {"lutram": 2} for name in ("RAM32X1D", "RAM64X1D")},
    **{name: {"lutram": 4} for name in ("RAM32M", "RAM64M", "RAM128X1D")},
    **{name: {"lutram": 8} for name in ("RAM32M16", "RAM64M8", "RAM256X1D")},
    **{name: {"ff": 1} for name in ("FDRE", "FDSE", "FDCE", "FDPE")},
    **{name: {"bram": 0.5} for name in ("RAMB18E1", "RAMB18E2")},
    **{name: {"bram": 1} for name in ("RAMB36E1", "RAMB36E2")},
    **{name: {"dsp": 1} for name in ("DSP48E1", "DSP48E2")},
}
_XC7 = Family(
    "xc7",
    "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top top\nautoname",
    _XILINX,
    ("Counts of Yosys, not of Vivado; BRAM: 36 kbit. There is no open timing for the family.",),
    made_of=("xc7", "generic"),
)
_XCUP = Family(
    "xcup",
    "synth_xilinx -family xcup -flatten -noiopad -noclkbuf -top top\nautoname",
    _XILINX,
    (
        (
            "Counts of Yosys, not of Vivado; BRAM: 36 kbit. Where the design does not instantiate "
            "a DSP48E2, Yosys leaves its adder unused: that part of the LUT column is the tool's."
        ),
    ),
    made_of=("xcup", "generic"),
)
# Static CMOS transistors, as counted by Yosys's `stat -tech cmos`, divided by the 4 of a NAND2
_TRANSISTORS = {
    "$_NOT_": 2,
    **{f"$_{name}_": 4 for name in ("NAND", "NOR")},
    **{f"$_{name}_": 6 for name in ("AND", "OR", "ANDNOT", "ORNOT", "AOI3", "OAI3")},
    **{f"$_{name}_": 8 for name in ("AOI4", "OAI4")},
    **{f"$_{name}_": 12 for name in ("XOR", "XNOR", "MUX")},
    "$_NMUX_": 10,
    "$_DFF_P_": 16,
}
_ASIC = Family(
    "asic",
    """attrmap -remove init
synth -flatten -top top -run begin:fine
opt -fast -full
techmap
opt -fast
dfflegalize -cell $_DFF_P_ x
abc -g cmos4
opt_clean
autoname""",
    {
        name: {"gates": count / 4} | ({"ff": 1} if name == "$_DFF_P_" else {})
        for name, count in _TRANSISTORS.items()
    },
    (
        (
            "Gates: NAND2 equivalents, static CMOS transistors (as `stat -tech cmos` of Yosys has "
            "them: 16 a flip-flop) over 4, before sizing, buffers, clock tree and layout. "
            "Memories are macros and not in it."
        ),
    ),
)

_SMALL = {
    "rows": 4, "cols": 2, "axi_bytes": 8, "activation_bytes": 1 << 15, "weight_bytes": 1 << 13,
    "output_bytes": 1 << 14, "accumulators": 512, "line_cells": 128,
}  # fmt: skip
# Half of the available memories: ResNet-18 takes the same number of cycles
_LARGE = {
    "rows": 8, "cols": 8, "activation_bytes": 1 << 16, "weight_bytes": 1 << 15,
    "output_bytes": 1 << 15,
}  # fmt: skip
_MIDDLE = {
    "rows": 4, "cols": 4, "axi_bytes": 8, "activation_bytes": 1 << 16, "weight_bytes": 1 << 14,
    "output_bytes": 1 << 15, "accumulators": 1024, "line_cells": 256,
}  # fmt: skip


def _ecp5(size: int, package: str, dsp: int, bram: int, lut: int, **chosen: int) -> Target:
    available = {"dsp": dsp, "bram": bram, "lut": lut, "ff": lut}
    return Target(f"ecp5-{size}k", _ECP5, f"{size}k", package, available, chosen)


TARGETS = {
    target.name: target
    for target in (
        _ecp5(25, "CABGA381", 28, 56, 24288, **_SMALL),
        _ecp5(45, "CABGA554", 72, 108, 43848, **_MIDDLE),
        _ecp5(85, "CABGA756", 156, 208, 83640, **_LARGE),
        Target("xc7", _XC7),
        Target("xcup", _XCUP),
        Target("asic", _ASIC, parameters={"rows": 8, "cols": 8}),
    )
}


def target_named(name: str) -> Target:
    """Look up a target.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if name not in TARGETS:
        raise ValueError(f"target must be one of {', '.join(TARGETS)}, got {name!r}")
    return TARGETS[name]
