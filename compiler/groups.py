"""Steps of a network that run interleaved, so that the row unit works while the array does.

A layer norm or softmax of a whole tensor would leave the array idle. Between two attentions,
though, every operation takes its tokens one by one: such a chain runs in parts of some tokens, each
step one part behind the step before. A softmax of a product replaces the product's results while
the next ones are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..golden.graph import Add, Conv2d, Lookup, Operation
from ..golden.operations.layer_norm import LayerNorm
from ..golden.operations.softmax import Softmax
from ..golden.operations.tensor_product import TensorProduct
from .builder import View

__all__ = ["Part", "Work", "grouped", "parts_of", "slice_of", "staggered"]

_PARTS = 5  # of a chain; more make shorter waits and shorter passes
_LEAST = 16  # tokens of a part

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Work:
    """A step as far as grouping goes.

    Parameters
    ----------
    operation : Operation
    inputs : tuple of str
    name : str
        Of the output.
    """

    operation: Operation
    inputs: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Part:
    """Tokens `start` to `start` + `count` of a chain's tensors."""

    start: int
    count: int


def grouped(
    works: Sequence[Work], shapes: Mapping[str, Shape], dense: Mapping[str, bool]
) -> list[range]:
    """Split steps into groups that run interleaved; most have one member.

    Parameters
    ----------
    works : sequence of Work
    shapes : mapping of str to tuple of int
        Of all tensors.
    dense : mapping of str to bool
        Whether a tensor's pixels are contiguous in memory.

    Returns
    -------
    list of range
        Of steps, in order; a product and its softmax, or a chain with a layer norm.
    """
    found: list[range] = []
    start = 0
    while start < len(works):
        end = start + 1
        if _softens(works, start, dense):
            end = start + 2
        else:
            tokens = _tokens(works[start], shapes, dense)
            while tokens and end < len(works) and _tokens(works[end], shapes, dense) == tokens:
                end += 1
            chain = works[start:end]
            norms = [isinstance(work.operation, LayerNorm) for work in chain]
            if tokens < 2 * _LEAST or not any(norms) or len(chain) < 2:
                end = start + 1
        found.append(range(start, end))
        start = end
    return found


def _softens(works: Sequence[Work], start: int, dense: Mapping[str, bool]) -> bool:
    """Whether a step is a product whose softmax comes next."""
    if start + 1 == len(works):
        return False
    first, second = works[start], works[start + 1]
    scores = isinstance(first.operation, TensorProduct) and first.operation.scores
    takes = isinstance(second.operation, Softmax) and second.inputs == (first.name,)
    return scores and takes and dense[first.name] and dense[second.name]


def _tokens(work: Work, shapes: Mapping[str, Shape], dense: Mapping[str, bool]) -> int:
    """Tokens of a step that takes them one by one, 0 for another step."""
    operation = work.operation
    names = (*work.inputs, work.name)
    if not all(len(shapes[name]) == 4 and dense[name] for name in names):
        return 0
    counts = {shapes[name][:3] for name in names}
    if isinstance(operation, Conv2d):
        alone = operation.weight.shape[2:] == (1, 1) == operation.stride
        if not alone or operation.groups > 1 or any(map(any, operation.pads)):
            return 0
    elif not isinstance(operation, Add | LayerNorm | Lookup):
        return 0
    if len(counts) > 1:
        return 0
    images, height, width = counts.pop()
    return images * height * width


def parts_of(tokens: int) -> list[Part]:
    """Split a chain's tokens evenly."""
    count = min(_PARTS, max(tokens // _LEAST, 1))
    size = -(-tokens // count)
    return [Part(start, min(size, tokens - start)) for start in range(0, tokens, size)]


def slice_of(view: View, part: Part) -> View:
    """View some pixels of a dense tensor as a line of them."""
    base = view.base + part.start * view.pitch
    return replace(view, base=base, images=1, height=1, width=part.count)


def staggered(steps: int, parts: int) -> Iterator[tuple[int, int]]:
    """Yield step and part, each step one part behind the step before."""
    for wave in range(steps + parts - 1):
        for step in range(steps):
            if 0 <= wave - step < parts:
                yield step, wave - step
