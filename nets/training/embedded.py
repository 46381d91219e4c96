"""Networks trained on the built-in digits at several widths, ready for `maccord sim`.

A folder of results has weights (``nin-w4.pt``), a file of factories (``networks.py``), inputs to
calibrate with and to test (``calibration.npy``, ``test.npy``, ``digit.png``), and accuracies.
Unless their steps are learned, activations are not quantized in training; they get their INT8
scales afterwards, from the calibration inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ...runtime.files import atomic_write
from ..checkpoint import load_checkpoint
from ..data.dataset import Dataset
from ..data.digits import digits
from ..framework import one_thread
from ..library import quantized
from ..transformer.accuracy import predictions
from ..transformer.parts import Transformer
from ..weight_fit import check_trained
from . import lsq
from .digit_names import spelled
from .digits import small, tensors, train
from .loop import save

__all__ = ["ACCURACIES", "CALIBRATION", "DIGIT", "FACTORIES", "Accuracy", "train_widths"]

ACCURACIES, FACTORIES = "accuracies.json", "networks.py"
CALIBRATION, TEST, DIGIT = "calibration.npy", "test.npy", "digit.png"
_CALIBRATION, _TEST = 100, 8  # images
_HEAD = '''"""Networks trained on the digits, made by `maccord train`.

    maccord sim networks.py:{first} --weight-bits auto --calibration calibration.npy \\
        --image digit.png --input-shape 3,32,32 --resize 32x32 --perturb awgn:0.3

`test.npy` has more inputs, for `--input`.
"""

from pathlib import Path

from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.training.digits import small

INPUT_SHAPE = (1, 3, 32, 32)
HERE = Path(__file__).parent
'''
_FACTORY = """

def {factory}():
    return load_checkpoint(small("{network}"), HERE / "{name}.pt")
"""


@dataclass(frozen=True)
class Accuracy:
    """A trained network's accuracies on the test half of the digits.

    Parameters
    ----------
    name : str
        The network; with ``-w4`` and the like, its weights have that many bits.
    weight_bits : int or None
        Of all layers but the first and the last, which have 8; None: floating point.
    float_top1 : float
        With activations in floating point.
    int8_top1 : float
        Of PyTorch's INT8 kernels, as in RTL; of a transformer, of the golden model, which equals
        them.
    seed, epochs : int
    learned_activations : bool
        Whether activations were quantized in training; `float_top1` then has them quantized.
    """

    name: str
    weight_bits: int | None
    float_top1: float
    int8_top1: float
    seed: int
    epochs: int | None
    learned_activations: bool = False


def train_widths(
    network: str,
    widths: Sequence[int | None],
    out: Path,
    *,
    seed: int = 0,
    epochs: int | None = None,
    learned_activations: bool = False,
    progress: Callable[[str, int, int, float], None] | None = None,
) -> list[Accuracy]:
    """Train a network once for each width, unless the folder has it from the same settings.

    Parameters
    ----------
    network : str
        Of `digit_names.TRAINED`.
    widths : sequence of int or None
        8, 4 or 2 bits; None for floating point.
    out : Path
        Folder of results.
    seed, epochs, learned_activations
        As for `digits.train`.
    progress : callable, optional
        Called after each epoch with the name, the epochs done, the total, and the mean loss.

    Returns
    -------
    list of Accuracy
        In the order of `widths`.

    Raises
    ------
    ValueError
        If a file in the folder has weights of another width.
    """
    known = {entry.name: entry for entry in _read(out / ACCURACIES)}
    for width in widths:
        learned: bool = learned_activations and width is not None
        name: str = spelled(network, width, learned)
        done = known.get(name)
        weights = out / f"{name}.pt"
        if done and (done.seed, done.epochs) == (seed, epochs) and weights.is_file():
            found = load_checkpoint(small(network), weights)
            check_trained(found, lsq.widths(found, width) if width else {}, f"weights in {weights}")
            continue

        def said(epoch: int, total: int, loss: float, name: str = name) -> None:
            if progress:
                progress(name, epoch, total, loss)

        model = train(
            network,
            seed=seed,
            epochs=epochs,
            weight_bits=width,
            learned_activations=learned,
            progress=said,
        )
        save(weights, model.state_dict())
        top1 = _measured(network, name, weights)
        known[name] = Accuracy(name, width, *top1, seed, epochs, learned)
        _write(out, network, known)
    return [known[spelled(network, width, learned_activations)] for width in widths]


def _measured(network: str, name: str, weights: Path) -> tuple[float, float]:
    """Return top-1 of the float network and of the INT8 network."""
    images, labels = tensors(digits("test"))
    model = load_checkpoint(small(network), weights)
    with one_thread(), torch.no_grad():
        float_top1 = (model(images).argmax(1) == labels).float().mean().item()
    chosen = _chosen(digits("train"), _CALIBRATION)
    if isinstance(model, Transformer):
        classes = predictions(model, torch.from_numpy(chosen[:, 0]), images)
    else:
        found = quantized(model, name, "trained", list(chosen))
        classes = found.results(images.numpy())[found.graph.output].argmax(1)
    int8_top1 = float((classes == labels.numpy()).mean())
    return round(float_top1, 6), round(int8_top1, 6)


def _chosen(data: Dataset, count: int) -> np.ndarray:
    """Evenly spaced images of a split, normalized: (count, 1, 3, 32, 32)."""
    images = tensors(data)[0].numpy()
    return images[np.arange(count) * len(images) // count][:, None]


def _read(path: Path) -> list[Accuracy]:
    try:
        return [Accuracy(**entry) for entry in json.loads(path.read_text())]
    except (FileNotFoundError, ValueError, TypeError):
        return []  # damaged files are made again


def _write(out: Path, network: str, known: dict[str, Accuracy]) -> None:
    """Write inputs, factories and, last, accuracies."""
    for name, split, count in ((CALIBRATION, "train", _CALIBRATION), (TEST, "test", _TEST)):
        with atomic_write(out / name) as temporary, temporary.open("wb") as file:
            np.save(file, _chosen(digits(split), count)[:, 0])
    pixels = np.rint(digits("test").crop(0) * 255).astype(np.uint8)
    with atomic_write(out / DIGIT) as temporary:
        Image.fromarray(pixels.reshape(pixels.shape[-3:])).save(temporary, format="PNG")
    factories = {name: name.replace("-", "_") for name in known}
    text = _HEAD.format(first=next(iter(factories.values())))
    for name, factory in factories.items():
        text += _FACTORY.format(factory=factory, network=network, name=name)
    with atomic_write(out / FACTORIES) as temporary:
        temporary.write_text(text)
    with atomic_write(out / ACCURACIES) as temporary:
        entries = [asdict(entry) for entry in known.values()]
        temporary.write_text(json.dumps(entries, indent=2) + "\n")
