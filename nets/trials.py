"""Finds calls that PyTorch's INT8 kernels refuse, before and after conversion."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Iterator
from typing import Any

from torch import fx, nn
from torch.ao.quantization import FixedQParamsObserver, ObserverBase

from ..golden.graph import Add, Mul, Quantization
from ..golden.kernels.add import check_add
from ..golden.kernels.mul import check_mul
from .examples import Example, fresh
from .unquantized import leave_in_floats

__all__ = ["fit_pairs", "leave_call", "located"]

_NEAR = 2.0**6  # ranges that differ by less have scales that both kernels take


def fit_pairs(prepared: fx.GraphModule) -> None:
    """Leave sums and products in floating point whose scales PyTorch's INT8 kernels refuse.

    An operand that was 0 in all calibration inputs, as behind a dead layer, gets the other's scale
    instead.

    Parameters
    ----------
    prepared : GraphModule
        After the calibration inputs; changed in place.
    """
    for node in list(prepared.graph.nodes):
        if node.target not in (python_operator.add, python_operator.mul):
            continue
        observers = [_observer(prepared, arg) for arg in node.args]
        result, relu = _result(prepared, node)
        if result is None or any(each is None for each in observers) or len(observers) != 2:
            continue
        if _near([*observers, result]):
            continue
        if _refused(node, observers, result, relu):
            _revive(prepared, observers)
        reason = _refused(node, [_observer(prepared, arg) for arg in node.args], result, relu)
        if reason:
            leave_in_floats(node, reason)
    prepared.recompile()


def _observer(prepared: fx.GraphModule, node: object) -> Any:  # noqa: ANN401
    if isinstance(node, fx.Node) and node.op == "call_module":
        module = prepared.get_submodule(str(node.target))
        return module if isinstance(module, ObserverBase) else None
    return None


def _result(prepared: fx.GraphModule, node: fx.Node) -> tuple[Any, bool]:
    """Return the observer of a sum or product, behind a ReLU if only that reads it."""
    relu = False
    users = list(node.users)
    if len(users) == 1 and _is_relu(prepared, users[0]):
        relu, users = True, list(users[0].users)
    return next((found for found in (_observer(prepared, u) for u in users) if found), None), relu


def _is_relu(prepared: fx.GraphModule, node: fx.Node) -> bool:
    if node.op == "call_module":
        return isinstance(prepared.get_submodule(str(node.target)), nn.ReLU)
    return node.target is nn.functional.relu


def _near(observers: list[Any]) -> bool:
    """Whether all ranges are about as large, which needs no scales."""
    if not all(hasattr(each, "min_val") for each in observers):
        return False
    spans = [
        float(max(each.max_val, 0 * each.max_val) - min(each.min_val, 0)) for each in observers
    ]
    return min(spans) > 0 and max(spans) < _NEAR * min(spans)


def _quantization(observer: Any) -> Quantization:  # noqa: ANN401
    scale, zero_point = observer.calculate_qparams()
    return Quantization(float(scale), int(zero_point))


def _refused(node: fx.Node, observers: list[Any], result: Any, relu: bool) -> str:  # noqa: ANN401
    first, second = map(_quantization, observers)
    output = _quantization(result)
    try:
        if node.target is python_operator.add:
            check_add(Add("add", (first, second), output, relu))
        else:
            check_mul(Mul("mul", (first, second), output, relu))
    except ValueError as error:
        return str(error).partition(": ")[2] or str(error)
    return ""


def _revive(prepared: fx.GraphModule, observers: list[Any]) -> None:
    """Give an operand that was always 0 the other one's scale and zero point."""
    for dead, other in (observers, observers[::-1]):
        low, high = getattr(dead, "min_val", None), getattr(dead, "max_val", None)
        if low is None or high is None or dead is other or float(low) != 0 or float(high) != 0:
            continue
        scale, zero_point = other.calculate_qparams()
        fixed = FixedQParamsObserver(float(scale), int(zero_point))
        for name, module in list(prepared.named_modules(remove_duplicate=False)):
            if module is dead:
                prepared.set_submodule(name, fixed)


def leave_call(prepared: fx.GraphModule, name: str, reason: str) -> bool:
    """Leave a call in floating point; return whether that is possible.

    Parameters
    ----------
    prepared : GraphModule
        Changed in place.
    name : str
        Of the node.
    reason : str
        Without the path of the call.
    """
    for node in prepared.graph.nodes:
        if node.name == name and node.op in ("call_function", "call_method"):
            leave_in_floats(node, reason)
            prepared.recompile()
            return True
    return False


class _Locating(fx.Interpreter):
    failed: fx.Node | None = None

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401
        try:
            return super().run_node(n)
        except Exception:
            self.failed = n
            raise


def located(prepared: fx.GraphModule, example: Example) -> fx.Node | None:
    """Return the call that fails, or whose result an observer refuses; None if all is well."""
    locating = _Locating(prepared)
    try:
        locating.run(*fresh(example))
    except Exception:
        failed = locating.failed
        assert failed is not None
        return next(_observed(prepared, failed), failed)
    return None


def _observed(prepared: fx.GraphModule, node: fx.Node) -> Iterator[fx.Node]:
    if _observer(prepared, node) is not None and isinstance(node.args[0], fx.Node):
        yield node.args[0]
