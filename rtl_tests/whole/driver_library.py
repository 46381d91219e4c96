"""The C driver as a shared library, with registers that Python answers."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from maccord.hw.package.files import DRIVER, companions
from maccord.spec.parameters import Parameters

__all__ = ["DRIVER", "FLAGS", "PARAMETERS", "Driver", "compiler", "headers", "library"]

FLAGS = (
    *("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow"),
    *("-Wstrict-prototypes", "-Wmissing-prototypes", "-ffreestanding", "-O2"),
)
RESULTS = ("OK", "NOT_FOUND", "BAD_VERSION", "BAD_ARGUMENT", "BUSY", "TIMEOUT", "FAILED")
PARAMETERS = (
    *("rows", "cols", "lanes", "axi_bytes", "activation_bytes", "weight_bytes", "output_bytes"),
    *("accumulators", "line_cells"),
)
COUNTERS = 9

_Read = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
_Write = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
_Call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Io(ctypes.Structure):
    _fields_ = (
        *(("read", _Read), ("write", _Write), ("barrier", _Call)),
        ("context", ctypes.c_void_p),
    )


class _Device(ctypes.Structure):
    _fields_ = (
        ("io", _Io),
        *((name, ctypes.c_uint32) for name in (*PARAMETERS, "features", "status", "records")),
    )


def compiler() -> str:
    """The C compiler's name: gcc, else whatever `cc` is."""
    return shutil.which("gcc") or "cc"


def headers(parameters: Parameters, folder: Path) -> Path:
    """Write the generated headers into a folder, and return it."""
    for name, text in companions(parameters).items():
        if name.endswith(".h"):
            (folder / name).write_text(text)
    return folder


def library(folder: Path) -> Path:
    """Compile the driver without a library of any kind, and return the shared object."""
    target = folder / "libmaccord_driver.so"
    headers(Parameters(), folder)
    subprocess.run(
        [
            *(compiler(), *FLAGS, "-fPIC", "-shared", "-nostdlib", "-Wl,--no-undefined"),
            *(f"-I{folder}", str(DRIVER / "maccord_driver.c"), "-o", str(target)),
        ],
        check=True,
    )
    return target


class Driver:
    """The driver's functions, on registers behind three callbacks.

    Parameters
    ----------
    path : str or Path
        Of the shared object.
    read, write, barrier : callable
        What `struct maccord_io` has; an exception in them comes up in `check`.
    """

    def __init__(
        self,
        path: str | Path,
        read: Callable[[int], int],
        write: Callable[[int, int], None],
        barrier: Callable[[], None] = lambda: None,
    ) -> None:
        self._c = ctypes.CDLL(str(path))
        self._problems: list[BaseException] = []
        self.device = _Device()
        guard = self._guard
        self._io = _Io(
            _Read(lambda _, offset: guard(read, offset)),
            _Write(lambda _, offset, value: guard(write, offset, value)),
            _Call(lambda _: guard(barrier)),
        )
        for name in ("interrupt", "status", "unit", "instructions", "error", "get"):
            getattr(self._c, f"maccord_{name}").restype = ctypes.c_uint32
        self._c.maccord_get.restype = ctypes.c_uint64

    def _guard(self, function: Callable[..., int | None], *arguments: int) -> int:
        try:
            return function(*arguments) or 0
        except BaseException as problem:
            self._problems.append(problem)
            return 0xFFFF_FFFF  # ends every loop of the driver

    def check(self) -> None:
        """Raise what a callback raised."""
        if self._problems:
            raise self._problems[0]

    def _result(self, name: str, *arguments: object) -> str:
        return RESULTS[getattr(self._c, f"maccord_{name}")(self._at, *arguments)]

    @property
    def _at(self) -> object:
        return ctypes.byref(self.device)

    def open(self) -> str:
        return self._result("open", ctypes.byref(self._io))

    def has(self, features: int) -> bool:
        return bool(self._c.maccord_has(self._at, ctypes.c_uint32(features)))

    def load(self, memory: int, base: int, offset: int, program: bytes) -> str:
        place, size = ctypes.c_void_p(memory), ctypes.c_uint32(len(program))
        return self._result(
            "load", place, ctypes.c_uint64(base), ctypes.c_uint32(offset), program, size
        )

    def start(self, interrupt: bool) -> str:
        return self._result("start", int(interrupt))

    def abort(self) -> None:
        self._c.maccord_abort(self._at)

    def wait(self, polls: int) -> str:
        return self._result("wait", ctypes.c_uint32(polls))

    def wait_interrupt(self, sleep: Callable[[], None], sleeps: int = 0) -> str:
        call = _Call(lambda _: self._sleep(sleep))
        return self._result("wait_interrupt", call, None, ctypes.c_uint32(sleeps))

    def _sleep(self, sleep: Callable[[], None]) -> None:
        self._guard(sleep)
        if self._problems:
            self.device.status = 0xFFFF_FFFF  # ends the wait

    def interrupt(self) -> int:
        return self._c.maccord_interrupt(self._at)

    def status(self) -> int:
        return self._c.maccord_status(self._at)

    def unit(self, unit: int) -> int:
        return self._c.maccord_unit(self._at, ctypes.c_uint32(unit))

    def instructions(self) -> int:
        return self._c.maccord_instructions(self._at)

    def error(self) -> int:
        return self._c.maccord_error(self._at)

    def counters(self) -> list[int]:
        values = (ctypes.c_uint64 * COUNTERS)()
        self._c.maccord_counters(self._at, values)
        return list(values)

    def parameters(self) -> dict[str, int]:
        return {name: getattr(self.device, name) for name in PARAMETERS}

    def put(self, instruction: bytearray, lsb: int, bits: int, value: int) -> None:
        at = (ctypes.c_uint8 * len(instruction)).from_buffer(instruction)
        self._c.maccord_put(at, lsb, bits, ctypes.c_uint64(value & 0xFFFF_FFFF_FFFF_FFFF))

    def get(self, instruction: bytes, lsb: int, bits: int) -> int:
        return self._c.maccord_get(instruction, lsb, bits)
