"""The synthesis flow: synthesis, checks, place and route, with each step cached."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from .. import hw, spec, synth
from ..runtime.cache import Cache, digest, sources
from ..runtime.errors import SimulationError
from ..spec.parameters import Parameters
from . import audit, tools
from .blocks import BLOCKS, block_of
from .netlist_cells import MARK, Design, Owners, hierarchy, owners, resources
from .results import Synthesis
from .targets import Target
from .timing import Placement, placement
from .unit import modules_of, wrapper

__all__ = ["Options", "check_minutes", "synthesize"]

_UNIT = "unit.v"
_GENERIC, _NETLIST, _REPORT, _DESIGN = "generic.json", "netlist.json", "report.json", "design.il"


@dataclass(frozen=True)
class Options:
    """Build options.

    Parameters
    ----------
    seeds : tuple of int
        Seeds of place and route.
    speed : int
        Speed grade, 6 to 8.
    mhz : float
        Clock target of place and route.
    jobs : int
        Parallel processes.
    unit : str
        Instance to build alone, e.g. ``core.compute.adder``; empty for the accelerator.
    minutes : int
        Limit of the processor time of place and route of a seed; not every seed routes.
    """

    seeds: tuple[int, ...] = (1,)
    speed: int = 6
    mhz: float = 130.0
    jobs: int = 1
    unit: str = ""
    minutes: int = 60


def check_minutes(minutes: int) -> None:
    """Refuse a time limit of place and route that is none.

    Raises
    ------
    ValueError
        If it is below a minute.
    """
    if minutes < 1:
        raise ValueError(f"minutes must be at least 1, got {minutes}")


def synthesize(
    target: Target,
    parameters: Parameters,
    options: Options,
    cache: Cache,
    show: Callable[[str], None] = lambda text: None,
) -> Synthesis:
    """Synthesize an accelerator; place and route it if the target supports it.

    Parameters
    ----------
    target : Target
    parameters : Parameters
    options : Options
    cache : Cache
        Cache of tool output.
    show : callable
        Called with progress messages.

    Returns
    -------
    Synthesis

    Raises
    ------
    ToolchainError
        If a tool is not installed.
    SimulationError
        If a tool fails, or synthesis has lost part of the design.
    ValueError
        If the design does not fit.
    """
    needed = (tools.YOSYS, tools.NEXTPNR) if target.placed else (tools.YOSYS,)
    versions = tools.find(*needed)
    key, generic, netlist = _synthesized(
        target, parameters, options.unit, cache, versions["yosys"], show
    )
    design = hierarchy(generic)
    found = owners(netlist, design)
    result = _counted(target, parameters, design, found, set(netlist["modules"]["top"]["netnames"]))
    if result.lost:
        raise SimulationError(f"synthesis has lost {', '.join(result.lost)}")
    _check_fit(result, target)
    runs: list[Placement] = []
    keys = [key]
    if target.placed:
        device = (target.device, target.package, str(options.speed), str(options.mhz))
        placed = digest(key, versions["nextpnr"], *device)
        keys += [f"{placed}-{seed}" for seed in options.seeds]
        _place(target, options, cache, key, keys[1:], show)
        for seed, name in zip(options.seeds, keys[1:], strict=True):
            report = json.loads(_kept(cache, f"{name}.{_REPORT}"))
            runs.append(placement(report, seed, found))
    fields = vars(result) | {
        "unit": options.unit,
        "tools": versions,
        "digest": digest(*keys),
        "speed": options.speed if target.placed else 0,
        "placements": tuple(runs),
    }
    return Synthesis(**fields)


def _kept(cache: Cache, name: str) -> str:
    text = cache.get(name)
    if text is None:
        raise SimulationError(f"the cache has lost {name} since it was made; run again")
    return text


def _design(parameters: Parameters, cache: Cache, show: Callable[[str], None]) -> str:

    made_by = sources(hw, spec, synth), installed("amaranth")
    name = f"{parameters.name}-{digest(repr(parameters), *made_by)}.{_DESIGN}"
    text = cache.get(name)
    if text is None:
        from .design import rtlil_of

        show("generating the design")
        text = rtlil_of(parameters)
        cache.put(name, text)
    return text


def _script(target: Target, design: str, unit: str) -> str:
    lines = [f"read_rtlil {_DESIGN}"]
    if unit:
        lines += ["rename top whole", f"read_verilog {_UNIT}"]
    lines += ["hierarchy -top top", "proc", f"write_json {_GENERIC}"]
    lines += [
        f'setattr -set src "{MARK.format(module=module)}" {module}/c:*'
        for module in modules_of(design, unit)
    ]
    return "\n".join([*lines, target.family.synthesis, f"write_json {_NETLIST}", ""])


def _synthesized(
    target: Target,
    parameters: Parameters,
    unit: str,
    cache: Cache,
    version: str,
    show: Callable[[str], None],
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the netlist's cache key, the design before synthesis, and the netlist."""
    design = _design(parameters, cache, show)
    script = _script(target, design, unit)
    around = wrapper(design, unit) if unit else ""
    made_by = digest(design, around, script, version)
    key = f"{parameters.name}-{target.family.name}-{made_by}"
    kept = [cache.get(f"{key}.{name}") for name in (_GENERIC, _NETLIST)]
    if None in kept:
        with tempfile.TemporaryDirectory(prefix="maccord-") as folder:
            place = Path(folder)
            (place / _DESIGN).write_text(design)
            (place / _UNIT).write_text(around)
            (place / "script.ys").write_text(script)
            job = tools.Job(tools.YOSYS, ("-s", "script.ys"), place, "synthesis")
            list(tools.run([job], 1, show))
            kept = [(place / name).read_text() for name in (_GENERIC, _NETLIST)]
            for name, text in zip((_GENERIC, _NETLIST), kept, strict=True):
                cache.put(f"{key}.{name}", text or "")
    generic, netlist = (json.loads(text or "") for text in kept)
    return key, generic, netlist


def _counted(
    target: Target, parameters: Parameters, design: Design, found: Owners, nets: set[str]
) -> Synthesis:
    costs = target.family.primitives
    instances = resources(found, costs)
    blocks: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for instance, counted in instances.items():
        for name, amount in counted.items():
            blocks[block_of(instance)][name] += amount  # pyright: ignore[reportArgumentType]
    has_blocks = any("dsp" in taken for taken in costs.values())
    return Synthesis(
        target=target.name,
        device=target.device,
        package=target.package,
        speed=0,
        configuration=parameters.name,
        parameters=asdict(parameters),
        tools={},
        digest="",
        resources={block: dict(blocks[block]) for block in BLOCKS if block in blocks},
        instances=dict(sorted(instances.items())),
        available=target.available,
        memories=audit.memories(design, found, costs, nets),
        multipliers=audit.multipliers(design, instances, has_blocks),
        instantiated=audit.instantiated(design, found),
    )


def _check_fit(result: Synthesis, target: Target) -> None:
    total = result.total
    for name, available in target.available.items():
        if total.get(name, 0) > available:
            raise ValueError(
                f"the accelerator must fit {target.name}, but takes {total[name]:,.0f} "
                f"{name.upper()} of {available:,}: fewer rows, columns, lanes or bytes help"
            )


def _place(
    target: Target,
    options: Options,
    cache: Cache,
    key: str,
    names: Sequence[str],
    show: Callable[[str], None],
) -> None:
    missing = [
        (seed, name)
        for seed, name in zip(options.seeds, names, strict=True)
        if cache.get(f"{name}.{_REPORT}") is None
    ]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix="maccord-") as folder:
        jobs: dict[tools.Job, str] = {}
        netlist = _kept(cache, f"{key}.{_NETLIST}")
        for seed, name in missing:
            place = Path(folder, str(seed))
            place.mkdir()
            (place / _NETLIST).write_text(netlist)
            arguments = (
                *(f"--{target.device}", "--package", target.package),
                *("--speed", str(options.speed), "--freq", str(options.mhz)),
                *("--json", _NETLIST, "--report", _REPORT, "--detailed-timing-report"),
                *("--seed", str(seed), "--timing-allow-fail", "--lpf-allow-unconstrained"),
            )
            label = f"seed {seed}"
            jobs[tools.Job(tools.NEXTPNR, arguments, place, label, options.minutes)] = name
        for job in tools.run(list(jobs), options.jobs, show):
            cache.put(f"{jobs[job]}.{_REPORT}", (job.folder / _REPORT).read_text())
