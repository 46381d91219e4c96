"""A network, or one layer of it, as files that another tool can run."""

from __future__ import annotations

from pathlib import Path

from ..nets.examples import Images
from ..nets.library import QuantizedNetwork
from ..sim.export.folder import check_folder
from ..sim.export.manifest import Manifest
from ..sim.export.memory_words import check_word_bytes
from ..sim.export.write import compiled_for, write_folder
from ..sim.recording import Choice, record_layers, record_network
from ..sim.results import CLEAN
from ..spec.parameters import Parameters
from .arrays import floats

__all__ = ["export"]


def export(
    network: QuantizedNetwork,
    images: Images,
    folder: Path | str,
    parameters: Parameters | None = None,
    *,
    layer: str = "",
    word_bytes: int | None = None,
) -> Manifest:
    """Compile a network, compare NumPy's tensors with PyTorch's, and write all it takes to run it.

    Parameters
    ----------
    network : QuantizedNetwork
    images : ndarray of shape (N, *input_shape), float32, or a tuple of them
        Normalized, of a network of several inputs one array for each, in order. One run takes
        all of them.
    folder : path
        Written whole or not at all. It must be new or empty, or written by an earlier call, whose
        files are replaced.
    parameters : Parameters, optional
        Of the accelerator; the 16 x 16 array by default.
    layer : str
        Convolution or linear layer to compile alone, by its full name; the whole network if empty.
    word_bytes : int, optional
        Bytes of the words of ``.hex`` files for ``$readmemh``, 0 for the bus's; none are written
        if not given.

    Returns
    -------
    Manifest
        What ``manifest.json`` in the folder holds.

    Raises
    ------
    ValueError
        If the folder holds anything else, there is no such layer, or it does not fit the
        accelerator.
    MismatchError
        If a byte of NumPy's tensors is not PyTorch's; nothing is written then.
    """
    check_word_bytes(word_bytes or 0)
    check_folder(Path(folder))
    seen = floats(images)
    if layer:
        recording = next(record_layers(Choice(network, False, [layer]), {CLEAN: seen}, 0))
    else:
        recording = record_network(network, CLEAN, seen, 0)
    compiled = compiled_for(recording, parameters or Parameters())
    return write_folder(Path(folder), recording, compiled, word_bytes=word_bytes)
