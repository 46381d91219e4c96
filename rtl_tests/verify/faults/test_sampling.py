"""Faults are drawn evenly over bits and cycles, the same ones for the same seed."""

from collections import Counter

import pytest

from maccord.verify.faults.registers import Register
from maccord.verify.faults.sampling import chosen_blocks, draw, strata

FOUND = (
    Register(("core", "array", "element_0_0"), "active", 8, 1, False, ()),
    Register(("core", "array"), "sums", 24, 1, False, ()),
    Register(("core", "bank3"), "memory", 4, 100, True, ()),
)


def test_blocks_are_strata() -> None:
    assert strata(FOUND) == {"array": [0, 1], "bank": [2]}
    assert chosen_blocks(FOUND, ("a*",)) == {"array": [0, 1]}
    with pytest.raises(ValueError, match="blocks must be of array, bank, got 'arrays'"):
        chosen_blocks(FOUND, ("array", "arrays"))


def test_bits_and_cycles_are_uniform() -> None:
    faults = draw(FOUND, strata(FOUND), {"array": 4000, "bank": 4000}, 50, seed=1)
    assert [fault.number for fault in faults] == list(range(8000))
    ours = Counter((f.register, f.bit) for f in faults[:4000])
    assert set(ours) == {(0, bit) for bit in range(8)} | {(1, bit) for bit in range(24)}
    assert max(ours.values()) < 2 * min(ours.values())  # 125 each
    words = Counter((f.word, f.bit) for f in faults[4000:])
    assert len(words) == 400 and {f.register for f in faults[4000:]} == {2}
    cycles = Counter(fault.cycle for fault in faults)
    assert set(cycles) == set(range(50)) and max(cycles.values()) < 2 * min(cycles.values())


def test_a_blocks_faults_do_not_depend_on_other_blocks_or_counts() -> None:
    def of_bank(blocks: dict[str, list[int]], count: int) -> list[tuple[int, int, int]]:
        faults = draw(FOUND, blocks, dict.fromkeys(blocks, count), 50, seed=7)
        return [(f.word, f.bit, f.cycle) for f in faults if f.register == 2]

    both = of_bank(strata(FOUND), 20)
    assert both == of_bank(chosen_blocks(FOUND, ("bank",)), 20)
    assert both == of_bank(strata(FOUND), 90)[:20]
    other = draw(FOUND, strata(FOUND), {"array": 20, "bank": 20}, 50, seed=8)
    assert both != [(f.word, f.bit, f.cycle) for f in other[20:]]
