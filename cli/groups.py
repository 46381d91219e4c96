"""Options that belong together, declared once and given to a command as one object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, Signature, signature
from types import SimpleNamespace
from typing import Any, get_type_hints

import typer

__all__ = ["Group", "grouped"]

#: A function whose keyword parameters are options; its result is what the command gets.
#: A parameter named `context` is Typer's context.
Group = Callable[..., Any]
_CONTEXT = "context"


def grouped(**groups: Group) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace parameters of a command by options.

    Parameters
    ----------
    **groups : Group
        By the name of the command's parameter that they replace. Their options take its place in
        `--help`.

    Returns
    -------
    callable
        A decorator of the command.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options = {name: _options(group) for name, group in groups.items()}
        own = {option.name: option for option in _options(command, groups)}
        shown = [
            option
            for name in signature(command).parameters
            for option in options.get(name) or [own[name]]
        ]

        @wraps(command)
        def run(context: typer.Context, **given: object) -> None:
            made = {}
            for name, group in groups.items():
                values = {option.name: given.pop(option.name) for option in options[name]}
                if _CONTEXT in signature(group).parameters:
                    values[_CONTEXT] = context
                made[name] = group(**values)
            command(**given, **made)

        context = Parameter(_CONTEXT, Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [context, *(option.replace(kind=Parameter.KEYWORD_ONLY) for option in shown)]
        run.__signature__ = Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
        run.__annotations__ = {option.name: option.annotation for option in parameters}
        return run

    return decorate


def _options(function: Callable[..., Any], without: Iterable[str] = ()) -> list[Parameter]:
    """Parameters of a function, with evaluated annotations.

    Those of its result and of `without` may name types that are imported for type checks alone.
    """
    found = signature(function).parameters.values()
    wanted = [option for option in found if option.name not in {_CONTEXT, *without}]
    written = {option.name: option.annotation for option in wanted}
    namespace = vars(sys.modules[function.__module__])
    hints = get_type_hints(SimpleNamespace(__annotations__=written), namespace, include_extras=True)
    return [option.replace(annotation=hints[option.name]) for option in wanted]
