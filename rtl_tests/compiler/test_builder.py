"""Room in the scratchpads, and the bytes that each draft says it touches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maccord.compiler.builder import Builder, View
from maccord.compiler.drafts import Region, Space
from maccord.compiler.layer import view
from maccord.spec.isa import PARAMETER_ROWS, RECORD_BYTES, Mode, Opcode
from maccord.spec.parameters import Parameters

SMALL = Parameters(
    *(8, 12, 0, 32), activation_bytes=1 << 12, weight_bytes=1 << 11, output_bytes=1 << 11
)
GRAIN = 64


def test_offsets_of_a_tensor_and_of_a_part() -> None:
    """As NumPy has them: a part is a slice of a wider tensor's channels."""
    wide = np.arange(2 * 3 * 4 * 9).reshape(2, 3, 4, 9)
    part = View(100 + 5, 2, 3, 4, 3, 9)
    whole = view(100, wide.shape)
    for index in np.ndindex(2, 3, 4, 3):
        assert part.offset(*index) == 100 + wide[..., 5:8][index]
        assert whole.offset(*index) == 100 + wide[index]
    assert (part.pixels, part.dense, whole.dense) == (24, False, True)


def test_rows_are_images_of_one_pixel() -> None:
    assert view(8, (5, 70)) == View(8, 5, 1, 1, 70, 70)
    assert view(8, (5, 70), 90) == View(8, 5, 1, 1, 70, 90)


@pytest.mark.parametrize("seed", range(20))
def test_buffers_lie_within_the_scratchpads(seed: int) -> None:
    """Each begins at a grain of its own; what was taken last is overwritten last."""
    rng = np.random.default_rng(seed)
    builder = Builder(SMALL)
    newest = (0, 0)
    for _ in range(200):
        size = int(rng.integers(1, 1 << int(rng.integers(1, 13))))
        base = builder.activation_buffer(size)
        assert base % GRAIN == 0
        assert 0 <= base <= base + size <= SMALL.activation_bytes
        padded = -(-size // GRAIN) * GRAIN
        if newest[1] + padded <= SMALL.activation_bytes // 2:
            assert base + size <= newest[0] or newest[0] + newest[1] <= base
        newest = (base, padded)


@pytest.mark.parametrize("seed", range(20))
def test_buffers_side_by_side(seed: int) -> None:
    """As many as are asked for or fit, at least one, none overlapping another's grains."""
    rng = np.random.default_rng(seed)
    builder = Builder(SMALL)
    for _ in range(50):
        size, most = int(rng.integers(1, SMALL.activation_bytes + 1)), int(rng.integers(1, 6))
        bases = sorted(builder.activation_buffers(size, most))
        padded = -(-size // GRAIN) * GRAIN
        room = (SMALL.activation_bytes - size) // padded + 1
        assert len(bases) == min(most, room)
        assert bases[0] >= 0 and bases[-1] + size <= SMALL.activation_bytes
        assert all(b - a >= padded for a, b in itertools.pairwise(bases))


def test_the_oldest_of_several_buffers_comes_first() -> None:
    """Its place has been free for longest, so that its load waits least."""
    builder = Builder(SMALL)
    quarter = SMALL.activation_bytes // 4
    before = [builder.activation_buffer(quarter) for _ in range(4)]
    assert sorted(before) == [0, quarter, 2 * quarter, 3 * quarter]
    assert builder.activation_buffers(quarter, 4) == before


def test_weights_follow_each_other_and_wrap() -> None:
    """Each at a bus beat and a row, the next one behind it, around the scratchpad's end."""
    builder = Builder(SMALL)
    bases = [builder.weight_buffer(size) for size in (33, 640, 1024, 512, 1)]
    assert bases == [0, 64, 704, 1728, (1728 + 512) % 2048]
    builder.weights(0, bases[3], 512)
    assert builder.drafts[0].writes == (
        Region(Space.WEIGHT, 1728, 2048),
        Region(Space.WEIGHT, 0, 192),
    )


def test_transfers_tell_what_they_touch() -> None:
    """From the first row's first byte to the last one's last, on both sides, and rows apart."""
    builder = Builder(SMALL)
    builder.load(1000, 50, 64, 20, 3, 10)
    builder.fill(128, 30, 2, 7, -5)
    builder.store(3000, 0, 320, 0, 1, 9)
    builder.record(8192, interrupt=True)
    touched = [(draft.opcode, draft.reads, draft.writes) for draft in builder.drafts]
    assert touched == [
        (
            Opcode.LOAD,
            (Region(Space.MEMORY, 1000, 1110, 50, 10),),
            (Region(Space.ACTIVATION, 64, 114, 20, 10),),
        ),
        (Opcode.FILL, (), (Region(Space.ACTIVATION, 128, 165),)),
        (Opcode.STORE, (Region(Space.OUTPUT, 320, 329),), (Region(Space.MEMORY, 3000, 3009),)),
        (Opcode.RECORD, (), (Region(Space.MEMORY, 8192, 8192 + RECORD_BYTES),)),
    ]
    assert [draft.fields["value"] for draft in builder.drafts] == [0, -5, 0, 1]


def test_nothing_is_filled_with_nothing() -> None:
    builder = Builder(SMALL)
    builder.fill(0, 8, 0, 8, 1)
    builder.fill(0, 8, 3, 0, 1)
    assert builder.drafts == []


@pytest.mark.parametrize("mode", [Mode.DENSE, Mode.DEPTHWISE, Mode.MAX, Mode.ADD])
def test_only_modes_with_weights_read_them(mode: Mode) -> None:
    """Parameters and a tile per pass, from the row on; outputs only from the last chunk."""
    builder = Builder(SMALL)
    builder.setup({"mode": mode}) if mode != Mode.ADD else builder.setup_add({})
    for first, last in ((1, 0), (0, 1)):
        fields = {"weight": 100, "passes": 3, "first": first, "last": last}
        builder.compute(fields, (64, 128), (0, 32))
    row, end = SMALL.weight_row_bytes, SMALL.weight_bytes
    for draft, header in zip(builder.drafts[1:], (PARAMETER_ROWS, 0), strict=True):
        beyond = (100 + 3 * SMALL.rows + header) * row - end
        weights = (Region(Space.WEIGHT, 100 * row, end), Region(Space.WEIGHT, 0, beyond))
        if beyond <= 0:
            weights = (Region(Space.WEIGHT, 100 * row, end + beyond),)
        weighted = mode in (Mode.DENSE, Mode.DEPTHWISE)
        assert draft.reads == (Region(Space.ACTIVATION, 64, 128), *(weights if weighted else ()))
        assert draft.writes == (() if header else (Region(Space.OUTPUT, 0, 32),))
