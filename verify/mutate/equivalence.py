"""Proves mutants equal to the design: no input ever shows a difference at a block's boundary."""

from __future__ import annotations

import re
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from ...hw.verilog import TOP
from ...synth.tools import YOSYS
from .aiger import Aig, read_aiger, write_aiger
from .miter import miter
from .mutants import Mutant, run_yosys
from .structure import unobservable

__all__ = ["SECONDS", "prove"]

SECONDS = 6  # of processor time that a search for a proof may take
_LARGE = 400  # bits of registers in a module that is cut out of the ones around it
_SWITCH = "maccord_active_"  # input of a mutant: active where it is 1
#: To one clocked circuit of ANDs; memories are registers from here on. What has no value at
#: power-on starts at 0, as in the simulation.
_TO_AIG = """opt_clean
memory_map
setundef -init -zero
async2sync
dffunmap
techmap
simplemap
opt_clean
aigmap
"""
#: ABC's commands for a circuit: merge registers that are always equal, then search for an
#: invariant by which the output stays 0.
_PROVE = "read_aiger,miter.aig;strash;scorr;write_aiger,merged.aig;pdr;write_status,status"
_PROVED = "snl_UNSAT"
#: ABC is part of Yosys, and runs on a design: one that is not looked at.
_CARRIER = "module \\any\n  wire input 1 \\a\n  wire input 2 \\b\n  wire output 3 \\y\n"
_CARRIER += "  cell $_AND_ \\and\n    connect \\A \\a\n    connect \\B \\b\n    connect \\Y \\y\n"
_CARRIER += "  end\nend\n"
_MODULE = re.compile(r"^module \\(\S+)$(.*?)^end$", re.MULTILINE | re.DOTALL)
_REGISTER = re.compile(
    r"^  cell \$\w*dff\w* \S+$(?:(?!^  end$).)*?\\WIDTH (\d+)$", re.MULTILINE | re.DOTALL
)
_MEMORY = re.compile(
    r"^  cell \$mem_v2 \\(\S+)$(?:(?!^  end$).)*?\\RD_CLK_ENABLE (1'[01])$", re.M | re.S
)
_WRITTEN = re.compile(r"^(.*)\.WR_(DATA|ADDR|EN)$")  # port of a memory that is cut out


def prove(
    design: str, mutants: Sequence[Mutant], seconds: int = SECONDS,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[tuple[int, str]]:  # fmt: skip
    """Yield the number of each mutant, and the module in which it is proved equal; "" if in none.

    First come those of which nothing is left in the reduced design. Of the others, a mutant's
    module is compared with the design's: its inputs are arbitrary, all outputs must be
    equal in every cycle from power-on. If that fails, the module around it gives the inputs, up to
    the whole design; for the one around it, its own outputs are compared, too. RAMs and large
    modules beside the mutant's are cut out: what goes into them must be equal, then what comes out
    of them is; what is not written need not be. The mutant's module is first compared without any
    of its memories. A mutant without a proof may be equal all the same. No proof is sought for one
    of a clock: these circuits have one, which is not a part of them.

    Parameters
    ----------
    design : str
        RTLIL.
    mutants : sequence of Mutant
    seconds : int
        Limit of each search, of processor time.
    say : callable
        Called with progress messages.

    Raises
    ------
    ToolchainError, SimulationError
        If Yosys is missing or fails.
    """
    idle = unobservable(design, mutants)
    yield from ((number, TOP) for number in idle)
    mutants = [mutant for mutant in mutants if mutant.number not in idle]
    yield from ((mutant.number, "") for mutant in mutants if mutant.clock)
    waiting = {mutant: mutant.module for mutant in mutants if not mutant.clock}
    for mutant, compared in _compared(design, dict(waiting), bare=True):
        if any(each is None or _never(each, seconds) for each in compared):
            yield mutant.number, waiting.pop(mutant)
    while waiting:
        larger: dict[Mutant, str] = {}
        for done, (mutant, compared) in enumerate(_compared(design, waiting)):
            module = waiting[mutant]
            say(f"proving survivors equal: {done} of {len(waiting)}, {module}")
            if any(each is None or _never(each, seconds) for each in compared):
                yield mutant.number, module
            elif module == TOP:
                yield mutant.number, ""
            else:
                larger[mutant] = module.rpartition(".")[0]
        waiting = larger


def _compared(
    design: str, modules: dict[Mutant, str], *, bare: bool = False
) -> Iterator[tuple[Mutant, Iterator[Aig | None]]]:
    """Yield each mutant with circuits that compare it; None if it changes no output."""
    for mutant, circuit, own, switches in _circuits(design, modules, bare):
        others = [place for number, place in switches.items() if number != mutant.number]
        yield (
            mutant,
            _miters(circuit, own, switches[mutant.number], others, modules[mutant], mutant),
        )


def _miters(
    circuit: Aig, own: set[int], switch: int, others: Sequence[int], module: str, mutant: Mutant
) -> Iterator[Aig | None]:
    """Compare the outputs of a mutant's module, then those of the module around it."""
    outputs = list(enumerate(circuit.outputs))
    inner = [literal for number, literal in outputs if number in own]
    outer = [literal for number, literal in outputs if number not in own]
    if module != mutant.module:
        yield miter(replace(circuit, outputs=inner), switch, others, apart=True)
    if module in (mutant.module, mutant.module.rpartition(".")[0]):
        yield miter(replace(circuit, outputs=outer), switch, others)


def _circuits(
    design: str, modules: dict[Mutant, str], bare: bool
) -> Iterator[tuple[Mutant, Aig, set[int], dict[int, int]]]:
    """Yield each mutant with a circuit, which outputs are its module's, and its switches.

    A `bare` one is without any memory, but for one that is mutated.
    """
    groups: dict[tuple[str, str], list[Mutant]] = {}
    for mutant, module in modules.items():
        groups.setdefault((module, mutant.module), []).append(mutant)
    lines = []
    for mutant in modules:
        switch = f"{_SWITCH}{mutant.number}"
        lines += [f"add -global_input {switch} 1", mutant.command(f"-ctrl {switch} 1 1")]
    lines.append("design -save all")
    files = []
    for number, ((module, mutated), group) in enumerate(groups.items()):
        apart, memories = _cut(design, module, mutated)
        if bare:
            memories = _memories(design, module)
        inside = mutated[len(module) + 1 :]
        memories -= {f"{inside}.{mutant.cell}".lstrip(".") for mutant in group}
        cells = sorted(owner[len(module) + 1 :] for owner in apart) + sorted(memories)
        lines += ["design -load all", f"hierarchy -top {module}"]
        lines += [f"blackbox {owner}" for owner in sorted(apart)]
        lines += ["flatten"]
        # The register of what is read belongs to the circuit
        lines += [f"memory_nordff c:{cell}" for cell in sorted(memories)]
        lines += [f"expose -evert {' '.join(f'c:{cell}' for cell in cells)}"] * bool(cells)
        ports = [f"w:{port}" for port in _outputs(design, module, mutated)]
        lines += [f"expose {' '.join(ports)}"] * bool(ports)
        lines += [_TO_AIG + f"write_aiger -zinit -map {number}.map {number}.aig"]
        files += [f"{number}.map", f"{number}.aig"]
    _, contents = run_yosys("\n".join(lines), design, *files)
    for number, ((module, mutated), group) in enumerate(groups.items()):
        text, data = contents[2 * number : 2 * number + 2]
        ports = re.findall(rf"^input (\d+) 0 {_SWITCH}(\d+)$", text.decode(), re.MULTILINE)
        switches = {int(mutant): 1 + int(place) for place, mutant in ports}
        circuit = read_aiger(data)
        outputs = re.findall(r"^output (\d+) (\d+) (\S+)$", text.decode(), re.MULTILINE)
        circuit = _written(circuit, outputs)
        names = {place: name for place, _, name in outputs}
        # A switch also leads to what is cut out
        kept = [n for n in range(len(circuit.outputs)) if _SWITCH not in names.get(str(n), "")]
        inner = _outputs(design, module, mutated)
        own = {place for place, n in enumerate(kept) if names.get(str(n)) in inner}
        circuit = replace(circuit, outputs=[circuit.outputs[n] for n in kept])
        for mutant in group:
            yield mutant, circuit, own, switches


def _written(circuit: Aig, outputs: Sequence[tuple[str, str, str]]) -> Aig:
    """Clear what goes to the write port of a memory that is cut out where it is not enabled."""
    enables: dict[str, dict[int, int]] = {}
    literals, ands = list(circuit.outputs), list(circuit.ands)
    first = 1 + circuit.inputs + len(circuit.latches)

    def both(a: int, b: int) -> int:
        ands.append((min(a, b), max(a, b)))
        return 2 * (first + len(ands) - 1)

    found = [(int(place), int(bit), _WRITTEN.match(name)) for place, bit, name in outputs]
    ports = [(place, bit, match[1], match[2]) for place, bit, match in found if match]
    for place, bit, memory, kind in ports:
        if kind == "EN":
            enables.setdefault(memory, {})[bit] = literals[place]
    some: dict[str, int] = {}
    for memory, bits in enables.items():
        none = 1
        for literal in sorted(set(bits.values())):
            none = both(none, literal ^ 1)
        some[memory] = none ^ 1
    for place, bit, memory, kind in ports:
        if kind != "EN":
            enable = enables[memory][bit] if kind == "DATA" else some[memory]
            literals[place] = both(literals[place], enable)
    return replace(circuit, outputs=literals, ands=ands)


def _outputs(design: str, module: str, mutated: str) -> set[str]:
    """Names of a module's outputs in a flattened module around it."""
    if module == mutated:
        return set()
    (text,) = (text for name, text in _MODULE.findall(design) if name == mutated)
    ports = re.findall(r"^  wire .*\boutput \d+ .*?\\(\S+)$", text, re.MULTILINE)
    return {f"{mutated[len(module) + 1 :]}.{port}" for port in ports}


def _cut(design: str, module: str, mutated: str) -> tuple[set[str], set[str]]:
    """Large modules beside the mutated one, and names of the other RAMs, in a flattened module."""
    within = f"{module}."
    bits, memories = _contents(design)
    apart: set[str] = set()
    for owner in sorted(bits):
        large = sum(n for name, n in bits.items() if f"{name}.".startswith(f"{owner}.")) > _LARGE
        beside = owner.startswith(within) and not f"{mutated}.".startswith(f"{owner}.")
        nested = any(owner.startswith(f"{other}.") for other in apart)
        if large and beside and not nested and not owner.startswith(f"{mutated}."):
            apart.add(owner)
    return apart, {
        f"{owner[len(within) :]}.{cell}".lstrip(".")
        for owner, cell, ram in memories
        if ram and f"{owner}.".startswith(within)
        and not any(f"{owner}.".startswith(f"{other}.") for other in apart)
    }  # fmt: skip


def _memories(design: str, module: str) -> set[str]:
    """Names of all memories of a module, in its flattened form."""
    within = f"{module}."
    return {
        f"{owner[len(within) :]}.{cell}".lstrip(".")
        for owner, cell, _ in _contents(design)[1]
        if f"{owner}.".startswith(within)
    }


@cache
def _contents(design: str) -> tuple[dict[str, int], list[tuple[str, str, bool]]]:
    """Bits of registers of each module; modules and cells of the memories, and which are RAMs.

    A RAM is read with a clock.
    """
    modules = _MODULE.findall(design)
    return (
        {name: sum(map(int, _REGISTER.findall(text))) for name, text in modules},
        [
            (name, cell, clocked == "1'1")
            for name, text in modules
            for cell, clocked in _MEMORY.findall(text)
        ],
    )


def _never(circuit: Aig, seconds: int) -> bool:
    """Tell whether the output of a circuit is proved to stay 0."""
    if circuit.outputs[0] < 2:  # constant
        return circuit.outputs == [0]
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        (folder / "miter.aig").write_bytes(write_aiger(circuit))
        (folder / "any.il").write_text(_CARRIER)
        script = f"read_rtlil any.il\nabc -script +{_PROVE}\n"
        (folder / "script.ys").write_text(script)
        # It fails at the end: what ABC leaves is not the design that it was given
        with subprocess.Popen(
            YOSYS.command("-q", "script.ys"), cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (seconds, seconds + 1))
        merged, status = folder / "merged.aig", folder / "status"
        if merged.exists() and read_aiger(merged.read_bytes()).outputs == [0]:
            return True
        return status.exists() and status.read_text().startswith(_PROVED)
