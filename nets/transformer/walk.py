"""A vision transformer, operation by operation, for whatever computes, observes or imports it."""

from __future__ import annotations

from typing import Protocol, TypeVar

import torch
from torch import nn

from .deit import Attention, Block, VisionTransformer

__all__ = ["Reader", "walk"]


Value = TypeVar("Value")


class Reader(Protocol[Value]):
    """What is done with each operation; values are the reader's own.

    Tokens are (N, T, C) to PyTorch. Names are PyTorch's module paths where there is a module.
    """

    def convolution(self, name: str, module: nn.Conv2d, x: Value, also: torch.Tensor) -> Value:
        """Patches' tokens as an image; the result's range has to include `also`."""
        ...

    def tokens(self, name: str, first: torch.Tensor, x: Value) -> Value:
        """Class token (1, 1, C), then the pixels of an image."""
        ...

    def add_constant(self, name: str, constant: torch.Tensor, x: Value) -> Value:
        """Sum with a constant (1, T, C)."""
        ...

    def layer_norm(self, name: str, module: nn.LayerNorm, x: Value) -> Value:
        """Layer norm of tokens."""
        ...

    def linear(
        self,
        name: str,
        weight: torch.Tensor,
        bias: torch.Tensor,
        x: Value,
        *,
        symmetric: bool = False,
    ) -> Value:
        """Linear layer of tokens, or of rows; `symmetric` results are a product's weights."""
        ...

    def scores(self, name: str, q: Value, k: Value, heads: int, factor: float) -> Value:
        """Multiply queries with keys, in each head, and with a factor."""
        ...

    def softmax(self, name: str, x: Value) -> Value:
        """Softmax over the last dimension."""
        ...

    def weighted_sum(self, name: str, weights: Value, v: Value, heads: int) -> Value:
        """Values weighted in each head."""
        ...

    def add(self, name: str, a: Value, b: Value) -> Value:
        """Sum of two tensors."""
        ...

    def gelu(self, name: str, x: Value) -> Value:
        """GELU of each element."""
        ...

    def first_token(self, name: str, x: Value) -> Value:
        """Rows (N, C) of the class token."""
        ...


def walk(model: VisionTransformer, run: Reader[Value], x: Value) -> Value:
    """Pass images through a network.

    Parameters
    ----------
    model : VisionTransformer
    run : Reader
    x : images, as the reader takes them

    Returns
    -------
    logits, as the reader gives them
    """
    x = run.convolution("patch_embed.proj", model.patch_embed.proj, x, model.cls_token)
    x = run.tokens("cls_token", model.cls_token, x)
    x = run.add_constant("pos_embed", model.pos_embed, x)
    for index, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        x = _block(f"blocks.{index}", block, run, x)
    x = run.layer_norm("norm", model.norm, x)
    x = run.first_token("first", x)
    return run.linear("head", model.head.weight, model.head.bias, x)


def _block(name: str, block: Block, run: Reader[Value], x: Value) -> Value:
    y = run.layer_norm(f"{name}.norm1", block.norm1, x)
    x = run.add(f"{name}.add", x, _attention(f"{name}.attn", block.attn, run, y))
    y = run.layer_norm(f"{name}.norm2", block.norm2, x)
    y = run.linear(f"{name}.mlp.fc1", block.mlp.fc1.weight, block.mlp.fc1.bias, y)
    y = run.gelu(f"{name}.mlp.act", y)
    y = run.linear(f"{name}.mlp.fc2", block.mlp.fc2.weight, block.mlp.fc2.bias, y)
    return run.add(f"{name}.add_1", x, y)


def _attention(name: str, module: Attention, run: Reader[Value], x: Value) -> Value:
    """Compute an attention; queries, keys and values are linear layers with their own scales."""
    weights, biases = module.qkv.weight.chunk(3), module.qkv.bias.chunk(3)
    q = run.linear(f"{name}.qkv.q", weights[0], biases[0], x)
    k = run.linear(f"{name}.qkv.k", weights[1], biases[1], x, symmetric=True)
    v = run.linear(f"{name}.qkv.v", weights[2], biases[2], x, symmetric=True)
    scores = run.scores(f"{name}.scores", q, k, module.heads, module.factor)
    probabilities = run.softmax(f"{name}.softmax", scores)
    mixed = run.weighted_sum(f"{name}.values", probabilities, v, module.heads)
    return run.linear(f"{name}.proj", module.proj.weight, module.proj.bias, mixed)
