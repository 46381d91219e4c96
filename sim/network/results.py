"""Results of a simulated network or layer, and of each of its stages."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ...runtime.provenance import Provenance
from ..bounds import BOUNDS, bound_by, bounds
from .ranking import Ranked
from .returned import Returned

__all__ = ["BOUNDS", "ON_ACCELERATOR", "ON_HOST", "SCHEMA"]
__all__ += ["HostPart", "NetworkResult", "StageResult", "bounds"]

SCHEMA = "maccord.sim/1"


ON_ACCELERATOR, ON_HOST = "accelerator", "host"


@dataclass(frozen=True)
class HostPart:
    """What the host computes in floating point before the first codes, or behind the last ones.

    Parameters
    ----------
    name : str
        As a stage's.
    calls : tuple of str
        Its operators.
    read_bytes, written_bytes : int
        Codes that it reads and writes.
    """

    name: str
    calls: tuple[str, ...]
    read_bytes: int
    written_bytes: int


@dataclass(frozen=True)
class StageResult:
    """One operation of a network, from the counter records before and after it.

    Parameters
    ----------
    name : str
        Name of its output tensor.
    layer : str
        Name of the operation; differs from `name` if a clamp is fused.
    op : str
    input_shapes : tuple of tuple of int
    output_shape : tuple of int
        Including all images of the run.
    macs, cycles : int
    utilization : float
        macs / (rows * cols * cycles).
    cycles_by_cause : dict
        The sum is `cycles`.
    bound_by : str
        The bottleneck, of `BOUNDS`, with the most cycles.
    read_bytes, written_bytes : int
        Minimum traffic of the operation, each byte once; on the host, what it reads and writes.
    array_cycles, roofline_cycles : float
        Lower bounds: multipliers alone, and the slowest of multipliers, reads and writes.
    roofline_ratio : float
        cycles / roofline_cycles.
    compared, mismatches_golden : int
    mismatches_torch : int or None
        Bytes of the tensor, as in `NetworkResult`.
    ran_on : str
        ``accelerator``, or ``host``, which takes no cycles of the accelerator.
    calls : tuple of str
        Operators that it consists of on the host.
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
    mismatches_torch: int | None
    ran_on: str = ON_ACCELERATOR
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class NetworkResult:
    """A network, or a layer as a network of one node, simulated once; fields are as in the JSON.

    The JSON begins with `schema` and ends with `provenance`; a layer's has no other fields after
    `netlist` but `not_asked`.

    Parameters
    ----------
    network, layer, op : str
        `layer` is PyTorch's module path behind the network's name; for a whole network its name,
        and `op` is ``network``.
    engine : str
        PyTorch's quantized engine that computed the reference.
    weights : str
        Source of the weights.
    perturbation : str
        As given to `--perturb`, or ``clean``.
    seed : int
        Seed of the weights and of the perturbation.
    rows, cols : int
        Size of the array.
    input_shape, output_shape : tuple of int
        NHWC, or (N, features); of the first of several inputs.
    macs, cycles : int
        Multiplications with weights; cycles from start to interrupt.
    utilization : float
        macs / (rows * cols * cycles).
    cycles_by_cause : dict
        Cycles by cause; the sum is `cycles`.
    compared : int
        Bytes compared, over all tensors.
    mismatches_golden : int
        Bytes that differ from the golden model, plus bytes written outside the outputs, more
        than once, or never.
    mismatches_torch : int or None
        Bytes that differ from PyTorch's, plus differing logits of a whole network; None if PyTorch,
        or the runtime of a model file, was not asked.
    sim_cycles_per_second, build_seconds, sim_seconds : float
        Simulation speed; build time and simulation time.
    verilator : str
        Version.
    stall_seed : int
        Seed of the memory's stalls.
    image : str
        Path of the image, or name of the built-in photograph.
    latency : int
        Memory latency, cycles.
    stalls : float
        Probability that a memory channel stalled in a cycle.
    netlist : str
        ``generated``, or the path of the given netlist.
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
        Sums over the stages.
    roofline_ratio : float
        cycles / roofline_cycles.
    macs_counted : int
        Multiplications that the accelerator counted: in depthwise layers, per output, the cells of
        the window that a pass scans.
    interrupts : int
        Interrupts before the last one.
    tensors : int
        Tensors compared.
    predicted, predicted_torch : tuple of int
        Class of each image: from the RTL's logits, and PyTorch's.
    logits, logits_torch : tuple of tuple of float
        Logits of each image.
    predicted_float : tuple of int
        Class of each image in floating point; empty for seeded weights.
    logits_float : tuple of tuple of float
        The float network's logits; empty for seeded weights.
    class_names : dict of int to str
        Names of the predicted classes, if known.
    snr_db : float or None
        Signal-to-noise ratio of INT8 against floating point, on calibration images.
    weak_layer : str
        The first layer with an error larger than expected of INT8; empty if none.
    weak_layer_snr_db : float or None
        Its signal-to-noise ratio against the float layer on the same inputs.
    stages : tuple of StageResult
        In order of execution.
    top5 : tuple of tuple of Ranked
        The RTL's most likely classes of each image, with names if known.
    programs : int
        Programs of the accelerator: one more than where the network is cut.
    host_read_bytes, host_written_bytes : int
        What the cuts cost: bytes that the host reads and writes between the programs.
    around : tuple of HostPart
        What the host computes before the first program and behind the last one.
    results : tuple of Returned
        The network's results, compared with PyTorch's as real numbers.
    inputs : dict of str to tuple of int
        Shape of each input.
    not_asked : str
        Sentence on why the reference was not asked; empty if it was.
    provenance : Provenance, optional
        For results produced by the command line.
    """

    network: str
    layer: str
    op: str
    engine: str
    weights: str
    perturbation: str
    seed: int
    rows: int
    cols: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    macs: int
    cycles: int
    utilization: float
    cycles_by_cause: dict[str, int]
    compared: int
    mismatches_golden: int
    mismatches_torch: int | None
    sim_cycles_per_second: float
    build_seconds: float
    sim_seconds: float
    verilator: str
    stall_seed: int
    image: str
    latency: int
    stalls: float
    netlist: str
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
    top5: tuple[tuple[Ranked, ...], ...] = ()
    predicted_float: tuple[int, ...] = ()
    logits_float: tuple[tuple[float, ...], ...] = ()
    class_names: dict[int, str] = field(default_factory=dict)
    snr_db: float | None = None
    weak_layer: str = ""
    weak_layer_snr_db: float | None = None
    programs: int = 1
    host_read_bytes: int = 0
    host_written_bytes: int = 0
    around: tuple[HostPart, ...] = ()
    results: tuple[Returned, ...] = ()
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    not_asked: str = ""
    provenance: Provenance | None = None

    @property
    def agrees(self) -> bool:
        """Whether all compared bytes were equal in all engines that were asked."""
        return not self.mismatches_golden and not self.mismatches_torch

    @property
    def bound_by(self) -> str:
        """The bottleneck, of `BOUNDS`, with the most cycles."""
        return bound_by(self.cycles_by_cause)

    @property
    def whole(self) -> bool:
        """Whether this is the result of a whole network, not of a single layer."""
        return self.op == "network"

    def fields(self) -> dict[str, object]:
        """Return the JSON object."""
        found = asdict(self)
        names = [name for name in found if name != "provenance"]
        if not self.whole:
            names = [*names[: names.index("netlist") + 1], "not_asked"]
        content: dict[str, object] = {"schema": SCHEMA}
        return content | {name: found[name] for name in (*names, "provenance")}
