"""The accelerator's ports, and the check that a netlist has exactly these."""

import re

__all__ = ["MODULE", "accelerator_ports", "check_ports", "parse_ports"]

MODULE = "maccord"

CONTROL = {  # name: (direction, width)
    "aclk": ("input", 1),
    "aresetn": ("input", 1),
    "interrupt": ("output", 1),
}

# As seen from the slave; an AXI4-Lite port has no burst signals
LITE = {
    "awaddr": ("input", 12), "awprot": ("input", 3), "awvalid": ("input", 1),
    "awready": ("output", 1), "wdata": ("input", 32), "wstrb": ("input", 4),
    "wvalid": ("input", 1), "wready": ("output", 1), "bresp": ("output", 2),
    "bvalid": ("output", 1), "bready": ("input", 1), "araddr": ("input", 12),
    "arprot": ("input", 3), "arvalid": ("input", 1), "arready": ("output", 1),
    "rdata": ("output", 32), "rresp": ("output", 2), "rvalid": ("output", 1),
    "rready": ("input", 1),
}  # fmt: skip

ADDRESS = {"id": 2, "addr": 40, "len": 8, "size": 3, "burst": 2, "lock": 1, "cache": 4,
           "prot": 3, "qos": 4, "valid": 1}  # fmt: skip

DECLARATION = re.compile(
    r"\b(input|output|inout)\b\s*(?:(?:wire|reg|logic|var)\b\s*)?(?:signed\b\s*)?"
    r"(?:\[\s*([^\]:]+?)\s*:\s*([^\]]+?)\s*\]\s*)?"
    r"((?:(?!input\b|output\b|inout\b)[A-Za-z_]\w*\s*,?\s*)+)"
)
# Constructs that may contain false matches: comments, strings, attributes, functions, tasks
NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|\(\*(?!\s*\)).*?\*\)'
    r"|\bfunction\b.*?\bendfunction\b|\btask\b.*?\bendtask\b",
    re.DOTALL,
)


def accelerator_ports(axi_bytes: int) -> dict[str, tuple[str, int]]:
    """List the accelerator's ports.

    Parameters
    ----------
    axi_bytes : int
        Bytes per beat of the master port: 8, 16, 32 or 64.

    Returns
    -------
    dict
        Port name to direction (`input` or `output`) and width in bits.
    """
    master = {f"aw{name}": ("output", width) for name, width in ADDRESS.items()}
    master |= {f"ar{name}": ("output", width) for name, width in ADDRESS.items()}
    master |= {
        "awready": ("input", 1),
        "wdata": ("output", 8 * axi_bytes),
        "wstrb": ("output", axi_bytes),
        **{f"w{name}": ("output", 1) for name in ("last", "valid")},
        "wready": ("input", 1),
        **{f"b{name}": ("input", width) for name, width in (("id", 2), ("resp", 2), ("valid", 1))},
        "bready": ("output", 1),
        "arready": ("input", 1),
        "rid": ("input", 2),
        "rdata": ("input", 8 * axi_bytes),
        **{f"r{name}": ("input", width) for name, width in (("resp", 2), ("last", 1))},
        "rvalid": ("input", 1),
        "rready": ("output", 1),
    }
    ports = dict(CONTROL)
    ports |= {f"s_axi_{name}": port for name, port in LITE.items()}
    ports |= {f"m_axi_{name}": port for name, port in master.items()}
    return ports


def parse_ports(verilog: str) -> dict[str, tuple[str, int]]:
    """Read the ports of the module `maccord`.

    Parameters
    ----------
    verilog : str
        Source text; port ranges must be literal numbers, as in generated and synthesized netlists.

    Returns
    -------
    dict
        As from `accelerator_ports`.

    Raises
    ------
    ValueError
        If there is no such module or a range is not two numbers.
    """
    text = NOISE.sub(" ", verilog)
    found = re.search(rf"\bmodule\s+{MODULE}\b(.*?)\bendmodule\b", text, re.DOTALL)
    if found is None:
        raise ValueError(f"the netlist must have a module {MODULE}, found none")
    ports = {}
    for direction, high, low, names in DECLARATION.findall(found[1]):
        if high and not (high.isdigit() and low.isdigit()):
            first = names.split(",")[0].strip()
            raise ValueError(f"port ranges must be numbers, got [{high}:{low}] {first}")
        width = abs(int(high) - int(low)) + 1 if high else 1
        for name in re.findall(r"\w+", names):
            ports[name] = (direction, width)
    return ports


def check_ports(verilog: str, axi_bytes: int) -> None:
    """Check that a netlist has the accelerator's ports.

    Parameters
    ----------
    verilog : str
        Source text with the module `maccord`.
    axi_bytes : int
        Bytes per beat of the master port.

    Raises
    ------
    ValueError
        On the first port that is missing, unexpected, or of the wrong direction or width.
    """
    if axi_bytes not in (8, 16, 32, 64):
        raise ValueError(f"axi_bytes must be 8, 16, 32 or 64, got {axi_bytes}")
    wanted, found = accelerator_ports(axi_bytes), parse_ports(verilog)
    for name, (direction, width) in wanted.items():
        if name not in found:
            raise ValueError(f"the netlist must have the port {name}, found none")
        if found[name] != (direction, width):
            raise ValueError(
                f"the netlist's port {name} must be an {direction} of {width} bits, "
                f"got an {found[name][0]} of {found[name][1]} bits"
            )
    for name in found:
        if name not in wanted:
            raise ValueError(f"the netlist must have the accelerator's ports only, got also {name}")
