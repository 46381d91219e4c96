"""The reduced networks: as published by default, lowered, compiled, trained, kept on disk.

Training all of them takes a minute: here one is trained for a few epochs.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from maccord.compiler.network import compile_network
from maccord.golden.kernels.quantize import quantize_per_tensor
from maccord.golden.network import execute, logits
from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.data.digits import digits
from maccord.nets.initialise import initialise
from maccord.nets.library import quantized
from maccord.nets.networks import architecture
from maccord.nets.training import digits as recipes
from maccord.nets.training.digits import RECIPES, outline, small, tensors, train, trained
from maccord.spec.parameters import Parameters

NAMES = ("resnet18", "vgg16", "squeezenet1_1")


def _equal(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def _codes(images, graph):
    return quantize_per_tensor(np.ascontiguousarray(images.transpose(0, 2, 3, 1)), graph)


@pytest.mark.parametrize("name", [*NAMES, "nin"])
def test_lowers_and_compiles(name) -> None:
    """Batch norm is folded: none is left, and the graph agrees with PyTorch byte for byte."""
    images, _ = tensors(digits("train"))
    images = images[:16]
    model = outline(name)
    initialise(model, images, seed=3)
    network = quantized(model, name, "random", [image[None].numpy() for image in images])
    graph = network.graph
    assert {node.operation.op.removesuffix("_relu") for node in graph.nodes} <= {
        *("conv2d", "linear", "add", "max_pool2d", "avg_pool2d", "cat", "flatten")
    }
    codes = _codes(images.numpy(), graph.input.quantization)
    computed = execute(graph, codes)
    for tensor, values in network.tensors(images.numpy()).items():
        np.testing.assert_array_equal(computed[tensor], values, err_msg=tensor)
    assert computed[graph.output].shape == (16, 10)
    assert len(np.unique(computed[graph.output])) > 20
    compiled = compile_network(graph, Parameters(), batch=1)
    assert compiled.stages[-1].output_shape[0] == 1


def test_defaults_are_the_published_networks() -> None:
    """Numbers of parameters as in the papers' repositories, and names as in torchvision."""
    counts = {"resnet18": 11_689_512, "vgg16": 138_357_544, "squeezenet1_1": 1_235_496}
    for name, count in counts.items():
        model = architecture(name).outline()
        assert sum(parameter.numel() for parameter in model.parameters()) == count
        published = [module for _, module in model.named_modules()]
        kinds = [type(module).__name__ for module in published]
        assert ("BatchNorm2d" in kinds) == (name == "resnet18")
    names = list(small("vgg16").outline().state_dict())
    assert names[:4] == [
        *("features.0.weight", "features.0.bias", "features.1.weight", "features.1.bias"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_reduced_in_width_only(name) -> None:
    """The same layers in the same order, without counting batch norms."""
    kinds = []
    for model in (architecture(name).outline(), small(name).outline(10)):
        modules = [type(module).__name__ for module in model.modules()]
        kinds.append([kind for kind in modules if kind != "BatchNorm2d"])
    assert kinds[0] == kinds[1]


def test_training_learns_and_quantizes() -> None:
    said = []
    model = train("resnet18", epochs=3, progress=lambda *values: said.append(values))
    assert [values[:2] for values in said] == [(1, 3), (2, 3), (3, 3)]
    assert said[2][2] < said[0][2]
    assert not model.training
    images, labels = (values[:300] for values in tensors(digits("test")))
    with torch.no_grad():
        right = (model(images).argmax(1) == labels).numpy().mean()
    assert right > 0.7
    calibration = [image[None].numpy() for image in tensors(digits("train"))[0][:64]]
    graph = quantized(model, "resnet18", "digits", calibration).graph
    outputs = logits(graph, execute(graph, _codes(images.numpy(), graph.input.quantization)))
    assert abs((outputs.argmax(1) == labels.numpy()).mean() - right) < 0.02


def test_weights_depend_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the number of threads nor torch's generator matter, nor are they changed."""
    data = digits("train")
    few = replace(data, labels=data.labels[:128], images=data.images[:128])
    monkeypatch.setattr(recipes, "digits", lambda split: few)
    threads = torch.get_num_threads()
    models = []
    try:
        for seed, count in ((5, 1), (5, 3), (6, 1)):
            torch.manual_seed(count)
            torch.set_num_threads(count)
            state = torch.get_rng_state()
            models.append(train("vgg16", seed=seed, epochs=2))  # it has dropout
            assert torch.get_num_threads() == count
            assert torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_num_threads(threads)
    assert _equal(models[0], models[1])
    assert not _equal(models[0], models[2])


def test_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "resnet18", replace(RECIPES["resnet18"], epochs=1))
    said = []

    def count(*values) -> None:
        said.append(values)

    first = trained("resnet18", cache=tmp_path, progress=count)
    again = trained("resnet18", cache=tmp_path, progress=count)
    assert len(said) == 1
    assert _equal(first, again)
    assert not again.training
    (path,) = tmp_path.glob("*.pt")
    assert _equal(load_checkpoint(small("resnet18"), path), first)
    path.write_bytes(path.read_bytes()[:-1000])
    assert _equal(trained("resnet18", cache=tmp_path, progress=count), first)
    assert len(said) == 2
    monkeypatch.setattr(recipes, "_origin", lambda: "another recipe")
    trained("resnet18", cache=tmp_path, progress=count)
    assert len(said) == 3
    assert {path.suffix for path in tmp_path.iterdir()} == {".pt", ".lock"}


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"one of resnet18, .*, nin, deit_digits, swin_digits, got alexnet"
    ):
        trained("alexnet", cache=tmp_path)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        trained("resnet18", cache=tmp_path, seed=-1)
