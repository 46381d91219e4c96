"""The procedure of Langille 2024, appendix A: fake quantization with observers left enabled.

Every forward pass observes its batch and updates scale and zero point before it quantizes, so the
scales follow the noise. Hardware has frozen scales; this model reproduces what the published
figures measure. Its output for an image depends on earlier images: fix batch size and order, and
call `reset` for each level.

The appendix uses the fake quantization of a wrapper library (EasyQuant); this module uses PyTorch's
own ``FakeQuantize`` with the same observers.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .framework import fake_quantizers, one_thread, prepare_live, qnnpack
from .int8 import check_image

__all__ = ["LiveNetwork"]


class LiveNetwork:
    """A float network whose quantization parameters follow its inputs.

    Parameters
    ----------
    model : Module
        In evaluation mode and traceable by ``torch.fx``; not modified.
    example : ndarray of shape (1, 3, H, W), float32
        Any image of the correct size; its values are ignored.
    scope : "out_channels" or "all"
        "out_channels", as in the appendix: modules with `out_channels`, so linear layers and sums
        remain in floating point. "all": everything that the integer network quantizes.

    Raises
    ------
    ValueError
        If the scope is unknown.
    """

    def __init__(
        self, model: nn.Module, example: npt.NDArray[np.float32], scope: str = "out_channels"
    ) -> None:
        if scope not in ("out_channels", "all"):
            raise ValueError(f"scope must be out_channels or all, got {scope}")
        check_image(example)
        self._size = example.shape[1:]
        self._network = prepare_live(model, torch.from_numpy(np.array(example)), scope)
        self._fresh = deepcopy(fake_quantizers(self._network))

    def reset(self) -> None:
        """Reset all observers."""
        # one dictionary, so that modules shared by several paths stay shared
        for path, module in deepcopy(self._fresh).items():
            parent, _, name = path.rpartition(".")
            setattr(self._network.get_submodule(parent), name, module)

    def logits(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the output for a batch, which is also observed.

        Parameters
        ----------
        images : ndarray of shape (N, 3, H, W), float32
            Normalized.

        Returns
        -------
        ndarray of shape (N, classes), float32

        Raises
        ------
        ValueError
            If the images have another dtype or shape.
        """
        check_image(images)
        if images.shape[1:] != self._size:
            size = ", ".join(map(str, self._size))
            raise ValueError(f"images must have shape (N, {size}), got {images.shape}")
        with qnnpack(), one_thread():
            return self._network(torch.from_numpy(np.array(images))).numpy()
