"""Swin transformers with the parameter names of timm's checkpoints, Swin-T among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from . import steps
from .parts import Attention, Mlp, Plan, Transformer, check_images
from .windows import merged, relative_positions, separated, window_places

__all__ = ["Size", "SwinTransformer", "swin_digits", "swin_tiny"]

_STD = 0.02  # of initial tables of biases


@dataclass(frozen=True)
class Size:
    """Size of a Swin transformer.

    Parameters
    ----------
    image : int
        Height and width of an image.
    patch : int
        Height and width of a patch.
    width : int
        Channels of a token in the first stage; doubled from stage to stage.
    depths : tuple of int
        Blocks of each stage; each second one shifts its windows.
    heads : tuple of int
        Of an attention in each stage; they divide its channels.
    window : int
        Height and width of a window, in tokens; it divides each stage's tokens.
    colours : int
        Channels of an image.

    Raises
    ------
    ValueError
        If windows do not fit.
    """

    image: int
    patch: int
    width: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window: int
    colours: int = 3

    def __post_init__(self) -> None:
        for stage in range(len(self.depths)):
            side = self.side(stage)
            if side % min(self.window, side) or self.image % (self.patch << stage):
                raise ValueError(
                    f"windows of {self.window} tokens must divide each stage, got "
                    f"{self.image / (self.patch << stage):g} in stage {stage}"
                )

    def side(self, stage: int) -> int:
        """Tokens of an image's height and width in a stage."""
        return self.image // (self.patch << stage)


class PatchEmbedding(nn.Module):
    """A normalized token for each patch."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.proj = nn.Conv2d(size.colours, size.width, size.patch, size.patch)
        self.norm = nn.LayerNorm(size.width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pixels (N, H, W, C) of images (N, colours, H, W)."""
        return self.norm(self.proj(x).permute(0, 2, 3, 1))


class WindowAttention(Attention):
    """Attention of a window's tokens, with a bias for each relative position and head."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__(width, heads)
        rows = torch.empty((2 * window - 1) ** 2, heads)
        self.relative_position_bias_table = nn.Parameter(nn.init.trunc_normal_(rows, std=_STD))
        self._positions = relative_positions(window)

    @property
    def bias(self) -> torch.Tensor:
        """Biases (heads, T, T) of the scores."""
        return self.relative_position_bias_table[self._positions].permute(2, 0, 1)

    def biased(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores with biases."""
        return scores + self.bias


class ShiftedAttention(WindowAttention):
    """Attention in shifted windows, whose masked pairs ignore each other."""

    def __init__(self, width: int, heads: int, window: int, mask: torch.Tensor) -> None:
        super().__init__(width, heads, window)
        self.mask = mask

    def biased(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores (N * windows, heads, T, T) with biases and the mask."""
        windows = scores.unflatten(0, (-1, len(self.mask)))
        added = self.mask.to(scores)[:, None] * steps.AddConstant.MASKED
        return super().biased(windows + added).flatten(0, 1)


class Block(nn.Module):
    """Attention in windows and a perceptron, each on normalized pixels and added to them."""

    def __init__(self, width: int, heads: int, side: int, window: int, shift: int) -> None:
        super().__init__()
        self.side, self.window, self.shift = side, window, shift
        self.norm1 = nn.LayerNorm(width)
        if shift:
            mask = separated(side, window, shift)
            self.attn: WindowAttention = ShiftedAttention(width, heads, window, mask)
        else:
            self.attn = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def _attention(self, x: torch.Tensor) -> torch.Tensor:
        """Shift, part into windows, attend, join and shift back: (N, H, W, C)."""
        count, side = self.window, self.side
        shifted = x.roll((-self.shift, -self.shift), (1, 2))
        windows = shifted.unflatten(1, (-1, count)).unflatten(3, (-1, count)).transpose(2, 3)
        tokens = self.attn(windows.flatten(3, 4).flatten(0, 2))
        grid = tokens.reshape(len(x), side // count, side // count, count, count, -1)
        joined = grid.transpose(2, 3).reshape(x.shape)
        return joined.roll((self.shift, self.shift), (1, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pixels (N, H, W, C) from pixels."""
        x = x + self._attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def plan(self, plan: Plan, name: str, x: str) -> str:
        """Append the steps."""
        parted, joined = window_places(self.side, self.window, self.shift)
        y = plan(steps.Norm(f"{name}.norm1", (x,), self.norm1))
        y = plan(steps.Rearrange(f"{name}.windows", (y,), parted))
        mask = self.attn.mask if isinstance(self.attn, ShiftedAttention) else None
        y = plan.attention(f"{name}.attn", self.attn, y, self.attn.bias, mask)
        y = plan(steps.Rearrange(f"{name}.pixels", (y,), joined))
        x = plan(steps.Add(f"{name}.add", (x, y)))
        y = plan(steps.Norm(f"{name}.norm2", (x,), self.norm2))
        return plan(steps.Add(f"{name}.add_1", (x, plan.perceptron(f"{name}.mlp", self.mlp, y))))


class PatchMerging(nn.Module):
    """Each 2 x 2 pixels become one of twice the channels."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pixels (N, H / 2, W / 2, 2 * C) from pixels (N, H, W, C)."""
        parts = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(parts, dim=-1)))

    def plan(self, plan: Plan, name: str, x: str) -> str:
        """Append the steps."""
        x = plan(steps.Rearrange(f"{name}.merged", (x,), merged(self.side)))
        x = plan(steps.Norm(f"{name}.norm", (x,), self.norm))
        return plan.linear(f"{name}.reduction", self.reduction, x)


class Stage(nn.Module):
    """Merging, except in the first stage, then blocks, each second one with shifted windows."""

    def __init__(self, size: Size, stage: int) -> None:
        super().__init__()
        width, side = size.width << stage, size.side(stage)
        window = min(size.window, side)
        shift = 0 if window == side else window // 2
        self.downsample = PatchMerging(width // 2, 2 * side) if stage else nn.Identity()
        blocks = (
            Block(width, size.heads[stage], side, window, shift * (index % 2))
            for index in range(size.depths[stage])
        )
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pixels (N, H, W, C) from pixels."""
        return self.blocks(self.downsample(x))

    def plan(self, plan: Plan, name: str, x: str) -> str:
        """Append the steps."""
        if isinstance(self.downsample, PatchMerging):
            x = self.downsample.plan(plan, f"{name}.downsample", x)
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x = block.plan(plan, f"{name}.blocks.{index}", x)
        return x


class Head(nn.Module):
    """Classifier of the pixels' mean."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of pixels (N, H, W, C)."""
        return self.fc(x.mean(dim=(1, 2)))


class SwinTransformer(Transformer):
    """A transformer of shifted windows (Liu et al. 2021).

    Parameters
    ----------
    size : Size
    classes : int
    """

    def __init__(self, size: Size, classes: int) -> None:
        super().__init__()
        self.image, self.colours = size.image, size.colours
        stages = range(len(size.depths))
        self.patch_embed = PatchEmbedding(size)
        self.layers = nn.Sequential(*(Stage(size, stage) for stage in stages))
        width = size.width << stages[-1]
        self.norm = nn.LayerNorm(width)
        self.head = Head(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of images (N, colours, H, W)."""
        check_images(self, x)
        return self.head(self.norm(self.layers(self.patch_embed(x))))

    def steps(self) -> list[steps.Step]:
        """Return the operations."""
        plan, embed = Plan(), self.patch_embed
        x = plan(steps.Convolution("patch_embed.proj", (steps.IMAGE,), embed.proj))
        x = plan(steps.Norm("patch_embed.norm", (x,), embed.norm))
        for index, stage in enumerate(self.layers):
            assert isinstance(stage, Stage)
            x = stage.plan(plan, f"layers.{index}", x)
        x = plan(steps.Norm("norm", (x,), self.norm))
        plan.linear("head.fc", self.head.fc, plan(steps.Mean("head.pool", (x,))))
        return plan.steps


def swin_tiny(classes: int = 1000) -> SwinTransformer:
    """Swin-T for images of 224 x 224: patches of 4, windows of 7."""
    return SwinTransformer(Size(224, 4, 96, (2, 2, 6, 2), (3, 6, 12, 24), 7), classes)


def swin_digits(classes: int = 10) -> SwinTransformer:
    """Return a small one for images of 32 x 32: two stages of two blocks, windows of 4 x 4."""
    return SwinTransformer(Size(32, 2, 32, (2, 2), (2, 4), 4), classes)
