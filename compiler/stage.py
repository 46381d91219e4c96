"""An operation of a compiled network, with its work, its traffic and their lower bounds."""

from __future__ import annotations

from dataclasses import dataclass

from ..golden.graph import Host
from ..spec.parameters import Parameters

__all__ = ["Stage"]


@dataclass(frozen=True, eq=False)
class Stage:
    """An operation as executed by the accelerator.

    Parameters
    ----------
    name : str
        Name of its output tensor.
    layer : str
        Name of the operation.
    op : str
    inputs : tuple of str
        Tensors that it reads.
    input_shapes : tuple of tuple of int
    output_shape : tuple of int
    macs : int
        Multiplications with weights of the network, padding included.
    read_bytes, written_bytes : int
        Minimum bus traffic: inputs, weights and channel parameters; outputs. On the host, what it
        reads and writes.
    record : int
        Byte offset of the counters at its end, if the program has records and it is no operation
        of the host.
    estimate : int
        Estimated cycles.
    """

    name: str
    layer: str
    op: str
    inputs: tuple[str, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    macs: int
    read_bytes: int
    written_bytes: int
    record: int
    estimate: int

    @property
    def on_host(self) -> bool:
        """Whether the host computes it, between two programs."""
        return self.op == Host.op

    def array_cycles(self, parameters: Parameters) -> float:
        """Cycles at full multiplier utilization."""
        return self.macs / (parameters.rows * parameters.cols)

    def roofline(self, parameters: Parameters) -> float:
        """Lower bound on cycles: the largest of array, read and write cycles."""
        if self.on_host:
            return 0.0
        moved = max(self.read_bytes, self.written_bytes) / parameters.axi_bytes
        return max(self.array_cycles(parameters), moved)
