"""PT2E programs: every tensor of the golden model is ExecuTorch's, and operators on all codes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from pt2_networks import FOLDER, NETWORKS, SHAPE, Ends, Kind, coded, exported, quantized
from torch import nn
from torch.nn import functional

from maccord.golden.graph import Add, Conv2d, MaxPool2d, Quantization
from maccord.golden.kernels.add import add
from maccord.golden.network import execute
from maccord.nets.formats.files import load_file
from maccord.nets.formats.network import FileNetwork
from maccord.nets.formats.pt2_network import load_program
from maccord.nets.formats.pt2_products import is_xnnpacks, xnnpack_products
from maccord.nets.formats.pt2_runtime import ExecuTorch

pytest.importorskip("executorch")


def quantizers(program: torch.export.ExportedProgram) -> list[str]:
    """Names of the nodes that quantize."""
    return [n.name for n in program.graph.nodes if n.name.startswith("quantize_per_tensor")]


@cache
def loaded(name: str) -> tuple[FileNetwork, np.ndarray, dict[str, np.ndarray]]:
    """A network, images, and ExecuTorch's tensors."""
    network = load_file(str(FOLDER / f"{name}.pt2"))
    x = images(network)
    return network, x, network.tensors(x)


def images(network: FileNetwork, count: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, *network.input_shape[1:])).astype(np.float32)


def differing(network: FileNetwork, theirs: dict[str, np.ndarray]) -> dict[str, int]:
    """Codes of each tensor that are not ExecuTorch's."""
    ours = execute(network.graph, theirs[network.graph.input.name])
    assert ours.keys() == theirs.keys()
    return {name: int(np.count_nonzero(ours[name] != codes)) for name, codes in theirs.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_the_runtimes(name: str) -> None:
    network, x, theirs = loaded(name)
    assert network.engine == "ExecuTorch 1.5.1, XNNPACK"
    found = differing(network, theirs)
    assert len(found) >= 8
    assert set(found.values()) == {0}
    result = network.reference.results(x)[0].numpy()
    tensor = network.graph.tensors[network.graph.output].quantization
    codes = execute(network.graph, network.input_codes(x))[network.graph.output]
    steps = codes.astype(np.float32) - np.float32(tensor.zero_point)
    reals = np.float32(tensor.scale) * steps
    np.testing.assert_array_equal(result, np.moveaxis(reals, -1, 1))


def test_layers_have_the_modules_names() -> None:
    network, *_ = loaded("depthwise")
    assert list(network.layers) == [
        f"depthwise.{path}" for path in ("stem.0", "depth.0", "point", "fc")
    ]
    operations = [node.operation for node in network.graph.nodes]
    assert [o.rounding for o in operations if isinstance(o, Add)] == ["half_up"]
    depth = next(o for o in operations if o.name == "depthwise.depth.0")
    assert isinstance(depth, Conv2d) and depth.groups == 8


def test_a_program_in_memory_and_clamps_between_scales() -> None:
    """ReLU6 by its function keeps no scale: a table, ahead of a pool; and two results."""

    class Clamped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, 2, 1)
            self.wide = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2)
            self.head = nn.Conv2d(8, 4, 1)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x = functional.max_pool2d(functional.relu6(self.stem(x)), 2)
            return self.head(x), self.wide(x)

    torch.manual_seed(0)
    network = load_program(quantized(Clamped()), "clamped")
    operations = {node.operation.op: node.operation for node in network.graph.nodes}
    assert {"lookup", "max_pool2d", "conv2d"} <= operations.keys()
    assert len(network.graph.outputs) == 2
    assert isinstance(operations["max_pool2d"], MaxPool2d)
    assert set(differing(network, network.tensors(images(network))).values()) == {0}


def test_padding_of_its_own() -> None:
    """Around the image, whose codes are then the padded ones, and between codes of two scales."""

    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.clamp = nn.Conv2d(3, 8, 3, 2), nn.ReLU6()
            self.depth, self.head = nn.Conv2d(8, 8, 3, 2, groups=8), nn.Conv2d(8, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.clamp(self.stem(functional.pad(x, (0, 1, 0, 1))))
            return self.head(self.depth(functional.pad(x, (1, 2, 1, 2))))

    torch.manual_seed(0)
    network = load_program(quantized(Padded()), "padded")
    assert network.graph.input.shape == (1, 17, 17, 3)
    depth = network.layers["padded.depth"]
    assert isinstance(depth, Conv2d) and depth.pads == ((1, 2), (1, 2))
    assert set(differing(network, network.tensors(images(network))).values()) == {0}


@pytest.mark.parametrize("mutant", ["factor", "bias", "input"])
def test_other_arithmetic_is_noticed(mutant: str) -> None:
    network, _, theirs = loaded("residual")
    graph = deepcopy(network.graph)
    for layer in (node.operation for node in graph.nodes):
        if not isinstance(layer, Conv2d):
            continue
        if mutant == "bias":
            layer.bias_q[:] += 1
        if mutant == "factor":
            layer.multiplier[:] *= np.float32(1 + 2e-4)
    codes = theirs[graph.input.name] - np.uint8(mutant == "input")
    ours = execute(graph, codes)
    assert any(np.any(ours[name] != theirs[name]) for name in theirs)


class Plus(nn.Module):
    """The sum of all pairs of codes: the image's two channels."""

    def __init__(self, sources: tuple[Kind, Kind], end: Kind, relu: bool) -> None:
        super().__init__()
        self.sources, self.end, self.relu = sources, end, relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = (coded(x[:, i : i + 1], *source) for i, source in enumerate(self.sources))
        return coded(functional.relu(a + b) if self.relu else a + b, *self.end)


SUMS: dict[str, tuple[Kind, Kind, Kind]] = {
    "halves": ((0.5, 0), (0.5, -128), (1.0, 3)),
    "quarters": ((0.25, 7), (0.75, -99), (1.0, -20)),
    "smallest ratio": ((2.0**-10, 5), (1.0, 9), (1.0, -30)),
    "large ratio": ((200.0, 5), (0.5, 9), (1.0, -30)),
    "any": ((0.031, 3), (0.047, -11), (0.04, -6)),
}


def sums(name: str, relu: bool) -> tuple[list[np.ndarray], Add]:
    """Codes of both operands and the sum by ExecuTorch, and the operation."""
    a, b, end = SUMS[name]
    pairs = np.stack(np.meshgrid(*[np.arange(-128, 128)] * 2))
    zeros, scales = (np.array([k[i] for k in (a, b)])[:, None, None] for i in (1, 0))
    image = ((pairs - zeros) * scales).astype(np.float32)[None]
    program = exported(Plus((a, b), end, relu), image.shape)
    found = ExecuTorch(program, "sum").run([image], quantizers(program))
    codes = [tensor.view(np.uint8) ^ np.uint8(128) for tensor in found]
    assert np.array_equal(codes[0][0, 0].astype(int) - 128, pairs[0])
    kinds = [Quantization(scale, zero_point + 128) for scale, zero_point in (a, b, end)]
    return codes, Add("sum", (kinds[0], kinds[1]), kinds[2], relu, rounding="half_up")


@pytest.mark.parametrize(
    ("name", "relu"), [*((name, False) for name in SUMS), ("halves", True), ("any", True)]
)
def test_every_sum(name: str, relu: bool) -> None:
    (a_q, b_q, y_q), operation = sums(name, relu)
    np.testing.assert_array_equal(add(a_q, b_q, operation), y_q)


def test_ties_of_sums_are_not_qnnpacks() -> None:
    (a_q, b_q, y_q), operation = sums("halves", relu=False)
    other = add(a_q, b_q, replace(operation, rounding="half_away"))
    assert np.count_nonzero(other != y_q) > 1000


@pytest.mark.parametrize("end", [(0.11, 3), (0.0037, -128)])
def test_every_product(end: Kind) -> None:
    """Of all pairs of codes: the columns' by the rows'."""
    kind = (0.07, -5)
    reals = (np.float32(0.07) * (np.arange(-128, 128) + 5)).astype(np.float32)
    pairs = np.stack(np.meshgrid(reals, reals, indexing="ij"))[None]

    class Times(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = (coded(x[:, i : i + 1], *kind) for i in range(2))
            return coded(a * b, *end)

    program = exported(Times(), pairs.shape)
    *_, found = ExecuTorch(program, "product").run([pairs], quantizers(program))
    kinds = [Quantization(scale, zero_point + 128) for scale, zero_point in (kind, end)]
    expected = xnnpack_products([kinds[0]] * 2, kinds[1])
    np.testing.assert_array_equal(found[0, 0].view(np.uint8) ^ np.uint8(128), expected)


def test_products_of_another_factor_are_refused() -> None:
    """A factor of 1/2 by division is at times less by reciprocals, as qnnpack has it: no ties."""
    half = Quantization(0.5, 128)
    scales = np.random.default_rng(0).uniform(0.01, 0.2, 20).astype(np.float32).tolist()
    verdicts = [is_xnnpacks([Quantization(s, 128), half], Quantization(s, 128)) for s in scales]
    assert {*verdicts} == {False, True}


MEANS = [((4, 4), 9), ((4, 4), -128), ((2, 2), 8), ((7, 7), 9), ((2, 3), 13), ((8, 8), -9)]


@pytest.mark.parametrize(("window", "zero_point"), MEANS)
def test_means_with_ties(window: tuple[int, int], zero_point: int) -> None:
    """All that are imported are equal, whatever the parity of the zero point."""
    kind = (0.013, zero_point)
    shape = (1, 512, *window)
    program = exported(Ends(nn.AdaptiveAvgPool2d(1), kind, kind), shape)
    network = load_program(program, "mean")
    codes = np.random.default_rng(0).integers(-128, 128, shape)
    x = ((codes - zero_point) * np.float32(0.013)).astype(np.float32)
    assert set(differing(network, network.tensors(x)).values()) == {0}


def test_a_program_in_floating_point_is_refused() -> None:
    with pytest.raises(ValueError, match=r"plain\.conv2d: input input of conv2d must be quantized"):
        load_program(exported(nn.Conv2d(3, 4, 3), SHAPE), "plain")


def test_a_program_for_a_batch_is_refused() -> None:
    kind = (0.5, 0)
    program = exported(Ends(nn.ReLU(), kind, kind), (2, 3, 4, 4))
    with pytest.raises(ValueError, match="must be exported for one image of a fixed size"):
        load_program(program, "batch")
