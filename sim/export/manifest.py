"""What `manifest.json` holds: every class here is an object of it, every field a field."""

from __future__ import annotations

from dataclasses import dataclass

from ...runtime.provenance import Provenance
from ...spec.parameters import Parameters

__all__ = [
    "SCHEMA", "AcceleratorEntry", "ArrayFiles", "FileEntry", "Geometry", "Manifest", "MemoryEntry",
    "Movement", "OperationEntry", "ProgramEntry", "StepEntry", "TensorEntry",
]  # fmt: skip

SCHEMA = "maccord.compile/1"


@dataclass(frozen=True)
class AcceleratorEntry:
    """The hardware that the program is for.

    Parameters
    ----------
    configuration : str
        Short name of the parameters.
    version : int
        The register VERSION: the hardware's major number (the upper 16 bits) must be this one.
    parameters : Parameters
        The registers of these names must hold them; the family does not matter.
    features : int
        What the program needs of the register FEATURES, all of these bits.
    feature_names : tuple of str
        The same by name.
    """

    configuration: str
    version: int
    parameters: Parameters
    features: int
    feature_names: tuple[str, ...]


@dataclass(frozen=True)
class MemoryEntry:
    """The window of memory that the program sees; all offsets count from its base.

    Parameters
    ----------
    size_bytes : int
        Of the window, and of ``memory.bin``.
    base_alignment : int
        The base address is a multiple of it.
    program_offset, program_bytes : int
        Of the instructions, which ``program.bin`` holds, too; the register PROGRAM takes the
        offset.
    instruction_bytes, instructions : int
        Size of one, and their number.
    record_bytes : int
        Size of the counters that the program writes at the end of a step.
    """

    size_bytes: int
    base_alignment: int
    program_offset: int
    program_bytes: int
    instruction_bytes: int
    instructions: int
    record_bytes: int


@dataclass(frozen=True)
class TensorEntry:
    """A tensor: one byte per element, in memory the code with its highest bit inverted.

    Parameters
    ----------
    name : str
    shape : tuple of int
    layout : str
        ``NHWC``, or ``NC``.
    scale : float
    zero_point : int
        Real value = scale * (code - zero_point), codes from 0 to 255.
    offset : int
        Of the first row in memory.
    size_bytes : int
        Bytes that belong to it: rows * row_bytes.
    rows, row_bytes, pitch : int
        Rows of bytes, and bytes from the begin of one row to the next. A part of a concatenation
        has gaps between its rows; anything else is one row.
    kept : bool
        Whether it is in memory when the program ends; else a later tensor has its place.
    expected : str
        File of its codes, uint8.
    """

    name: str
    shape: tuple[int, ...]
    layout: str
    scale: float
    zero_point: int
    offset: int
    size_bytes: int
    rows: int
    row_bytes: int
    pitch: int
    kept: bool
    expected: str


@dataclass(frozen=True)
class Geometry:
    """Of a convolution's or pool's window; pairs are (vertical, horizontal).

    Parameters
    ----------
    kernel, stride : (int, int)
    padding, end_padding : (int, int)
        Before the first row and column; behind the last.
    dilation : (int, int)
    groups : int
        1 for a pool, which treats each channel by itself.
    ceil_mode : bool
        Of a max pool.
    output_padding : (int, int)
        Of a transposed convolution: rows and columns that its output has more at its end.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    end_padding: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    ceil_mode: bool = False
    output_padding: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Movement:
    """Of an operation that only moves codes.

    Parameters
    ----------
    factors : (int, int)
        Rows and columns of an upsampling for each of its input.
    spans : tuple of (int, int, int)
        First element, number of elements and step of a slice, for rows, columns and channels, or
        for the elements of a row; empty for other operations.
    groups : int
        Groups of channels that a shuffle interleaves.
    """

    factors: tuple[int, int] = (1, 1)
    spans: tuple[tuple[int, int, int], ...] = ()
    groups: int = 1


@dataclass(frozen=True)
class ArrayFiles:
    """Files of a convolution's or linear layer's numbers.

    Parameters
    ----------
    weight : str
        int8, OIHW or OI; the columns of a linear layer behind an image are in the order row,
        column, channel.
    bias_q : str
        int32 of shape (O,), in units of the accumulator.
    multiplier : str
        float32 of shape (O,), from accumulator to output code.
    weight_scale : str
        float64 of shape (O,); the zero point of weights is 0.
    bias : str
        float32 of shape (O,), as PyTorch holds it.
    """

    weight: str
    bias_q: str
    multiplier: str
    weight_scale: str
    bias: str


@dataclass(frozen=True)
class OperationEntry:
    """An operation of the network.

    Parameters
    ----------
    name : str
        Of the tensor that it makes.
    layer : str
        Of PyTorch's module; another name than the tensor's where a clamp or a table is fused.
    op : str
    inputs : tuple of str
        Tensors that it reads.
    macs : int
        Multiplications with weights, padding included.
    low, high : int
        Smallest and largest code of the result, ReLU and fused clamps included, before the table.
    geometry : Geometry or None
    arrays : ArrayFiles or None
    table : str or None
        File of 256 uint8: the code that replaces each code of the result.
    movement : Movement or None
    """

    name: str
    layer: str
    op: str
    inputs: tuple[str, ...]
    macs: int
    low: int
    high: int
    geometry: Geometry | None
    arrays: ArrayFiles | None
    table: str | None
    movement: Movement | None


@dataclass(frozen=True)
class StepEntry:
    """A step of the program: an operation, or the copy of a part.

    Parameters
    ----------
    name : str
        Of the tensor that it makes, ``NAME[n]`` for a copy of a concatenation's n-th part.
    layer, op : str
    inputs : tuple of str
    offset, rows, row_bytes, pitch : int
        Where it writes, as in `TensorEntry`.
    weights_offset, weights_bytes : int
        Where its packed weights, biases and multipliers lie in memory; no bytes if it has none.
    weight_bits : int
        Width of its weights there: with 4 or 2, a byte holds those of 2 or 4 rows of the array.
    table_offset : int or None
        Where its table of 256 bytes lies in memory: byte i replaces the byte i, both code - 128.
    record_offset : int or None
        Where the program writes the counters at its end: the 64-bit words of registers CYCLES and
        following.
    estimated_cycles : int
        By the timing model.
    ran_on : str
        ``accelerator``, or ``host``: what the host reads, computes and writes between two programs.
    calls : tuple of str
        Operators that it consists of on the host.
    """

    name: str
    layer: str
    op: str
    inputs: tuple[str, ...]
    offset: int
    rows: int
    row_bytes: int
    pitch: int
    weights_offset: int
    weights_bytes: int
    weight_bits: int
    table_offset: int | None
    record_offset: int | None
    estimated_cycles: int
    ran_on: str
    calls: tuple[str, ...]


@dataclass(frozen=True)
class ProgramEntry:
    """A program to start; the host's steps between two of them have to be done before the second.

    Parameters
    ----------
    offset : int
        Of its first instruction in memory.
    instructions : int
    first_step, steps : int
        Its steps: the position of the first one, and how many.
    """

    offset: int
    instructions: int
    first_step: int
    steps: int


@dataclass(frozen=True)
class FileEntry:
    """A file beside the manifest.

    Parameters
    ----------
    path : str
        From the manifest's folder, with slashes.
    format : str
        ``bin``, ``hex`` (for ``$readmemh``: a word a line, the byte of the lowest address last)
        or ``npy``.
    dtype : str
        Of an element, as NumPy names it; of a word, as ``uint128``.
    shape : tuple of int
        Elements.
    byte_order : str
        ``little``, or ``none`` where an element is a byte.
    size_bytes : int
        Of the file.
    sha256 : str
    """

    path: str
    format: str
    dtype: str
    shape: tuple[int, ...]
    byte_order: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """A network, or one layer, compiled for an accelerator.

    Parameters
    ----------
    network : str
    layer : str
        Name of the layer that stands alone, empty for the whole network.
    engine : str
        Of PyTorch, whose tensors are the expected ones byte for byte.
    weights : str
        Which weights these are, in words.
    batch : int
        Images that one run takes.
    byte_order : str
        Of instructions and of all numbers in memory.
    accelerator : AcceleratorEntry
    memory : MemoryEntry
    input, output : str
        Names of these tensors; the first of several inputs.
    inputs : tuple of str
        Names of all inputs that the accelerator reads, in the network's order; the host has written
        them before the first program.
    tensors : tuple of TensorEntry
        The inputs first, then in order of execution.
    operations : tuple of OperationEntry
    steps : tuple of StepEntry
    programs : tuple of ProgramEntry
        In order; one, unless the host has to compute a part of the network.
    compared_bytes : int
        Bytes of the golden model's tensors that were compared with PyTorch's; all were equal.
    not_asked : str
        Sentence on why nothing was compared: the runtime of a model file may lack. Empty if it was.
    files : tuple of FileEntry
    provenance : Provenance
    """

    network: str
    layer: str
    engine: str
    weights: str
    batch: int
    byte_order: str
    accelerator: AcceleratorEntry
    memory: MemoryEntry
    input: str
    output: str
    inputs: tuple[str, ...]
    tensors: tuple[TensorEntry, ...]
    operations: tuple[OperationEntry, ...]
    steps: tuple[StepEntry, ...]
    programs: tuple[ProgramEntry, ...]
    compared_bytes: int
    not_asked: str
    files: tuple[FileEntry, ...]
    provenance: Provenance
