"""Names of the known networks and their layers, from a table, as importing PyTorch is slow.

The table is `computed`, written by ``python -m maccord.sim.names``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from ..nets.transformer.names import refuse_transformer

__all__ = ["Names", "check_network", "computed", "known"]

_TABLE = Path(__file__).with_name("names.json")


@dataclass(frozen=True)
class Names:
    """Names of a network's modules.

    Parameters
    ----------
    layers : tuple of str
        Layers that can run alone, by full name, in network order.
    others : dict of str to str
        Other modules by full name, with their kind.
    """

    layers: tuple[str, ...]
    others: dict[str, str]


@cache
def known() -> dict[str, Names]:
    """Return the known networks, in listing order."""
    table = json.loads(_TABLE.read_text())
    return {name: Names(tuple(t["layers"]), t["others"]) for name, t in table.items()}


def check_network(name: str) -> None:
    """Reject an unknown network.

    Raises
    ------
    ValueError
        The message suggests the nearest names.
    """
    refuse_transformer(name)
    if name not in known():
        near = get_close_matches(name, known(), 1, cutoff=0.0)[0]
        raise ValueError(
            f"network must be one of {', '.join(known())}, got {name} (nearest: {near})"
        )


def computed(networks: Iterable[str]) -> dict[str, Names]:
    """Compute the same table, or a part of it, from the networks themselves."""
    from ..nets import library
    from .recording import other_modules

    found = {}
    for name in networks:
        network = library.load(name)
        found[name] = Names(tuple(network.layers), other_modules(network))
    return found


if __name__ == "__main__":
    from ..nets.library import NETWORKS

    table = {name: vars(names) for name, names in computed(NETWORKS).items()}
    _TABLE.write_text(json.dumps(table, indent=1) + "\n")
