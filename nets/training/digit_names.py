"""Names of the networks on the built-in digits; does not import PyTorch.

``resnet18-w4`` is ``resnet18`` with weights of 4 bits, quantized in training; ``resnet18-w4a8``
has activations of 8 bits with learned steps, too.
"""

from __future__ import annotations

from ...spec.weight_widths import WIDTHS
from ..transformer.names import ON_DIGITS, TRANSFORMERS, refuse_transformer

__all__ = [
    "DIGITS",
    "TRAINED",
    "check_digits",
    "check_network_on_digits",
    "check_trained_on_digits",
]
__all__ += ["check_trained_on_digits", "learns_activations", "spelled", "split"]

_LEARNED = "a8"

#: Networks with a recipe, which the accelerator runs.
DIGITS = ("resnet18", "vgg16", "squeezenet1_1", "mobilenet_v2", "nin")
#: All with a recipe.
TRAINED = (*DIGITS, *ON_DIGITS)


def spelled(network: str, weight_bits: int | None, learned_activations: bool = False) -> str:
    """Return the name of a network with quantized weights, or without."""
    if weight_bits is None:
        return network
    return f"{network}-w{weight_bits}{_LEARNED if learned_activations else ''}"


def split(name: str) -> tuple[str, int | None]:
    """Return the network and the bits of its weights, None if they are not quantized in training.

    Examples
    --------
    >>> split("nin-w2"), split("nin-w4a8"), split("nin")
    (('nin', 2), ('nin', 4), ('nin', None))
    """
    for bits in WIDTHS:
        for end in (f"-w{bits}", f"-w{bits}{_LEARNED}"):
            if name.endswith(end):
                return name.removesuffix(end), bits
    return name, None


def learns_activations(name: str) -> bool:
    """Whether the steps of the activations are learned, too.

    Examples
    --------
    >>> learns_activations("nin-w4a8"), learns_activations("nin-w4")
    (True, False)
    """
    return split(name)[1] is not None and name.endswith(_LEARNED)


def check_digits(name: str) -> None:
    """Refuse a name that is none of `DIGITS`, with or without a width.

    Raises
    ------
    ValueError
    """
    refuse_transformer(split(name)[0])
    if split(name)[0] not in DIGITS:
        raise ValueError(
            f"networks of the embedded data must be of {', '.join(DIGITS)}, or one of these with "
            f"-w8, -w4 or -w2 for quantized weights, -w4a8 and the like for activations as well, "
            f"got {name}"
        )


def check_network_on_digits(name: str, known: tuple[str, ...] = DIGITS) -> None:
    """Refuse a network without a recipe for the digits, or, by default, a transformer.

    Raises
    ------
    ValueError
    """
    if name not in known:
        refuse_transformer(name)
        raise ValueError(
            f"network must be one of {', '.join(known)} without data, got {name}: --data names "
            "your own, or digits"
        )


def check_trained_on_digits(name: str, learned_activations: bool) -> None:
    """Refuse what `maccord train` cannot train on the digits.

    Parameters
    ----------
    name : str
    learned_activations : bool
        Whether activations are quantized in training, which transformers' are not.

    Raises
    ------
    ValueError
    """
    if name in TRANSFORMERS and name not in ON_DIGITS:
        raise ValueError(
            f"network must be one of {', '.join(TRAINED)}, got {name}, which is for images of "
            "224 x 224"
        )
    check_network_on_digits(name, TRAINED)
    if learned_activations and name in ON_DIGITS:
        raise ValueError(
            f"learned-activations must be of one of {', '.join(DIGITS)}, got {name}, a transformer"
        )
