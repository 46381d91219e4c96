"""Prepares the networks of a study: trains the built-in ones, and quantizes all."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

import torch

from ..nets.checkpoint import load_checkpoint
from ..nets.formats.files import is_model_file, network_name
from ..nets.images import Normalization
from ..nets.networks import architecture
from ..nets.training import lsq
from ..nets.training.digit_names import split
from ..nets.training.digits import small, trained
from ..nets.training.loop import save
from ..nets.weight_fit import check_trained
from ..runtime.folders import cache_folder
from .request import EMBEDDED, StudyRequest
from .subject import Subject, dataset, quantized_network

__all__ = ["subjects"]


def subjects(request: StudyRequest, pool: Executor) -> list[Subject]:
    """Return the networks of a request, with weights and quantization on disk.

    Parameters
    ----------
    request : StudyRequest
    pool : Executor
        Trains and quantizes them in parallel.

    Raises
    ------
    ValueError
        If a checkpoint cannot be read or has another architecture, number of classes or width of
        weights, or a network has an unsupported operator.
    """
    dataset(request.data, "test")  # report problems with the data first
    folder = (request.out / "weights").resolve()
    given = {name: path.resolve() for name, path in request.weights.items()}
    for name, path in given.items():
        _check_weights(_subject(name, path, request))
    given |= {name: Path(name).resolve() for name in request.networks if is_model_file(name)}
    own = [name for name in request.networks if name not in given]
    paths = {name: folder / f"{name}.pt" for name in own}
    list(pool.map(_train, own, [paths[name] for name in own]))
    paths |= given
    found = [_subject(name, paths[name], request) for name in request.networks]
    list(pool.map(_quantize, found))
    for subject in found:
        if subject.architecture is None:
            _check_model(subject)
    return found


def _train(name: str, path: Path) -> None:
    """Train and write the weights of a built-in network, unless present."""
    state = trained(name).state_dict()
    if path.is_file():
        try:
            there = load_checkpoint(small(name), path).state_dict()
            if all(torch.equal(there[key], value) for key, value in state.items()):
                return
        except ValueError:
            pass  # damaged, or for other data: replaced
    save(path, state)


def _subject(name: str, weights: Path, request: StudyRequest) -> Subject:
    cache = cache_folder("nets").resolve()
    if is_model_file(name):
        by = Normalization(_three(request.mean or (0.0,)), _three(request.std or (1.0,)))
        return Subject(
            network_name(name),
            None,
            weights,
            _absolute(request.data),
            request.calibration,
            cache,
            by if request.mean or request.std else None,
        )
    shape = small(name) if request.data == EMBEDDED else architecture(split(name)[0])
    return Subject(name, shape, weights, _absolute(request.data), request.calibration, cache)


def _absolute(data: str) -> str:
    """Make a data set's path absolute, as cluster workers have other working directories."""
    kind, colon, path = data.partition(":")
    return f"{kind}:{Path(path).expanduser().resolve()}" if colon else data


def _check_weights(subject: Subject) -> None:
    """Reject a checkpoint of another number of classes, or of another width of weights."""
    assert subject.architecture is not None
    model = load_checkpoint(subject.architecture, subject.weights)
    classes = model.get_parameter(subject.architecture.head).shape[0]
    wanted = len(dataset(subject.data, "test").classes)
    if classes != wanted:
        raise ValueError(
            f"weights of {subject.name} must be of {wanted} classes, as {subject.data} has, "
            f"got {classes} in {subject.weights}"
        )
    bits = split(subject.name)[1]
    if bits is not None:
        what = f"weights of {subject.name} in {subject.weights}"
        check_trained(model, lsq.widths(model, bits), what)


def _quantize(subject: Subject) -> None:
    _ = quantized_network(subject).graph  # raises for unsupported operators


def _three(numbers: tuple[float, ...]) -> tuple[float, ...]:
    return numbers * 3 if len(numbers) == 1 else numbers


def _check_model(subject: Subject) -> None:
    """Reject a model file that does not read the data's images, or has no score a class."""
    network, data = quantized_network(subject), dataset(subject.data, "test")
    wanted = (1, 3, data.size, data.size)
    if network.input_shapes != (wanted,):
        got = ", ".join("x".join(map(str, shape[1:])) for shape in network.input_shapes)
        raise ValueError(
            f"{subject.weights}: input must be 3x{data.size}x{data.size}, as the images of "
            f"{subject.data} are, got {got}"
        )
    shape = network.graph.tensors[network.graph.output].shape
    got = "x".join(map(str, shape[1:])) if network.tail is None else "one in floating point"
    if shape != (1, len(data.classes)) or network.tail is not None:
        raise ValueError(
            f"{subject.weights}: result must be quantized, one number for each of the "
            f"{len(data.classes)} classes of {subject.data}, got {got}"
        )
