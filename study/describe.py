"""Further content of the report: study settings, sample images, one layer's distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..golden.graph import Conv2d, Linear
from ..golden.kernels.quantize import quantize_per_tensor
from ..golden.network import execute
from ..nets.framework import one_thread
from ..nets.images import normalize
from ..runtime.provenance import file_digest, processor, short
from ..sim.toolchain import find_verilator
from .figures_distributions import Distribution
from .figures_images import Demonstration
from .info import DESCRIPTIONS, Deviation, Info, RtlSummary
from .plan import Collected, Condition
from .request import EMBEDDED, StudyRequest
from .rows import CLEAN
from .rtl import RtlSample
from .subject import Subject, dataset, float_network, quantized_network
from .tables import Results
from .work import inputs, live_batch

__all__ = ["demonstrated", "distribution", "info"]

_DISTRIBUTIONS = ("maccord", "torch", "numpy", "scipy", "scikit-learn", "amaranth")
_SHOWN = {"awgn": (0.3, 0.6), "brownian": (40, 70), "vertical": (3, 5), "horizontal": (3, 5)}
_IMAGES = 16  # images for the plot of activations


def info(
    request: StudyRequest,
    conditions: Sequence[Condition],
    answered: Collected,
    rtl: Sequence[RtlSample],
) -> Info:
    """Return the description of the study."""
    data = dataset(request.data, "test")
    images = len(answered.samples[0].labels)
    subjects = list(dict.fromkeys(condition.subject for condition in conditions))
    calibration = min(request.calibration, len(dataset(request.data, "train")))
    return Info(
        data=data.name,
        spec=request.data.partition(":")[0],
        images=images,
        classes=data.classes,
        size=data.size,
        seed=request.seed,
        calibration=f"{calibration} images of the training split, evenly spaced",
        networks={subject.name: _described(subject) for subject in subjects},
        float_top1=_float_top1(answered),
        deviations=_deviations(conditions, answered),
        paired=not request.unpaired,
        models={
            "live": f"{DESCRIPTIONS['live']}; batches of {live_batch(data.size)} images "
            "in the data set's order, observers fresh at each level"
        },
        versions=_versions(simulated=bool(rtl)),
        rtl=tuple(_summary(name, rtl) for name in dict.fromkeys(s.network for s in rtl)),
        command=request.command,
        digests=_digests(subjects),
        processor=processor(),
    )


def _versions(*, simulated: bool) -> dict[str, str]:
    tools = {"verilator": find_verilator().version} if simulated else {}
    return {name: metadata.version(name) for name in _DISTRIBUTIONS} | tools


def _digests(subjects: Sequence[Subject]) -> dict[str, str]:
    """Hashes of the data and of the weights' files."""
    spec = subjects[0].data
    data = {f"data ({split})": short(dataset(spec, split).digest) for split in ("train", "test")}
    return data | {f"weights of {s.name}": file_digest(s.weights) for s in subjects}


def _described(subject: Subject) -> str:
    network = quantized_network(subject)
    graph = network.graph
    macs = sum(
        node.operation.macs(graph.tensors[node.inputs[0]].shape)
        for node in graph.nodes
        if isinstance(node.operation, Conv2d | Linear)
    )
    if subject.architecture is None:
        engine = network.not_asked or f"reference {network.engine}"
        return f"{macs:,} multiplications an image, the file {subject.weights.name}; {engine}"
    model = float_network(subject)
    count = sum(parameter.numel() for parameter in model.parameters())
    origin = "trained on the embedded data" if subject.data == EMBEDDED else subject.weights.name
    return f"{count:,} parameters, {macs:,} multiplications an image, weights {origin}"


def _float_top1(answered: Collected) -> dict[str, float]:
    return {
        sample.network: float((sample.logits["fp32"].argmax(1) == sample.labels).mean())
        for sample in answered.samples
        if sample.perturbation == CLEAN and "fp32" in sample.logits
    }


def _deviations(conditions: Sequence[Condition], answered: Collected) -> tuple[Deviation, ...]:
    levels = {str(condition.level): condition.level for condition in conditions}
    return tuple(
        Deviation(levels[name].name, levels[name].level, value)
        for name, value in answered.deviations.items()
    )


def _summary(network: str, rtl: Sequence[RtlSample]) -> RtlSummary:
    own = [sample for sample in rtl if sample.network == network]
    return RtlSummary(
        network,
        own[0].images,
        len(own),
        sum(sample.equal for sample in own),
        sum(sample.compared for sample in own),
    )


def demonstrated(conditions: Sequence[Condition], results: Results) -> list[Demonstration]:
    """Return one image, clean and at two levels of each perturbation, as the models' input."""
    own = [condition for condition in conditions if condition.subject == conditions[0].subject]
    found = []
    for condition in own:
        levels = results.levels(condition.level.name)
        wanted = [level for level in _SHOWN.get(condition.level.name, ()) if level in levels]
        wanted = wanted or sorted({levels[len(levels) // 2], levels[-1]})
        if condition.level.perturbation is None or condition.level.level in wanted:
            task = condition.tasks[0]
            crops = inputs(replace(task, images=task.images[:1]))[1]
            found.append(Demonstration(condition.level.name, condition.level.level, crops[0]))
    return found


def distribution(conditions: Sequence[Condition]) -> Distribution | None:
    """Return weights and inputs of a convolution in mid-network, of ResNet-18 or the first network.

    None if all networks are model files. The float weights have the batch norm folded, as before
    quantization.
    """
    subjects = list(dict.fromkeys(condition.subject for condition in conditions))
    subjects = [subject for subject in subjects if subject.architecture is not None]
    if not subjects:
        return None
    subject = next((each for each in subjects if each.name == "resnet18"), subjects[0])
    network = quantized_network(subject)
    layers = [node for node in network.graph.nodes if isinstance(node.operation, Conv2d)]
    if not layers:
        return None
    node = layers[len(layers) // 2]
    layer = node.operation
    assert isinstance(layer, Conv2d)
    data = dataset(subject.data, "test")
    crops = [data.crop(index) for index in conditions[0].tasks[0].images[:_IMAGES]]
    images = np.concatenate([normalize(crop, network.normalization) for crop in crops])
    model, path = float_network(subject), layer.name.removeprefix(f"{subject.name}.")
    seen: list[torch.Tensor] = []
    hook = model.get_submodule(path).register_forward_pre_hook(
        lambda _, args: seen.append(args[0].clone())
    )
    with one_thread(), torch.inference_mode(), hook:
        model(torch.from_numpy(images))
    graph = network.graph
    x_q = quantize_per_tensor(images.transpose(0, 2, 3, 1), graph.input.quantization)
    return Distribution(
        layer=layer.name,
        weights=_folded(model, path),
        activations=seen[0].numpy(),
        weight_codes=layer.weight,
        activation_codes=execute(graph, x_q)[node.inputs[0]],
    )


def _folded(model: nn.Module, path: str) -> npt.NDArray[np.float32]:
    """Return a convolution's weights, with a following batch norm folded."""
    traced = torch.fx.symbolic_trace(model)
    conv = traced.get_submodule(path)
    assert isinstance(conv, nn.Conv2d)
    node = next(node for node in traced.graph.nodes if node.target == path)
    behind = next(iter(node.users))
    norm = traced.get_submodule(behind.target) if behind.op == "call_module" else None
    weight = conv.weight
    if isinstance(norm, nn.BatchNorm2d):
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None
        assert variance is not None
        weight, _ = fuse_conv_bn_weights(
            weight, conv.bias, mean, variance, norm.eps, norm.weight, norm.bias
        )
    return weight.detach().numpy()
