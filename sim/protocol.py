"""Descriptions of the violations that axi_checker.sv detects."""

__all__ = ["VIOLATIONS", "describe_violation"]

_IN_RESET = 21
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
    21: "a valid signal is high in reset, 12 cycles after it began",
    22: "a write burst is exclusive",
    23: "a read burst is exclusive",
    24: "m_axi_awcache is not 0b0011, normal, non-cacheable and bufferable",
    25: "m_axi_arcache is not 0b0011, normal, non-cacheable and bufferable",
    26: "m_axi_awprot is not 0",
    27: "m_axi_arprot is not 0",
    28: "m_axi_awqos is not 0",
    29: "m_axi_arqos is not 0",
    30: "m_axi_bvalid fell, or its response changed, before bready",
    31: "m_axi_rvalid fell, or its data changed, before rready",
    32: "m_axi_bvalid rose without a write whose data has ended",
    33: "m_axi_rvalid rose without a read",
    34: "m_axi_bid is of no write whose data has ended",
    35: "m_axi_rid is of no read",
    36: "m_axi_rlast is not at the burst's last beat",
    37: "a write was answered with EXOKAY, but none is exclusive",
    38: "a read was answered with EXOKAY, but none is exclusive",
    39: "s_axi_bresp is EXOKAY, which AXI4-Lite does not have",
    40: "s_axi_rresp is EXOKAY, which AXI4-Lite does not have",
    41: "s_axi_awvalid fell, or its address changed, before awready",
    42: "s_axi_wvalid fell, or its data changed, before wready",
    43: "s_axi_arvalid fell, or its address changed, before arready",
    44: "write data had come without its address when the program ended",
    45: "a write was not answered when the program ended",
    46: "a read was not answered when the program ended",
}


def describe_violation(code: int, cycle: int) -> str:
    """Return one sentence about a protocol violation.

    Parameters
    ----------
    code : int
        From axi_checker.sv.
    cycle : int
        Cycle since reset; not used for a violation in reset itself.

    Returns
    -------
    str
    """
    if code == _IN_RESET:
        return VIOLATIONS[code]
    return f"{VIOLATIONS[code]}, first in cycle {cycle} after reset"
