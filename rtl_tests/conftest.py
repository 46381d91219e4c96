"""Settings of all tests; they have to precede the first import of NumPy and torch."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorded_seconds import SECONDS

# tests run side by side: more threads than cores would spin against each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")
# one cache for all workers, apart from the user's own
os.environ.setdefault("MACCORD_CACHE", str(Path(__file__).parents[1] / "build"))

# A shell that starts the tests in the background has them ignore SIGINT, as would the processes
# that tests start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker waits for another at the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: -SECONDS.get(item.path.relative_to(here).as_posix(), 0))


@pytest.fixture(scope="module")
def quick_builds() -> Iterator[None]:
    """For modules whose models run for a second each: they need not be fast."""
    from quick_builds import quick_builds

    with quick_builds():
        yield
