"""What a host does beside starting programs: registers, restarts, resets, aborts, bus errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....spec.isa import encode_program
from ....spec.parameters import Parameters
from ....spec.registers import COUNTERS, RECORDED, Command, Register, Status
from ..script import BASE, Script
from .networks import compiled
from .tiles import END, random_program, relocated

__all__ = ["SCENES", "Rows", "access_script", "layout", "register_script", "scene_script"]

_SLVERR, _DECERR = 2, 3
_PAGE = 4096

Bytes = npt.NDArray[np.uint8]


@dataclass(eq=False)
class Rows:
    """Programs one behind the other in one memory.

    Attributes
    ----------
    memory : ndarray of shape (bytes,), uint8
    starts : list of (int, int)
        Where the memory of each begins, and the offset of its program in it.
    ends : list of ndarray, uint8
        Each one's memory at its end.
    records : list of ndarray, bool
        Its bytes that may hold anything.
    """

    memory: Bytes
    starts: list[tuple[int, int]]
    ends: list[Bytes]
    records: list[npt.NDArray[np.bool_]]

    def after(self, runs: Sequence[int]) -> tuple[Bytes, npt.NDArray[np.bool_]]:
        """Memory after some of the programs have run, and which bytes may hold anything."""
        memory, free = self.memory.copy(), np.zeros(self.memory.size, bool)
        for index in runs:
            first = self.starts[index][0]
            memory[first : first + self.ends[index].size] = self.ends[index]
            free[first : first + self.records[index].size] = self.records[index]
        return memory, free

    def start(self, script: Script, index: int, base: int = BASE) -> None:
        """Start one of them."""
        first, program = self.starts[index]
        script.start(program, base + first)


def layout(rng: np.random.Generator, parameters: Parameters, motifs: Sequence[str]) -> Rows:
    """Random tiles, then a network for each motif."""
    _, before, after = random_program(rng, parameters, 3)
    parts = [(before, after, 3 * _PAGE, np.zeros(before.size, bool))]
    for motif in motifs:
        work = compiled(rng, [motif], parameters, 5)
        parts.append((work.before, work.after, work.program, work.records))
    starts, memories, at = [], [], 0
    for before, _, program, _ in parts:
        size = -(-before.size // _PAGE) * _PAGE
        starts.append((at, program))
        memories.append(np.pad(before, (0, size - before.size)))
        at += size
    return Rows(
        np.concatenate(memories), starts, [part[1] for part in parts], [part[3] for part in parts]
    )


@dataclass(eq=False)
class _Scene:
    """Programs in a memory, and the script that starts them."""

    rng: np.random.Generator
    rows: Rows
    script: Script

    def run(self, index: int) -> None:
        """Run one of them whole."""
        self.rows.start(self.script, index)
        self.script.finish()

    def whole(self) -> None:
        """Run each of them once."""
        for index in range(len(self.rows.starts)):
            self.run(index)

    def disturbed(self, times: int, disturb: Callable[[_Scene, int], None]) -> None:
        """Start a program and disturb it, each time before a whole one; then run each."""
        for _ in range(times):
            ended, whole = self.rng.integers(len(self.rows.starts), size=2).tolist()
            disturb(self, ended)
            self.run(whole)
        self.whole()


def _restarts(scene: _Scene) -> None:
    """Programs in a row without a reset between them."""
    count = len(scene.rows.starts)
    for index in [0, *range(count), 0, *scene.rng.permutation(count).tolist()]:
        scene.run(index)


def _reset(scene: _Scene, index: int) -> None:
    script = scene.script
    scene.rows.start(script, index)
    script.ticks(int(scene.rng.integers(1, 500)))
    script.reset()
    for register in (Register.STATUS, Register.PROGRAM, Register.UNITS, Register.BASE_LOW):
        script.read(register)


def _abort(scene: _Scene, index: int) -> None:
    script, rng = scene.script, scene.rng
    scene.rows.start(script, index)
    script.ticks(int(rng.choice([0, 3, 20, *rng.integers(10, 500, 5)])))
    script.write(Register.CONTROL, Command.ABORT)
    script.finish(error=None)


def _bus_error(scene: _Scene, index: int) -> None:
    """Answer with an error somewhere: in the program, in what it writes, anywhere."""
    rng, rows, script = scene.rng, scene.rows, scene.script
    first, program = rows.starts[index]
    size = rows.ends[index].size
    written = np.flatnonzero(rows.ends[index] != rows.memory[first : first + size])
    place = [program + int(rng.integers(64)), int(rng.integers(size))]
    place += [int(rng.choice(written))] * 2 if written.size else []
    script.inject(first + int(rng.choice(place)), 1, int(rng.choice([_SLVERR, _DECERR])))
    rows.start(script, index)
    script.finish(error=None)
    script.inject(0, 0, 0)


def _busy(scene: _Scene) -> None:
    """Access registers while a program runs: what is ignored then, and what shows progress."""
    rng, script = scene.rng, scene.script
    places = (Register.PROGRAM, Register.BASE_LOW, Register.BASE_HIGH)
    for index in range(len(scene.rows.starts)):
        scene.rows.start(script, index)
        script.write(Register.STATUS, 0xFFFF_FFFF)
        for register in places:
            script.write(register, int(rng.integers(1 << 32)))
        script.write(Register.CONTROL, Command.START)
        for _ in range(12):
            script.ticks(int(rng.integers(30)))
            counter = int(rng.integers(len(RECORDED)))
            script.read(Register.CYCLES + 8 * counter, int(rng.integers(3)))
            for register in (Register.UNITS, Register.INSTRUCTION, Register.STATUS):
                script.read(register)
        script.finish()
        for register in places:
            script.read(register)


#: What a host does while, or after, programs run: each as a script of its own.
SCENES: dict[str, Callable[[_Scene], None]] = {
    "restarts": _restarts,
    "resets": lambda scene: scene.disturbed(4, _reset),
    "aborts": lambda scene: scene.disturbed(6, _abort),
    "bus_errors": lambda scene: scene.disturbed(8, _bus_error),
    "busy": _busy,
}


def scene_script(
    kind: str, name: str, rng: np.random.Generator, parameters: Parameters, motifs: Sequence[str],
    **timing: int,
) -> Script:  # fmt: skip
    """Play one of `SCENES` on random tiles and networks, then compare the memory."""
    rows = layout(rng, parameters, motifs)
    script = Script(name)
    script.timing(**timing)
    script.image(rows.memory)
    script.reset()
    SCENES[kind](_Scene(rng, rows, script))
    script.bytes(*rows.after(range(len(rows.starts))))
    return script


def register_script(name: str, rng: np.random.Generator) -> Script:
    """Every register: patterns, strobes, delays; addresses that are none."""
    script = Script(name)
    script.timing()
    script.image(np.zeros(_PAGE, np.uint8))
    script.reset()
    known = [int(register) for register in Register]
    known += [Register.COUNTER + 4 * word for word in range(2 * len(COUNTERS) + 2)]
    for address in known:
        script.read(address)
    writable = (Register.PROGRAM, Register.BASE_LOW, Register.BASE_HIGH, Register.IRQ_ENABLE)
    for value in (0xFFFF_FFFF, 0x5555_5555, 0xAAAA_AAAA, 0):
        for register in writable:
            script.write(register, value)
        for register in writable:
            script.read(register)
    for strobe in range(16):
        register = writable[strobe % 3]
        script.write(register, int(rng.integers(1 << 32)), strobe)
        script.read(register)
    for _ in range(24):
        delays = tuple(rng.choice([0, 0, 1, 2, 5], 3).tolist())
        register = int(rng.choice(writable))
        script.write(register, int(rng.integers(1 << 32)), 15, delays)
        script.read(register, int(rng.integers(4)))
    for bit in range(12):  # none of them
        for register in (*writable, Register.ID, Register.CONTROL, Register.STATUS):
            address = int(register) ^ 1 << bit
            if address not in known:
                if address not in (*writable, Register.CONTROL):
                    script.write(address, 0xFFFF_FFFF)
                script.read(address)
    script.write(Register.CONTROL, Command.ABORT)  # of nothing
    script.write(Register.CONTROL, Command.START, 0b1110)  # without its byte
    for register in (*known, *writable):
        script.read(register)
    script.steps.append((7,))
    return script


def access_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Run at several addresses, with interrupts off and on, and clear bits one by one."""
    program, before, after = random_program(rng, parameters, 2)
    script = Script(name)
    script.timing()
    script.reset()
    for turn, (base, by) in enumerate(
        [
            (0x55_5555_5000, 0x5555_5000),
            (0xAA_AAAA_A000, 0xAAAA_A000),
            (0xFF_FFF0_0000, 0xFFFF_0000),
            (0x00_0000_0000, 0),
            (0x01_0000_0000, 0x10_0000),
        ]
    ):
        code = np.frombuffer(encode_program([*relocated(program, by), END]), np.uint8)
        for memory in (before, after):
            memory[3 * _PAGE : 3 * _PAGE + code.size] = code
        script.image(before, base)
        script.start(3 * _PAGE + by, base - by)
        script.write(Register.IRQ_ENABLE, turn % 2)
        if turn % 2 == 0:
            script.ticks(3000)
            script.steps.append((7,))
            script.read(Register.STATUS)
            script.write(Register.IRQ_ENABLE, 1)
        script.finish()
        for bit in (Status.RECORDED, Status.ERROR, Status.DONE):
            script.write(Register.STATUS, bit, 0b1110)
            script.write(Register.STATUS, bit)
            script.read(Register.STATUS)
        script.bytes(after)
    return script
