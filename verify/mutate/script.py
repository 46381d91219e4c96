"""Scripts of the regression: what a host does to the accelerator, step by step, and observes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...spec.registers import RECORDED, RESET_CYCLES, Command, ErrorCode, Register, Status

__all__ = ["BASE", "LIMIT", "Script", "Snapshot", "Step", "write_images", "write_scripts"]

BASE = 0x12_3450_0000
LIMIT = 100_000  # cycles of a program
_GRAIN = 64  # bytes; images, and what is compared of them, are multiples of it

Bytes = npt.NDArray[np.uint8]


class Step(IntEnum):
    """Kinds of steps, as in player.cpp."""

    RESET = 0
    TIMING = 1
    IMAGE = 2
    WRITE = 3
    READ = 4
    TICKS = 5
    RUN = 6
    OBSERVE = 7
    BYTES = 8
    INJECT = 9
    PRESET = 10
    BOTH = 11


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What memory must hold at a step `BYTES`.

    Attributes
    ----------
    due : ndarray of shape (bytes,), uint8
    open : ndarray of shape (bytes,), bool
        Bytes that may hold anything.
    """

    due: Bytes
    open: npt.NDArray[np.bool_]


@dataclass(eq=False)
class Script:
    """A sequence of steps; `player.cpp` plays it on a model that has just been made.

    Parameters
    ----------
    name : str

    Attributes
    ----------
    steps : list of tuple of int
        Kind and words of each step.
    images : list of ndarray of shape (bytes,), uint8
        Contents of the memory that the steps `IMAGE` load.
    snapshots : list of Snapshot
        One for each step `BYTES`.
    errors : list of ErrorCode or None
        The code with which each step `RUN` must end; None for any.
    """

    name: str
    steps: list[tuple[int, ...]] = field(default_factory=list)
    images: list[Bytes] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    errors: list[ErrorCode | None] = field(default_factory=list)

    def timing(self, latency: int = 8, jitter: int = 0, stall: int = 0, seed: int = 0) -> None:
        """Set the memory's timing, in cycles and 1/256."""
        self.steps.append((Step.TIMING, latency, jitter, stall, seed))

    def reset(self, cycles: int = RESET_CYCLES) -> None:
        """Reset the accelerator."""
        self.steps.append((Step.RESET, cycles))

    def image(self, memory: Bytes, base: int = BASE) -> None:
        """Load the memory, at an address."""
        whole = np.zeros(-(-memory.size // _GRAIN) * _GRAIN, np.uint8)
        whole[: memory.size] = memory
        self.steps.append((Step.IMAGE, len(self.images), base))
        self.images.append(whole)

    def write(
        self, register: int, value: int, strobe: int = 15, delays: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        """Write a register; the delays are those of address, data and BREADY, in cycles."""
        self.steps.append((Step.WRITE, register, value, strobe, *delays))

    def read(self, register: int, delay: int = 0) -> None:
        """Read a register; RREADY comes after a delay in cycles."""
        self.steps.append((Step.READ, register, delay))

    def ticks(self, cycles: int) -> None:
        """Wait."""
        self.steps.append((Step.TICKS, cycles))

    def inject(self, first: int, count: int, response: int) -> None:
        """Answer accesses to some bytes with an error."""
        self.steps.append((Step.INJECT, first, count, response))

    def preset(self, seed: int) -> None:
        """Set the registers of `maccord.verify.mutate.model.PRESET`: with 0, all their bits."""
        self.steps.append((Step.PRESET, seed))

    def both(self, written: int, value: int, read: int, lead: int) -> None:
        """Write a register, and read one whose address comes some cycles later."""
        self.steps.append((Step.BOTH, written, value, read, lead))

    def start(self, program: int, base: int = BASE) -> None:
        """Start a program at an offset, as a driver does."""
        self.write(Register.IRQ_ENABLE, 1)
        self.write(Register.BASE_LOW, base & 0xFFFF_FFFF)
        self.write(Register.BASE_HIGH, base >> 32)
        self.write(Register.PROGRAM, program)
        self.write(Register.CONTROL, Command.START)

    def finish(
        self, *, counters: bool = True, error: ErrorCode | None = ErrorCode.NONE, limit: int = LIMIT
    ) -> None:
        """Wait for the program's end, some cycles at most; observe status, counters and the bus."""
        self.errors.append(error)
        self.steps += [(Step.RUN, limit), (Step.OBSERVE,)]
        if counters:
            for index in range(len(RECORDED)):
                self.read(Register.CYCLES + 8 * index)
        self.read(Register.INSTRUCTION)
        self.read(Register.UNITS)
        self.write(Register.STATUS, Status.DONE | Status.ERROR | Status.RECORDED)
        self.ticks(2)
        self.read(Register.STATUS)

    def bytes(self, due: Bytes, open: npt.NDArray[np.bool_] | None = None) -> None:
        """Compare the memory's bytes, from its first on; `open` ones may hold anything."""
        size = self.images[-1].size
        whole = self.images[-1].copy()
        whole[: due.size] = due
        spared = np.zeros(size, bool)
        if open is not None:
            spared[: open.size] = open
        self.steps += [(Step.BYTES, 0, size), (Step.OBSERVE,)]
        self.snapshots.append(Snapshot(whole, spared))

    @property
    def size(self) -> int:
        """Bytes of its largest image."""
        return max(image.size for image in self.images)


def write_scripts(path: Path, scripts: Sequence[Script]) -> None:
    """Write scripts as player.cpp reads them; images are numbered over all of them."""
    words, images = [len(scripts)], 0
    for script in scripts:
        own: list[int] = []
        for step in script.steps:
            shift = images if step[0] == Step.IMAGE else 0
            own += [step[0], *(step[1:2] and [step[1] + shift]), *step[2:]]
        words += [len(own), *own]
        images += len(script.images)
    np.array(words, np.uint64).tofile(path)


def write_images(path: Path, scripts: Sequence[Script]) -> None:
    """Write the images of scripts as player.cpp reads them."""
    images = [image for script in scripts for image in script.images]
    with path.open("wb") as file:
        np.array([len(images), *(image.size for image in images)], np.uint64).tofile(file)
        for image in images:
            image.tofile(file)
