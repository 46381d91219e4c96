"""Matrix products of two tensors, in heads: the two products of attention."""

from __future__ import annotations

from dataclasses import dataclass

from ..quantization import Quantization

__all__ = ["SYMMETRIC", "TensorProduct"]

#: Zero point of the right tensor, which makes its codes int8 weights.
SYMMETRIC = 128

Shape = tuple[int, ...]


@dataclass(frozen=True)
class TensorProduct:
    """A linear layer in each head whose weights are the second tensor.

    Each of W windows is a row of an image, whose pixels are its tokens; W is 1 where all tokens
    attend to all. With `scores`, the tensors have the shapes (N, W, T, heads * D) and (N, W, S,
    heads * D), and each head multiplies its D channels of both: queries times keys, summed over
    channels, of shape (N, W * heads, T, S), a window's heads one behind the other. Without, the
    first tensor has that shape, and a head's channels of the second are summed over its window's
    tokens: (N, W, T, heads * D).

    Parameters
    ----------
    name : str
    inputs : (Quantization, Quantization)
        The second has zero point 128.
    output : Quantization
    heads : int
    scores : bool
        Queries times keys, else probabilities times values.
    depth : int
        Terms of a sum: D of the scores, else S.
    factor : float
        Multiplies the product: attention's 1 / sqrt(D).
    """

    name: str
    inputs: tuple[Quantization, Quantization]
    output: Quantization
    heads: int
    scores: bool
    depth: int
    factor: float = 1.0

    @property
    def op(self) -> str:
        """Name of the operator in reports."""
        return "scores" if self.scores else "weighted_sum"

    @property
    def weight_scale(self) -> float:
        """Scale of the second tensor as weights: the factor is a part of it."""
        return self.inputs[1].scale * self.factor

    def output_shape(self, a: Shape, b: Shape) -> Shape:
        """Shape of the product."""
        if len(a) != 4 or len(b) != 4 or a[0] != b[0] or b[3] % self.heads:
            raise ValueError(self._wrong(a, b))
        windows = b[1]
        if self.scores:
            if a[1] != windows or a[3] != b[3] or b[3] // self.heads != self.depth:
                raise ValueError(self._wrong(a, b))
            return a[0], windows * self.heads, a[2], b[2]
        if a[1] != windows * self.heads or a[3] != b[2] or a[3] != self.depth:
            raise ValueError(self._wrong(a, b))
        return a[0], windows, a[2], b[3]

    def _wrong(self, a: Shape, b: Shape) -> str:
        heads, depth = self.heads, self.depth
        if self.scores:
            wanted = f"(N, W, T, {heads * depth}) and (N, W, S, {heads * depth})"
        else:
            wanted = f"(N, W * {heads}, T, {depth}) and (N, W, {depth}, {heads} * D)"
        return f"{self.name}: inputs must have shapes {wanted}, got {a} and {b}"

    def macs(self, a: Shape, b: Shape) -> int:
        """Count the multiplications for these input shapes."""
        images, windows, others, channels = b
        return images * windows * a[2] * others * channels
