"""Results that can be compared: finite, the same each time, and each input's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import torch
from torch import fx

from .examples import Example, fresh, joined
from .outputs import tensors_of
from .source_line import LINE
from .spelling import SCOPE
from .values import usual, values_of

__all__ = ["check_batches", "check_floats", "check_results"]

_SIZED = (
    *(torch.nonzero, "nonzero", torch.argwhere, torch.unique, "unique", torch.masked_select),
    *("masked_select", torch.unique_consecutive, "unique_consecutive", torch.bincount, "bincount"),
)
_CLOSE = 1e-3  # of a result's largest magnitude: sums' order may depend on the batch


def check_results(
    traced: fx.GraphModule, network: str, example: Example, results: Iterable[torch.Tensor]
) -> None:
    """Refuse a network that computes nothing, or whose results are not finite.

    Parameters
    ----------
    traced : GraphModule
        In floating point, each node with its line.
    network : str
        Name for error messages.
    example : tuple of Tensor of shape (N, ...)
    results : iterable of Tensor
        Its results for that input.

    Raises
    ------
    ValueError
        Naming the first call whose result is not finite.
    """
    *_, output = traced.graph.nodes
    if not any(node.op.startswith("call_") for node in traced.graph.nodes):
        raise ValueError(
            f"{network}: network must compute something of its input, got one that returns it"
        )
    if any(node.op == "placeholder" for node in output.all_input_nodes):
        raise ValueError(
            f"{network}: results must be computed from the input, got the input itself"
        )
    for node in traced.graph.nodes:
        if node.target in _SIZED:
            _refuse(node, network, "size of the result must not depend on the values of the input")
    results = list(results)
    for each in results:
        if each.shape[:1] != example[0].shape[:1]:
            raise ValueError(
                f"{network}: results must have a row for each input, got a tensor of shape "
                f"{tuple(each.shape)} for {len(example[0])}"
            )
    if all(torch.isfinite(each).all() for each in results):
        return
    values = values_of(traced, example)
    reached, todo = set(), [output]
    while todo:
        node = todo.pop()
        todo += [each for each in node.all_input_nodes if each not in reached]
        reached.update(node.all_input_nodes)
    first = next(node for node in traced.graph.nodes if node in reached and not values[node].finite)
    wanted = "results must be finite numbers, got nan or infinity for a calibration input"
    _refuse(first, network, wanted)


def _refuse(node: fx.Node, network: str, sentence: str) -> NoReturn:
    """Raise ValueError for a call, with its path and line."""
    target: Any = node.target
    path = f"{node.meta.get(SCOPE, '')}{getattr(target, '__name__', target)}"
    path = str(target) if node.op == "call_module" else path
    place = f" ({node.meta[LINE]})" if node.meta.get(LINE) else ""
    raise ValueError(f"{network}.{path}: {sentence}{place}")


class _Results(fx.Interpreter):
    """Keeps what each call returns."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self.found: dict[fx.Node, torch.Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401
        result = super().run_node(n)
        if n.op.startswith("call_") and isinstance(result, torch.Tensor):
            self.found[n] = result.detach().clone()
        return result


def _results(traced: fx.GraphModule, example: Example) -> dict[fx.Node, torch.Tensor]:
    results = _Results(traced)
    with torch.no_grad():
        results.run(*fresh(example))
    return results.found


def _first(
    one: dict[fx.Node, torch.Tensor],
    other: dict[fx.Node, torch.Tensor],
    differ: Callable[[torch.Tensor, torch.Tensor], bool],
) -> fx.Node | None:
    return next((node for node, x in one.items() if node in other and differ(x, other[node])), None)


def check_floats(
    traced: fx.GraphModule,
    network: str,
    example: Example,
    expected: torch.Tensor,
    found: torch.Tensor,
    again: Callable[[], Any],
) -> None:
    """Refuse a network that tracing or spelling has changed, or that is random.

    Parameters
    ----------
    traced, network, example
        As for `check_results`.
    expected, found : Tensor
        A result of the user's network, and of the traced one.
    again : callable
        Runs the user's network once more.

    Raises
    ------
    ValueError
        Naming the first random call, if there is one.
    """
    if torch.equal(expected, found):
        return
    both = _results(traced, example), _results(traced, example)
    first = _first(*both, lambda x, y: not torch.equal(x, y))
    if first is not None:
        _refuse(first, network, "results must be the same each time, got others: it is random")
    pairs = zip(*(tensors_of(again(), network) for _ in range(2)), strict=True)
    if not all(torch.equal(x, y) for x, y in pairs):
        raise ValueError(f"{network}: results must be the same each time, got others: it is random")
    raise ValueError(
        f"{network}: network must compute the same floats when torch.fx has traced it, got others: "
        "it has a statement that tracing does not see, as x += y where x has another name, too, or "
        "with torch.autocast"
    )


def check_batches(traced: fx.GraphModule, network: str, examples: Sequence[Example]) -> None:
    """Refuse a network whose results depend on other inputs, or whose sizes depend on any.

    Parameters
    ----------
    traced, network
        As for `check_results`.
    examples : sequence of tuples of Tensor of shape (N, ...)

    Raises
    ------
    ValueError
        Naming the first such call.
    """
    if usual(traced) or len(examples) < 2:
        return
    one, other = (_results(traced, example) for example in examples[:2])
    first = _first(one, other, lambda x, y: x.shape != y.shape)
    if first is not None:
        shapes = tuple(one[first].shape), tuple(other[first].shape)
        sentence = f"results must have one shape for all inputs, got {shapes[0]} and {shapes[1]}"
        _refuse(first, network, sentence)
    ends: list[torch.Tensor] = []
    both: dict[fx.Node, torch.Tensor] = {}
    with suppress(Exception):  # networks of one input at a time
        both = _results(traced, joined(examples[:2]))
        ends = tensors_of(traced(*joined(examples[:2])), network)
        halves = {
            n: x
            for n, x in both.items()
            if x.ndim and n in one and one[n].ndim and len(x) == 2 * len(one[n])
        }
        first = _first(one, {n: x[: len(x) // 2] for n, x in halves.items()}, _Apart())
        first = first or _first(other, {n: x[len(x) // 2 :] for n, x in halves.items()}, _Apart())
    constant = [end for end in ends if len(end) != 2 * len(examples[0][0])]
    if constant:
        chosen = next((node for node in both if _keeps_one_row(node, one, both)), None)
        if chosen is not None:
            shape = tuple(both[chosen].shape)
            said = f"call must give a row for each input, got a tensor of shape {shape} for 2"
            _refuse(chosen, network, said)
        raise ValueError(
            f"{network}: results must have a row for each input, got a tensor of shape "
            f"{tuple(constant[0].shape)} for 2"
        )
    if first is not None:
        sentence = "results must not depend on the other inputs of a batch, got others beside one"
        _refuse(first, network, sentence)


def _keeps_one_row(
    node: fx.Node, one: dict[fx.Node, torch.Tensor], both: dict[fx.Node, torch.Tensor]
) -> bool:
    """Whether a call's result has as many rows for two inputs as for one, but its input not."""

    def grows(each: fx.Node) -> bool:
        return each in both and each in one and both[each].shape[:1] != one[each].shape[:1]

    called = node.op.startswith("call_") and node in one
    return called and not grows(node) and any(map(grows, node.all_input_nodes))


class _Apart:
    """Whether an input's results in a batch are others than rounding explains, call by call."""

    def __init__(self) -> None:
        self.largest = 0.0  # so far: small results may be differences of larger ones

    def __call__(self, alone: torch.Tensor, batch: torch.Tensor) -> bool:
        if alone.dtype != torch.float32 or not alone.numel():
            return False
        largest = float(alone.abs().amax())
        self.largest = max(self.largest, largest)
        near = _CLOSE * max(largest, _CLOSE * self.largest)
        return not torch.allclose(alone, batch, rtol=0, atol=near)
