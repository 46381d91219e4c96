"""What axi_checker.sv can find, in words."""

__all__ = ["VIOLATIONS", "describe_violation"]

VIOLATIONS = {
    1: "m_axi_awvalid fell before awready",
    2: "the write address changed before awready",
    3: "m_axi_wvalid fell before wready",
    4: "the write data changed before wready",
    5: "m_axi_arvalid fell before arready",
    6: "the read address changed before arready",
    7: "a write burst crosses a 4096-byte boundary",
    8: "a read burst crosses a 4096-byte boundary",
    9: "a write burst is not INCR",
    10: "a read burst is not INCR",
    11: "a write burst is narrower or wider than the bus",
    12: "a read burst is narrower or wider than the bus",
    13: "a write burst is not aligned to the bus",
    14: "a read burst is not aligned to the bus",
    15: "m_axi_wlast is not at the burst's last beat",
    16: "a valid signal is high when reset ends",
    17: "s_axi_bvalid fell, or its response changed, before bready",
    18: "s_axi_rvalid fell, or its data changed, before rready",
    19: "s_axi_bvalid rose without a write",
    20: "s_axi_rvalid rose without a read",
}


def describe_violation(code: int, cycle: int) -> str:
    """Return one sentence about a protocol violation.

    Parameters
    ----------
    code : int
        From axi_checker.sv.
    cycle : int
        Cycle since reset.

    Returns
    -------
    str
    """
    return f"{VIOLATIONS[code]}, first in cycle {cycle} after reset"
