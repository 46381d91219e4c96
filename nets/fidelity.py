"""Fidelity of the INT8 network to the float one: signal-to-noise ratio, and the weakest layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import fx, nn
from torch.ao.quantization import ObserverBase

from .examples import Example, fresh, joined
from .outputs import rows
from .preparation import clamped

__all__ = ["LEAST", "MOST_IMAGES", "Fidelity", "measure"]

LEAST = 26.0  # dB, minimum local signal-to-noise ratio of a layer; normal are 28 to 47
MOST_IMAGES = 4  # calibration images used, evenly spaced


@dataclass(frozen=True)
class Fidelity:
    """INT8 against floating point, on calibration images.

    Parameters
    ----------
    snr_db : float
        10 log10(sum y**2 / sum (y - y_int8)**2) of the output, with y from the float network.
    layer : str
        The first layer whose local ratio, on its INT8 inputs, is below `LEAST`; empty if there is
        none.
    layer_snr_db : float
        Local ratio of that layer; infinite if there is none.
    """

    snr_db: float
    layer: str = ""
    layer_snr_db: float = inf


def snr_db(expected: torch.Tensor, found: torch.Tensor) -> float:
    """Return 10 log10 of signal energy over error energy; infinite without an error."""
    noise = float((expected.double() - found.double()).square().sum())
    signal = float(expected.double().square().sum())
    if noise == 0:
        return inf
    return float(10 * torch.log10(torch.tensor(signal / noise, dtype=torch.float64)))


class _Local(fx.Interpreter):
    """Runs each float layer on the outputs of the preceding INT8 layers.

    If only a clamp reads a layer, the clamped values are compared.
    """

    def __init__(
        self,
        prepared: fx.GraphModule,
        codes: Mapping[str, torch.Tensor],
    ) -> None:
        super().__init__(prepared)
        self.codes = codes
        bounds = clamped(prepared).items()
        self.bounds = {observed.args[0]: found for observed, found in bounds}
        for node in prepared.graph.nodes:
            if node.op == "call_module" and node.users and all(map(self._is_relu, node.users)):
                self.bounds[node] = 0.0, inf
        self.kept: dict[str, float] = {}

    def _is_relu(self, node: fx.Node) -> bool:
        if node.op == "call_module":
            return isinstance(self.fetch_attr(str(node.target)), nn.ReLU)
        return node.target is nn.functional.relu

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        if isinstance(self.fetch_attr(target), ObserverBase):
            return args[0]
        return super().call_module(target, args, kwargs)

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401
        result = super().run_node(n)
        found = self.codes.get(n.name)
        if n.op == "placeholder" or found is None or not isinstance(result, torch.Tensor):
            return result
        if n.op == "call_module" and any(True for _ in self.fetch_attr(str(n.target)).parameters()):
            low, high = self.bounds.get(n, (-inf, inf))  # values beyond are never read
            self.kept[str(n.target)] = snr_db(result.clamp(low, high), found.clamp(low, high))
        return found


def measure(
    model: nn.Module,
    prepared: fx.GraphModule,
    converted: fx.GraphModule,
    examples: Sequence[Example],
) -> Fidelity:
    """Compare the networks on some of the images.

    Parameters
    ----------
    model : Module
        Float network in evaluation mode.
    prepared, converted : GraphModule
        From `framework.convert`; layer nodes have the same names in both.
    examples : sequence of tuples of Tensor of shape (N, ...)
        At least one; up to `MOST_IMAGES` of them are used.
    """
    from .reference import Reference

    count = min(len(examples), MOST_IMAGES)
    batch = joined([examples[index * len(examples) // count] for index in range(count)])
    floats = torch.from_numpy(rows(model(*fresh(batch)), len(batch[0])))
    codes = Reference(converted).dequantized(batch)
    if floats.shape != codes["output"].shape:
        raise ValueError(
            f"{type(model).__name__}: results must have one shape for all inputs, got rows of "
            f"{floats.shape[1]} numbers in floating point and {codes['output'].shape[1]} in INT8"
        )
    result = snr_db(floats, codes["output"])
    local = _Local(prepared, codes)
    local.run(*fresh(batch))
    weak = next(((name, kept) for name, kept in local.kept.items() if kept < LEAST), ("", inf))
    return Fidelity(result, *weak)
