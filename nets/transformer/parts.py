"""What vision transformers share: attention, perceptron, base class, and their steps."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import nn

from . import steps

__all__ = ["Attention", "Mlp", "Plan", "Transformer", "check_images"]


class Transformer(nn.Module):
    """A vision transformer whose steps are known.

    Attributes
    ----------
    image, colours : int
        Height and width of an image, and its channels.
    """

    image: int
    colours: int

    @abstractmethod
    def steps(self) -> list[steps.Step]:
        """Return the operations, from images to logits, with the present weights."""


def check_images(model: Transformer, images: torch.Tensor) -> None:
    """Refuse images of another shape than a network's, or of no floating point type.

    Raises
    ------
    ValueError
    """
    wanted = (model.colours, model.image, model.image)
    shape = tuple(getattr(images, "shape", ()))
    if not isinstance(images, torch.Tensor) or shape[1:] != wanted or not len(images):
        raise ValueError(
            f"images must be a tensor of shape (N, {', '.join(map(str, wanted))}), got "
            f"{shape or type(images).__name__}"
        )
    if not images.is_floating_point():
        raise ValueError(f"images must be normalized numbers, float32, got {images.dtype}")


class Attention(nn.Module):
    """Self-attention of several heads.

    Parameters
    ----------
    width : int
        Channels of a token.
    heads : int
        They divide the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    @property
    def factor(self) -> float:
        """What scores are multiplied with: 1 / sqrt(channels of a head)."""
        return (self.proj.in_features // self.heads) ** -0.5

    def biased(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores (N, heads, T, T) with what is added to them: here nothing."""
        return scores

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (N, T, C) from tokens."""
        images, tokens, width = x.shape
        parts = self.qkv(x).reshape(images, tokens, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = self.biased((q @ k.transpose(-2, -1)) * self.factor)
        mixed = scores.softmax(dim=-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(images, tokens, width))


class Mlp(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (..., C) from tokens."""
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Plan:
    """Collects steps; each method appends some and returns the name of the last one.

    Attributes
    ----------
    steps : list of Step
    """

    def __init__(self) -> None:
        self.steps: list[steps.Step] = []

    def __call__(self, step: steps.Step) -> str:
        """Append a step."""
        self.steps.append(step)
        return step.name

    def linear(self, name: str, module: nn.Linear, x: str) -> str:
        """Append a linear layer; without a bias, one of zeros."""
        weight: torch.Tensor = module.weight
        bias = weight.new_zeros(len(weight)) if module.bias is None else module.bias
        return self(steps.Linear(name, (x,), weight, bias))

    def perceptron(self, name: str, module: Mlp, x: str) -> str:
        """Append a perceptron."""
        hidden = self.linear(f"{name}.fc1", module.fc1, x)
        active = self(steps.Gelu(f"{name}.act", (hidden,)))
        return self.linear(f"{name}.fc2", module.fc2, active)

    def attention(
        self,
        name: str,
        module: Attention,
        x: str,
        bias: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> str:
        """Append an attention; queries, keys and values are linear layers with their own scales.

        Parameters
        ----------
        name : str
        module : Attention
        x : str
            Name of the tokens (N, W, T, C).
        bias : tensor of shape (heads, T, T), optional
            Added to the scores of each window.
        mask : bool tensor of shape (W, T, T), optional
            Pairs of tokens of a window that ignore each other.
        """
        weights, biases = module.qkv.weight.chunk(3), module.qkv.bias.chunk(3)
        q, k, v = (
            self(steps.Linear(f"{name}.qkv.{letter}", (x,), weight, bias_, letter != "q"))
            for letter, weight, bias_ in zip("qkv", weights, biases, strict=True)
        )
        scores = self(steps.Scores(f"{name}.scores", (q, k), module.heads, module.factor))
        if bias is not None:
            scores = self(_biases(f"{name}.bias", scores, bias, mask))
        probabilities = self(steps.Softmax(f"{name}.softmax", (scores,)))
        mixed = self(steps.Weighted(f"{name}.values", (probabilities, v), module.heads))
        return self.linear(f"{name}.proj", module.proj, mixed)


def _biases(
    name: str, scores: str, bias: torch.Tensor, mask: torch.Tensor | None
) -> steps.AddConstant:
    """Return biases for each window, or for each of the masks."""
    if mask is None:
        return steps.AddConstant(name, (scores,), bias[None])
    windows, heads = len(mask), len(bias)
    whole = bias[None].expand(windows, -1, -1, -1).flatten(0, 1)
    masks = mask[:, None].expand(-1, heads, -1, -1).flatten(0, 1)
    return steps.AddConstant(name, (scores,), whole[None], masks[None])
