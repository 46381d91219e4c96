"""Mutants: drawn by Yosys over all blocks, and put into one netlist behind a select input."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

from ...synth.tools import LOG, YOSYS, Job, run
from .hardware import check_blocks

__all__ = ["KINDS", "SELECT", "Mutant", "block_of", "draw", "instrument", "parse", "run_yosys"]

KINDS = ("inv", "const0", "const1", "cnot0", "cnot1")
SELECT = "maccord_select"  # input of the mutated netlist: number of the mutant, 0 for none
_OPTION = re.compile(r"-(\w+) (\S+)")
_DATABASE = re.compile(r"Raw database size: (\d+)")
_INSTANCES = re.compile(r"_\d+")
_ROOT = re.compile(r"^.*/(?=(?:hw|amaranth)/)")  # of source files: what precedes the room
#: Blocks of small modules that exist several times, by the end of their name.
_ALIKE = {"_queue": "queues", "_beats": "beats", "_slice": "slices"}


@dataclass(frozen=True)
class Mutant:
    """One changed bit of one cell's port.

    Attributes
    ----------
    number : int
        From 1, its value of the select input.
    kind : str
        One of `KINDS`: inverted, constant, or inverted where another bit of the port is 0 or 1.
    module, cell, port : str
    bit : int
    control : int
        The other bit, of `cnot0` and `cnot1`; else -1.
    wire : str
        Name and bit of a wire there; empty if none has a name.
    sources : tuple of str
        Files and lines of the hardware description.
    """

    number: int
    kind: str
    module: str
    cell: str
    port: str
    bit: int
    control: int = -1
    wire: str = ""
    sources: tuple[str, ...] = ()

    @property
    def block(self) -> str:
        """The block that its module belongs to."""
        return block_of(self.module)

    @property
    def clock(self) -> bool:
        """Whether it changes a clock."""
        return self.port.lower().endswith("clk")

    @property
    def name(self) -> str:
        """What it changes, the same in every list."""
        control = f"?{self.control}" if self.control >= 0 else ""
        return f"{self.module}/{self.cell}.{self.port}[{self.bit}]{control}:{self.kind}"

    def command(self, behind: str = "") -> str:
        """Yosys's command that makes it, with the option that puts it behind an input."""
        control = f" -ctrlbit {self.control}" if self.control >= 0 else ""
        return (
            f"mutate -mode {self.kind} {behind} -module {self.module} -cell {self.cell} "
            f"-port {self.port} -portbit {self.bit}{control}"
        )


def block_of(module: str) -> str:
    """Name of the block of a module; modules that are instances of one another share it.

    Examples
    --------
    >>> block_of("maccord.core.compute.datapath.requantizer_1")
    'requantizer'
    >>> block_of("maccord.core.load.cutter.bursts")
    'load'
    >>> block_of("maccord.core.weight_queue")
    'queues'
    """
    parts = [_INSTANCES.sub("", part) for part in module.split(".")[1:]]
    if not parts:
        return "top"
    name = parts[0]
    if name == "core" and len(parts) > 1:
        name = parts[1]
        if name == "compute" and len(parts) > 2:
            name = parts[3] if parts[2] == "datapath" and len(parts) > 3 else parts[2]
    return next((block for end, block in _ALIKE.items() if name.endswith(end)), name)


def parse(text: str, first: int = 1) -> list[Mutant]:
    """Read a list as `mutate -list` writes it.

    Parameters
    ----------
    text : str
    first : int
        Number of the first mutant.

    Raises
    ------
    ValueError
        If a line is no mutation.
    """
    found = []
    for number, line in enumerate((line for line in text.splitlines() if line), first):
        options = _OPTION.findall(line)
        values = dict(options)
        if not line.startswith("mutate ") or values.get("mode") not in KINDS:
            raise ValueError(f"lines must be mutations as Yosys lists them, got {line!r}")
        wire = f"{values['wire']}[{values.get('wirebit', 0)}]" if "wire" in values else ""
        sources = tuple(_ROOT.sub("", value) for name, value in options if name == "src")
        found.append(
            Mutant(
                *(number, values["mode"], values["module"], values["cell"], values["port"]),
                *(int(values["portbit"]), int(values.get("ctrlbit", -1)), wire, sources),
            )
        )
    return found


def run_yosys(script: str, design: str, *outputs: str) -> tuple[str, list[bytes]]:
    """Run Yosys on a design, ``design.il``; return its log and the files that it writes.

    Raises
    ------
    ToolchainError
        If it is not installed.
    SimulationError
        If it fails.
    """
    assert YOSYS.version
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        (folder / "design.il").write_text(design)
        (folder / "script.ys").write_text(f"read_rtlil design.il\n{script}")
        job = Job(YOSYS, ("-Q", "-T", "script.ys"), folder, "yosys")
        for _ in run([job], 1, lambda text: None):
            pass
        return (folder / LOG).read_text(), [(folder / each).read_bytes() for each in outputs]


def draw(
    design: str, count: int, seed: int, blocks: Sequence[str] = ()
) -> tuple[list[Mutant], dict[str, int]]:
    """Draw mutants, of each block a number that grows with the root of its size.

    Parameters
    ----------
    design : str
        RTLIL, from `maccord.hw.verilog.with_sources`.
    count : int
        Mutants; more if there are more blocks.
    seed : int
    blocks : sequence of str
        From which to draw; all if empty.

    Returns
    -------
    (list of Mutant, dict of str to int)
        Without duplicates; possible mutations by block.

    Raises
    ------
    ValueError
        If there is no such block.
    ToolchainError, SimulationError
        As `run_yosys`.
    """
    modules: dict[str, list[str]] = defaultdict(list)
    for module in re.findall(r"^module \\(\S+)", design, re.MULTILINE):
        modules[block_of(module)].append(module)
    check_blocks(blocks, modules)
    chosen = {block: modules[block] for block in sorted(modules) if not blocks or block in blocks}
    sizes = _sizes(design, chosen)
    chosen = {block: of for block, of in chosen.items() if sizes[block]}
    whole = sum(sqrt(sizes[block]) for block in chosen)
    shares = {block: max(1, round(count * sqrt(sizes[block]) / whole)) for block in chosen}
    lines = [
        f"mutate -list {shares[block]} -seed {seed} -o {block}.txt {' '.join(of)}"
        for block, of in chosen.items()
    ]
    _, lists = run_yosys("\n".join(lines), design, *(f"{block}.txt" for block in chosen))
    unique = {mutant.name: mutant for mutant in parse(b"\n".join(lists).decode())}
    numbered = [replace(mutant, number=n) for n, mutant in enumerate(unique.values(), 1)]
    return numbered, {block: sizes[block] for block in chosen}


def _sizes(design: str, blocks: dict[str, list[str]]) -> dict[str, int]:
    """Count the possible mutations of each block."""
    lines = [f"mutate -list 1 -o one.txt {' '.join(modules)}" for modules in blocks.values()]
    log, _ = run_yosys("\n".join(lines), design)
    found = [int(size) for size in _DATABASE.findall(log)]
    return dict(zip(blocks, found, strict=True))


def instrument(design: str, mutants: Sequence[Mutant]) -> tuple[str, int]:
    """Put mutants into a design, of which one is active at a time.

    Parameters
    ----------
    design : str
        RTLIL.
    mutants : sequence of Mutant

    Returns
    -------
    (str, int)
        Verilog whose modules have the input `SELECT`, and its width in bits.
    """
    width = max(mutant.number for mutant in mutants).bit_length()
    lines = [
        f"add -global_input {SELECT} {width}",
        *(mutant.command(f"-ctrl {SELECT} {width} {mutant.number}") for mutant in mutants),
        "write_verilog -noattr mutated.v",
    ]
    _, (text,) = run_yosys("\n".join(lines), design, "mutated.v")
    return text.decode(), width
