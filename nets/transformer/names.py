"""Names of the transformers; does not import PyTorch."""

from __future__ import annotations

__all__ = ["ON_DIGITS", "TRANSFORMERS", "refuse_transformer"]

#: All of them, in listing order.
TRANSFORMERS = ("deit_tiny", "swin_tiny", "deit_digits", "swin_digits")
#: Those with a recipe for the built-in digits.
ON_DIGITS = ("deit_digits", "swin_digits")


def refuse_transformer(name: str) -> None:
    """Refuse a transformer, for commands that need a network that FX traces.

    Parameters
    ----------
    name : str
        A network's, or a target: what is before the first dot counts.

    Raises
    ------
    ValueError
    """
    network = name.partition(".")[0]
    if network in TRANSFORMERS:
        raise ValueError(
            f"network must not be a transformer here, got {network}: maccord sim {network} runs "
            "it in the accelerator, and maccord train trains those for digits"
        )
