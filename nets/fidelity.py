"""How near the INT8 network is to the float one: the result's signal-to-noise ratio, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import fx, nn
from torch.ao.quantization import ObserverBase

from .preparation import clamped

__all__ = ["LEAST", "MOST_IMAGES", "Fidelity", "measure"]

LEAST = 26.0  # dB that an INT8 layer keeps of its own result; sound ones keep 28 to 47
MOST_IMAGES = 4  # of the calibration images, evenly spaced


@dataclass(frozen=True)
class Fidelity:
    """INT8 against floating point, on calibration images.

    Parameters
    ----------
    snr_db : float
        Of the result: 10 log10(sum y**2 / sum (y - y_int8)**2), y the float network's.
    layer : str
        The first layer that keeps less than `LEAST` of what it computes from its INT8 inputs;
        empty if none does.
    layer_snr_db : float
        What that layer keeps; infinite if there is none.
    """

    snr_db: float
    layer: str = ""
    layer_snr_db: float = inf


def snr_db(expected: torch.Tensor, found: torch.Tensor) -> float:
    """Return 10 log10 of the signal's energy over the error's; infinite without an error."""
    noise = float((expected.double() - found.double()).square().sum())
    signal = float(expected.double().square().sum())
    if noise == 0:
        return inf
    return float(10 * torch.log10(torch.tensor(signal / noise, dtype=torch.float64)))


class _Local(fx.Interpreter):
    """Runs each float layer on what the INT8 layers before it made.

    Of a layer that only a clamp reads, what the clamp leaves is compared.
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
        self.kept: dict[str, float] = {}

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
            low, high = self.bounds.get(n, (-inf, inf))  # nobody reads what lies beyond
            self.kept[str(n.target)] = snr_db(result.clamp(low, high), found.clamp(low, high))
        return found


def measure(
    model: nn.Module,
    prepared: fx.GraphModule,
    converted: fx.GraphModule,
    images: Sequence[torch.Tensor],
) -> Fidelity:
    """Compare the networks on some of the images.

    Parameters
    ----------
    model : Module
        In floating point, in evaluation mode.
    prepared, converted : GraphModule
        Of `framework.convert`; the nodes of the layers have the same names in both.
    images : sequence of Tensor of shape (N, C, H, W)
        At least one; up to `MOST_IMAGES` of them are used.
    """
    from .reference import Reference

    count = min(len(images), MOST_IMAGES)
    batch = torch.cat([images[index * len(images) // count] for index in range(count)])
    floats = model(batch.clone())
    codes = Reference(converted).dequantized(batch)
    result = snr_db(floats, codes["output"])
    local = _Local(prepared, codes)
    local.run(batch.clone())
    weak = next(((name, kept) for name, kept in local.kept.items() if kept < LEAST), ("", inf))
    return Fidelity(result, *weak)
