"""An operation of the host with the places of its tensors in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.graph import Host
from ..golden.kernels.host import host
from .area import Area
from .network import CompiledNetwork
from .segments import Segment

__all__ = ["HostWork", "turns"]

Rows = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class HostWork:
    """What the host reads, computes and writes between two programs.

    Parameters
    ----------
    operation : Host
    inputs : tuple of Area
    shapes : tuple of tuple of int
        Shapes of the inputs.
    output : Area
    """

    operation: Host
    inputs: tuple[Area, ...]
    shapes: tuple[tuple[int, ...], ...]
    output: Area

    def compute(self, rows: Sequence[Rows]) -> Rows:
        """Return the bytes of the output's area for the bytes of the inputs' areas.

        Parameters
        ----------
        rows : sequence of ndarray of shape (rows, row_bytes), uint8

        Returns
        -------
        ndarray of shape (rows, row_bytes), uint8
        """
        codes = [
            (np.asarray(part) ^ np.uint8(0x80)).reshape(shape)
            for part, shape in zip(rows, self.shapes, strict=True)
        ]
        found = host(*codes, self.operation) ^ np.uint8(0x80)
        return found.reshape(self.output.rows, self.output.row_bytes)

    def run(self, memory: Rows) -> None:
        """Read and write a memory of shape (bytes,), uint8."""
        self.output.view(memory)[:] = self.compute([area.view(memory) for area in self.inputs])


def turns(compiled: CompiledNetwork) -> list[Segment | HostWork]:
    """Return the accelerator's programs and the host's operations in order."""
    starts = {segment.stages.start: segment for segment in compiled.segments}
    operations = {node.name: node.operation for node in compiled.network.nodes}
    places = {area.name: area for area in compiled.places}
    written = {area.name: area for area in compiled.areas}
    found: list[Segment | HostWork] = []
    for index, stage in enumerate(compiled.stages):
        operation = operations.get(stage.name)
        if isinstance(operation, Host):
            inputs = tuple(places[name] for name in stage.inputs)
            found.append(HostWork(operation, inputs, stage.input_shapes, written[stage.name]))
        elif index in starts:
            found.append(starts[index])
    return found
