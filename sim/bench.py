"""`maccord bench`: time ratios of equivalent computations, measured alternately in one run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.table import Table

from ..golden.graph import Conv2d, Layer, Linear
from ..golden.kernels.conv2d import PackedConv2d
from ..golden.kernels.linear import PackedLinear
from ..nets.framework import qnnpack
from ..nets.int8_modules import module_of
from ..runtime.cache import digest
from ..runtime.console import console, waiting
from ..runtime.errors import SimulationError
from ..runtime.files import atomic_write, check_writable
from ..runtime.provenance import provenance, short
from ..spec.parameters import Parameters
from ..spec.registers import Status
from .bench_network import networks
from .inputs import Inputs
from .layer_job import layer_job
from .network.task import NetworkRecording
from .origin import weights_digest
from .recording import record_all
from .simulate import run_plain, simulate
from .toolchain import find_compiler, find_verilator
from .turns import Ratio, in_turns, one_thread

__all__ = ["SCHEMA", "Ratio", "content", "kernels", "run", "simulation"]

_LAYER = "resnet18.conv1"
_NETWORK = "resnet18.*"
_ROUNDS = 3
SCHEMA = "maccord.bench/1"


def run(path: Path, seconds: float) -> None:
    """Run all benchmarks, print the table, write it as JSON.

    Parameters
    ----------
    path : Path
        Output file, JSON.
    seconds : float
        Minimum measuring time per side of a ratio; above 0.

    Raises
    ------
    ValueError
        If `seconds` is not positive and finite, or the file cannot be written.
    """
    if not 0 < seconds < math.inf:
        raise ValueError(f"seconds must be above 0 and finite, got {seconds:g}")
    check_writable("json", "file", path, path)
    err = console(stderr=True)
    with waiting(err, "recording ResNet-18's layers"):
        recordings = record_all([_NETWORK], Inputs())
    with waiting(err, "golden model against qnnpack and int64"):
        ratios = kernels(recordings, seconds)
    with waiting(err, "whole networks against qnnpack's"):
        ratios += networks(seconds)
    first = next(r for r in recordings if r.layer == _LAYER)
    with waiting(err, "cocotb against a plain C++ loop"):
        ratios += simulation(first, Parameters(), seconds)
    machine = {
        "torch": version("torch"),
        "numpy": version("numpy"),
        "verilator": find_verilator().version,
        "compiler": f"{find_compiler().version} {find_compiler().optimise}",
    }
    console().print(_table(ratios, machine))
    with atomic_write(path) as temporary:
        found = content(ratios, machine, _digests(recordings))
        temporary.write_text(json.dumps(found, indent=2) + "\n")


def content(
    ratios: Sequence[Ratio], machine: dict[str, str], digests: dict[str, str]
) -> dict[str, object]:
    """Return the JSON content: ratios, versions and provenance."""
    return {
        "schema": SCHEMA,
        "machine": machine,
        "ratios": [asdict(ratio) for ratio in ratios],
        "provenance": asdict(provenance(digests, verilator=machine["verilator"])),
    }


def _digests(recordings: list[NetworkRecording]) -> dict[str, str]:
    return {
        "weights": short(digest(*(weights_digest(r.network) for r in recordings))),
        "input": short(digest(recordings[0].x_q)),
    }


def simulation(recording: NetworkRecording, parameters: Parameters, seconds: float) -> list[Ratio]:
    """Compare simulated cycles per second: cocotb against a plain C++ loop over the same model.

    Raises
    ------
    SimulationError
        If a run fails, or the two differ in bytes or cycles.
    """
    job = layer_job(recording, parameters)
    ours, theirs = [], []
    spent = 0.0
    while len(ours) < _ROUNDS or spent < 2 * seconds:
        cocotb, plain = simulate(job), run_plain(job)
        for status in (cocotb.status, plain.status):
            if status & Status.ERROR or not status & Status.DONE:
                raise SimulationError(f"the accelerator stopped with status {status:#04x}")
        same = np.array_equal(cocotb.outputs[0], plain.outputs[0])
        if cocotb.cycles != plain.cycles or not same:
            raise SimulationError("the plain C++ loop and cocotb did not simulate the same")
        ours.append(cocotb.sim_cycles_per_second)
        theirs.append(plain.sim_cycles_per_second)
        spent += cocotb.sim_seconds + plain.sim_seconds
    what = f"{recording.layer}, {parameters.rows} x {parameters.cols} accelerator"
    a, b = max(ours), max(theirs)
    return [Ratio(what, "cocotb", "plain C++ loop", a, b, "cycles/s", a / b, len(ours))]


def kernels(recordings: list[NetworkRecording], seconds: float) -> list[Ratio]:
    """Compare the golden model's time on all layers with PyTorch's kernels and int64 products.

    For the kernels, also report the layer with the worst ratio in the same passes.

    Each uses one thread, as in the workers of `maccord sim`; more would measure the machine's load.
    """
    ours = [_golden(r) for r in recordings]
    theirs = [_qnnpack(r) for r in recordings]
    products = [_int64(r) for r in recordings]
    what = f"{len(recordings)} layers of {recordings[0].network.name}, one thread"
    ratios = []
    for other, calls in (("qnnpack", theirs), ("int64 np.matmul alone", products)):
        with one_thread(), qnnpack():
            times = in_turns(ours, calls, seconds)
        ratios.append(_kernel_ratio(what, other, times.sum(2)))
        if calls is theirs:
            best = times.min(1)
            worst = int(np.argmax(best[0] / best[1]))
            name = f"{recordings[worst].layer}, the worst of them"
            ratios.append(_kernel_ratio(name, other, times[:, :, worst]))
    return ratios


def _kernel_ratio(what: str, other: str, times: npt.NDArray[np.float64]) -> Ratio:
    """Ratio of the best times; `times` is of shape (2, rounds), in seconds."""
    ours, theirs = (float(side.min()) for side in times)
    return Ratio(what, "golden", other, ours, theirs, "s", ours / theirs, times.shape[1])


def _layer(recording: NetworkRecording) -> Layer:
    layer = recording.network.nodes[0].operation
    assert isinstance(layer, Conv2d | Linear)
    return layer


def _golden(recording: NetworkRecording) -> Callable[[], object]:
    layer = _layer(recording)
    packed = PackedConv2d(layer) if isinstance(layer, Conv2d) else PackedLinear(layer)
    return lambda: packed(recording.x_q)


def _qnnpack(recording: NetworkRecording) -> Callable[[], object]:
    """PyTorch's module, applied to a tensor in its kernel's native memory format."""
    layer = _layer(recording)
    module = module_of(layer)
    codes = torch.from_numpy(recording.x_q)
    with qnnpack():
        x = torch.ops.aten._make_per_tensor_quantized_tensor(
            codes.permute(0, 3, 1, 2) if codes.ndim == 4 else codes,
            layer.input.scale,
            layer.input.zero_point,
        )
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
    return lambda: module(x)


def _int64(recording: NetworkRecording) -> Callable[[], object]:
    """Return the layer's matrix product alone, on prepared patches and weights."""
    layer = _layer(recording)
    pixels = int(np.prod(recording.tensors[layer.name].shape[:-1]))
    weight = layer.weight.reshape(layer.weight.shape[0], -1).T.astype(np.int64)
    # Only the shape matters: the time does not depend on the values
    patches = np.random.default_rng(0).integers(-128, 128, (pixels, len(weight)))
    return lambda: patches @ weight


def _table(ratios: list[Ratio], machine: dict) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("work", "ours", "other", "ours, best", "other, best", "ours / other"):
        right = name not in ("work", "ours", "other")
        table.add_column(name, no_wrap=True, justify="right" if right else "left")
    for ratio in ratios:
        values = (
            f"{v:,.4g} {ratio.unit}" if v < 1e4 else f"{v:,.0f} {ratio.unit}"
            for v in (ratio.ours_value, ratio.other_value)
        )
        table.add_row(ratio.what, ratio.ours, ratio.other, *values, f"{ratio.ratio:.3g}")
    table.caption = "; ".join(f"{name}: {value}" for name, value in machine.items())
    table.caption_justify = "left"
    return table
