"""A whole run: byte-identical for any number of processes, and after it was killed."""

import json
from concurrent.futures import Executor, Future
from contextlib import contextmanager

import pytest

from maccord.generalize import outputs
from maccord.generalize import run as running
from maccord.generalize.request import GeneralizeRequest

SMALL = {
    "pool": "tiny",
    "bits": (32, 2),
    "epochs": 1,
    "train_images": 64,
    "test_images": 24,
    "measured": 10,
    "landscape": 3,
    "perturb": "fog:1,fgsm:0.05",
    "rtl": 0,
}
FIGURES = {"gaps": ("Gaps", b"")}
FILES = ("results.csv", "landscape.csv", "tables/table_1.csv", "tables/table_I.csv")


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, /, *given, **named):
        future = Future()
        try:
            future.set_result(function(*given, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


@contextmanager
def inline(scheduler, jobs):
    yield Here()


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path, monkeypatch) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    monkeypatch.setattr(running, "executor", inline)
    assert running.run(GeneralizeRequest(**SMALL, out=whole, jobs=1)) == 0

    write, kept = running.write_part, []

    def dies(path, part):
        if len(kept) == 5:  # the networks are trained and one is measured
            raise KeyboardInterrupt
        write(path, part)
        kept.append(path)

    monkeypatch.setattr(running, "write_part", dies)
    with pytest.raises(KeyboardInterrupt):
        running.run(GeneralizeRequest(**SMALL, out=killed, jobs=1))
    monkeypatch.undo()
    monkeypatch.setattr(outputs, "_figures", lambda outcome, rows: FIGURES)  # they take seconds
    assert not (killed / "results.csv").exists()
    kept[0].write_bytes(kept[0].read_bytes()[:100])  # as a full disk leaves it
    next((killed / "pool").rglob("*-w2.pt")).unlink()
    assert running.run(GeneralizeRequest(**SMALL, out=killed, jobs=2)) == 0
    for name in FILES:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["schema"] == running.SCHEMA and summary["networks"] == 4
    report = (whole / "report.html").read_text()
    head = report.index("<h1>")
    assert summary["claim"].replace("'", "&#39;") in report[head : head + 2000]
    for title in ("Table 1:", "Table 2:", "Table 3:", "Table 4 and 6:", "Table 5:", "Table I:"):
        assert title in report
    for title in ("Figure 1:", "Figure 2:", "a procedural stand-in"):
        assert title in report


@pytest.mark.nightly
def test_the_rtl_equals_the_integer_network(tmp_path) -> None:
    """One image of each precision, clean, foggy, and attacked through the float network."""
    request = GeneralizeRequest(**(SMALL | {"rtl": 1, "landscape": 0}), out=tmp_path)
    assert running.run(request) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["rtl_equal"] and summary["rtl_images"] == 6
    assert "RTL against the integer network" in (tmp_path / "report.html").read_text()
