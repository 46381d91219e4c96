"""Functions of one code: the graph equals PyTorch's own converted module, tensor by tensor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lookup_networks import FUNCTIONS, Activations, Concatenated, Rescaled, images, network
from torch import nn
from torch.nn import functional

from maccord.golden.graph import Host, Lookup, Relabel
from maccord.golden.network import execute
from maccord.nets import functions, reference
from maccord.nets.fake_quant import FakeQuantNetwork
from maccord.nets.framework import qnnpack
from maccord.nets.integer import IntegerNetwork
from maccord.nets.library import quantized


@pytest.mark.parametrize("factory", [Activations, Concatenated, Rescaled])
def test_every_tensor_is_pytorchs(factory: type[nn.Module]) -> None:
    net = network(factory)
    due = net.tensors(images())
    golden = execute(net.graph, due[net.graph.input.name])
    integers = IntegerNetwork(net.graph).tensors(due[net.graph.input.name])
    assert list(golden) == list(due)
    for name, codes in due.items():
        np.testing.assert_array_equal(golden[name], codes, err_msg=name)
        np.testing.assert_array_equal(integers[name], codes, err_msg=name)


def test_each_function_is_a_table() -> None:
    operations = [node.operation for node in network(Activations).graph.nodes]
    tables = [each for each in operations if isinstance(each, Lookup)]
    relabelled = [each.name for each in operations if isinstance(each, Relabel)]
    assert relabelled == ["net.acts.mul_positive.mul", "net.acts.add_number.add"]
    assert len(tables) == len(FUNCTIONS) + 5 - len(relabelled)
    (negative,) = (each for each in tables if each.name == "net.acts.mul_negative.mul")
    np.testing.assert_array_equal(negative.table, np.arange(256)[::-1])


def test_fake_quantization_follows_the_tables() -> None:
    """As close as for networks without: PyTorch's fake quantization rounds otherwise at ties."""
    net = network(Activations)
    due = net.tensors(images())
    found = FakeQuantNetwork(net.graph).tensors(images())
    differing = np.mean([np.mean(found[name] != codes) for name, codes in due.items()])
    assert differing < 0.01


class _Around(nn.Module):
    def __init__(self, function: object) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.function = function
        self.after = nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.function(self.conv(x))).mean([2, 3])  # type: ignore[operator]


def imported(function: object) -> list[Lookup]:
    torch.manual_seed(0)
    net = quantized(_Around(function).eval(), "net", "seed", [each[None] for each in images()])
    return [n.operation for n in net.graph.nodes if isinstance(n.operation, Lookup)]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (nn.SiLU(), "net.function"),
        (nn.Hardswish(inplace=True), "net.function"),
        (functional.gelu, "net.gelu"),
        (lambda x: functional.relu6(x + 3) / 6, "net.truediv"),
        (nn.Sequential(nn.Tanh(), nn.Sigmoid()), "net.function.1"),
        (nn.PReLU(), "net.function"),
    ],
    ids=["silu", "hardswish", "gelu", "chain", "two", "prelu"],
)
def test_tables_are_named_after_what_is_called(function: object, name: str) -> None:
    assert imported(function)[-1].name == name


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.cumsum(x, 1),
        lambda x: functional.softmax(functional.silu(x), 1),
        nn.PReLU(4),
    ],
    ids=["no function of a code", "chain that ends in none", "one a channel"],
)
def test_other_operators_are_no_tables(function: object) -> None:
    torch.manual_seed(0)
    net = quantized(_Around(function).eval(), "net", "seed", [each[None] for each in images()])
    operations = [node.operation for node in net.graph.nodes]
    assert sum(isinstance(each, Host) for each in operations) == 1
    assert not any(isinstance(each, Lookup) for each in operations)


def test_a_table_behind_the_host_stays_a_table() -> None:
    tables = imported(lambda x: functional.hardswish(torch.cumsum(x, 1)))
    assert [each.name for each in tables] == ["net.hardswish"]


@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_a_kernel_with_a_tail_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """These round ties otherwise in a tensor's last elements; any other such kernel is refused."""
    codes = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    with qnnpack():
        ties = torch.ops.aten._make_per_tensor_quantized_tensor(codes, 2.0**-5, 61)
    kernel = {
        "leaky_relu": lambda x: torch.ops.quantized.leaky_relu(x, 0.5, False, 2.0**-4, 21),
        "elu": lambda x: torch.ops.quantized.elu(x, 2.0**-4, 21, 1.0),
    }[name]
    whole = kernel(ties).int_repr().reshape(-1)
    alone = torch.cat([kernel(ties.reshape(-1)[i : i + 1]).int_repr() for i in range(256)])
    assert (whole != alone).any()

    class Graph(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return kernel(x)

    traced = torch.fx.symbolic_trace(Graph())
    found = functions.Functions(traced)
    (function,) = found.ends.values()
    source = functions.Quantization(2.0**-5, 61)
    values, _ = found.table(function, "net.act", source)
    np.testing.assert_array_equal(values["table"], whole.numpy())
    monkeypatch.setattr(functions, "TAILED", ())
    with pytest.raises(ValueError, match=r"net.act: result must depend on the code alone, got \d+"):
        found.table(function, "net.act", source)
    # The reference has no tail
    part = ties.reshape(-1)[:250].reshape(1, 1, 25, 10)
    assert torch.equal(reference._in_vectors(part, kernel).int_repr().reshape(-1), whole[:250])
    assert not torch.equal(kernel(part).int_repr().reshape(-1), whole[:250])
