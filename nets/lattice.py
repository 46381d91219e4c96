"""Weights that are few multiples of one number a channel keep their codes.

Weights trained with quantization (`training.lsq`) are such multiples, also after batch norm is
folded into them. PyTorch's observers would choose another scale, from the largest weight, and
round them a second time.
"""

from __future__ import annotations

import torch

__all__ = ["lattice_scales"]

_SAMPLE = 64  # weights of a channel
_MOST = 128  # largest magnitude of a code
_TOLERANCE = 1e-3  # of a code: products in fp32 are off by 1e-4 at most


def lattice_scales(weight: torch.Tensor) -> torch.Tensor | None:
    """Largest scale of each channel in which all of its weights are int8 codes.

    Parameters
    ----------
    weight : Tensor of shape (O, ...), float32

    Returns
    -------
    Tensor of shape (O,), float32, or None
        0 for a channel without weights other than 0; None if a channel has no such scale.

    Examples
    --------
    >>> lattice_scales(torch.tensor([[-0.5, 0.25, 0.0], [0.0, 3.0, 3.0]]))
    tensor([0.2500, 3.0000])
    """
    flat = weight.detach().flatten(1)
    largest = flat.abs().amax(1).double()
    few = flat[:, :: -(-flat.shape[1] // _SAMPLE)]
    if _scales(few, largest) is None:  # as for nearly all weights that are on no lattice
        return None
    return _scales(flat, largest)


def _scales(flat: torch.Tensor, largest: torch.Tensor) -> torch.Tensor | None:
    scales = torch.zeros_like(largest)
    left = largest > 0
    for count in range(1, _MOST + 1):
        if not left.any():
            break
        scale = largest / count
        codes = flat[left].double() / scale[left, None]
        whole = codes.round()
        fits = left.clone()
        fits[left] = ((codes - whole).abs().amax(1) < _TOLERANCE) & (whole.amax(1) < _MOST)
        scales[fits] = scale[fits]
        left &= ~fits
    return None if left.any() else scales.float()
