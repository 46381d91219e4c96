"""The procedure of Langille 2024, appendix A: fake quantization with observers left switched on.

Every forward pass observes its batch, overwrites scale and zero point, and only then quantizes,
so the scales follow whatever noise there is. Hardware has frozen scales; this model shows what
the published figures measure. What it says of an image depends on the images before it: fix
batch size and order, and `reset` it for each level.

The appendix takes its fake quantization from a wrapper library (EasyQuant); here it is PyTorch's
own ``FakeQuantize``, around the same observers.
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
    """A float network whose quantization follows what it sees.

    Parameters
    ----------
    model : Module
        In evaluation mode, one that ``torch.fx`` can trace; it stays as it is.
    example : ndarray of shape (1, 3, H, W), float32
        Any image of the size; its values play no part.
    scope : "out_channels" or "all"
        The appendix's: modules that have `out_channels`, which leaves linear layers and sums to
        floating point. Or everything that the integer network quantizes.

    Raises
    ------
    ValueError
        If the scope is neither.
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
        """Forget all images: fresh observers."""
        # as one dictionary, so that what several paths share stays shared
        for path, module in deepcopy(self._fresh).items():
            parent, _, name = path.rpartition(".")
            setattr(self._network.get_submodule(parent), name, module)

    def logits(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Output for a batch, which is observed.

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
