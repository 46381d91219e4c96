"""Networks that their owner has prepared, trained or converted with FX run as they are."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import pytest
import torch
from input_networks import make
from torch import fx, nn
from torch.ao import quantization
from torch.ao.quantization import (
    QConfigMapping,
    get_default_qat_qconfig_mapping,
    get_default_qconfig_mapping,
    quantize_fx,
)
from torch.nn import functional

from maccord import api
from maccord.golden.network import execute
from maccord.nets.prequantized import is_prequantized, taken

X = np.random.default_rng(5).normal(size=(4, 3, 12, 12)).astype(np.float32)
T = torch.from_numpy(X)
ENGINES = [each for each in ("qnnpack", "x86", "fbgemm", "onednn") if each in
           torch.backends.quantized.supported_engines]  # fmt: skip


@pytest.fixture(autouse=True)
def quiet_and_qnnpack() -> Iterator[None]:
    """The owner's engine, and the deprecation that all of this is under."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = "qnnpack"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.backends.quantized.engine = before


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False)
        self.last = nn.Conv2d(8, 4, 3, 2)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.norm(self.stem(x)))
        x = x + self.depthwise(x)
        return self.head(self.flatten(functional.relu(self.last(x))))


def _prepared(mapping: str | QConfigMapping = "qnnpack") -> fx.GraphModule:
    chosen = get_default_qconfig_mapping(mapping) if isinstance(mapping, str) else mapping
    prepared = quantize_fx.prepare_fx(make(_Net), chosen, (T,))
    prepared(T)
    return prepared


def _trained() -> fx.GraphModule:
    model = make(_Net).train()
    prepared = quantize_fx.prepare_qat_fx(model, get_default_qat_qconfig_mapping("qnnpack"), (T,))
    optimizer = torch.optim.SGD(prepared.parameters(), 0.01)
    for _ in range(2):
        optimizer.zero_grad()
        prepared(T).square().mean().backward()
        optimizer.step()
    return prepared


def _converted(engine: str) -> fx.GraphModule:
    prepared = _prepared()
    torch.backends.quantized.engine = engine
    return quantize_fx.convert_fx(prepared)


def _check(model: fx.GraphModule) -> api.QuantizedNetwork:
    """All tensors equal PyTorch's, and the owner's network is left as it was."""
    state = model.state_dict().items()
    before = {key: value.clone() for key, value in state if isinstance(value, torch.Tensor)}
    network = api.quantize(model, X, "net")
    found = execute(network.graph, network.input_codes(X))
    for name, codes in network.tensors(X).items():
        np.testing.assert_array_equal(found[name], codes, name)
        assert len(np.unique(codes)) > 3, name
    for key, value in model.state_dict().items():
        if isinstance(value, torch.Tensor) and not value.is_quantized:
            assert torch.equal(value, before[key]), key
    return network


@pytest.mark.parametrize("mapping", ["qnnpack", "x86"])
def test_a_prepared_network_is_converted_as_its_owner_would(mapping: str) -> None:
    """One scale for all weights, or one a channel with activations of seven bits."""
    prepared = _prepared(mapping)
    network = _check(prepared)
    own = quantize_fx.convert_fx(deepcopy(prepared))
    np.testing.assert_array_equal(network.reference.logits(X), own(T).numpy())
    layer = network.layers["net.stem"]
    assert (len(np.unique(layer.weight_scale)) == 1) == (mapping == "qnnpack")


def test_a_network_of_quantization_aware_training() -> None:
    trained = _trained()
    assert trained.training
    network = _check(trained)
    assert trained.training
    own = quantize_fx.convert_fx(deepcopy(trained).eval())
    np.testing.assert_array_equal(network.reference.logits(X), own(T).numpy())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_converted_network_runs_on_qnnpack(engine: str) -> None:
    converted = _converted(engine)
    network = _check(converted)
    torch.backends.quantized.engine = "qnnpack"
    own = quantize_fx.convert_fx(_prepared())
    np.testing.assert_array_equal(network.reference.logits(X), own(T).numpy())


def test_what_flattens_numbers_is_a_flatten_of_codes() -> None:
    steps = _check(_prepared()).steps
    assert [step.op for step in steps][-3:] == ["flatten", "layer", "dequantize"]
    assert [step.name for step in steps][-3] == "net.flatten"


def test_a_converted_network_of_signals() -> None:
    """Its weights are read with qnnpack selected; with another engine that breaks the kernel."""
    x = torch.from_numpy(X[:, 0])
    model = make(lambda: nn.Sequential(nn.Conv1d(12, 4, 3), nn.ReLU(), nn.Conv1d(4, 3, 1)))
    prepared = quantize_fx.prepare_fx(model, get_default_qconfig_mapping("x86"), (x,))
    prepared(x)
    converted = quantize_fx.convert_fx(prepared)
    copied = taken(converted, "net")
    assert copied is not None
    np.testing.assert_array_equal(copied(x).numpy(), converted(x).numpy())
    network = api.quantize(converted, x.numpy(), "net")
    found = execute(network.graph, network.input_codes(x.numpy()))
    for name, codes in network.tensors(x.numpy()).items():
        np.testing.assert_array_equal(found[name], codes, name)


def test_whole_in_rtl() -> None:
    network = api.quantize(_trained(), X, "net")
    found = api.simulate(network, X[:2], api.Parameters(rows=4, cols=4))
    assert found.equal, found.problems
    assert found.result
    assert found.result.snr_db is None  # its floats are not there to compare with


def test_observers_see_nothing_of_ours() -> None:
    prepared = _prepared()
    observer = prepared.get_submodule("activation_post_process_0")
    before = observer.calculate_qparams()  # pyright: ignore[reportCallIssue]
    api.quantize(prepared, 100 * X, "net")
    assert observer.calculate_qparams() == before  # pyright: ignore[reportCallIssue]


def test_a_float_network_is_not_taken() -> None:
    assert not is_prequantized(make(_Net))
    assert taken(make(_Net), "net") is None


def _uncalibrated() -> nn.Module:
    return quantize_fx.prepare_fx(make(_Net), get_default_qconfig_mapping("qnnpack"), (T,))


def _eager() -> nn.Module:
    model = nn.Sequential(quantization.QuantStub(), nn.Conv2d(3, 4, 3), quantization.DeQuantStub())
    model.eval().qconfig = quantization.get_default_qconfig("qnnpack")  # pyright: ignore
    prepared = quantization.prepare(model)
    prepared(T)
    return quantization.convert(prepared)


def _mapped(activation: object, weight: object) -> nn.Module:
    qconfig = quantization.QConfig(activation=activation, weight=weight)
    mapping = get_default_qconfig_mapping("qnnpack").set_global(qconfig)
    return _prepared(mapping)


def _shifted_weights() -> nn.Module:
    observer = quantization.MinMaxObserver.with_args(dtype=torch.qint8)
    return _mapped(quantization.default_observer, observer)


REFUSED = {
    "uncalibrated": (
        _uncalibrated,
        "net: observers must have seen calibration inputs, got none in activation_post_process_0",
    ),
    "eager": (
        _eager,
        (
            "net: quantized network must be one of prepare_fx, prepare_qat_fx or convert_fx "
            "itself, got Sequential"
        ),
    ),
    "shifted_weights": (
        _shifted_weights,
        r"net\.stem: weights must be qint8 with zero point 0, got torch.qint8 with \d+",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_in_a_sentence(name: str) -> None:
    factory, sentence = REFUSED[name]
    model = factory()
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        api.quantize(model, X, "net")
