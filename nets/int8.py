"""A quantized network as PyTorch runs it: its own INT8 modules, one step after another.

Steps and layers are plain data, so that a network can be kept on disk and brought back without
converting it again. Every step is executed by PyTorch's own quantized module or operator.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

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
        Of its result: PyTorch's module path behind the network's name, and for an operator that
        is no module the path of the one that holds it, then the operator.
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
    arguments: dict[str, Any] = field(default_factory=dict)


_Executed = tuple[Step, list[torch.Tensor], torch.Tensor]


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

    def _execute(self, image: npt.NDArray[np.float32]) -> Iterator[_Executed]:
        """Yield each step with what it read and made; forgets what no later step reads."""
        check_image(image)
        values = {"input": torch.from_numpy(np.array(image, order="C"))}
        for index, step in enumerate(self.steps):
            sources = [values[source] for source in step.inputs]
            with qnnpack():
                if step.op == "layer":
                    result = self._module(step.arguments["name"])(*sources)
                else:
                    result = operator(step.op, sources, step.arguments)
            values[step.name] = result
            for source in step.inputs:
                if self._last_use[source] == index:
                    values.pop(source, None)
            yield step, sources, result

    def record(self, image: npt.NDArray[np.float32], names: Collection[str]) -> dict[str, Record]:
        """Run the network on normalized images up to the last of the layers to record.

        Parameters
        ----------
        image : ndarray of shape (N, 3, H, W), float32
        names : collection of str
            Layers to record.

        Returns
        -------
        dict of str to Record
            In order of execution.
        """
        wanted = set(names)
        records: dict[str, Record] = {}
        for step, sources, result in self._execute(image):
            name = step.arguments.get("name")
            if name in wanted:
                records[name] = Record(codes(sources[0]), codes(result))
            if len(records) == len(wanted):
                break
        return records

    def tensors(self, image: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.uint8]]:
        """Codes of every quantized result by its step's name, channels last, for such images."""
        return {
            step.name: codes(result)
            for step, _, result in self._execute(image)
            if result.is_quantized
        }

    def logits(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Output (N, classes), float32, for normalized images (N, 3, H, W), float32."""
        *_, (_, _, result) = self._execute(image)
        return result.numpy()
