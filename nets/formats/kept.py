"""What is made on first use, by one thread, and not pickled: a runtime's session."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Kept"]

T = TypeVar("T")


class Kept(Generic[T]):
    """A place for one object; a copy of another process is empty.

    Examples
    --------
    >>> place = Kept()
    >>> place.get(list) is place.get(list)
    True
    """

    def __init__(self) -> None:
        self._found: list[T] = []
        self._turn = Lock()

    def get(self, make: Callable[[], T]) -> T:
        """Return the object; make it if there is none."""
        with self._turn:
            if not self._found:
                self._found.append(make())
            return self._found[0]

    def __reduce__(self) -> tuple[type[Kept[T]], tuple[()]]:
        return Kept, ()
