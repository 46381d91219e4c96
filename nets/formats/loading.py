"""What importers of all formats do: hand over what lowering refuses to the host, name the file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from ...golden.graph import Layer, Network
from ..int8 import Step
from ..lower import lowered
from ..unsupported import Unsupported

__all__ = ["Importer", "imported", "weights_of"]

Hosted = Mapping[str, Unsupported]


class Importer(Protocol):
    """What makes steps of a file, in its only pass over it."""

    network: str
    steps: list[Step]
    layers: dict[str, Layer]

    def run(self) -> None:
        """Import all operators and the results."""
        ...

    def place(self, error: Unsupported) -> str:
        """Return the tensor of the file that a refused step computes; empty if it has none."""
        ...


_Importer = TypeVar("_Importer", bound=Importer)


def imported(
    make: Callable[[Hosted], _Importer], shapes: Sequence[tuple[int, ...]], *, strict: bool
) -> tuple[_Importer, Network]:
    """Import a file; what cannot be lowered is computed by the host instead.

    Parameters
    ----------
    make : callable
        Returns a new importer, given the tensors that the host computes and why.
    shapes : sequence of tuple of int
        PyTorch's, of the inputs.
    strict : bool
        Whether to refuse what the host would have to compute.

    Returns
    -------
    Importer, Network

    Raises
    ------
    ValueError
        If the file cannot be imported; the message names operator and reason.
    """
    hosted: dict[str, Unsupported] = {}
    while True:
        importer = make(hosted)
        try:
            importer.run()
            if strict:
                _refuse_host(importer.steps)
            graph = lowered(importer.steps, importer.layers, importer.network, shapes).graph
        except Unsupported as error:
            place = importer.place(error)
            if strict or not place or place in hosted:
                raise ValueError(str(error)) from None
            hosted[place] = error
        else:
            return importer, graph


def _refuse_host(steps: Sequence[Step]) -> None:
    for step in steps:
        if step.arguments.get("reason"):
            raise ValueError(step.arguments["reason"])


def weights_of(path: Path) -> str:
    """Return what results say of a file's weights: its path and the beginning of its digest."""
    return f"{path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
