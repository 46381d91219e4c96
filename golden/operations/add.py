"""The sum of two tensors."""

from __future__ import annotations

from dataclasses import dataclass

from ..quantization import Quantization

__all__ = ["Add"]

_ROUNDINGS = ("half_away", "half_up")


@dataclass(frozen=True)
class Add:
    """Elementwise sum of two tensors of equal shape, with optional fused ReLU.

    Parameters
    ----------
    name : str
        The enclosing module's path, then ``add``, e.g. ``resnet18.layer1.0.add``.
    inputs : (Quantization, Quantization)
    output : Quantization
    relu : bool
    factors : (int, int, int), optional
        Fixed-point factors and shift (`golden.array.add.AddFactors`), where they are not qnnpack's.
    rounding : "half_away" or "half_up"
        Of ties, and with it the bits of the factors: qnnpack's or XNNPACK's.
    given_zero_points : (int, int, int), optional
        Those that the adder takes off and adds, 0..255, where they are not the tensors': another
        combination can shift the sum by a fraction of a step.
    """

    name: str
    inputs: tuple[Quantization, Quantization]
    output: Quantization
    relu: bool = False
    factors: tuple[int, int, int] | None = None
    rounding: str = "half_away"
    given_zero_points: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.rounding not in _ROUNDINGS:
            raise ValueError(
                f"{self.name}: rounding must be one of {', '.join(_ROUNDINGS)}, "
                f"got {self.rounding!r}"
            )

    @property
    def op(self) -> str:
        """Name of the operator in reports."""
        return "add_relu" if self.relu else "add"

    @property
    def zero_points(self) -> tuple[int, int, int]:
        """What the adder takes off each input code, and adds to the rounded sum."""
        a, b = self.inputs
        return self.given_zero_points or (a.zero_point, b.zero_point, self.output.zero_point)

    def output_shape(self, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the sum."""
        if a != b:
            raise ValueError(f"{self.name}: inputs must have one shape, got {a} and {b}")
        return a
