"""Options of `maccord study`, and their validation before any long work."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from ..nets.corruptions import frost, published
from ..nets.data.kinds import check_data
from ..nets.formats.files import check_file as check_model_file
from ..nets.formats.files import is_model_file, network_name
from ..nets.training.digit_names import check_digits, split
from ..runtime.files import check_writable
from ..runtime.scheduler import check_scheduler
from ..sim.names import check_network
from ..sim.request import check_cache
from .grid import GRID, levels
from .rows import MODELS

__all__ = ["EMBEDDED", "FILE_MODELS", "NETWORKS", "StudyRequest", "check", "check_file"]

EMBEDDED = "digits"
NETWORKS = ("resnet18", "vgg16", "squeezenet1_1")  # Langille 2024, section 3.1
FILE_MODELS = ("frozen", "frozen-clamped", "int8")  # of a model file, which has no float network
_RTL = 3  # images per level to simulate in RTL, for the built-in data


@dataclass(frozen=True)
class StudyRequest:
    """The options of `maccord study`, as `maccord.cli.study.study` documents them."""

    networks: tuple[str, ...] = NETWORKS
    data: str = EMBEDDED
    weights: dict[str, Path] = field(default_factory=dict)
    perturb: str = GRID
    models: tuple[str, ...] = MODELS
    limit: int = 0
    seed: int = 0
    calibration: int = 100
    unpaired: bool = False
    rtl: int = -1
    out: Path = Path("build/study")
    save_logits: bool = False
    jobs: int = 0
    scheduler: str = "processes"
    device: str = "cpu"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def command(self) -> str:
        """The command line that reproduces the results, without irrelevant options.

        Paths are reduced to names, so that equal studies in different folders have equal text.
        """
        kind, colon, path = self.data.partition(":")
        options = {
            "networks": ",".join(Path(n).name if is_model_file(n) else n for n in self.networks),
            "data": f"{kind}{colon}{Path(path).name}",
            "perturb": self.perturb,
            "models": ",".join(self.models),
            "limit": str(self.limit),
            "seed": str(self.seed),
            "calibration": str(self.calibration),
            "rtl": str(self.rtl),
            "device": self.device,
        }
        words = [word for name, text in options.items() for word in (f"--{name}", text)]
        for name in ("mean", "std"):
            numbers = ",".join(f"{number:g}" for number in getattr(self, name))
            words += [f"--{name}", numbers] if numbers else []
        for name, path in self.weights.items():
            words += ["--weights", f"{name}={path.name}"]
        return shlex.join(["maccord", "study", *words, *(["--unpaired"] if self.unpaired else [])])

    @property
    def rtl_images(self) -> int:
        """Images per level to simulate in RTL: by default a few of the small, built-in data."""
        if self.rtl >= 0:
            return self.rtl
        return _RTL if self.data == EMBEDDED and "int8" in self.models else 0


def check(request: StudyRequest) -> None:
    """Reject invalid options, before training or importing PyTorch.

    Raises
    ------
    ValueError
        Naming the option.
    """
    _check_names(request)
    _check_levels(request)
    for name, least in (("limit", 0), ("seed", 0), ("calibration", 1), ("rtl", -1), ("jobs", 0)):
        if getattr(request, name) < least:
            raise ValueError(f"{name} must be at least {least}, got {getattr(request, name)}")
    if request.rtl > 0 and "int8" not in request.models:
        raise ValueError(f"rtl needs the model int8, got {', '.join(request.models)}")
    if (request.mean or request.std) and not any(map(is_model_file, request.networks)):
        raise ValueError("mean and std must be of a model file's images, got no model file")
    for name in ("mean", "std"):
        values = getattr(request, name)
        if len(values) not in (0, 1, 3) or not all(map(isfinite, values)):
            said = ",".join(f"{value:g}" for value in values)
            raise ValueError(f"{name} must be one finite number, or three, got {said}")
    if request.std and min(request.std) <= 0:
        raise ValueError(f"std must be above 0, got {min(request.std):g}")
    frost.source()  # report a bad folder first
    published.source()
    check_scheduler(request.scheduler)
    if request.device != "cpu":
        _check_device(request)
    check_writable("out", "folder", request.out, request.out / "probe")
    check_cache()


def _check_levels(request: StudyRequest) -> None:
    attacks = [
        level.perturbation.kind
        for level in levels(request.perturb)
        if level.perturbation is not None and level.perturbation.adversarial
    ]
    files = [name for name in request.networks if is_model_file(name)]
    if attacks and files:
        raise ValueError(
            f"perturb must be without {attacks[0]} for a model file, got {files[0]}: attacks are "
            "made with a network in floating point"
        )


def _check_device(request: StudyRequest) -> None:
    from ..nets.devices import check_device, usable_device

    check_device(request.device)
    if request.scheduler == "processes":  # cluster workers have their own devices
        usable_device(request.device)


def check_file(name: str, path: Path) -> None:
    """Reject a checkpoint that does not exist.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "no such file"
        raise ValueError(f"{name} must be a readable checkpoint, got {path}: {what}")


def _check_names(request: StudyRequest) -> None:
    check_data(request.data)
    if not request.networks:
        raise ValueError("networks must be at least one, got none")
    for name in request.networks:
        if is_model_file(name):
            check_model_file(name)
            continue
        check_network(split(name)[0])
        if request.data == EMBEDDED:
            check_digits(name)
        if request.data != EMBEDDED and name not in request.weights:
            raise ValueError(
                f"weights of {name} must be given for {request.data}: --weights {name}=FILE, "
                "a checkpoint as maccord train writes it"
            )
    for name in request.weights:
        if is_model_file(name):
            raise ValueError(f"weights must be left out for {name}, which has them")
        if name not in request.networks:
            raise ValueError(f"weights must be of the networks under study, got {name}")
    for path in request.weights.values():
        check_file("weights", path)
    networks = [network_name(n) if is_model_file(n) else n for n in request.networks]
    for what, names in (("networks", networks), ("models", request.models)):
        if len(set(names)) < len(names):
            raise ValueError(f"{what} must each be there once, got {', '.join(names)}")
    files = [name for name in request.networks if is_model_file(name)]
    if files and not set(request.models) & set(FILE_MODELS):
        raise ValueError(
            f"models of {files[0]}, which is quantized, must be of {', '.join(FILE_MODELS)}, got "
            f"{', '.join(request.models)}"
        )
    unknown = [name for name in request.models if name not in MODELS]
    if unknown or not request.models:
        raise ValueError(
            f"models must be of {', '.join(MODELS)}, got {', '.join(unknown) or 'none'}"
        )
