"""What the hardware lacks in PT2E programs: the host computes it, ExecuTorch's codes decide."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pt2_networks import Ends, Kind, coded, exported
from torch import nn
from torch.nn import functional

from maccord.golden.graph import Host, Network
from maccord.golden.network import execute
from maccord.nets.formats.network import FileNetwork
from maccord.nets.formats.pt2_network import load_program

pytest.importorskip("executorch")

SHAPE = (1, 3, 4, 4)
TIES = (0.013649196363985538, -88)


class Calls(nn.Module):
    """A function as a module."""

    def __init__(self, call: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(x)


class Normed(nn.Module):
    """An operator with parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)


class Conv(nn.Module):
    """A convolution, which runs in hardware."""

    def __init__(self, outputs: int = 4) -> None:
        super().__init__()
        codes = np.random.default_rng(0).integers(-99, 99, (outputs, 3, 1, 1), np.int8)
        self.register_buffer("codes", torch.from_numpy(codes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.ops.quantized_decomposed.dequantize_per_tensor(
            self.codes, 0.01, 0, -127, 127, torch.int8
        )
        return functional.conv2d(x, weight)


def behind(
    module: nn.Module, kind: Kind, end: Kind, outputs: int = 4, size: tuple[int, int] = (4, 4)
) -> torch.export.ExportedProgram:
    """An operator behind a convolution."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.module = Ends(Conv(outputs), (0.03, 1), kind), module

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return coded(self.module(self.conv(x)), *end)

    return exported(Both(), (1, 3, *size))


CALLS: dict[str, tuple[nn.Module, str]] = {
    "product with a number": (
        Calls(lambda x: x * 0.3),
        "mul must be of two quantized tensors, with alpha 1",
    ),
    "average pool": (
        Calls(lambda x: functional.avg_pool2d(x, 2)),
        "operators must have exact hardware, got aten.avg_pool2d.default",
    ),
    "function": (Calls(torch.sin), "got aten.sin.default"),
    "mean of rows": (Calls(lambda x: x.mean([3], keepdim=True)), "must be over the whole image"),
    "softmax": (Calls(lambda x: x.softmax(1)), "got aten.softmax.int"),
    "norm": (Normed(), "got aten.layer_norm.default"),
    "several": (Calls(lambda x: functional.relu(torch.sin(x)) - x), "got aten.sin.default"),
}


def hosts(graph: Network) -> list[Host]:
    return [node.operation for node in graph.nodes if isinstance(node.operation, Host)]


def differing(network: FileNetwork, x: np.ndarray) -> dict[str, int]:
    """Codes of each tensor that are not ExecuTorch's."""
    theirs = network.tensors(x)
    ours = execute(network.graph, *network.source_codes(x))
    assert ours.keys() == theirs.keys()
    return {name: int(np.count_nonzero(ours[name] != codes)) for name, codes in theirs.items()}


def random(shape: tuple[int, ...], count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *shape[1:])).astype(np.float32)


@pytest.mark.parametrize("what", CALLS)
def test_the_host_computes_it(what: str) -> None:
    module, sentence = CALLS[what]
    program = behind(module, (0.05, 3), (0.04, -7))
    with pytest.raises(ValueError, match=r"^net\.") as refused:
        load_program(program, "net", strict=True)
    assert sentence in str(refused.value)
    network = load_program(program, "net")
    (host,) = hosts(network.graph)
    assert host.calls
    assert set(differing(network, random(SHAPE)).values()) == {0}


def test_a_clamp_between_scales_is_a_table_of_the_hardware() -> None:
    """By a formula, 8 of these codes were others."""
    network = load_program(behind(nn.ReLU(), (0.05, 3), (0.06, -7), size=(8, 8)), "net")
    assert not hosts(network.graph)
    assert set(differing(network, random((1, 3, 8, 8))).values()) == {0}


def test_means_whose_ties_no_pool_rounds() -> None:
    program = behind(nn.AdaptiveAvgPool2d(1), TIES, TIES, 8, (6, 5))
    with pytest.raises(ValueError, match="over 6 x 5 pixels must round as XNNPACK does"):
        load_program(program, "mean", strict=True)
    network = load_program(program, "mean")
    assert [host.calls for host in hosts(network.graph)] == [("adaptive_avg_pool2d",)]
    assert set(differing(network, random((1, 3, 6, 5))).values()) == {0}


def test_an_end_in_floating_point_is_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Ends(Conv(), (0.03, 1), (0.05, -4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.flatten(self.inner(x), 1).softmax(1)

    program = exported(Ended(), SHAPE)
    network = load_program(program, "end")
    x = random(SHAPE)
    theirs = network.tensors(x)
    assert network.tail is not None and network.scores
    tail = pickle.loads(pickle.dumps(network.tail))  # it goes to other processes
    found = tail([theirs[name] for name in network.tail_reads])
    np.testing.assert_array_equal(found, network.results(x)[network.graph.output])
    monkeypatch.setitem(sys.modules, "executorch.runtime", None)
    alone = load_program(program, "end")
    ours = execute(alone.graph, *alone.source_codes(x))
    assert alone.tail is not None
    codes = [ours[name] for name in alone.tail_reads]
    np.testing.assert_allclose(alone.tail(codes), found, rtol=1e-6)


def test_the_input_itself_is_no_result() -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Ends(nn.ReLU(), (0.05, 3), (0.05, 3))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.inner(x), x

    with pytest.raises(ValueError, match="got its input as it is"):
        load_program(exported(Wrapped(), SHAPE), "net")
