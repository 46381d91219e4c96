"""The row writer: every byte of every row once, and never in a cycle of another write."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import Bench

from maccord.hw.parts.delay import delay
from maccord.hw.row import row_writer as hardware
from maccord.hw.row.row_writer import RowWriter

SIZE = 1 << 10
LONGEST = 16


class Written:
    """A scratchpad behind a writer whose port others take at random.

    Parameters
    ----------
    taken : float
        Probability that the port is taken in a cycle.
    """

    def __init__(self, lanes: int, taken: float, seed: int) -> None:
        self.lanes, self._taken = lanes, taken
        self.block = block = RowWriter(lanes=lanes, longest=LONGEST)
        self.bench = bench = Bench(block, seed=seed)
        self.rng = np.random.default_rng(seed)
        self.bytes = np.full(SIZE, -1)
        self.conflicts = 0
        self.seen = {
            name: bench.watch(getattr(block, name))
            for name in ("write_enable", "write_address", "write_data", "row_done", "done")
        }
        self.others: list[bool] = []
        bench.each_cycle(self._cycle)

    def _cycle(self) -> None:
        enable, cycle = self.seen["write_enable"].value, self.bench.cycle
        if enable:
            # Taken in the cycle that stands for this one
            self.conflicts += self.others[cycle - RowWriter.LATENCY]
            for lane in range(self.lanes):
                if enable >> lane & 1:
                    address = self.seen["write_address"].value + lane
                    assert self.bytes[address] == -1, f"byte {address} is written twice"
                    self.bytes[address] = self.seen["write_data"].value >> 8 * lane & 0xFF
        while len(self.others) < cycle + 2:
            self.others.append(bool(self.rng.random() < self._taken))
        self.bench.drive(self.block.taken, int(self.others[cycle + 1]))


def run(lanes: int, elements: int, taken: float, seed: int = 0) -> tuple[Written, np.ndarray]:
    """Send rows, no more than two at a time; return what is written, and what is due."""
    setup = Written(lanes, taken, seed)
    bench, block = setup.bench, setup.block
    rows, pitch, buffer = 7, elements + 3, 5
    vectors = -(-elements // lanes)
    walk = {"buffer": buffer, "pitch": pitch, "rows": rows}
    walk |= {"more": vectors - 1, "span": elements - 1}
    values = setup.rng.integers(0, 256, (rows, vectors * lanes), dtype=np.uint8)
    due = np.full(SIZE, -1)
    for row in range(rows):
        start = buffer + row * pitch
        due[start : start + elements] = values[row, :elements]
    queue = [(row, vector) for row in range(rows) for vector in range(vectors)]
    done_rows = 0
    bench.drive(block.walk, walk)

    def drive() -> None:
        nonlocal done_rows
        bench.drive(block.start, int(bench.cycle == 2))
        done_rows += setup.seen["row_done"].value
        go = bench.cycle > 4 and bool(queue) and queue[0][0] < done_rows + 2
        bench.drive(block.i.valid, int(go))
        if go:
            row, vector = queue.pop(0)
            part = values[row, vector * lanes : (vector + 1) * lanes]
            bench.drive(block.i.payload, int.from_bytes(part.tobytes(), "little"))

    bench.each_cycle(drive)
    bench.run(lambda: setup.seen["done"].value == 1)
    return setup, due


@pytest.mark.parametrize("taken", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(("lanes", "elements"), [(1, 5), (4, 1), (4, 13), (4, 16), (8, 15)])
def test_rows_are_written_when_the_port_is_free(lanes: int, elements: int, taken: float) -> None:
    setup, due = run(lanes, elements, taken, seed=elements)
    assert setup.conflicts == 0
    np.testing.assert_array_equal(setup.bytes, due)


def test_a_write_that_is_a_cycle_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        hardware,
        "delay",
        lambda m, name, value, cycles, **options: delay(
            m, name, value, cycles + (name in ("mask", "place")), **options
        ),
    )
    setup, _ = run(4, 13, 0.3)
    assert setup.conflicts > 0
