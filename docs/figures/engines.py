"""The three engines and the integer graph between them."""

from __future__ import annotations

from matplotlib.figure import Figure

from .blocks import Arrow, Box, Frame, diagram

__all__ = ["figure"]

OWN, SHARED, RTL, SAME = "#fde7d3", "#e0ecff", "#d9f2e3", "#fff3b0"


def figure() -> Figure:
    """Return the diagram of how a network reaches the three results that are compared."""
    boxes = [
        Box(0.3, 3.4, 2.6, 1.5, "your network\ntorch.nn.Module\nand an image", OWN),
        Box(4.0, 5.6, 3.2, 1.2, "PyTorch\nqnnpack INT8 kernels", OWN),
        Box(4.0, 3.5, 3.2, 1.2, "integer graph\nNumPy arrays, scales", SHARED),
        Box(8.3, 4.5, 2.9, 1.0, "golden model\ninteger NumPy", SHARED),
        Box(8.3, 2.6, 2.9, 1.0, "compiler\ntiles, addresses", SHARED),
        Box(8.3, 0.5, 2.9, 1.3, "accelerator\nAmaranth > Verilog\n> Verilator", RTL),
        Box(4.0, 0.5, 3.2, 1.3, "program and memory\ninstructions,\nweights, activations", RTL),
        Box(12.6, 2.3, 2.9, 2.9, "equal?\nevery byte\nof every tensor,\nevery layer", SAME),
    ]  # fmt: skip
    arrows = [
        Arrow([(1.6, 4.9), (1.6, 6.2), (4.0, 6.2)]),
        Arrow([(2.9, 4.1), (4.0, 4.1)], "import"),
        Arrow([(7.2, 4.3), (8.3, 4.9)]),
        Arrow([(7.2, 3.9), (8.3, 3.2)]),
        Arrow([(9.75, 2.6), (9.75, 2.2), (5.6, 2.2), (5.6, 1.8)]),
        Arrow([(7.2, 1.15), (8.3, 1.15)]),
        Arrow([(7.2, 6.2), (14.05, 6.2), (14.05, 5.2)]),
        Arrow([(11.2, 5.0), (12.6, 4.4)]),
        Arrow([(11.2, 1.15), (14.05, 1.15), (14.05, 2.3)]),
    ]
    frames = [Frame(3.7, 0.2, 7.8, 5.5 - 0.2, "maccord")]
    return diagram((15.8, 7.0), boxes, arrows, frames)
