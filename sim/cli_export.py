"""`maccord export`: from the name of a network to an ONNX file that its runtime has run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..nets.examples import arrays_of
from ..nets.formats.files import is_model_file, load_file
from ..nets.quantized import QuantizedNetwork
from ..runtime.console import console, waiting
from ..runtime.files import atomic_write
from ..runtime.reference_names import framework
from .export_request import ExportRequest
from .recording import as_floats, chosen

__all__ = ["Exported", "run"]


@dataclass(frozen=True)
class Exported:
    """How the file compares with the network.

    Parameters
    ----------
    compared : int
        Codes of all tensors that both have.
    equal : int
        Of these.
    largest : int
        Largest difference of two codes.
    """

    compared: int
    equal: int
    largest: int


def run(request: ExportRequest) -> None:
    """Write the file, run it, compare its tensors with the network's, and say so.

    Raises
    ------
    ValueError
        If the network has several inputs, or an operation has no integer arithmetic in ONNX
        Runtime.
    """
    from ..nets.formats.onnx_writer import to_onnx

    targets = (request.target,) if request.target else ()
    with waiting(console(stderr=True), "quantizing") as show:
        (choice,) = chosen(targets, request.inputs)
        show("writing")
        count = len(choice.network.input_shapes)
        if count > 1:
            raise ValueError(f"{choice.network.name}: network must have one input, got {count}")
        data = to_onnx(choice.network.graph)
        with atomic_write(request.path) as temporary:
            temporary.write_bytes(data)
        show("running in ONNX Runtime")
        assert choice.feed
        image = arrays_of(as_floats(choice.network, choice.feed.inputs["clean"]))[0][:1]
        found, engine = compared(choice.network, request.path, image)
    print(f"{request.path}: {choice.network.name}, {len(choice.network.layers)} layers")
    others = f"; the others differ by at most {found.largest}" if found.largest else ""
    whose = (
        f"{Path(request.inputs.module).name} in " if is_model_file(request.inputs.module) else ""
    )
    print(
        f"{found.equal:,} of {found.compared:,} codes of {request.path.name} in {engine} equal "
        f"those of {whose}{framework(choice.network.engine)}{others}"
    )


def compared(network: QuantizedNetwork, path: Path, image: np.ndarray) -> tuple[Exported, str]:
    """Compare a network's tensors with those of its file; return the runtime, too.

    Parameters
    ----------
    network : QuantizedNetwork
    path : Path
        From `to_onnx`.
    image : ndarray of shape (N, ...), float32
    """
    other = load_file(str(path))
    names = {step.name: step.node for step in other.steps}
    theirs = {names.get(name, ""): codes for name, codes in other.tensors(image).items()}
    total = equal = largest = 0
    for name, codes in network.tensors(image).items():
        if name in theirs:
            apart = np.abs(codes.astype(np.int16) - theirs[name])
            total += codes.size
            equal += int(np.count_nonzero(apart == 0))
            largest = max(largest, int(apart.max()))
    return Exported(total, equal, largest), other.engine
