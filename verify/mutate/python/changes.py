"""Mutants of Python sources: drawn with a seed, those that change no meaning left out."""

from __future__ import annotations

import ast
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....runtime.extras import extra_module

__all__ = ["Change", "draw", "same"]

_WHY = "to mutate Python"


@dataclass(frozen=True)
class Change:
    """One changed place of a source.

    Attributes
    ----------
    number : int
        From 1.
    path : str
        Of the source, from the root.
    operator : str
        Of cosmic-ray.
    occurrence : int
        Which of the places of the file that the operator fits.
    line : int
    """

    number: int
    path: str
    operator: str
    occurrence: int
    line: int

    @property
    def name(self) -> str:
        """What it changes, the same in every list."""
        return f"{self.path}:{self.line} {self.operator.removeprefix('core/')} {self.occurrence}"


def _places(root: Path, path: Path) -> dict[tuple[int, int], list[tuple[str, int]]]:
    """Places of a file, each with the operators that fit it and which occurrences they are."""
    plugins = extra_module("cosmic_ray.plugins", "dev", _WHY)
    trees = extra_module("cosmic_ray.ast", "dev", _WHY)
    tree = trees.get_ast_from_path(root / path)
    found: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    for name in sorted(plugins.operator_names()):
        kind = plugins.get_operator(name)
        if kind.arguments():
            continue
        operator = kind()
        starts = (
            start
            for node in trees.ast_nodes(tree)
            for start, _ in operator.mutation_positions(node)
        )
        for occurrence, start in enumerate(starts):
            found[tuple(start)].append((name, occurrence))
    return found


def mutated(text: str, operator: str, occurrence: int) -> str | None:
    """Return a source's text after a change; None if cosmic-ray makes none."""
    plugins = extra_module("cosmic_ray.plugins", "dev", _WHY)
    mutating = extra_module("cosmic_ray.mutating", "dev", _WHY)
    return mutating.mutate_code(text, plugins.get_operator(operator)(), occurrence)


class _Plain(ast.NodeTransformer):
    """Removes annotations, which are never evaluated."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def same(before: str, after: str) -> bool:
    """Tell whether two texts of a module are the same but for annotations, which it never reads.

    Examples
    --------
    >>> start = "from __future__ import annotations" + chr(10)
    >>> same(start + "x: int | None = 1", start + "x: int & None = 1")
    True
    >>> same(start + "x: int = 1", start + "x: int = 2")
    False
    """

    def plain(text: str) -> str:
        return ast.dump(_Plain().visit(ast.parse(text)))

    return "from __future__ import annotations" in before and plain(before) == plain(after)


def _is_python(text: str) -> bool:
    """Tell whether a text parses: `a >= b` with a negated operand, `a >= not b`, does not."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def draw(root: Path, paths: Sequence[Path], count: int, seed: int) -> list[Change]:
    """Draw places evenly, and one change of each.

    Parameters
    ----------
    root : Path
    paths : sequence of Path
        Sources, from the root.
    count : int
        Changes; fewer if there are fewer places.
    seed : int

    Raises
    ------
    ToolchainError
        If cosmic-ray is not installed.
    """
    rng = random.Random(seed)
    every = [
        (path, start, fitting)
        for path in paths
        for start, fitting in sorted(_places(root, path).items())
    ]
    rng.shuffle(every)
    return [
        Change(number, *fields)
        for number, fields in zip(range(1, count + 1), _chosen(root, every, rng), strict=False)
    ]


def _chosen(
    root: Path, places: Sequence[tuple[Path, Any, Any]], rng: random.Random
) -> Iterator[tuple[str, str, int, int]]:
    for path, (line, _), fitting in places:
        text = (root / path).read_text()
        operator, occurrence = rng.choice(fitting)
        after = mutated(text, operator, occurrence)
        if after is not None and _is_python(after) and not same(text, after):
            yield str(path), operator, occurrence, line
