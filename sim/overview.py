"""`maccord layers` without a name: one line per network, from its outline, not quantized."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from ..nets.input_shapes import USUAL
from ..nets.networks import NETWORKS, Architecture
from ..nets.transformer.architectures import ARCHITECTURES, classes_of
from ..nets.transformer.parts import Attention, Transformer
from ..runtime.console import console
from ..runtime.files import atomic_write
from ..runtime.tables import Column, fitting, print_wrapped, table_width
from .network.results import ON_ACCELERATOR

__all__ = ["describe_network", "overview"]

_LAYERS = (nn.Conv2d, nn.Linear)


def describe_network(network: Architecture) -> dict[str, object]:
    """Return a row of the table.

    Returns
    -------
    dict
        `network`, `layers` (convolutions and linear layers), `parameters`, `macs` (of those layers
        and of attentions, for one image of 224 x 224, or of the network's size), `weights`.
    """
    model = network.outline(classes_of(network.name))
    shape = USUAL
    if isinstance(model, Transformer):
        shape = (model.colours, model.image, model.image)
    counts: list[int] = []

    def count(module: nn.Module, args: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        assert isinstance(module, _LAYERS)
        counts.append(output.numel() * module.weight[0].numel())

    products: list[int] = []

    def count_products(module: nn.Module, args: tuple[torch.Tensor, ...], output: object) -> None:
        windows, tokens, channels = args[0].shape
        products.append(2 * windows * tokens * tokens * channels)

    for module in model.modules():
        if isinstance(module, _LAYERS):
            module.register_forward_hook(count)
        elif isinstance(module, Attention):
            module.register_forward_hook(count_products)
    with torch.no_grad():
        model(torch.empty(1, *shape, device="meta"))
    trained = network.pretrained
    weights = "seeded" if trained is None else "trained"
    if trained is not None and not trained.installed:
        weights = "not installed"
    return {
        "network": network.name,
        "layers": len(counts),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "macs": sum(counts) + sum(products),
        "weights": weights,
        "runs_on": ON_ACCELERATOR,
    }


def overview(path: Path | None, wide: bool = False) -> None:
    """Print the built-in networks; write them as JSON too.

    Parameters
    ----------
    path : Path, optional
    wide : bool
        Whether to print all columns.
    """
    networks = (NETWORKS | ARCHITECTURES).values()
    rows = [describe_network(network) for network in networks]
    numbers = {key: [f"{row[key]:,}" for row in rows] for key in ("layers", "parameters", "macs")}
    columns = [
        Column("network", [str(row["network"]) for row in rows], left=True),
        Column("layers", numbers["layers"]),
        Column("parameters", numbers["parameters"], 1),
        Column("MACs", numbers["macs"]),
        Column("weights", [str(row["weights"]) for row in rows], 2, left=True),
        Column("runs on", [str(row["runs_on"]) for row in rows], 3, left=True),
    ]
    out, width = console(), table_width(wide)
    out.print(fitting(out, columns, width)[0])
    print_wrapped(out, "maccord layers NETWORK lists the layers of one", width)
    if path:
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(rows, indent=2) + "\n")
