"""Options of `maccord explore`, and their validation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..golden.graph import Network
from ..runtime.files import check_writable
from ..sim.inputs import Inputs, check_inputs, check_targets
from ..sim.names import check_network
from ..sim.network.task import NetworkRecording
from ..sim.request import check_cache
from ..sim.toolchain import find_compiler, find_verilator, libpython
from ..spec.parameters import check_family
from ..spec.weight_widths import WIDTHS
from . import tools
from .command import parsed_seeds
from .explore_grid import Value, grid, values
from .flow import check_minutes
from .targets import RESOURCES, Target, target_named

__all__ = ["SweepRequest", "check", "check_tools", "common", "network_of", "swept"]

_SOURCES = ("model", "rtl")
_SPEEDS = (6, 7, 8)


@dataclass(frozen=True)
class SweepRequest:
    """Options of `maccord explore`.

    Parameters
    ----------
    network : str
        Name; empty if there is a `module`.
    target : str
    axes : dict of str to str
        Comma-separated values by parameter name; the target's defaults apply to the others.
    module : str
        ``package.module:factory`` of the user's own network.
    area : str
        Resource on the front's area axis; empty for LUT, or gates for ASIC.
    place : bool
        Whether to place and route if the target supports it.
    cycles : str
        ``model`` or ``rtl``.
    seeds : str
        Comma-separated.
    speed : int
    mhz : float
        Clock target of place and route; without it, the clock.
    batch : int
    jobs : int
        Points in parallel; 0: one per processor.
    minutes : int
        Limit of the processor time of place and route of a seed.
    out, cache : Path
        Folders of results and of cached tool output.
    """

    network: str
    target: str
    axes: dict[str, str] = field(default_factory=dict)
    module: str = ""
    area: str = ""
    place: bool = True
    cycles: str = "model"
    seeds: str = "2"
    speed: int = 6
    mhz: float = 130.0
    batch: int = 1
    jobs: int = 0
    minutes: int = 60
    out: Path = Path("build/explore")
    cache: Path = Path("build/synth/cache")


def check(request: SweepRequest) -> None:
    """Reject invalid options, before PyTorch is imported.

    Raises
    ------
    ValueError
        Naming the option.
    ToolchainError
        If a tool is missing.
    """
    target = target_named(request.target)
    common(request, target)
    grid(*swept(request, target))
    inputs, targets = _wanted(request)
    check_targets(targets, request.module)
    check_inputs(inputs)
    for name, folder in (("out", request.out), ("cache", request.cache)):
        check_writable(name, "folder", folder, folder / "probe")
    check_cache()
    check_tools(request, target)


def _wanted(request: SweepRequest) -> tuple[Inputs, list[str]]:
    targets = [request.network] if request.network else []
    if not targets and not request.module:
        raise ValueError("network must be given, or a module, got none")
    if targets and not request.module:
        check_network(request.network)
    return Inputs(batch=request.batch, module=request.module), targets


def common(request: SweepRequest, target: Target) -> dict[str, Any]:
    """Return the fields common to all points of a sweep.

    Parameters
    ----------
    request : SweepRequest
    target : Target

    Returns
    -------
    dict
        `target`, `area`, `placed`, `seeds`, `speed`, `mhz`, `batch`, `cycles_from`.

    Raises
    ------
    ValueError
        If an option is invalid.
    """
    resources = {name for taken in target.family.primitives.values() for name in taken}
    known = [name for name in RESOURCES if name in resources]
    area = request.area or ("lut" if "lut" in known else known[-1])
    if area not in known:
        raise ValueError(f"area must be one of {', '.join(known)} on {target.name}, got {area!r}")
    if request.cycles not in _SOURCES:
        raise ValueError(f"cycles must be one of {', '.join(_SOURCES)}, got {request.cycles!r}")
    if request.speed not in _SPEEDS:
        raise ValueError(f"speed must be 6, 7 or 8, got {request.speed}")
    if not 1 <= request.mhz <= 1000:
        raise ValueError(f"mhz must be between 1 and 1000, got {request.mhz:g}")
    if request.batch < 1:
        raise ValueError(f"batch must be at least 1, got {request.batch}")
    if request.jobs < 0:
        raise ValueError(f"jobs must be at least 0, got {request.jobs}")
    check_minutes(request.minutes)
    return {
        "target": target.name,
        "area": area,
        "placed": request.place and target.placed,
        "seeds": parsed_seeds(request.seeds),
        "speed": request.speed,
        "mhz": request.mhz,
        "batch": request.batch,
        "cycles_from": request.cycles,
    }


def swept(
    request: SweepRequest, target: Target
) -> tuple[dict[str, Value], dict[str, tuple[Value, ...]]]:
    """Return the fixed parameters, and the values of the swept ones.

    Raises
    ------
    ValueError
        If values are invalid.
    """
    axes = {axis: values(axis, text) for axis, text in request.axes.items()}
    narrow = [bits for bits in axes.get("weight_bits", ()) if bits != WIDTHS[0]]
    if narrow and request.cycles == "rtl":
        raise ValueError(
            f"array-weight-bits must be 8 with cycles rtl, which runs the network at 8 bits, got "
            f"{narrow[0]}; cycles model takes it as if trained at each width"
        )
    made_of = target.family.made_of
    for family in axes.get("family", ()):
        check_family(str(family))
        if family not in made_of:
            raise ValueError(
                f"family must be {' or '.join(made_of)} for {target.name}, got {family!r}"
            )
    return {"family": made_of[0], **target.parameters}, axes


def check_tools(request: SweepRequest, target: Target) -> None:
    """Check that all required tools are installed.

    Raises
    ------
    ToolchainError
        If one is missing.
    """
    placed = request.place and target.placed
    tools.find(*((tools.YOSYS, tools.NEXTPNR) if placed else (tools.YOSYS,)))
    if request.cycles == "rtl":
        find_compiler()
        find_verilator()
        libpython()


def network_of(request: SweepRequest) -> tuple[Network, NetworkRecording | None]:
    """Return the network, and for the RTL a PyTorch recording of an image.

    Raises
    ------
    ValueError
        If the network is unknown.
    """
    from ..sim.recording import chosen, record_all  # importing PyTorch is slow

    inputs, targets = _wanted(request)
    choices = list(chosen(targets, inputs))
    if len(choices) != 1 or not choices[0].whole:
        raise ValueError(f"network must be one whole network, got {request.network!r}")
    if request.cycles == "model":
        return choices[0].network.graph, None
    recording = record_all(targets, inputs)[0]
    return recording.network, recording
