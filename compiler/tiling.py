"""Tiling of a layer to fit the scratchpads: output tiles, buffer layout, column groups.

The input rectangle of a tile of output pixels is stored in the activation scratchpad with a line
pitch that allows reduction vectors to continue across kernel lines (see
`maccord.golden.feed.reduction`). Column tiles that share an output buffer form a group.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from ..golden.feed.reduction import Reduction, reduction
from ..spec.parameters import Parameters
from .problem import Problem

__all__ = ["Cut", "Tile", "Tiling", "cuts", "tapered", "tile_bytes", "tiling"]

_MAX_ROWS = (1 << 16) - 1


@dataclass(frozen=True)
class Tile:
    """Output pixels of one image: top left corner and size."""

    image: int
    y: int
    x: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Output pixels of the tile."""
        return self.height * self.width


@dataclass(frozen=True)
class Cut:
    """A tiling candidate: the output split evenly into `down` x `across` tiles per image.

    Parameters
    ----------
    height, width : int
        Size of the largest tile, pixels.
    down, across : int
    pitch : int
        Bytes from one line to the next in an activation buffer.
    geometry : Reduction
    passes : int
        Weight tiles per column tile.
    group : int
        Column tiles that share an output buffer.
    """

    height: int
    width: int
    down: int
    across: int
    pitch: int
    geometry: Reduction
    passes: int
    group: int


@dataclass(frozen=True)
class Tiling:
    """A cut with its tiles.

    Parameters
    ----------
    cut : Cut
    tiles : tuple of Tile
    """

    cut: Cut
    tiles: tuple[Tile, ...]


def cuts(work: Problem, parameters: Parameters) -> Iterator[Cut]:
    """Yield the cuts whose tiles fit the scratchpads.

    Raises
    ------
    ValueError
        If even a tile of one pixel does not fit; the message gives the required size.
    """
    limit = min(parameters.accumulators, _MAX_ROWS)
    fitted = False
    for width, across in _sizes(work.horizontal.out, limit):
        pitch, geometry, passes = _layout(work, width, parameters)
        for height, down in _sizes(work.vertical.out, limit // width):
            if tile_bytes(work, pitch, height, width) > parameters.activation_bytes:
                continue
            fitted = True
            single = work.images * across * down == 1
            for group in _groups(work, width * height, single, parameters):
                yield Cut(height, width, down, across, pitch, geometry, passes, group)
    if not fitted:
        need = tile_bytes(work, _layout(work, 1, parameters)[0], 1, 1)
        raise ValueError(
            f"activation_bytes must be at least {need} to hold the window of one output pixel "
            f"of this layer, got {parameters.activation_bytes}"
        )


def tiling(work: Problem, cut: Cut, parameters: Parameters) -> Tiling:
    """Return the tiles of a cut for all images."""
    height, width = work.vertical.out, work.horizontal.out
    ys = [i * height // cut.down for i in range(cut.down + 1)]
    xs = [i * width // cut.across for i in range(cut.across + 1)]
    tiles = tuple(
        Tile(image, y, x, y_end - y, x_end - x)
        for image in range(work.images)
        for y, y_end in itertools.pairwise(ys)
        for x, x_end in itertools.pairwise(xs)
    )
    return Tiling(cut, tiles)


def tapered(work: Problem, base: Tiling, parameters: Parameters) -> Iterator[Tiling]:
    """Yield the tiling itself and variants with small first tiles, small last tiles, or both.

    The array is idle while the first tile is loaded and while the last one is stored.
    """
    yield base
    for head, tail in ((4, 1), (1, 4), (4, 4), (8, 8), (16, 16)):
        tiles = list(base.tiles)
        alone = len(tiles) == 1
        if tail > 1:
            tiles[-1:] = _split(tiles[-1], tail - 1, tail)
        if head > 1:
            tiles[:1] = _split(tiles[0], 1, head - 1 if alone and tail > 1 else head)
        if len(tiles) == len(base.tiles):
            continue
        size = max(tile_bytes(work, base.cut.pitch, t.height, t.width) for t in tiles)
        if 2 * size <= parameters.activation_bytes:  # else loads and computing would not overlap
            yield Tiling(base.cut, tuple(tiles))


def _split(tile: Tile, part: int, parts: int) -> list[Tile]:
    """Split a tile in two, the first with `part` / `parts` of its lines or pixels."""
    down = tile.height > 1
    size = tile.height if down else tile.width
    if size < 2:
        return [tile]
    first = min(max(round(size * part / parts), 1), size - 1)
    if down:
        rest = replace(tile, y=tile.y + first, height=size - first)
        return [replace(tile, height=first), rest]
    return [
        replace(tile, width=first),
        replace(tile, x=tile.x + first, width=size - first),
    ]


def tile_bytes(work: Problem, pitch: int, height: int, width: int) -> int:
    """Bytes of a tile's input buffer in the activation scratchpad."""
    line = work.horizontal.cells(width) * work.channels
    return pitch * (work.vertical.cells(height) - 1) + line


def _layout(work: Problem, width: int, parameters: Parameters) -> tuple[int, Reduction, int]:
    """Line pitch, reduction and passes for tiles `width` outputs wide, minimizing passes."""
    rows, banks = parameters.rows, parameters.activation_banks
    horizontal, vertical = work.horizontal, work.vertical
    joined = work.block == work.channels and horizontal.dilation == 1
    taps = 1 if joined else horizontal.kernel
    run = work.block * (horizontal.kernel if joined else 1)
    tap_pitch = 0 if joined else horizontal.dilation * work.channels
    pack_taps = taps > 1 and (tap_pitch - run) % banks == 0
    walked = (taps - 1) * tap_pitch + run

    def geometry(pitch: int) -> Reduction:
        line_pitch = pitch * vertical.dilation
        pack_lines = vertical.kernel > 1 and (line_pitch - walked) % banks == 0
        return Reduction(run, taps, tap_pitch, vertical.kernel, line_pitch, pack_taps, pack_lines)

    tight = horizontal.cells(width) * work.channels
    options = [(tight, geometry(tight))]
    for pitch in range(tight + 1, tight + banks if vertical.kernel > 1 else tight):
        if (pitch * vertical.dilation - walked) % banks == 0:
            options.append((pitch, geometry(pitch)))
            break
    counted = [(pitch, packed, _passes(packed, rows)) for pitch, packed in options]
    return min(counted, key=lambda option: (option[2], option[0]))


def _passes(geometry: Reduction, rows: int) -> int:
    # The pitches do not change the number of passes.
    return _count(replace(geometry, tap_pitch=0, line_pitch=0), rows)


@cache
def _count(geometry: Reduction, rows: int) -> int:
    return sum(1 for _ in reduction(geometry, rows))


def _sizes(out: int, limit: int) -> list[tuple[int, int]]:
    """Tile sizes up to `limit` that split `out` evenly, each with the number of tiles."""
    sizes: dict[int, int] = {}
    for parts in range(1, out + 1):
        size = -(-out // parts)
        if size <= limit:
            sizes.setdefault(size, parts)
    return list(sizes.items())


def _groups(work: Problem, pixels: int, single: bool, parameters: Parameters) -> list[int]:
    """Candidate group sizes: the largest that fits, and a quarter of all column tiles."""
    count = len(work.column_tiles)
    half = parameters.output_bytes // 2
    if pixels * work.out_channels <= (2 * half if single else half):
        return [count, -(-count // 4)] if count >= 4 and pixels > 1 else [count]
    most = half // (pixels * parameters.cols)
    return [-(-count // -(-count // most))] if most else []
