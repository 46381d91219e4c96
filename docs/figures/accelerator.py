"""The accelerator's units, buffers and buses."""

from __future__ import annotations

from matplotlib.figure import Figure

from .blocks import Arrow, Box, Frame, diagram

__all__ = ["figure"]

CONTROL, MOVE, STORE, COMPUTE = "#f3e8ff", "#fde7d3", "#e0ecff", "#d9f2e3"


def figure() -> Figure:
    """Return the block diagram of the accelerator."""
    boxes = [
        Box(0.4, 8.2, 2.7, 1.1, "Control\nregisters, counters", CONTROL),
        Box(3.9, 8.2, 2.2, 1.1, "Fetch", CONTROL),
        Box(6.9, 8.2, 2.6, 1.1, "Dispatch\nchecks instructions", CONTROL),
        Box(10.4, 8.2, 4.2, 1.1, "4 queues, tokens\nLOAD WEIGHT COMPUTE STORE", CONTROL),
        Box(0.4, 4.6, 2.0, 1.2, "Read arbiter", MOVE),
        Box(3.2, 5.6, 2.0, 1.1, "LOAD\nLoader", MOVE),
        Box(3.2, 3.5, 2.0, 1.1, "WEIGHT\nLoader", MOVE),
        Box(3.2, 0.7, 2.0, 1.1, "STORE\nStorer", MOVE),
        Box(6.0, 5.6, 2.6, 1.1, "activations\nbanked scratchpad", STORE),
        Box(6.0, 3.5, 2.6, 1.1, "weights\nscratchpad", STORE),
        Box(6.0, 0.7, 2.6, 1.1, "outputs\nbanked scratchpad", STORE),
        Box(9.6, 5.6, 2.4, 1.1, "line buffers\n3 x 3 windows", COMPUTE),
        Box(9.6, 3.2, 2.4, 1.7, "systolic array\nR x C, int8\nweight-stationary", COMPUTE),
        Box(9.6, 2.05, 2.4, 0.75, "accumulators", COMPUTE),
        Box(9.6, 0.7, 2.4, 1.0, "requantizers\nfp32-exact", COMPUTE),
        Box(12.9, 5.6, 1.9, 1.1, "max window", COMPUTE),
        Box(12.9, 3.5, 1.9, 1.1, "adder\n22-bit factors", COMPUTE),
    ]
    arrows = [
        Arrow([(3.1, 8.75), (3.9, 8.75)], dashed=True),
        Arrow([(6.1, 8.75), (6.9, 8.75)]),
        Arrow([(9.5, 8.75), (10.4, 8.75)]),
        Arrow([(12.5, 8.2), (12.5, 7.5)], "commands", dashed=True),
        Arrow([(1.4, 5.8), (1.4, 7.5), (5.0, 7.5), (5.0, 8.2)]),
        Arrow([(2.4, 5.4), (3.2, 6.0)]),
        Arrow([(2.4, 4.9), (3.2, 4.2)]),
        Arrow([(5.2, 6.15), (6.0, 6.15)]),
        Arrow([(5.2, 4.05), (6.0, 4.05)]),
        Arrow([(6.0, 1.25), (5.2, 1.25)]),
        Arrow([(8.6, 6.15), (9.6, 6.15)]),
        Arrow([(8.6, 5.8), (9.1, 5.8), (9.1, 4.6), (9.6, 4.6)], ""),
        Arrow([(8.6, 4.05), (9.6, 4.05)]),
        Arrow([(10.8, 5.6), (10.8, 4.9)]),
        Arrow([(10.8, 3.2), (10.8, 2.8)]),
        Arrow([(10.8, 2.05), (10.8, 1.7)]),
        Arrow([(9.6, 1.25), (8.6, 1.25)]),
        Arrow([(12.0, 6.15), (12.9, 6.15)]),
        Arrow([(7.3, 6.7), (7.3, 7.1), (12.45, 7.1), (12.45, 4.05), (12.9, 4.05)]),
        Arrow([(13.6, 3.5), (13.6, 0.4), (7.3, 0.4), (7.3, 0.7)]),
        Arrow([(14.8, 6.15), (15.05, 6.15), (15.05, 0.4), (13.6, 0.4)]),
        Arrow([(-0.9, 8.75), (0.4, 8.75)], "AXI4-Lite", both=True),
        Arrow([(-0.9, 5.2), (0.4, 5.2)], "AXI4 read"),
        Arrow([(3.2, 1.25), (-0.9, 1.25)], "AXI4 write"),
    ]
    frames = [
        Frame(9.3, 0.15, 5.9, 7.35, "COMPUTE"),
        Frame(0.1, 0.0, 15.35, 9.6, ""),
    ]
    shifted = [Box(b.x + 1.1, b.y + 0.1, b.width, b.height, b.text, b.fill) for b in boxes]
    moved = [
        Arrow([(x + 1.1, y + 0.1) for x, y in a.points], a.text, a.both, a.dashed) for a in arrows
    ]
    framed = [Frame(f.x + 1.1, f.y + 0.1, f.width, f.height, f.text) for f in frames]
    return diagram((16.8, 9.9), shifted, moved, framed)
