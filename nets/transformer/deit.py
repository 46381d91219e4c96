"""Vision transformers with the parameter names of timm's checkpoints, DeiT-T among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from . import steps
from .parts import Attention, Mlp, Plan, Transformer, check_images

__all__ = ["Block", "Size", "VisionTransformer", "deit_digits", "deit_tiny"]

_EPS = 1e-6
_STD = 0.02  # of initial embeddings


@dataclass(frozen=True)
class Size:
    """Size of a vision transformer.

    Parameters
    ----------
    image : int
        Height and width of an image.
    patch : int
        Height and width of a patch.
    width : int
        Channels of a token.
    depth : int
        Blocks.
    heads : int
        Of an attention; they divide the width.
    colours : int
        Channels of an image.
    """

    image: int
    patch: int
    width: int
    depth: int
    heads: int
    colours: int = 3

    @property
    def tokens(self) -> int:
        """Tokens of an image, the class token included."""
        return (self.image // self.patch) ** 2 + 1


class PatchEmbedding(nn.Module):
    """A token for each patch: a convolution whose stride is its kernel's size."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.proj = nn.Conv2d(size.colours, size.width, size.patch, size.patch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (N, T, C) of images."""
        return self.proj(x).flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Attention and a perceptron, each on normalized tokens and added to them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=_EPS)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=_EPS)
        self.mlp = Mlp(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (N, T, C) from tokens."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def plan(self, plan: Plan, name: str, x: str) -> str:
        """Append the steps."""
        y = plan(steps.Norm(f"{name}.norm1", (x,), self.norm1))
        x = plan(steps.Add(f"{name}.add", (x, plan.attention(f"{name}.attn", self.attn, y))))
        y = plan(steps.Norm(f"{name}.norm2", (x,), self.norm2))
        return plan(steps.Add(f"{name}.add_1", (x, plan.perceptron(f"{name}.mlp", self.mlp, y))))


class VisionTransformer(Transformer):
    """A vision transformer that classifies by its class token (Dosovitskiy et al. 2021).

    Parameters
    ----------
    size : Size
    classes : int
    """

    def __init__(self, size: Size, classes: int) -> None:
        super().__init__()
        self.image, self.colours = size.image, size.colours
        self.cls_token = nn.Parameter(
            nn.init.trunc_normal_(torch.empty(1, 1, size.width), std=_STD)
        )
        positions = torch.empty(1, size.tokens, size.width)
        self.pos_embed = nn.Parameter(nn.init.trunc_normal_(positions, std=_STD))
        self.patch_embed = PatchEmbedding(size)
        self.blocks = nn.Sequential(*(Block(size.width, size.heads) for _ in range(size.depth)))
        self.norm = nn.LayerNorm(size.width, eps=_EPS)
        self.head = nn.Linear(size.width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of images (N, colours, H, W)."""
        check_images(self, x)
        first = self.cls_token.expand(len(x), -1, -1)
        x = torch.cat([first, self.patch_embed(x)], dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])

    def steps(self) -> list[steps.Step]:
        """Return the operations."""
        plan, first = Plan(), self.cls_token
        patches = steps.Convolution(
            "patch_embed.proj", (steps.IMAGE,), self.patch_embed.proj, first
        )
        x = plan(steps.Tokens("cls_token", (plan(patches),), first))
        x = plan(steps.AddConstant("pos_embed", (x,), self.pos_embed[:, None]))
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x = block.plan(plan, f"blocks.{index}", x)
        x = plan(steps.Norm("norm", (x,), self.norm))
        plan.linear("head", self.head, plan(steps.First("first", (x,))))
        return plan.steps


def deit_tiny(classes: int = 1000) -> VisionTransformer:
    """DeiT-T for images of 224 x 224 (Touvron et al. 2021)."""
    return VisionTransformer(Size(224, 16, 192, 12, 3), classes)


def deit_digits(classes: int = 10) -> VisionTransformer:
    """Return a small one for images of 32 x 32: 65 tokens of 64 channels, three blocks."""
    return VisionTransformer(Size(32, 4, 64, 3, 2), classes)
