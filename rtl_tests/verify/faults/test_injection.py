"""Flips in RTL: they reach what they should, and outcomes are those of whole runs."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fault_subjects import chain, codes, linear, subject, verilog

from maccord.golden.network import execute
from maccord.runtime.errors import SimulationError
from maccord.verify.faults.registers import registers
from maccord.verify.faults.runs import Fault, injectable, run_faults, transplanted
from maccord.verify.faults.sampling import draw, strata

pytestmark = pytest.mark.usefixtures("quick_builds")


def _random(count: int, cycles: int, seed: int) -> list[Fault]:
    found = registers(verilog())
    blocks = strata(found)
    per_block = -(-count // len(blocks))
    return draw(found, blocks, dict.fromkeys(blocks, per_block), cycles, seed)


def _named(name: str) -> int:
    (index,) = [i for i, r in enumerate(registers(verilog())) if r.full_name == name]
    return index


def _scores(network, x_q: np.ndarray) -> bytes:
    return (execute(network, x_q)[network.output][0] ^ 0x80).tobytes()


@pytest.mark.parametrize("name", ["chain", "linear"])
def test_the_run_without_faults_is_the_golden_one(name: str) -> None:
    network = {"chain": chain, "linear": linear}[name]()
    golden, ended = run_faults(subject(name), [])
    assert golden.output == _scores(network, codes(network)) and not ended


def test_the_model_has_every_register_in_its_size() -> None:
    found = registers(verilog())
    assert injectable(subject("chain"), found) == sum(register.bits for register in found)


def test_registers_and_memories_are_the_whole_state() -> None:
    golden, _ = run_faults(subject("chain"), [])
    cycles = np.linspace(1, golden.cycles - 1, 60).astype(int).tolist()
    assert transplanted(subject("chain"), cycles) == [True] * len(cycles)


def test_a_flip_of_an_input_in_the_scratchpad_is_the_golden_prediction() -> None:
    """Each byte of the input lies in one word of one bank; its flip changes that input alone."""
    network, x_q = linear(), codes(linear())
    golden, _ = run_faults(subject("linear"), [])
    banks = [
        index
        for index, register in enumerate(registers(verilog()))
        if register.block == "activations" and register.memory
    ]
    bit = 6
    cycles = range(20, golden.cycles, 5)
    faults = [
        Fault(len(banks) * step + place, bank, 0, bit, cycle)
        for step, cycle in enumerate(cycles)
        for place, bank in enumerate(banks)
    ]
    predicted = {}
    for index in range(x_q.size):
        flipped = x_q.copy()
        flipped[0, index] ^= 1 << bit
        predicted[_scores(network, flipped)] = index
    assert len(predicted) == x_q.size
    for early in (True, False):
        _, ended = run_faults(subject("linear", early=early, window=8), faults)
        found: dict[int, set[int]] = {}
        for each in ended:
            if each.output:
                found.setdefault(each.number % len(banks), set()).add(predicted[each.output])
        assert len(found) == len(banks) and all(len(bytes_) == 1 for bytes_ in found.values())


def test_a_flip_of_a_beat_on_the_bus_changes_that_bit_of_the_scores() -> None:
    """The logic behind a flipped register sees the flip in the same cycle."""
    golden, _ = run_faults(subject("linear"), [])
    beat, bit = _named("core.store.beats.o__payload"), 21
    cycles = range(golden.cycles - 60, golden.cycles)
    faults = [Fault(number, beat, 0, bit, cycle) for number, cycle in enumerate(cycles)]
    _, ended = run_faults(subject("linear"), faults)
    outputs = {each.output for each in ended if each.output}
    expected = bytearray(golden.output)
    expected[bit // 8] ^= 1 << bit % 8
    assert outputs == {bytes(expected)}


def test_a_counter_keeps_its_flip() -> None:
    """A sum is evaluated before the clock's edge: anew after the flip, or the flip is lost."""
    counter = _named("control.counter_cycles.sum")
    faults = [Fault(number, counter, 0, 31, 200 + 61 * number) for number in range(20)]
    _, ended = run_faults(subject("chain"), faults)
    assert {(each.end, each.wrong, each.alive) for each in ended} == {("unread", 0, 1)}


def test_a_flip_that_only_memory_keeps_is_followed_into_the_next_layers() -> None:
    """A beat on the bus is gone in the next cycle; the layers that read it differ later."""
    golden, _ = run_faults(subject("chain"), [])
    beat = _named("core.store.beats.o__payload")
    cycles = range(10, golden.cycles, 7)
    faults = [Fault(number, beat, 0, 6, cycle) for number, cycle in enumerate(cycles)]
    found = []
    for early in (True, False):
        _, ended = run_faults(subject("chain", early=early, window=8), faults)
        found.append([(each.wrong, each.area, each.areas, each.output) for each in ended])
    assert found[0] == found[1]
    assert any(wrong > 1 and areas > 1 for wrong, _, areas, _ in found[0])


def test_a_flip_of_a_dead_register_is_masked() -> None:
    """Neither network has a max pool; the last word of a scratchpad is never used."""
    golden, _ = run_faults(subject("chain"), [])
    found = registers(verilog())
    pool = [i for i, r in enumerate(found) if r.full_name.startswith("core.compute.max_window.hi")]
    bank = next(i for i, r in enumerate(found) if r.block == "results" and r.memory)
    dead = [(pool[0], 0), (bank, found[bank].words - 1)]
    faults = [
        Fault(10 * place + step, register, word, 2, golden.cycles * step // 10)
        for place, (register, word) in enumerate(dead)
        for step in range(10)
    ]
    for early in (True, False):
        _, ended = run_faults(subject("chain", early=early), faults)
        assert not any(each.wrong or each.output for each in ended)
        assert {each.end for each in ended} <= {"unread", "equal", "overwritten"}


def test_outcomes_are_those_of_runs_to_the_end() -> None:
    golden, _ = run_faults(subject("chain"), [])
    faults = _random(70, golden.cycles, seed=11)
    outcomes = []
    for early in (True, False):
        _, ended = run_faults(subject("chain", early=early), faults)
        outcomes.append(
            [(e.end in ("error", "hang"), e.wrong, e.area, e.areas, e.strays, e.output)
             for e in ended]
        )  # fmt: skip
    assert outcomes[0] == outcomes[1] and len(outcomes[0]) >= 70
    counts = Counter((due, bool(wrong)) for due, wrong, *_ in outcomes[0])
    assert len(counts) >= 3  # of masked, wrong, and due


def test_a_flip_that_does_not_reach_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "model"
    program.write_text("#!/bin/sh\necho 1,100,3,0.1,00\necho 7,equal,4,0,-1,0,0,-1,0,0,0,0,\n")
    program.chmod(0o755)
    with pytest.raises(SimulationError, match="flip of fault 7 did not reach its register"):
        run_faults(subject("linear", model=program), [Fault(7, 0, 0, 0, 5)])
