"""Options of `maccord generalize`, and their validation before any long work."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from ..nets.corruptions import frost, published
from ..nets.corruptions.tables import KINDS, SEVERITIES
from ..nets.data.kinds import check_data
from ..runtime.files import check_writable
from ..runtime.scheduler import check_scheduler
from ..sim.request import check_cache
from ..study.grid import levels
from .pool import BITS, POOLS, Member, members, settings

__all__ = ["ALL_LEVELS", "EMBEDDED", "READINGS", "GeneralizeRequest", "check"]

EMBEDDED = "digits"
READINGS = ("paper", "reference")
_CORRUPTIONS = [f"{kind}:{severity}" for kind in KINDS for severity in SEVERITIES]
ALL_LEVELS = ",".join([*_CORRUPTIONS, "fgsm:0.05", "pgd:0.05"])
_IMAGES, _EPOCHS = 300, 60  # for the built-in digits
_PAPER_EPOCHS = 300


@dataclass(frozen=True)
class GeneralizeRequest:
    """The options of `maccord generalize`, as `maccord.cli.generalize` documents them."""

    data: str = EMBEDDED
    pool: str = "small"
    bits: tuple[int, ...] = BITS
    perturb: str = ALL_LEVELS
    reading: str = "paper"
    train_images: int = -1
    test_images: int = 0
    epochs: int = 0
    measured: int = 100
    landscape: int = 51
    rtl: int = -1
    seed: int = 0
    out: Path = Path("build/generalize")
    jobs: int = 0
    scheduler: str = "processes"
    dry_run: bool = False
    members: tuple[Member, ...] = field(init=False)

    def __post_init__(self) -> None:
        kind = self.data.partition(":")[0]
        known = self.pool in POOLS
        found = tuple(members(self.pool, kind, self.bits)) if known else ()
        object.__setattr__(self, "members", found)

    @property
    def command(self) -> str:
        """The command line that reproduces the results, with paths reduced to names."""
        kind, colon, path = self.data.partition(":")
        options = {
            "data": f"{kind}{colon}{Path(path).name}",
            "pool": self.pool,
            "bits": ",".join(map(str, self.bits)),
            "perturb": "all" if self.perturb == ALL_LEVELS else self.perturb,
            "reading": self.reading,
            "train-images": str(self.training_images),
            "test-images": str(self.test_images),
            "epochs": str(self.training_epochs),
            "measured": str(self.measured),
            "landscape": str(self.landscape),
            "rtl": str(self.rtl_images),
            "seed": str(self.seed),
        }
        words = [word for name, text in options.items() for word in (f"--{name}", text)]
        return shlex.join(["maccord", "generalize", *words])

    @property
    def training_images(self) -> int:
        """Training images, evenly spaced; 0 for all.

        Of the digits by default a third, so that there is a gap to speak of.
        """
        if self.train_images >= 0:
            return self.train_images
        return _IMAGES if self.data == EMBEDDED else 0

    @property
    def training_epochs(self) -> int:
        """Epochs of each training: QGen's 300, or 60 for the digits."""
        return self.epochs or (_EPOCHS if self.data == EMBEDDED else _PAPER_EPOCHS)

    @property
    def batch(self) -> int:
        """Images of a step: QGen's 128, or 32 for the digits."""
        return 32 if self.data == EMBEDDED else 128

    @property
    def rtl_images(self) -> int:
        """Images of each precision to simulate in RTL: one of the built-in data by default."""
        return self.rtl if self.rtl >= 0 else int(self.data == EMBEDDED)

    @property
    def shown(self) -> tuple[Member, ...]:
        """The first setting's networks: for corruptions, landscape, bin widths and RTL."""
        first = settings(self.pool, self.data.partition(":")[0])[0].setting
        return tuple(member for member in self.members if member.setting == first)


def check(request: GeneralizeRequest) -> None:
    """Reject invalid options before any long work.

    Raises
    ------
    ValueError
        Naming the option.
    """
    check_data(request.data)
    for name, known in (("pool", POOLS), ("reading", READINGS)):
        if getattr(request, name) not in known:
            raise ValueError(
                f"{name} must be one of {', '.join(known)}, got {getattr(request, name)!r}"
            )
    _check_bits(request.bits)
    levels(request.perturb)
    least = {"train_images": -1, "test_images": 0, "epochs": 0, "measured": 10, "rtl": -1}
    least |= {"seed": 0, "jobs": 0}
    for name, smallest in least.items():
        if getattr(request, name) < smallest:
            option = name.replace("_", "-")
            raise ValueError(f"{option} must be at least {smallest}, got {getattr(request, name)}")
    if request.landscape < 0 or (request.landscape and request.landscape % 2 == 0):
        raise ValueError(
            "landscape must be an odd number of points, so that the minimum is one of them, or 0 "
            f"for none, got {request.landscape}"
        )
    frost.source()  # report a bad folder first
    published.source()
    check_scheduler(request.scheduler)
    check_writable("out", "folder", request.out, request.out / "probe")
    check_cache()


def _check_bits(bits: tuple[int, ...]) -> None:
    unknown = [str(width) for width in bits if width not in BITS]
    if unknown or len(bits) < 2 or len(set(bits)) < len(bits) or bits[0] != BITS[0]:
        raise ValueError(
            "bits must be 32, then some of 8, 4 and 2, each once, "
            f"got {','.join(map(str, bits)) or 'none'}"
        )
