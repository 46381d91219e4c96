"""A quantized network as PyTorch runs it: its own INT8 modules, one step after another.

Steps and layers are plain data, so that a network can be kept on disk and brought back without
converting it again. Every step is executed by PyTorch's own quantized module or operator.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from ..golden.graph import Layer
from .framework import module_of, operator, qnnpack

__all__ = ["Int8Network", "Record", "Step", "check_image", "codes"]


@dataclass(frozen=True)
class Step:
    """One operation of the network.

    Parameters
    ----------
    name : str
        Of its result.
    op : str
        "layer" for a convolution or linear layer, else an operator of `framework.operator`.
    inputs : tuple of str
        Names of earlier results; "input" is the image.
    arguments : dict
        Of the operator, JSON values; for a layer its `name`.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    arguments: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Record:
    """What one layer of the INT8 network read and wrote.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C) or (N, K), uint8
    y_torch : ndarray of shape (N, OH, OW, O) or (N, O), uint8
        Output of PyTorch's own module.
    """

    x_q: npt.NDArray[np.uint8]
    y_torch: npt.NDArray[np.uint8]


def codes(tensor: torch.Tensor) -> npt.NDArray[np.uint8]:
    """Codes of a quantized tensor, channels last: (N, H, W, C), or (N, K) as it is."""
    plain = tensor.int_repr()
    if plain.ndim == 4:
        plain = plain.permute(0, 2, 3, 1)
    return np.ascontiguousarray(plain.numpy())


def check_image(image: npt.NDArray[np.float32]) -> None:
    """Raise ValueError unless the image is float32 of shape (N, 3, H, W)."""
    if image.dtype != np.float32 or image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(
            f"image must be float32 of shape (N, 3, H, W), got {image.dtype} of {image.shape}"
        )


class Int8Network:
    """Executes steps with PyTorch's qnnpack kernels.

    Parameters
    ----------
    steps : list of Step
        In order of execution; the last yields the logits.
    layers : dict of str to Layer
        By the names that the "layer" steps use.
    """

    def __init__(self, steps: list[Step], layers: dict[str, Layer]) -> None:
        self.steps = steps
        self.layers = layers
        self._modules: dict[str, torch.nn.Module] = {}
        self._last_use = {
            source: index for index, step in enumerate(steps) for source in step.inputs
        }

    def _module(self, name: str) -> torch.nn.Module:
        if name not in self._modules:
            self._modules[name] = module_of(self.layers[name])
        return self._modules[name]

    def run(
        self, image: npt.NDArray[np.float32], names: Collection[str] = (), *, partial: bool = False
    ) -> tuple[dict[str, Record], npt.NDArray[np.float32] | None]:
        """Run the network on normalized images.

        Parameters
        ----------
        image : ndarray of shape (N, 3, H, W), float32
        names : collection of str
            Layers to record.
        partial : bool
            Stop after the last of `names`.

        Returns
        -------
        records : dict of str to Record
            In order of execution.
        logits : ndarray of shape (N, classes), float32, or None if stopped before
        """
        check_image(image)
        wanted = set(names)
        records: dict[str, Record] = {}
        values = {"input": torch.from_numpy(np.array(image, order="C"))}
        result = values["input"]
        with qnnpack():
            for index, step in enumerate(self.steps):
                sources = [values[source] for source in step.inputs]
                if step.op == "layer":
                    name = str(step.arguments["name"])
                    result = self._module(name)(*sources)
                    if name in wanted:
                        records[name] = Record(codes(sources[0]), codes(result))
                        if partial and len(records) == len(wanted):
                            return records, None
                else:
                    result = operator(step.op, sources, step.arguments)
                values[step.name] = result
                for source in step.inputs:
                    if self._last_use[source] == index:
                        values.pop(source, None)
        return records, result.numpy()
