"""Tiling search for dense layers.

Enumerates feasible tilings, ranks them by a lower bound on cycles, and times the best few with the
cycle model.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..golden.graph import Layer
from ..spec.isa import PARAMETER_ROWS
from ..spec.parameters import Parameters
from ..spec.weight_widths import packed_rows, tile_cycles
from .builder import Builder, View
from .dense import Clamp, dense
from .ordering import link
from .problem import Problem, problem
from .tiling import Cut, Tiling, cuts, tapered, tiling
from .timing import estimate_cycles
from .weight_stream import WeightPlan, WeightStream, stream_bytes, weight_plan, weight_stream

__all__ = ["Choices", "DensePlan", "dense_plan", "recall", "searched"]
__all__ += ["stored_at_once"]

_FINALISTS = 6  # tilings to time with the cycle model
_BUDGET = 20_000  # instructions to time, over all finalists


@dataclass(frozen=True, eq=False)
class DensePlan:
    """Tiling of a convolution or linear layer.

    Parameters
    ----------
    work : Problem
    tiling : Tiling
    weights : WeightStream
    chunks : WeightPlan
    clamp : Clamp
    stream : ndarray of shape (bytes,), uint8
        Weights and parameters in memory order.
    estimate : int
        Estimated cycles.
    """

    work: Problem
    tiling: Tiling
    weights: WeightStream
    chunks: WeightPlan
    clamp: Clamp
    stream: npt.NDArray[np.uint8]
    estimate: int

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the layer's drafts."""
        dense(
            *(builder, self.work, self.tiling, self.weights, self.chunks, self.clamp),
            *(sources[0], weights, target),
        )


def stored_at_once(plan: DensePlan, parameters: Parameters) -> DensePlan:
    """Return a plan with as few stores as fit half of the output scratchpad.

    They wait in the store unit's queue while it works on rows; a full queue would stop dispatch.
    """
    pixels = max(tile.pixels for tile in plan.tiling.tiles)
    columns = len(plan.work.column_tiles)
    room = parameters.output_bytes // 2 // (pixels * parameters.cols)
    groups = -(-columns // max(room, 1))
    cut = replace(plan.tiling.cut, group=-(-columns // groups))
    return replace(plan, tiling=replace(plan.tiling, cut=cut))


def dense_plan(
    layer: Layer,
    input_shape: tuple[int, ...],
    parameters: Parameters,
    *,
    dense: bool = True,
    even: bool = True,
) -> DensePlan:
    """Find the fastest tiling.

    Parameters
    ----------
    layer : Conv2d or Linear
    input_shape : tuple of int
        (N, H, W, I) or (N, I).
    parameters : Parameters
    dense : bool
        Whether the pixels of input and output are contiguous in memory.
    even : bool
        Whether the output's pixels follow each other at the same pitch.

    Raises
    ------
    ValueError
        If the shape does not fit the layer, or the layer does not fit the scratchpads.
    """
    work = problem(layer, input_shape, parameters, even=even)
    try:
        tiling, weights, chunks, estimate = _best(work, parameters, dense)
    except ValueError as error:
        raise ValueError(f"{layer.name}: {error}") from None
    stream = stream_bytes(layer, work, tiling.cut.geometry, parameters)
    return DensePlan(work, tiling, weights, chunks, _clamp(layer), stream, estimate)


_Choice = tuple[Tiling, WeightStream, WeightPlan, int]
Choices = Mapping[tuple[Problem, Parameters, bool], _Choice]
_chosen: dict[tuple[Problem, Parameters, bool], _Choice] = {}  # networks repeat their shapes


def _best(work: Problem, parameters: Parameters, dense: bool) -> _Choice:
    key = work, parameters, dense
    if key not in _chosen:
        _chosen[key] = min(_plays(*key), key=lambda play: play[0])[1]
    return _chosen[key]


def searched() -> Choices:
    """Return the tilings found by this process so far; picklable."""
    return dict(_chosen)


def recall(choices: Choices) -> None:
    """Import tilings that another process has `searched`."""
    _chosen.update(choices)


def _plays(
    work: Problem, parameters: Parameters, touching: bool
) -> Iterator[tuple[float, _Choice]]:
    """Generate and time the programs of the most promising tilings; yield costs."""
    played, clamp = 0, Clamp(0, -128, 127, 0)
    source, target = _views(work, touching)
    for cut in _ranked(work, parameters):
        stream = weight_stream(work, cut.geometry, parameters)
        plan = weight_plan(stream, parameters)
        for variant in tapered(work, tiling(work, cut, parameters), parameters):
            builder = Builder(parameters)
            dense(builder, work, variant, stream, plan, clamp, source, 0, target)
            program = link(builder.drafts, parameters.axi_bytes)
            cycles = estimate_cycles(program, parameters)
            yield cycles * _penalty(work, cut), (variant, stream, plan, cycles)
            played += len(program)
            if played > _BUDGET:
                return


def _views(work: Problem, dense: bool) -> tuple[View, View]:
    """Return placeholder views of input and output, for timing only."""
    gap = 0 if dense else work.channels
    size = work.images, work.vertical.size, work.horizontal.size
    source = View(0, *size, work.channels, work.channels + gap)
    base = -(-source.offset(work.images) // 4096) * 4096
    size = work.images, work.vertical.out, work.horizontal.out
    return source, View(base, *size, work.out_channels, work.out_channels + gap)


def _clamp(layer: Layer) -> Clamp:
    low, high = layer.bounds
    zero_point, padding = layer.output.zero_point - 128, layer.input.zero_point - 128
    return Clamp(zero_point, low - 128, high - 128, padding)


def _ranked(work: Problem, parameters: Parameters) -> list[Cut]:
    """Return the most promising cuts, best first."""
    return heapq.nsmallest(
        _FINALISTS, cuts(work, parameters), key=lambda cut: _bound(work, cut, parameters)
    )


def _bound(work: Problem, cut: Cut, parameters: Parameters) -> float:
    """Lower bound on a cut's cycles: the slowest unit always busy, plus start and end."""
    rows, axi = parameters.rows, parameters.axi_bytes
    tiles = work.images * cut.down * cut.across
    columns = len(work.column_tiles)
    pixels = work.vertical.out * work.horizontal.out / (cut.down * cut.across)
    loads = tile_cycles(rows, work.weight_bits)
    one, last = max(pixels, loads), max(pixels * parameters.columns_per_lane, loads)
    exposed = max(2 * loads + 28 - last, 0) + 4
    compute = columns * (one * (cut.passes - 1) + last + exposed) + 40
    lines = work.vertical.cells(cut.height)
    load = lines * (work.horizontal.cells(cut.width) * work.channels / axi + 1)
    stored = PARAMETER_ROWS + cut.passes * packed_rows(rows, work.weight_bits)
    weights = columns * stored * parameters.weight_row_bytes
    groups = -(-columns // cut.group)
    if groups > 1:
        store = groups * (pixels * (work.out_channels / groups / axi + 1) + 45)
    else:
        store = cut.height * (cut.width * work.out_channels / axi + 1) + 45
    streams = 1 if weights <= parameters.weight_bytes else tiles
    read = tiles * load + streams * weights / axi
    # Tapering hides at least half of the first load and the last store.
    cycles = max(tiles * compute, read, tiles * store) + load / 2 + store / groups / 2
    return cycles * _penalty(work, cut)


def _penalty(work: Problem, cut: Cut) -> float:
    """Penalty on cuts that store in short bursts, which are slower on other memories."""
    return 1.0 if cut.group == len(work.column_tiles) else 1.005
