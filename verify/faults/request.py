"""Options of `maccord faults`, and their validation before any long work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...nets.perturb import parse
from ...nets.training.digit_names import check_network_on_digits
from ...runtime.files import check_writable
from ...runtime.scheduler import check_scheduler
from ...sim.memory import MemoryModel
from ...sim.names import check_network
from ...sim.request import check_cache
from ...spec.parameters import Parameters

__all__ = ["DATA", "FaultRequest", "check"]

DATA = ("digits", "photographs")
_MOST = {"digits": 797, "photographs": 6}  # images


@dataclass(frozen=True)
class FaultRequest:
    """The options of `maccord faults`, as `maccord.cli.faults.faults` documents them."""

    network: str = "resnet18"
    data: str = "digits"
    perturb: str = "awgn:0.3"
    faults: int = 0
    margin: float = 0.05
    confidence: float = 0.95
    blocks: tuple[str, ...] = ()
    images: int = 1
    seed: int = 0
    parameters: Parameters = Parameters(rows=8, cols=8)
    memory: MemoryModel = MemoryModel()
    jobs: int = 0
    scheduler: str = "processes"
    out: Path = Path("build/faults")


def check(request: FaultRequest) -> None:
    """Reject invalid options, before training or importing PyTorch.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if request.data not in DATA:
        raise ValueError(f"data must be one of {', '.join(DATA)}, got {request.data!r}")
    check_network(request.network)
    if request.data == "digits":
        check_network_on_digits(request.network)
    levels = [str(level) for level in parse(request.perturb)] if request.perturb else []
    for level in levels:
        if levels.count(level) > 1:
            raise ValueError(f"perturb must have each level once, got {level} twice")
    for name in ("faults", "seed", "jobs"):
        if getattr(request, name) < 0:
            raise ValueError(f"{name} must be at least 0, got {getattr(request, name)}")
    most = _MOST[request.data]
    if not 1 <= request.images <= most:
        raise ValueError(
            f"images must be between 1 and {most} for {request.data}, got {request.images}"
        )
    for name in ("margin", "confidence"):
        value = getattr(request, name)
        if not 0.001 <= value <= 0.999:
            raise ValueError(f"{name} must be between 0.001 and 0.999, got {value:g}")
    check_scheduler(request.scheduler)
    check_writable("out", "folder", request.out, request.out / "probe")
    check_cache()
