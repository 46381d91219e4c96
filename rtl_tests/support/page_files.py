"""Files that the commands in README and docs name: small networks, images, arrays, data sets."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np

__all__ = ["write_checkpoint", "write_files"]

_HERE = Path(__file__).parent
_NETWORKS = '''
"""Networks of one's own."""

import torch
from torch import nn


def images(*head: nn.Module) -> nn.Sequential:
    body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    return nn.Sequential(*body, nn.Flatten(), *head)


def small() -> nn.Module:
    return images(nn.Linear(8, 10))


cifar = small


def keywords() -> nn.Module:
    layers = nn.Conv2d(1, 8, (10, 4), stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(640, 12)
    return nn.Sequential(*layers)


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image, self.features, self.head = images(), nn.Linear(7, 8), nn.Linear(16, 3)

    def forward(self, image: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.image(image), self.features(features)], 1))


def classifier() -> nn.Module:
    return Classifier()


classifier.INPUT_SHAPE = [(1, 3, 32, 32), (1, 7)]
'''
_COPIES = {
    "photographs/coffee.jpg": ("cat.jpg",),
    "onnx_files/residual_qdq_int8.onnx": ("quantized.onnx", "int8.onnx"),
    "tflite_files/residual.tflite": ("quantized.tflite", "int8.tflite"),
    "pt2_files/residual.pt2": ("converted.pt2", "model.pt2"),
}
_BATCHES = [f"data_batch_{number}" for number in range(1, 6)]


def write_files(folder: Path) -> None:
    """Write all of them, except the checkpoint of ResNet-18, which is large."""
    (folder / "mynets.py").write_text(_NETWORKS)
    for kept, names in _COPIES.items():
        for name in names:
            shutil.copy(_HERE / kept, folder / name)
    rng = np.random.default_rng(0)
    np.save(folder / "recorded.npy", rng.normal(size=(2, 1, 49, 10)).astype(np.float32))
    np.save(folder / "features.npy", rng.normal(size=(1, 7)).astype(np.float32))
    cifar = folder / "cifar-10" / "cifar-10-batches-py"
    cifar.mkdir(parents=True)
    for name in (*_BATCHES, "test_batch"):
        labels = [index % 10 for index in range(10)]
        pixels = rng.integers(0, 256, (len(labels), 3 * 32 * 32), np.uint8)
        (cifar / name).write_bytes(pickle.dumps({b"data": pixels, b"labels": labels}, protocol=2))
    names = {b"label_names": [f"class {number}".encode() for number in range(10)]}
    (cifar / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))


def write_checkpoint(folder: Path) -> None:
    """Write ``resnet18.pth``, with seeded weights."""
    import torch

    from maccord.nets.resnet import resnet18

    torch.save(resnet18(1000).state_dict(), folder / "resnet18.pth")
