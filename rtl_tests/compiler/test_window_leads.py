"""Windows that reach back to what was scanned before: which ones may, and what they compute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from leads import most_leads
from schedule_layers import random_conv2d

from maccord.compiler.network import compile_network
from maccord.compiler.window_leads import led
from maccord.compiler.window_stream import Pieces, Window, passes
from maccord.golden.graph import Conv2d, Network, Node, Tensor
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.network import execute
from maccord.spec.isa import INSTRUCTION_BYTES, Instruction, Mode, Opcode, encode
from maccord.spec.parameters import Parameters

SMALL = {"activation_bytes": 1 << 13, "weight_bytes": 1 << 12, "output_bytes": 1 << 12}
ARRAYS = {
    3: Parameters(9, 4, axi_bytes=8, accumulators=256, **SMALL),
    5: Parameters(15, 4, axi_bytes=8, accumulators=256, window_width=5, **SMALL),
}


def operation(kernel: int, stride: int, padding: int, size: int) -> Window:
    outputs = (size + 2 * padding - kernel) // stride + 1
    shape = [(n, n) for n in (kernel, stride, padding, outputs)]
    return Window(Mode.DEPTHWISE, *shape, fill=3, zero_point=0, low=-128, high=127)


def leads(kernel: int, stride: int, padding: int, size: int, width: int = 3) -> set[tuple]:
    """Leads, vertically and horizontally, of the ways to scan a kernel."""
    work, p = operation(kernel, stride, padding, size), ARRAYS[width]
    shape = 1, size, size, 8
    found = [way for plain in passes(work, p) for way in led(work, shape, plain, p)]
    return {(down.lead, across.lead) for down, across in found}


ALL = {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize(
    ("geometry", "wanted"),
    [
        ((3, 1, 1, 7), ALL),
        ((3, 1, 0, 7), {(0, 0)}),  # nothing is padding
        ((3, 2, 1, 8), {(0, 0)}),  # the last window ends with the image
        ((3, 2, 1, 7), ALL),
        ((2, 1, 1, 7), {(0, 0), (0, 1)}),
        ((5, 1, 2, 7), {(0, 0), (1, 0)}),  # two passes along a line
        ((5, 1, 2, 7, 5), {(0, 0), (0, 2), (1, 0), (1, 2)}),
        ((4, 1, 1, 7), {(0, 0)}),
        ((7, 1, 3, 9), {(0, 0), (1, 0)}),
        ((9, 1, 4, 9), {(0, 0)}),  # would take a fourth pass
    ],
)
def test_leads_are_padding_and_come_behind_padding(
    geometry: tuple[int, ...], wanted: set[tuple]
) -> None:
    assert leads(*geometry) == wanted


def test_columns_left_out_keep_cells_of_others() -> None:
    work, p = operation(3, 1, 1, 7), ARRAYS[3]
    for channels, count in ((3, 4), (4, 4), (6, 1), (8, 4)):
        (plain,) = passes(work, p)
        assert len(list(led(work, (1, 7, 7, channels), plain, p))) == count


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_each_element_has_one_place(kernel: int) -> None:
    work, p = operation(kernel, 1, kernel // 2, 9), ARRAYS[3]
    for plain in passes(work, p):
        for pair in led(work, (1, 9, 9, 8), plain, p):
            for pieces in pair:
                places = [pieces.place(element) for element in range(kernel)]
                assert len(set(places)) == kernel
                for element, (part, cell) in enumerate(places):
                    assert pieces.lead + part * pieces.pitch + cell == element
                    assert (part == 0 and -pieces.lead <= cell) or cell >= 0
                    assert part < pieces.count and cell < pieces.size
    assert Pieces(2, 2, 2, 1, 1, lead=1).scan(7) == 8


@pytest.fixture
def forced() -> Iterator[None]:
    with most_leads():
        yield


def network(kernel: int, size: tuple[int, int], channels: int, stride: int = 1) -> Network:
    """Two depthwise layers behind one of 1 x 1, whose places in the line buffer differ."""
    rng = np.random.default_rng([kernel, *size, channels])
    options = {"groups": channels, "padding": (kernel // 2,) * 2, "stride": (stride, stride)}
    layers: list[Conv2d] = [random_conv2d(rng, (channels, 4, 1, 1))]
    for name in "ab":
        layer = random_conv2d(rng, (channels, 1, kernel, kernel), **options)
        layers.append(replace(layer, name=name, input=layers[-1].output))
    source = Tensor("image", (1, *size, 4), layers[0].input)
    nodes, before = [], source.name
    for layer in layers:
        nodes.append(Node(layer, (before,)))
        before = layer.name
    return Network("net", source, tuple(nodes), before)


def reaching(program: list[Instruction]) -> list[int]:
    """Positions of the COMPUTEs that only scan what the next one's windows reach back to."""
    return [
        i for i, each in enumerate(program)
        if each.opcode == Opcode.COMPUTE and each["height"] == each["passes"] == 1
        and not each["last"]
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(7, 7), (4, 9), (13, 6), (1, 5)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("width", [3, 5])
def test_results_are_the_golden_models(
    forced: None, width: int, kernel: int, stride: int, size: tuple[int, int]
) -> None:
    work = network(kernel, size, 12, stride)
    compiled = compile_network(work, ARRAYS[width], batch=2)
    x = np.random.default_rng(1).integers(0, 256, (2, *size, 4), dtype=np.uint8)
    memory = compiled.image(x)
    Machine(compiled.parameters, memory).run(compiled.program_offset)
    (area,) = [area for area in compiled.areas if area.name == work.output]
    found = compiled.tensor(area.name, area.view(memory).copy())
    np.testing.assert_array_equal(found, execute(compiled.network, x)[work.output])
    if (stride, size) == (1, (7, 7)):
        assert len(reaching(compiled.program)) == 2


def test_without_the_lines_before_nothing_is_output(forced: None) -> None:
    """The machine knows which cells were scanned: sums of others must not be results."""
    compiled = compile_network(network(3, (7, 7), 8), ARRAYS[3])
    first = reaching(compiled.program)[0]
    # Lines further down are no padding, and lie behind what was loaded
    fields = compiled.program[first].fields | {"width": 1}
    changed = replace(compiled.program[first], fields=fields)
    memory = compiled.image(np.zeros((1, 7, 7, 4), np.uint8))
    place = compiled.program_offset + first * INSTRUCTION_BYTES
    memory[place : place + INSTRUCTION_BYTES] = np.frombuffer(encode(changed), np.uint8)
    with pytest.raises(ProgramError, match="outputs sums of cells nobody scanned"):
        Machine(compiled.parameters, memory).run(compiled.program_offset)
