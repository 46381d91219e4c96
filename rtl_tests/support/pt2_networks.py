"""Small networks, quantized by PT2E with the XNNPACK quantizer, and the files that hold them.

``python rtl_tests/support/pt2_networks.py`` writes the files again. They are kept, so that tests
of the importer do not depend on the quantizer's next version.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import torch
import torch.ao.quantization.fx._decomposed  # registers the operators that quantize
from torch import nn
from torch.nn import functional

__all__ = ["FOLDER", "NETWORKS", "SHAPE", "Ends", "Kind", "coded", "exported", "quantized"]

FOLDER = Path(__file__).with_name("pt2_files")
SHAPE = (1, 3, 16, 16)
Kind = tuple[float, int]  # scale and zero point of int8 codes


class Residual(nn.Module):
    """Sums with and without ReLU, batch norm, a mean over the image and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 12, 3, 2, 1), nn.BatchNorm2d(12)
        self.first, self.second = nn.Conv2d(12, 12, 3, 1, 1), nn.Conv2d(12, 12, 1, bias=False)
        self.fc = nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.norm(self.stem(x)))
        x = functional.relu(x + self.first(x))
        x = x + self.second(x)
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class Depthwise(nn.Module):
    """Depthwise convolutions with ReLU6 and a residual sum."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU6())
        self.depth = nn.Sequential(nn.Conv2d(8, 8, 5, 1, 2, groups=8), nn.ReLU6())
        self.point, self.fc = nn.Conv2d(8, 8, 1), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = x + self.point(self.depth(x))
        return self.fc(x.mean([2, 3]))


class Joined(nn.Module):
    """Max pools, a concatenation, dropout, and an image that is flattened."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.left = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.right, self.last = nn.Conv2d(8, 6, 3, padding=1), nn.Conv2d(14, 9, 1)
        self.drop, self.fc = nn.Dropout(), nn.Linear(9 * 16, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu(self.stem(x)), 3, 2, 1)
        x = torch.cat([functional.relu(self.left(x)), functional.relu(self.right(x))], 1)
        x = functional.relu(self.last(functional.max_pool2d(x, 2)))
        return self.fc(self.drop(torch.flatten(x, 1)))


class Gated(nn.Module):
    """Tables, a product and upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.hardswish(self.stem(x))
        x = x * torch.sigmoid(self.gate(x))
        return self.head(functional.interpolate(x, scale_factor=2.0))


class Ends(nn.Module):
    """An operator between codes of given scale and zero point."""

    def __init__(self, operator: nn.Module, source: Kind, end: Kind) -> None:
        super().__init__()
        self.operator, self.source, self.end = operator, source, end

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return coded(self.operator(coded(x, *self.source)), *self.end)


def coded(x: torch.Tensor, scale: float, zero_point: int) -> torch.Tensor:
    """Quantize and dequantize."""
    quantized, int8 = torch.ops.quantized_decomposed, (-128, 127, torch.int8)
    codes = quantized.quantize_per_tensor(x, scale, zero_point, *int8)
    return quantized.dequantize_per_tensor(codes, scale, zero_point, *int8)


NETWORKS = {"residual": Residual, "depthwise": Depthwise, "joined": Joined, "gated": Gated}


def exported(module: nn.Module, shape: tuple[int, ...]) -> torch.export.ExportedProgram:
    """Trace a module that has its quantization."""
    return torch.export.export(module.eval(), (torch.zeros(shape),))


def quantized(module: nn.Module, *, per_channel: bool = True) -> torch.export.ExportedProgram:
    """Quantize a network on seeded images."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack
        from torchao.quantization.pt2e import quantize_pt2e as pt2e

        config = xnnpack.get_symmetric_quantization_config(is_per_channel=per_channel)
        program = torch.export.export(module.eval(), (torch.zeros(SHAPE),))
        quantizer = xnnpack.XNNPACKQuantizer().set_global(config)
        prepared = pt2e.prepare_pt2e(program.module(), quantizer)
        generator = torch.Generator().manual_seed(0)
        for _ in range(4):
            prepared(torch.randn(SHAPE, generator=generator))
        found = torch.export.export(pt2e.convert_pt2e(prepared), (torch.zeros(SHAPE),))
    logging.disable(before)
    return found


def _write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, kind in NETWORKS.items():
        torch.manual_seed(0)
        program = quantized(kind(), per_channel=name != "joined")
        for node in program.graph.nodes:  # paths of the machine
            for key in ("stack_trace", "from_node"):
                node.meta.pop(key, None)
        torch.export.save(program, FOLDER / f"{name}.pt2")


if __name__ == "__main__":
    _write()
