"""The examples in the docstrings of the study."""

import doctest

import pytest

from maccord.study import figures_tables, published, rows, words, work


@pytest.mark.parametrize("module", [figures_tables, published, rows, words, work])
def test_examples(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted and not found.failed
