"""Vision transformers with the parameter names of timm's checkpoints, DeiT-T among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["Attention", "Block", "Size", "VisionTransformer", "deit_digits", "deit_tiny"]

_EPS = 1e-6


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


class Attention(nn.Module):
    """Self-attention of several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    @property
    def factor(self) -> float:
        """What scores are multiplied with: 1 / sqrt(channels of a head)."""
        return (self.proj.in_features // self.heads) ** -0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (N, T, C) from tokens."""
        images, tokens, width = x.shape
        parts = self.qkv(x).reshape(images, tokens, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * self.factor
        mixed = scores.softmax(dim=-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(images, tokens, width))


class Mlp(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (N, T, C) from tokens."""
        return self.fc2(nn.functional.gelu(self.fc1(x)))


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


class VisionTransformer(nn.Module):
    """A vision transformer that classifies by its class token (Dosovitskiy et al. 2021).

    Parameters
    ----------
    size : Size
    classes : int
    """

    def __init__(self, size: Size, classes: int) -> None:
        super().__init__()
        self.size = size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, size.tokens, size.width))
        self.patch_embed = PatchEmbedding(size)
        self.blocks = nn.Sequential(*(Block(size.width, size.heads) for _ in range(size.depth)))
        self.norm = nn.LayerNorm(size.width, eps=_EPS)
        self.head = nn.Linear(size.width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of images (N, colours, H, W)."""
        first = self.cls_token.expand(len(x), -1, -1)
        x = torch.cat([first, self.patch_embed(x)], dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


def deit_tiny(classes: int = 1000) -> VisionTransformer:
    """DeiT-T for images of 224 x 224 (Touvron et al. 2021)."""
    return VisionTransformer(Size(224, 16, 192, 12, 3), classes)


def deit_digits(classes: int = 10) -> VisionTransformer:
    """Return a small one for images of 32 x 32: 65 tokens of 64 channels, three blocks."""
    return VisionTransformer(Size(32, 4, 64, 3, 2), classes)
