"""The testbench API for cocotb tests: clock, reset, control port, memory, wait for the end."""

from __future__ import annotations

import ctypes
import time
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, SimTimeoutError, ValueChange, with_timeout
from cocotb_bus.drivers.amba import AXI4LiteMaster

from ..runtime.errors import SimulationError
from ..spec.registers import RECORDED, RESET_CYCLES, Register, Status
from .protocol import describe_violation
from .stall import describe_stall

__all__ = ["Testbench"]

PERIOD = 10  # ns, as in main.cpp
REGISTER_TIMEOUT = 2000  # timeout of a register access, cycles
REPORT_SECONDS = 0.4  # interval between progress reports
_BEAT = 64  # bytes, the most of the memory's functions
_TASKS_COMBINED = "Passing Task objects to `Combine` is deprecated"  # by cocotb-bus, in each write


class Testbench:
    """Drives `tb.sv`.

    Parameters
    ----------
    dut : SimHandleBase
        The top, `tb`; cocotb finds its signals by name.

    Attributes
    ----------
    native : bool
        Whether main.cpp generates the clock and can run without callbacks; else cocotb does.
    """

    __test__ = False

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self._program = ctypes.CDLL(None)
        self.native = hasattr(self._program, "maccord_free_run")
        if self.native:
            self._program.maccord_free_run.argtypes = [ctypes.c_uint64]
        else:
            Clock(dut.aclk, PERIOD, "ns", impl="gpi").start()
        warnings.filterwarnings("ignore", _TASKS_COMBINED, DeprecationWarning)
        self._lite = AXI4LiteMaster(dut, "s_axi", dut.aclk)

    def open_memory(self, image: Path, mask: Path) -> None:
        """Back the memory with two files.

        Parameters
        ----------
        image : Path
            The bytes; modified in place.
        mask : Path
            One bit per byte, set when the accelerator writes it; an eighth of the image's size.

        Raises
        ------
        SimulationError
            If the files cannot be mapped.
        """
        code = self._program.maccord_memory_open(bytes(image), bytes(mask))
        if code:
            raise SimulationError(
                f"The memory's files {image} and {mask} cannot be mapped ({code})."
            )

    def open_ledger(self, ledger: Path, tensors: Path) -> None:
        """Track writes against a ledger from now on.

        Parameters
        ----------
        ledger : Path
            Written by `write_ledger`.
        tensors : Path
            File to which completed areas are copied.

        Raises
        ------
        SimulationError
            If the files cannot be mapped.
        """
        code = self._program.maccord_ledger_open(bytes(ledger), bytes(tensors))
        if code:
            raise SimulationError(
                f"The ledger's files {ledger} and {tensors} cannot be mapped ({code})."
            )

    def ledger(self) -> dict[str, int]:
        """Return the ledger's progress, and writes that violate it.

        Returns
        -------
        dict of str to int
            `complete` areas, bytes `entered` of the next; `strays` outside of it and of the free
            regions, `doubles`, and the first offset of each.
        """
        names = ("complete", "entered", "strays", "first_stray", "doubles", "first_double")
        state = (ctypes.c_uint64 * len(names))()
        self._program.maccord_ledger_state(state)
        return dict(zip(names, state, strict=True))

    def memory(self) -> memoryview:
        """Return a view of the memory's bytes, as the accelerator sees them now."""
        self._program.maccord_memory.restype = ctypes.c_void_p
        self._program.maccord_memory_size.restype = ctypes.c_uint64
        size = self._program.maccord_memory_size()
        address = self._program.maccord_memory()
        return memoryview((ctypes.c_uint8 * size).from_address(address)).cast("B")

    def write_memory(self, offset: int, data: bytes) -> None:
        """Write bytes as the host; mask and ledger count them like the accelerator's writes.

        Parameters
        ----------
        offset : int
            Byte offset in the memory; any.
        data : bytes
        """
        write = self._program.memory_write
        write.argtypes = [ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint64]
        before = offset % _BEAT
        padded = b"\0" * before + data
        for start in range(0, len(padded), _BEAT):
            beat = padded[start : start + _BEAT]
            lanes = (1 << len(beat)) - 1
            if not start:
                lanes &= ~((1 << before) - 1)
            write(offset - before + start, _BEAT, beat.ljust(_BEAT, b"\0"), lanes)

    def inject(self, offset: int, size: int, response: int) -> None:
        """Make the memory respond with an error to accesses to some bytes from now on.

        Parameters
        ----------
        offset, size : int
            The bytes; none if `size` is 0.
        response : int
            AXI response: 2 for SLVERR, 3 for DECERR.
        """
        inject = self._program.maccord_memory_inject
        inject.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int]
        inject(offset, size, response)

    async def reset(
        self,
        *,
        base: int,
        latency: int = 30,
        jitter: int = 0,
        stall: int = 0,
        seed: int = 0,
    ) -> None:
        """Configure the memory and reset everything, bursts in flight too, for `RESET_CYCLES`.

        Parameters
        ----------
        base : int
            First address of the memory.
        latency : int
            Cycles from a request to the first response, 2 to 65535.
        jitter : int
            Largest random number of cycles added to it.
        stall : int
            Probability, in 1/256, that a channel of the master port stalls in a cycle.
        seed : int
            Seed of both.
        """
        dut = self.dut
        self._program.maccord_memory_size.restype = ctypes.c_uint64
        dut.memory_base.value = base
        dut.memory_size.value = self._program.maccord_memory_size()
        dut.memory_latency.value = latency
        dut.memory_jitter.value = jitter
        dut.memory_stall.value = stall
        dut.memory_seed.value = seed
        dut.wakeup.value = 0
        dut.aresetn.value = 0
        await ClockCycles(dut.aclk, RESET_CYCLES)
        dut.aresetn.value = 1
        await ClockCycles(dut.aclk, 2)

    async def read(self, address: int) -> int:
        """Read a register.

        Raises
        ------
        SimulationError
            If the accelerator does not answer.
        """
        return int(await self._answered(self._lite.read(address), f"read of {address:#05x}"))

    async def write(self, address: int, value: int) -> None:
        """Write a register.

        Raises
        ------
        SimulationError
            If the accelerator does not answer.
        """
        await self._answered(self._lite.write(address, value), f"write of {address:#05x}")

    async def _answered(self, access: Coroutine[Any, Any, Any], what: str) -> Any:
        try:
            return await with_timeout(cocotb.start_soon(access), REGISTER_TIMEOUT * PERIOD, "ns")
        except SimTimeoutError:
            raise SimulationError(
                f"The control port did not answer a {what} in {REGISTER_TIMEOUT} cycles."
            ) from None

    async def start(self, program: int, base: int) -> None:
        """Start a program.

        Parameters
        ----------
        program : int
            Byte offset of the program from the base address.
        base : int
            Address to which the program's offsets are relative.
        """
        await self.write(Register.IRQ_ENABLE, 1)
        await self.write(Register.BASE_LOW, base & 0xFFFF_FFFF)
        await self.write(Register.BASE_HIGH, base >> 32)
        await self.write(Register.PROGRAM, program)
        await self.write(Register.CONTROL, 1)

    async def wait_interrupt(
        self,
        limit: int,
        *,
        since: int | None = None,
        every: int = 100_000,
        progress: Callable[[int], None] = lambda cycles: None,
        free: bool = True,
    ) -> None:
        """Wait until the interrupt is high.

        Parameters
        ----------
        limit : int
            Cycles after which the accelerator counts as hung.
        since : int, optional
            Cycle from which they count; this one if not given.
        every : int
            Cycles until the first call of `progress`; later calls are about `REPORT_SECONDS`
            apart.
        progress : callable
            Called with the cycles waited for.
        free : bool
            Whether to run without callbacks; no other coroutine may then wait for a signal.

        Raises
        ------
        SimulationError
            If the limit is reached; names the unit that is stalled.
        """
        start = int(self.dut.cycle.value) if since is None else since
        while not int(self.dut.irq.value):
            waited = int(self.dut.cycle.value) - start
            if waited >= limit:
                raise SimulationError(f"No interrupt after {limit} cycles: {await self._stall()}")
            begin = time.perf_counter()
            await self._run(min(every, limit - waited), free)
            every = _next_stretch(every, time.perf_counter() - begin)
            progress(int(self.dut.cycle.value) - start)

    async def _stall(self) -> str:
        """Describe what hangs, and possible reasons on the bus."""
        text = await describe_stall(self.read)
        seen = self.observed()
        if not seen["protocol_errors"]:
            return text
        violation = describe_violation(seen["protocol_code"], seen["protocol_cycle"])
        return f"{text} The AXI protocol was violated: {violation}."

    async def _run(self, cycles: int, free: bool) -> None:
        if free and self.native:
            self._program.maccord_free_run(cycles)
            await ValueChange(self.dut.wakeup)
            return
        try:
            await with_timeout(RisingEdge(self.dut.irq), cycles * PERIOD, "ns")
        except SimTimeoutError:
            return

    async def counters(self) -> dict[str, int]:
        """Read the accelerator's counters.

        Returns
        -------
        dict
            By the names of `RECORDED`.
        """
        values = {}
        for index, name in enumerate(RECORDED):
            address = Register.CYCLES + 8 * index
            low = await self.read(address)
            values[name] = low | (await self.read(address + 4)) << 32
        return values

    async def status(self) -> tuple[int, int]:
        """Read the status.

        Returns
        -------
        (int, int)
            `Status` bits and error code.
        """
        word = await self.read(Register.STATUS)
        return word & 0xFF, word >> 8 & 0xFF

    async def acknowledge(self) -> None:
        """Clear the status and wait until the interrupt is low again."""
        await self.write(Register.STATUS, Status.DONE | Status.ERROR | Status.RECORDED)
        for _ in range(10):
            if not int(self.dut.irq.value):
                return
            await RisingEdge(self.dut.aclk)
        raise SimulationError("The interrupt stays high after its status bits were cleared.")

    async def clear_record(self) -> None:
        """Clear a record's interrupt; the next one may already be pending."""
        await self.write(Register.STATUS, Status.RECORDED)
        await ClockCycles(self.dut.aclk, 2)

    def observed(self) -> dict[str, int]:
        """Return what the memory and the protocol checker have counted since reset."""
        names = (
            "cycle", "start_cycle", "stop_cycle", "read_bursts", "read_beats", "write_bursts",
            "write_beats", "overlaps", "protocol_errors", "protocol_code", "protocol_cycle",
        )  # fmt: skip
        return {name: int(getattr(self.dut, name).value) for name in names}


def _next_stretch(cycles: int, seconds: float) -> int:
    """Cycles that take about `REPORT_SECONDS` at the speed of the last ones."""
    return max(1000, min(10 * cycles, int(cycles * REPORT_SECONDS / max(seconds, 1e-6))))
