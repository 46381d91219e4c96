"""The trained network on many photographs: the integer network answers as floating point does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maccord.golden.kernels.quantize import quantize_per_tensor
from maccord.golden.network import execute
from maccord.nets import library
from maccord.nets.images import normalize, photograph, resize

FOLDER = Path(__file__).parents[1] / "support" / "photographs"
SIDE = 224
NAMES = ["china", "flower", *sorted(path.stem for path in FOLDER.glob("*.jpg"))]


def corners(name: str) -> list[np.ndarray]:
    """Four crops of a photograph, of its corners."""
    path = FOLDER / f"{name}.jpg"
    image = Image.open(path).convert("RGB") if path.is_file() else photograph(name)
    pixels = np.asarray(resize(image), np.float32) / np.float32(255)
    ends = slice(SIDE), slice(-SIDE, None)
    return [pixels[rows, columns] for rows in ends for columns in ends]


@pytest.mark.nightly
def test_forty_crops_keep_floating_points_answer() -> None:
    """At least 34 of 40, and 15 dB; 36 and 20.5 dB were measured."""
    network = library.load("efficientnet_lite0")
    graph, crops = network.graph, [crop for name in NAMES for crop in corners(name)]
    assert len(crops) == 40
    images = np.concatenate([normalize(crop, network.normalization) for crop in crops])
    floats = network.float_logits(images)
    assert floats is not None
    scale = graph.tensors[graph.output].quantization
    found = np.empty_like(floats)
    for index, image in enumerate(images):
        codes = quantize_per_tensor(image[None].transpose(0, 2, 3, 1), graph.input.quantization)
        result = execute(graph, codes)[graph.output].reshape(-1).astype(np.float32)
        found[index] = (result - scale.zero_point) * scale.scale
    agree = int((floats.argmax(1) == found.argmax(1)).sum())
    ratio = 10 * np.log10(np.square(floats).sum() / np.square(floats - found).sum())
    print(f"{agree} of 40 crops keep the class, logits at {ratio:.1f} dB")
    assert agree >= 34
    assert ratio >= 15
