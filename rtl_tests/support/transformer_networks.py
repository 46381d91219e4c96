"""Transformers of random weights, and the comparison of every tensor with PyTorch's kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import nn

import maccord.golden.network as golden
from maccord.nets.framework import one_thread
from maccord.nets.transformer import floating, steps
from maccord.nets.transformer.importer import import_transformer
from maccord.nets.transformer.observe import observe
from maccord.nets.transformer.parts import Transformer
from maccord.nets.transformer.reference import reference_tensors

__all__ = ["compare", "largest_difference", "patterned", "random_model"]

Made = TypeVar("Made", bound=Transformer)


def random_model(make: Callable[[], Made], seed: int) -> Made:
    """Return a network of random weights, those of tokens, tables and norms too."""
    torch.manual_seed(seed)
    model = make().eval()
    for name, parameter in model.named_parameters():
        if name in ("cls_token", "pos_embed") or name.endswith("bias_table"):
            nn.init.normal_(parameter, std=0.5)
        elif "norm" in name:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return model


def compare(
    model: Transformer, calibration: torch.Tensor, images: torch.Tensor | None = None
) -> tuple[int, list[str]]:
    """Compare every tensor; return how many codes it was, and the names that differ."""
    quantizations = observe(model, calibration)
    due = reference_tensors(model, quantizations, calibration if images is None else images)
    network = import_transformer(model, "net", quantizations)
    found = golden.execute(network, due["input"])
    assert set(due) == {"input", *(step.name for step in model.steps())}
    beside = set(found) - {f"net.{name}" for name in due}
    assert beside <= {"net.first.slice", "net.head.pool.mean"} and len(found) == len(due) + 1
    wrong = [name for name, codes in due.items() if not np.array_equal(found[f"net.{name}"], codes)]
    assert len(np.unique(due[model.steps()[-1].name])) > 5
    return sum(codes.size for codes in due.values()), wrong


def largest_difference(model: Transformer, images: torch.Tensor) -> float:
    """Return how much the steps differ from the network in fp64, in units of the logits."""
    model, images = model.double(), images.double()
    with torch.no_grad(), one_thread():
        due = model(images)
        found, _ = steps.walk(model.steps(), floating.compute, floating.channels_last(images))
    return float((found - due).abs().max() / due.abs().max())


def patterned(model: Transformer) -> tuple[Transformer, torch.Tensor]:
    """Return a network with weights from a formula, in fp64, and an image.

    Any implementation with the same parameters gives the same logits.
    """
    model = model.double().eval()
    for number, (name, values) in enumerate(sorted(model.state_dict().items())):
        pattern = torch.sin(0.7 * torch.arange(values.numel(), dtype=torch.float64) + number)
        values.copy_(0.2 * pattern.view(values.shape) + ("norm" in name and "weight" in name))
    pixels = torch.arange(3 * 32 * 32, dtype=torch.float64)
    return model, torch.sin(pixels**2 / 1000).view(1, 3, 32, 32)
