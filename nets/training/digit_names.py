"""Names of the networks on the built-in digits; does not import PyTorch.

``resnet18-w4`` is ``resnet18`` with weights of 4 bits, quantized in training.
"""

from __future__ import annotations

from ...spec.weight_widths import WIDTHS

__all__ = ["DIGITS", "check_digits", "check_network_on_digits", "spelled", "split"]

#: Networks with a recipe.
DIGITS = ("resnet18", "vgg16", "squeezenet1_1", "mobilenet_v2", "nin")


def spelled(network: str, weight_bits: int | None) -> str:
    """Return the name of a network with quantized weights, or without."""
    return network if weight_bits is None else f"{network}-w{weight_bits}"


def split(name: str) -> tuple[str, int | None]:
    """Return the network and the bits of its weights, None if they are not quantized in training.

    Examples
    --------
    >>> split("nin-w2"), split("nin")
    (('nin', 2), ('nin', None))
    """
    for bits in WIDTHS:
        if name.endswith(f"-w{bits}"):
            return name.removesuffix(f"-w{bits}"), bits
    return name, None


def check_digits(name: str) -> None:
    """Refuse a name that is none of `DIGITS`, with or without a width.

    Raises
    ------
    ValueError
    """
    if split(name)[0] not in DIGITS:
        raise ValueError(
            f"networks of the embedded data must be of {', '.join(DIGITS)}, or one of these with "
            f"-w8, -w4 or -w2 for quantized weights, got {name}"
        )


def check_network_on_digits(name: str) -> None:
    """Refuse a network without a recipe for the digits.

    Raises
    ------
    ValueError
    """
    if name not in DIGITS:
        raise ValueError(
            f"network must be one of {', '.join(DIGITS)} without data, got {name}: --data names "
            "your own, or digits"
        )
