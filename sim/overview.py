"""`maccord layers` without a name: one line per network, from its outline, not quantized."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from ..nets.input_shapes import USUAL
from ..nets.networks import NETWORKS, Architecture
from ..runtime.console import console
from ..runtime.files import atomic_write
from ..runtime.tables import Column, fitting, print_wrapped, table_width

__all__ = ["describe_network", "overview"]

_LAYERS = (nn.Conv2d, nn.Linear)


def describe_network(network: Architecture) -> dict[str, object]:
    """Return a row of the table.

    Returns
    -------
    dict
        `network`, `layers` (convolutions and linear layers), `parameters`, `macs` (of those layers,
        for one image of 224 x 224), `weights`.
    """
    model = network.outline()
    counts: list[int] = []

    def count(module: nn.Module, args: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        assert isinstance(module, _LAYERS)
        counts.append(output.numel() * module.weight[0].numel())

    for module in model.modules():
        if isinstance(module, _LAYERS):
            module.register_forward_hook(count)
    with torch.no_grad():
        model(torch.empty(1, *USUAL, device="meta"))
    trained = network.pretrained
    weights = "seeded" if trained is None else "trained"
    if trained is not None and not trained.installed:
        weights = "not installed"
    return {
        "network": network.name,
        "layers": len(counts),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "macs": sum(counts),
        "weights": weights,
    }


def overview(path: Path | None, wide: bool = False) -> None:
    """Print the built-in networks; write them as JSON too.

    Parameters
    ----------
    path : Path, optional
    wide : bool
        Whether to print all columns.
    """
    rows = [describe_network(network) for network in NETWORKS.values()]
    numbers = {key: [f"{row[key]:,}" for row in rows] for key in ("layers", "parameters", "macs")}
    columns = [
        Column("network", [str(row["network"]) for row in rows], left=True),
        Column("layers", numbers["layers"]),
        Column("parameters", numbers["parameters"], 1),
        Column("MACs", numbers["macs"]),
        Column("weights", [str(row["weights"]) for row in rows], 2, left=True),
    ]
    out, width = console(), table_width(wide)
    out.print(fitting(out, columns, width)[0])
    print_wrapped(out, "maccord layers NETWORK lists the layers of one", width)
    if path:
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(rows, indent=2) + "\n")
