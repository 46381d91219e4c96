"""Options of `maccord sim`, and their validation before any long work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from pathlib import Path

from ..runtime.files import check_writable, probe
from ..runtime.folders import VARIABLE, cache_root
from ..runtime.scheduler import PROCESSES, check_scheduler
from ..spec.parameters import Parameters
from .given_netlist import read_netlist
from .inputs import PHOTOGRAPH, Inputs, check_inputs, check_targets
from .memory import MemoryModel
from .names import Names, known
from .network.ranking import read_classes
from .results import GENERATED

__all__ = ["Gate", "SimulationRequest", "check", "check_cache"]

_CYCLES = (0, 10_000)
_INTERRUPTS = ("network", "layer")


@dataclass(frozen=True)
class Gate:
    """Gate-level simulation instead of RTL.

    Parameters
    ----------
    family : str
        FPGA family of the primitives.
    synthesize : callable
        Takes Verilog text and a progress callback; returns the text of the netlist with models
        of its primitives.
    """

    family: str
    synthesize: Callable[[str, Callable[[str], None]], str]


@dataclass(frozen=True)
class SimulationRequest:
    """The options of `maccord sim`, as `cli.sim` documents them."""

    targets: tuple[str, ...]
    parameters: Parameters = Parameters()
    inputs: Inputs = Inputs()
    memory: MemoryModel = MemoryModel()
    verilog: Path | None = None
    gate: Gate | None = None
    waves: bool = False
    window: tuple[int, int] | None = None
    waves_layer: str = ""
    json: Path | None = None
    dump: Path | None = None
    out: Path = Path("build/sim")
    jobs: int = 0
    parts: int = 1
    scheduler: str = PROCESSES
    mhz: float = 200.0
    interrupts: str = "network"
    html: Path | None = None
    classes: Path | None = None
    wide: bool = False
    dry_run: bool = False
    verbose: bool = False
    quiet: bool = False
    switches: tuple[str, ...] = ()
    """Parameters that are switched on where a network needs it."""

    @property
    def folder(self) -> Path:
        """Folder of the results, one file each."""
        return self.out / self.parameters.name

    @property
    def cycles(self) -> tuple[int, int]:
        """First and last recorded cycle."""
        return self.window or _CYCLES

    @property
    def window_said(self) -> str:
        """Description of the recorded cycles."""
        first, last = self.cycles
        since = f" from {self.waves_layer} on" if self.waves_layer else ""
        return f"cycles {first:,} to {last:,}{since}"

    @property
    def image(self) -> str:
        """Path of the image or array, or name of the built-in photograph."""
        return ", ".join(map(str, self.inputs.inputs)) or str(self.inputs.image or PHOTOGRAPH)

    @property
    def netlist(self) -> str:
        """Origin of the netlist: a path, a synthesis family, or ``generated``."""
        if self.gate:
            return f"gate {self.gate.family}"
        return str(self.verilog or GENERATED)


def check(request: SimulationRequest) -> None:
    """Reject options that are invalid, have no effect, or would only fail after the simulation.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if request.jobs < 0:
        raise ValueError(f"jobs must be at least 0, got {request.jobs}")
    check_scheduler(request.scheduler)
    _check_parts(request)
    if not request.targets and not request.inputs.module:
        raise ValueError("targets must be networks or layers, or there must be a module; got none")
    check_targets(request.targets, request.inputs.module)
    if request.gate and request.verilog:
        raise ValueError(
            f"gate {request.gate.family} takes the generated netlist, got verilog {request.verilog}"
        )
    if request.verbose and request.quiet:
        raise ValueError("output must be verbose or quiet, got both")
    if request.verilog:
        read_netlist(request.verilog, request.parameters.axi_bytes)
    if request.dry_run:
        _check_dry_run(request)
    _check_run(request)
    _check_window(request)
    check_inputs(request.inputs)
    _check_classes(request)
    for name, path in (("json", request.json), ("dump", request.dump), ("html", request.html)):
        if path:
            check_writable(name, "file", path, path)
    check_writable("out", "folder", request.out, request.folder / "probe")
    check_cache()


def _check_dry_run(request: SimulationRequest) -> None:
    """Reject options that need a simulation or that the timing model does not support."""
    for name in ("waves", "dump", "html", "verilog", "gate"):
        if getattr(request, name):
            raise ValueError(f"dry-run simulates nothing, got {name}")
    memory, known = request.memory, MemoryModel()
    if (memory.latency, memory.stalls) != (known.latency, known.stalls):
        raise ValueError(
            f"dry-run needs latency {known.latency} and no stalls, which the timing model is for, "
            f"got latency {memory.latency} and stalls {memory.stalls:g}"
        )


def _check_parts(request: SimulationRequest) -> None:
    """Check `parts`: what depends on absolute cycles needs the whole run."""
    if request.parts < 1:
        raise ValueError(f"parts must be at least 1, got {request.parts}")
    if request.parts == 1:
        return
    for name, given in (
        ("stalls", request.memory.stalls > 0),
        ("waves", request.waves),
        ("interrupts layer", request.interrupts == "layer"),
        ("dry-run", request.dry_run),
    ):
        if given:
            raise ValueError(f"{name} needs the whole run, got parts {request.parts}")
    if request.targets and all("." in target for target in request.targets):
        raise ValueError(f"parts needs a whole network, got {', '.join(request.targets)}")


def _check_run(request: SimulationRequest) -> None:
    """Check options on how a network is run and reported."""
    if not isfinite(request.mhz):
        raise ValueError(f"mhz must be finite, got {request.mhz:g}")
    if request.mhz <= 0:
        raise ValueError(f"mhz must be above 0, got {request.mhz:g}")
    if request.interrupts not in _INTERRUPTS:
        raise ValueError(
            f"interrupts must be one of {', '.join(_INTERRUPTS)}, got {request.interrupts!r}"
        )


def _check_waves_layer(request: SimulationRequest) -> None:
    """Check `waves_layer`: it needs a single network; a known network must have that operation."""
    layer, targets = request.waves_layer, request.targets
    if not request.waves:
        raise ValueError(f"waves-layer needs waves, got {layer} without them")
    if len(targets) + (not targets) != 1 or "." in "".join(targets):
        raise ValueError(
            f"waves-layer needs one whole network, got {', '.join(targets)}; a layer alone has "
            "waves from its start"
        )
    for name in targets if not request.inputs.module else ():
        found = known()[name] if name in known() else Names((), {})
        if layer not in found.layers and layer not in found.others:
            near = get_close_matches(layer, [*found.layers, *found.others], 1, cutoff=0.0)
            raise ValueError(
                f"waves-layer must be an operation of {name}, got {layer!r} "
                f"(nearest: {', '.join(near)})"
            )


def _check_classes(request: SimulationRequest) -> None:
    """Check `classes`: readable and for a network; the count is checked once it is loaded."""
    if request.classes is None:
        return
    read_classes(request.classes)
    if request.targets and all("." in target for target in request.targets):
        raise ValueError(f"classes needs a whole network, got {', '.join(request.targets)}")


def _check_window(request: SimulationRequest) -> None:
    if request.waves_layer:
        _check_waves_layer(request)
    if request.window is None:
        return
    first, last = request.window
    if not 0 <= first <= last:
        raise ValueError(f"window must be two cycles, FIRST:LAST, got {first}:{last}")
    if not request.waves:
        raise ValueError(f"window needs waves, got {first}:{last} without them")


def check_cache() -> None:
    """Reject a cache folder that is not writable.

    Raises
    ------
    ValueError
        Naming the folder and how to choose another.
    """
    root = cache_root()
    try:
        probe(root / "probe")
    except OSError as error:
        raise ValueError(
            f"the cache must be a folder that can be written, got {root}: {error.strerror}; "
            f"--cache or {VARIABLE} names another"
        ) from None
