"""Tables on terminals of 80 and of 200 columns: no entry is wrapped or cut."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from network_tasks import StandIn, network_task
from rich.console import Console
from test_console_tables import on_a_terminal
from test_results import result

from maccord.runtime import tables
from maccord.runtime.tables import Column, fitting, table_width
from maccord.sim.console_tables import print_outcomes
from maccord.sim.names import known
from maccord.sim.network.run import run_network
from maccord.sim.results import Outcome, Verdict

LAYER = replace(
    result(), input_shape=(1, 224, 224, 64), output_shape=(1, 224, 224, 64), macs=1_849_688_064,
    cycles=12_345_678, sim_cycles_per_second=1_234_567.0, cycles_by_cause={"requantizer": 1},
)  # fmt: skip
NARROW = ["cycles", "golden", "torch"]


def printed(outcomes: list[Outcome], width: int | None) -> list[str]:
    out = Console(file=io.StringIO(), width=1000, highlight=False)
    print_outcomes(out, ["x"] * len(outcomes), outcomes, Path("build"), width=width)
    assert isinstance(out.file, io.StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def layers(network: str) -> list[Outcome]:
    found = [replace(LAYER, network=network, layer=name) for name in known()[network].layers]
    return [Outcome(Verdict.AGREES, layer, equal=32, codes=256) for layer in found]


def whole(network: str) -> Outcome:
    """A network whose stages have the names of the known layers, and large numbers."""
    task = network_task()
    found = run_network(task, backend=StandIn(task)).result
    assert found is not None
    stage = replace(
        found.stages[0], op="depthwise_conv2d_relu", macs=1_849_688_064, cycles=12_345_678,
        input_shapes=((1, 56, 56, 256), (1, 56, 56, 256)), bound_by="requantizer",
    )  # fmt: skip
    stages = tuple(replace(stage, name=name) for name in known()[network].layers)
    sums = replace(found, network=network, stages=stages, macs=15_470_264_320, cycles=123_456_789)
    return Outcome(Verdict.AGREES, sums, equal=sums.compared)


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("network", known())
def test_no_cell_of_a_table_is_wrapped_or_cut(network: str, width: int) -> None:
    names = known()[network].layers
    for outcomes in (layers(network), [whole(network)]):
        lines = printed(outcomes, width)
        every = printed(outcomes, None)
        table = lines[: 1 + len(names)]
        assert max(map(len, table)) <= width
        header = table[0].split()
        assert header[0] in ("layer", "tensor") and set(NARROW) <= set(header)
        for line, full, name in zip(table[1:], every[1:], names, strict=False):
            entries = line.split()
            assert entries[0] == name and "12,345,678" in entries and "…" not in line
            assert [entry for entry in full.split() if entry in entries] == entries


def test_columns_that_matter_are_there_at_80_columns_and_all_of_them_at_200() -> None:
    usual = {"cycles": 999_999, "cycles_by_cause": {"weights": 1}}
    runs = [replace(o, result=replace(o.result, **usual)) for o in layers("resnet18")]
    lines = printed(runs, 80)
    assert lines[0].split() == [
        *("layer", "cycles", "utilisation", "bound", "by", "golden", "torch")
    ]
    assert "--wide shows shape, MACs, codes, cycles/s" in lines
    assert not any("codes:" in line for line in lines)
    assert not any(line.startswith("--wide") for line in printed(runs, 200))
    network = whole("resnet18")
    assert network.result is not None
    stages = [replace(s, cycles=999_999, bound_by="weights") for s in network.result.stages]
    usual = replace(network.result, stages=stages, cycles=7_343_081)
    lines = printed([replace(network, result=usual)], 80)
    assert lines[0].split() == [
        *("tensor", "cycles", "utilisation", "bound", "by", "golden", "torch")
    ]
    explained = " ".join(lines)
    assert "--wide shows op, shape, MACs, roofline, compute, weights, memory," in explained
    assert "roofline below 1" not in explained


def test_the_lowest_rank_stays_however_narrow_it_is() -> None:
    out = Console(file=io.StringIO(), width=1000)
    columns = [Column("a", ["x" * 50], left=True), Column("b", ["1"], 2), Column("c", ["2"], 1)]
    assert fitting(out, columns, 10)[1] == ["b", "c"]
    assert fitting(out, columns, 53)[1] == ["b"]
    assert fitting(out, columns, 56)[1] == []
    assert fitting(out, columns, None)[1] == []


def test_a_pipe_and_a_wish_have_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert table_width() is None  # stdout is no terminal here
    monkeypatch.setattr(tables.sys, "stdout", type("Terminal", (), {"isatty": lambda _: True})())
    monkeypatch.setenv("COLUMNS", "80")
    assert table_width() == 80
    assert table_width(wide=True) is None


def test_the_wide_table_of_layers_on_a_narrow_terminal() -> None:
    text = on_a_terminal(40, "layers", "resnet18.conv1", "--wide")
    assert "padding" in text and "--wide" not in text
