"""Token counters: every pair of units at once, up to the largest count."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import Bench

from maccord.hw.control.tokens import Tokens
from maccord.spec.isa import TOKEN_BITS, Unit

MOST = (1 << TOKEN_BITS) - 1
NAMES = [unit.name.lower() for unit in Unit]


class Driver:
    """Gives and takes in each cycle, and follows the counts: shape (from, to)."""

    def __init__(self, seed: int, give_chance: float, take_chance: float) -> None:
        self.block = Tokens()
        self.bench = Bench(self.block, seed)
        self.counts = np.zeros((len(Unit), len(Unit)), int)
        self.highest = 0
        self._rng = np.random.default_rng(seed)
        self._chances = give_chance, take_chance
        self._held = [self.bench.watch(getattr(self.block, f"held_{name}")) for name in NAMES]
        self._next()
        self.bench.each_cycle(self._cycle)

    def _next(self) -> None:
        """Choose gives and takes for the next cycle: takes only of what is held."""
        give = (self._rng.random(self.counts.shape) < self._chances[0]) & (self.counts < MOST)
        take = (self._rng.random(self.counts.shape) < self._chances[1]) & (self.counts > 0)
        self._given, self._taken = give, take
        for index, name in enumerate(NAMES):
            masks = (give[index], take[:, index])
            for kind, mask in zip(("give", "take"), masks, strict=True):
                bits = sum(1 << int(unit) for unit in np.flatnonzero(mask))
                self.bench.drive(getattr(self.block, f"{kind}_{name}"), bits)

    def _cycle(self) -> None:
        for index, held in enumerate(self._held):
            due = sum(1 << int(unit) for unit in np.flatnonzero(self.counts[:, index]))
            assert held.value == due
        self.counts += self._given.astype(int) - self._taken
        self.highest = max(self.highest, self.counts.max())
        self._next()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("give", "take"), [(0.5, 0.5), (0.1, 1.0), (1.0, 1.0), (0.9, 0.2)])
def test_held_follows_the_counts(give: float, take: float, seed: int) -> None:
    """A token is held from the cycle after it is given; a give and a take cancel out."""
    driver = Driver(seed, give, take)
    driver.bench.run(lambda: driver.bench.cycle == 250)
    assert driver.highest == MOST or give != 0.9
