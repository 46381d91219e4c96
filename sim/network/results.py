"""What a simulated network leaves behind: a layer's record and more, and one of each stage."""

from __future__ import annotations

from dataclasses import dataclass

from ..bounds import BOUNDS, bounds
from ..results import LayerResult

__all__ = ["BOUNDS", "NetworkResult", "StageResult", "bounds"]


@dataclass(frozen=True)
class StageResult:
    """One operation of a network, from the counters' records before and after it.

    Parameters
    ----------
    name : str
        Of the tensor that it makes.
    layer : str
        Of the operation; another than `name` where a clamp is fused.
    op : str
    input_shapes : tuple of tuple of int
    output_shape : tuple of int
        With all images of the run.
    macs, cycles : int
    utilization : float
        macs / (rows * cols * cycles).
    cycles_by_cause : dict
        The sum is `cycles`.
    bound_by : str
        Of `BOUNDS`, what took most cycles.
    read_bytes, written_bytes : int
        That the operation has to move, each once.
    array_cycles, roofline_cycles : float
        What the multipliers alone would take, and the slowest of multipliers, reads and writes.
    roofline_ratio : float
        cycles / roofline_cycles.
    compared, mismatches_golden, mismatches_torch : int
        Bytes of the tensor; as in `LayerResult`.
    """

    name: str
    layer: str
    op: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    macs: int
    cycles: int
    utilization: float
    cycles_by_cause: dict[str, int]
    bound_by: str
    read_bytes: int
    written_bytes: int
    array_cycles: float
    roofline_cycles: float
    roofline_ratio: float
    compared: int
    mismatches_golden: int
    mismatches_torch: int


@dataclass(frozen=True)
class NetworkResult(LayerResult):
    """A network, simulated once from image to logits; the fields are those of the JSON.

    `layer` is the network's name, `op` is ``network``, and counts are those of all tensors.

    Parameters
    ----------
    configuration : str
        Name of the accelerator's parameters.
    axi_bytes : int
        Width of its memory bus.
    batch : int
        Images in one program.
    mhz : float
        Clock of `frames_per_second`.
    frames_per_second : float
        Images per second at that clock.
    array_cycles, roofline_cycles : float
        Sums of the stages'.
    roofline_ratio : float
        cycles / roofline_cycles.
    macs_counted : int
        Multiplications that the accelerator counted.
    interrupts : int
        That came before the last one.
    tensors : int
        Tensors compared.
    predicted, predicted_torch : tuple of int
        Class of each image: from the RTL's logits, and PyTorch's.
    logits, logits_torch : tuple of tuple of float
        Of each image.
    stages : tuple of StageResult
        In order of execution.
    """

    configuration: str
    axi_bytes: int
    batch: int
    mhz: float
    frames_per_second: float
    array_cycles: float
    roofline_cycles: float
    roofline_ratio: float
    macs_counted: int
    interrupts: int
    tensors: int
    predicted: tuple[int, ...]
    predicted_torch: tuple[int, ...]
    logits: tuple[tuple[float, ...], ...]
    logits_torch: tuple[tuple[float, ...], ...]
    stages: tuple[StageResult, ...]
