"""Resolves target names and globs to networks and layers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from ..nets.transformer.names import TRANSFORMERS, refuse_transformer

__all__ = ["networks_of", "select", "transformers_of"]


def transformers_of(targets: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split targets into the transformers that they name, and all others.

    Raises
    ------
    ValueError
        For a part of a transformer: they run whole.
    """
    for target in targets:
        network, dot, _ = target.partition(".")
        if dot and network in TRANSFORMERS:
            raise ValueError(
                f"target must be a whole transformer, as {network}, got {target}: the operations "
                "of one run chained only"
            )
    whole = [target for target in targets if target in TRANSFORMERS]
    return whole, [target for target in targets if target not in TRANSFORMERS]


def networks_of(targets: Sequence[str], networks: Sequence[str]) -> dict[str, list[str]]:
    """Group targets by network.

    Parameters
    ----------
    targets : sequence of str
        ``network.layer``, both parts may be globs; a network alone means the whole network.
    networks : sequence of str
        Names of all networks.

    Returns
    -------
    dict
        Network to its targets, in the order given.

    Raises
    ------
    ValueError
        If a network is unknown.
    """
    found: dict[str, list[str]] = {}
    for target in targets:
        head = target.partition(".")[0]
        matching = [name for name in networks if fnmatchcase(name, head)]
        if not matching:
            refuse_transformer(target)
        if not matching and os.sep in target:
            what = "it is a folder" if Path(target).is_dir() else "it is neither"
            raise ValueError(f"target must be a name or a model file, got {target}: {what}")
        if not matching:
            raise ValueError(
                f"network must be one of {', '.join(networks)}, got {head!r}{_hint(head, networks)}"
            )
        for name in matching:
            found.setdefault(name, []).append(target)
    return found


def select(targets: Sequence[str], layers: Iterable[str], others: Mapping[str, str]) -> list[str]:
    """Return the layers that the targets name, in the network's order.

    Parameters
    ----------
    targets : sequence of str
        Names and globs.
    layers : iterable of str
        Layers that can run alone, by full name.
    others : mapping
        The network's other modules by full name, with their kind.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a target matches nothing, or only modules that cannot run alone.
    """
    layers = list(layers)
    chosen: set[str] = set()
    for target in targets:
        matching = [name for name in layers if fnmatchcase(name, target)]
        if not matching:
            _refuse(target, layers, others)
        chosen.update(matching)
    return [name for name in layers if name in chosen]


def _refuse(target: str, layers: list[str], others: Mapping[str, str]) -> None:
    lacking = [name for name in others if fnmatchcase(name, target)]
    if lacking:
        raise ValueError(
            f"layer must be a convolution or a linear layer, the kinds that run alone, "
            f"got {lacking[0]}, which is {others[lacking[0]]}"
        )
    inside = [name for name in layers if name.startswith(f"{target}.")]
    if inside:
        raise ValueError(
            f"layer must be one module, got {target}, which holds several: '{target}.*' "
            f"means all of them"
        )
    raise ValueError(
        f"layer must be one that `maccord layers` lists, got {target!r}"
        f"{_hint(target, [*layers, *others])}"
    )


def _hint(word: str, names: Sequence[str]) -> str:
    near = get_close_matches(word, names, n=3, cutoff=0.5)
    return f", nearest: {', '.join(near)}" if near else ""
