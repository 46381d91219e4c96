"""Calls that the host computes instead of a refusal, and sentences that name call and reason."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from refusal_networks import HOSTED, NOWHERE, SIGNALS, WHOLE, WRAPPED, make

from maccord.api import golden
from maccord.golden.graph import Host
from maccord.nets import operands, spelling
from maccord.nets.framework import qnnpack
from maccord.nets.library import QuantizedNetwork, quantized

IMAGES = np.random.default_rng(3).normal(0, 1, (3, 3, 9, 7)).astype(np.float32)
LEAST_DB = 24.0  # of INT8 to floating point, in all of these


def inputs_of(name: str) -> np.ndarray:
    return IMAGES[:, :, 4] if name in SIGNALS else IMAGES


def built(name: str, *, strict: bool = False) -> QuantizedNetwork:
    made = WHOLE[name] if name in WHOLE else (HOSTED | SIGNALS)[name][0]
    inputs = [x[None] for x in inputs_of(name)]
    model = make(made, 1 if name in SIGNALS else 2)
    return quantized(model, "net", "seeded", inputs, strict=strict)


def check(network: QuantizedNetwork, inputs: np.ndarray) -> list[str]:
    """Compare all tensors, and INT8 with floating point; return what the host computes."""
    expected = network.tensors(inputs)
    tensors = golden(network, inputs)
    assert list(tensors) == list(expected)
    for key, codes in tensors.items():
        np.testing.assert_array_equal(codes, expected[key], key)
    assert network.fidelity.snr_db > LEAST_DB
    operations = [node.operation for node in network.graph.nodes]
    return [call for each in operations if isinstance(each, Host) for call in each.calls]


@pytest.mark.parametrize("name", HOSTED | SIGNALS)
def test_the_host_computes_what_was_refused(name: str) -> None:
    assert check(built(name), inputs_of(name)) == (HOSTED | SIGNALS)[name][1]


@pytest.mark.parametrize("name", HOSTED | SIGNALS)
def test_strict_names_call_reason_and_line(name: str) -> None:
    sentence = re.escape((HOSTED | SIGNALS)[name][2])
    with pytest.raises(ValueError, match=rf"^{sentence}\S* \(.*refusal_networks\.py, line \d+\)$"):
        built(name, strict=True)


@pytest.mark.parametrize("name", WHOLE)
def test_the_accelerator_computes_it(name: str) -> None:
    assert check(built(name, strict=True), IMAGES) == []


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")
@pytest.mark.parametrize("name", NOWHERE)
def test_what_can_run_nowhere_is_one_sentence(name: str) -> None:
    factory, sentence = NOWHERE[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = factory().eval()
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        quantized(model, "net", "seeded", [x[None] for x in IMAGES])


@pytest.mark.parametrize("name", WRAPPED)
def test_what_hides_a_network_is_seen_through(name: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = WRAPPED[name]().eval()
    for _ in range(2):  # the user's network is left as it was
        network = quantized(model, "net", "seeded", [x[None] for x in IMAGES], strict=True)
        assert check(network, IMAGES) == []


def test_nothing_reaches_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("out_of_range", "slope 0.25", "in_place", "in_place_module", "broadcast"):
        built(name)
    assert capfd.readouterr().err == ""


def test_a_sums_order_changes_nothing() -> None:
    """What `reference` relies on where operands have two shapes."""
    rng = torch.Generator().manual_seed(5)
    shapes = (2, 1, 9, 7), (2, 8, 9, 7)
    for relu in (torch.ops.quantized.add, torch.ops.quantized.add_relu):
        with qnnpack():
            a, b = (
                torch.quantize_per_tensor(
                    torch.randn(s, generator=rng), 0.03 + 0.01 * i, 120 + i, torch.quint8
                )
                for i, s in enumerate(shapes)
            )
            one, other = relu(a, b, 0.05, 99), relu(b, a, 0.05, 99)
        assert torch.equal(one.int_repr(), other.int_repr())


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("alpha", (spelling, "leave_in_floats")),
        ("border", (spelling, "leave_in_floats")),
        ("mask", (operands, "leave_in_floats")),
    ],
)
def test_a_call_that_is_not_left_in_floats_fails(
    name: str, broken: tuple[object, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*broken, lambda *_: None)
    try:
        calls = check(built(name), IMAGES)
    except (ValueError, AssertionError):
        return
    assert calls != HOSTED[name][1]
