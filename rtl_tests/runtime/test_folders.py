"""The user's cache: where it is, what is in it, and that clearing it clears nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from maccord.cli import main as cli
from maccord.runtime.folders import KINDS, VARIABLE, cache_folder, cache_root, clear_all, sizes
from maccord.sim.netlist import generated
from maccord.spec.parameters import Parameters


def test_the_variable_then_xdg_then_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "mine"
    monkeypatch.delenv(VARIABLE)
    assert cache_root() == tmp_path / "xdg" / "maccord"
    monkeypatch.setenv("HOME", str(tmp_path))
    for without in ("", "relative"):  # which the XDG specification says to ignore
        monkeypatch.setenv("XDG_CACHE_HOME", without)
        assert cache_folder("nets") == tmp_path / ".cache" / "maccord" / "nets"
    with pytest.raises(ValueError, match=r"kind must be one of netlists, .*, got models"):
        cache_folder("models")


@pytest.mark.slow
def test_what_is_made_in_one_folder_is_there_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        generated(Parameters(rows=4, cols=4))
        assert not list((tmp_path / name).iterdir())
    assert len(list((tmp_path / "cache" / "netlists").iterdir())) == 1


def test_the_command_shows_and_clears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "/nonexistent")  # an option comes before it
    for kind in KINDS:
        (tmp_path / kind / "deep").mkdir(parents=True)
        (tmp_path / kind / "deep" / "file").write_bytes(bytes(3_000_000))
    result = tmp_path / "sim" / "result.json"
    result.parent.mkdir()
    result.write_text("{}")
    monkeypatch.setattr(sys, "argv", ["maccord", "cache", "--clear", "--cache", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path)
    assert lines[1].split()[:3] == ["3.0", "MB", "netlists"]
    assert lines[-1].split() == ["12.0", "MB", "deleted"]
    assert list(tmp_path.iterdir()) == [result.parent] and result.is_file()
    assert sizes() == dict.fromkeys(KINDS, 0) and clear_all() == 0
