"""fmax, the critical path by instance, and the latest signals from nextpnr's report."""

from __future__ import annotations

import pytest
from toy_synthesis import ELEMENT, FETCH, described, mapped, timed

from maccord.synth.netlist_cells import hierarchy, owners
from maccord.synth.timing import Arrival, Path, Placement, Step, placement

CORE = "accelerator.core"


def read(report: dict) -> Placement:
    return placement(report, 7, owners(mapped(), hierarchy(described())))


def test_figures_of_a_run() -> None:
    run = read(timed(fmax=81.5))
    assert (run.seed, run.fmax_mhz, run.sites) == (7, 81.5, {"TRELLIS_COMB": 3})


def test_slowest_clock_counts() -> None:
    report = timed(fmax=81.5)
    report["fmax"]["other"] = {"achieved": 30.0}
    assert read(report).fmax_mhz == 30.0


def test_critical_path_goes_through_instances() -> None:
    steps = (Step(CORE, "control", 0.5), Step(FETCH, "control", 1.5), Step(CORE, "control", 2.125))
    signal = f"{CORE}.start"
    assert read(timed()).path == Path(signal, signal, 4.125, 0.875, 3.25, steps)


def test_latest_signals_are_those_of_registers() -> None:
    run = read(timed())
    data = Arrival(f"{CORE}.start", "control", 4.0)
    enable = Arrival(f"{CORE}.start.enable", "control", 3.5)
    product = Arrival(f"{ELEMENT}.product.A", "array", 2.5)
    assert run.worst == (data, enable, product)
    assert run.blocks == {"control": data, "array": product}


def test_a_report_needs_a_path() -> None:
    report = timed() | {"critical_paths": []}
    with pytest.raises(ValueError, match="must have a path from register to register"):
        read(report)
