"""The control port's registers: byte addresses on AXI4-Lite, bits, and codes."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "COUNTERS",
    "IDENTIFICATION",
    "RECORDED",
    "RESET_CYCLES",
    "VERSION",
    "WITHOUT_REGISTER",
    "WRITABLE",
    "Command",
    "ErrorCode",
    "Register",
    "Status",
    "UnitState",
]

IDENTIFICATION = 0x4D414343  # "MACC"
VERSION = 0x0003_0000
#: Fields of `Parameters` that no register holds; FEATURES tells what follows from them.
WITHOUT_REGISTER = (
    *("family", "packed", "product", "lookup", "window_width", "narrow", "half_up", "weight_bits"),
    *("gather", "row_lanes", "row_elements"),
)
#: Fewest cycles of the reset input; a start may follow as soon as the reset has ended.
RESET_CYCLES = 16

# Every cycle from start to interrupt is counted by exactly one of these.
COUNTERS = (
    "compute",  # a vector enters the array
    "requantizer",  # the array waits for requantizer lanes
    "array",  # weights shift into the array
    "weights",  # weights have not arrived from memory
    "loads",  # activations have not arrived from memory
    "stores",  # outputs have not left to memory
    "control",  # program fetch, set-up, filling and draining of the pipeline
)

# Counters of 64 bits each that RECORD writes; registers from CYCLES on hold them.
RECORDED = ("cycles", *COUNTERS, "macs")


class Register(IntEnum):
    """Addresses. Counters are 64 bits, low word first, from CYCLES in the order of `RECORDED`.

    They hold once the program is done. While it runs, the two words are not read atomically.
    """

    ID = 0x000
    VERSION = 0x004
    CONTROL = 0x008  # `Command`
    STATUS = 0x00C  # `Status`; writing 1 to done or error clears it and lowers the interrupt
    IRQ_ENABLE = 0x010  # bit 0
    PROGRAM = 0x014  # byte offset of the program from the base address, a multiple of 256
    BASE_LOW = 0x018  # base address, 40 bits, a multiple of 4096
    BASE_HIGH = 0x01C
    ROWS = 0x020
    COLS = 0x024
    LANES = 0x028
    AXI_BYTES = 0x02C
    ACTIVATION_BYTES = 0x030
    WEIGHT_BYTES = 0x034
    OUTPUT_BYTES = 0x038
    ACCUMULATORS = 0x03C
    UNITS = 0x040  # four bits per unit, `UnitState`; fetch in bits 16 to 19
    INSTRUCTION = 0x044  # instructions dispatched since the start
    LINE_CELLS = 0x048
    FEATURES = 0x04C  # bits of `maccord.spec.isa_features.Feature`
    CYCLES = 0x080
    COUNTER = 0x088  # the first of `COUNTERS`


# Writable bits; the others read as 0. From an aligned base, no burst crosses a 4096-byte boundary.
# Writes to PROGRAM and BASE are ignored while a program runs.
WRITABLE = {
    Register.IRQ_ENABLE: 0x0000_0001,
    Register.PROGRAM: 0xFFFF_FF00,
    Register.BASE_LOW: 0xFFFF_F000,
    Register.BASE_HIGH: 0x0000_00FF,
}


class Command(IntEnum):
    """Bits of CONTROL, which reads as 0; START has no effect while a program runs.

    ABORT has no effect while none runs. An aborted program ends like one with an error: requested
    bursts are completed, writes with strobes deasserted, and no further burst is started.
    """

    START = 1
    ABORT = 2


class Status(IntEnum):
    """Bits of STATUS; bits 8 to 15 hold an `ErrorCode`."""

    BUSY = 1
    DONE = 2
    ERROR = 4
    RECORDED = 8  # a RECORD requested the interrupt; writing 1 clears it


class ErrorCode(IntEnum):
    """Why a program stopped early."""

    NONE = 0
    ILLEGAL_INSTRUCTION = 1
    READ_ERROR = 2
    WRITE_ERROR = 3
    SCRATCHPAD_RANGE = 4
    DEADLOCK = 5
    ABORTED = 6  # by `Command.ABORT`


class UnitState(IntEnum):
    """State of a unit, for a driver or a watchdog."""

    IDLE = 0
    WAITING = 1  # for a token
    RUNNING = 2
    BUS = 3  # waits for a memory response
