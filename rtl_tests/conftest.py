"""Settings of all tests; they have to precede the first import of NumPy and torch."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# tests run side by side: more threads than cores would spin against each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")
# one cache for all workers, apart from the user's own
os.environ.setdefault("MACCORD_CACHE", str(Path(__file__).parent.parent / "build"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that nobody waits for it alone at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith("rtl_tests/test_synthesis.py"))


@pytest.fixture(scope="module")
def quick_builds() -> Iterator[None]:
    """For modules whose models run for a second each: they need not be fast."""
    from quick_builds import quick_builds

    with quick_builds():
        yield
