"""The rules of ruff hold; public functions and methods have docstrings."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest
from command import ROOT


@pytest.mark.slow
def test_ruff_finds_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


#: Packages whose methods are checked; `elaborate` is Amaranth's, and documented by its class.
ROOMS = (
    "api",
    "cli",
    "compiler",
    "generalize",
    "golden",
    "hw",
    "nets",
    "runtime",
    "sim",
    "spec",
    "study",
    "synth",
    "verify",
)
KNOWN = {"elaborate"}


def undocumented(source: str) -> Iterator[str]:
    """Yield the public methods of public classes that have no docstring."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                public = not part.name.startswith("_") and part.name not in KNOWN
                if public and ast.get_docstring(part) is None:
                    yield f"{node.name}.{part.name}"


def test_public_methods_have_docstrings() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for name in undocumented(path.read_text())
    ]
    assert found == []


EXAMPLE = """
class Some:
    def good(self):
        'Say what it does.'

    def elaborate(self, platform): ...
    def bad(self): ...
    def _own(self): ...
"""


def test_a_method_without_a_docstring_is_found() -> None:
    assert list(undocumented(EXAMPLE)) == ["Some.bad"]
