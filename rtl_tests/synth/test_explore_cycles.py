"""Cycles of a network: by the timing model, by the RTL, each kept under all that decides them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from explore_tasks import network, recording

from maccord.compiler.network import compile_network
from maccord.compiler.stage import Stage
from maccord.compiler.timing import estimate_cycles
from maccord.runtime.cache import Cache
from maccord.runtime.errors import SimulationError
from maccord.sim.results import Outcome, Verdict
from maccord.spec.parameters import Parameters
from maccord.synth import explore_cycles
from maccord.synth.explore_cycles import (
    Cycles,
    Mismatch,
    modelled,
    network_digest,
    simulated,
)

SMALL = Parameters(
    rows=4, cols=4, activation_bytes=4096, weight_bytes=2048, output_bytes=1024, accumulators=64
)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Parameters]:
    """What is compiled, from now on."""
    seen: list[Parameters] = []

    def noting(net, parameters, **options):
        seen.append(parameters)
        return compile_network(net, parameters, **options)

    monkeypatch.setattr(explore_cycles, "compile_network", noting)
    return seen


def test_cycles_are_those_of_the_whole_program(tmp_path: Path) -> None:
    program = compile_network(network(), SMALL, batch=2).program
    found = modelled(network(), "n", SMALL, 2, Cache(tmp_path))
    assert found.cycles == estimate_cycles(program, SMALL)
    assert found.macs == 2 * 8 * 6 * 6 * 27


def test_what_is_kept_is_not_computed_again(compiled: list[Parameters], tmp_path: Path) -> None:
    first = modelled(network(), "n", SMALL, 1, Cache(tmp_path))
    again = modelled(network(), "n", replace(SMALL, family="ecp5"), 1, Cache(tmp_path))
    assert again == first
    assert compiled == [SMALL]


def test_packed_columns_are_compiled_as_such(compiled: list[Parameters], tmp_path: Path) -> None:
    """They have no depthwise instructions, and figures of their own."""
    packed = replace(SMALL, family="xcup", packed=True)
    for parameters in (SMALL, packed):
        modelled(network(), "n", parameters, 1, Cache(tmp_path))
    assert compiled == [SMALL, packed]


@pytest.mark.parametrize(
    ("change", "name", "batch"),
    [({"accumulators": 32}, "n", 1), ({}, "other", 1), ({}, "n", 2)],
    ids=["parameters", "network", "batch"],
)
def test_what_decides_cycles_has_a_place_of_its_own(
    compiled: list[Parameters], tmp_path: Path, change: dict, name: str, batch: int
) -> None:
    modelled(network(), "n", SMALL, 1, Cache(tmp_path))
    modelled(network(), name, replace(SMALL, **change), batch, Cache(tmp_path))
    assert len(compiled) == 2


def test_a_network_that_cannot_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        modelled(network(), "n", SMALL, 0, Cache(tmp_path))


def test_digest_is_that_of_the_contents() -> None:
    assert network_digest(network()) == network_digest(network())
    others = [network(seed=2), network(stride=2), replace(network(), name="other")]
    assert len({network_digest(net) for net in [network(), *others]}) == 4


def stage(macs: int, read: int, written: int, outputs: int) -> Stage:
    return Stage("s", "s", "conv2d", (), (), (1, outputs), macs, read, written, 0, 0)


@pytest.mark.parametrize(
    ("stages", "bound", "share"),
    [
        ([stage(16_000, 80, 80, 80)], "array", 1.0),
        ([stage(160, 8_000, 80, 80)], "reads", 1.0),
        ([stage(160, 80, 8_000, 80)], "writes", 1.0),
        ([stage(160, 80, 80, 300)], "requantizer", 1.0),
        # Without multiplications nothing is requantized: 8 bytes a cycle are the limit
        ([stage(0, 80, 80, 300)], "reads", 1.0),
        ([stage(16_000, 80, 80, 80), stage(160, 2_000, 80, 80)], "array", 1_000 / 1_250),
    ],
)
def test_bound_is_that_of_most_of_the_least_cycles(
    stages: list[Stage], bound: str, share: float
) -> None:
    parameters = replace(SMALL, lanes=2, axi_bytes=8)
    compiled = SimpleNamespace(stages=stages, parameters=parameters)
    floors = explore_cycles._floors(compiled)  # type: ignore[arg-type]
    assert (Cycles(1, 1, floors).bound, Cycles(1, 1, floors).share) == (bound, share)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """What the simulation will answer, one after the other."""
    given: list[Outcome] = []
    monkeypatch.setattr(explore_cycles, "generated", lambda parameters: parameters.name)
    monkeypatch.setattr(explore_cycles, "run_network", lambda task: given.pop(0))
    return given


def outcome(verdict: Verdict, cycles: int = 0, problem: str = "") -> Outcome:
    result = SimpleNamespace(cycles=cycles) if cycles else None
    return Outcome(verdict, result, problems=(problem,) * bool(problem))  # type: ignore[arg-type]


def test_simulated_cycles_are_kept(answers: list[Outcome], tmp_path: Path) -> None:
    answers.append(outcome(Verdict.AGREES, 1234))
    assert simulated(recording(), "n", SMALL, Cache(tmp_path)) == 1234
    assert simulated(recording(), "n", SMALL, Cache(tmp_path)) == 1234


def test_another_netlist_is_simulated_anew(
    answers: list[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers += [outcome(Verdict.AGREES, 1234), outcome(Verdict.AGREES, 1235)]
    assert simulated(recording(), "n", SMALL, Cache(tmp_path)) == 1234
    monkeypatch.setattr(explore_cycles, "generated", lambda parameters: "other")
    assert simulated(recording(), "n", SMALL, Cache(tmp_path)) == 1235


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (outcome(Verdict.MISMATCH, 9, "conv: 3 bytes differ"), Mismatch, "conv: 3 bytes differ"),
        (outcome(Verdict.FAILED, 0, "it hung"), SimulationError, "it hung"),
        (outcome(Verdict.AGREES), SimulationError, "no result"),
    ],
    ids=["mismatch", "failed", "no result"],
)
def test_what_is_wrong_is_neither_a_figure_nor_kept(
    answers: list[Outcome], tmp_path: Path, answer: Outcome, error: type, sentence: str
) -> None:
    answers += [answer, outcome(Verdict.AGREES, 5)]
    with pytest.raises(error, match=sentence):
        simulated(recording(), "n", SMALL, Cache(tmp_path))
    assert simulated(recording(), "n", SMALL, Cache(tmp_path)) == 5
