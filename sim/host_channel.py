"""Lets the testbench, which runs in the simulator's process, call the host's operations here."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Thread

import numpy as np

from ..compiler.host_work import HostWork
from ..runtime.errors import SimulationError

__all__ = ["VARIABLE", "ask", "serving"]

VARIABLE = "MACCORD_HOST"  # environment variable with the simulator's end of the channel


@contextmanager
def serving(works: Sequence[HostWork]) -> Iterator[tuple[int, ...]]:
    """Compute the host's operations for a simulator until the context ends.

    Parameters
    ----------
    works : sequence of HostWork
        The testbench asks for them by position.

    Yields
    ------
    tuple of int
        File descriptor that the simulator's process inherits; none if there are no operations.
    """
    if not works:
        yield ()
        return
    ours, theirs = socket.socketpair()
    thread = Thread(target=_serve, args=(Connection(ours.detach()), works), daemon=True)
    thread.start()
    with theirs:
        yield (theirs.fileno(),)
    thread.join()


def _serve(connection: Connection, works: Sequence[HostWork]) -> None:
    with connection:
        while True:
            try:
                position, rows = connection.recv()
            except (EOFError, ConnectionError):
                return
            try:
                answer: np.ndarray | str = works[position].compute(rows)
            except Exception as error:  # of any kernel; the testbench reports it
                reason = str(error).strip().partition("\n")[0] or type(error).__name__
                answer = f"The host cannot compute {works[position].operation.name}: {reason}"
            connection.send(answer)


def ask(position: int, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return the output's bytes; called in the simulator's process.

    Parameters
    ----------
    position : int
        Of the operation.
    rows : sequence of ndarray of shape (rows, row_bytes), uint8
        Bytes of its inputs.

    Raises
    ------
    SimulationError
        If it cannot be computed.
    """
    with Connection(os.dup(int(os.environ[VARIABLE]))) as connection:
        connection.send((position, [np.ascontiguousarray(part) for part in rows]))
        answer = connection.recv()
    if isinstance(answer, str):
        raise SimulationError(answer)
    return answer
