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
    """

    name: str
    inputs: tuple[Quantization, Quantization]
    output: Quantization
    relu: bool = False
    factors: tuple[int, int, int] | None = None
    rounding: str = "half_away"

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

    def output_shape(self, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the sum."""
        if a != b:
            raise ValueError(f"{self.name}: inputs must have one shape, got {a} and {b}")
        return a
