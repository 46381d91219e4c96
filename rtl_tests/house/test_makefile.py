"""Each make target is one command that a person could type."""

import os
import re
import subprocess

import pytest
from command import ROOT

COMMANDS = {
    ("sim", "LAYER=resnet18.conv1"): "maccord sim 'resnet18.conv1'",
    ("sim", "LAYER=resnet18.layer1.*"): "maccord sim 'resnet18.layer1.*'",
    ("sim", "NET=resnet18"): "maccord sim 'resnet18'",
    ("sim", "NET=resnet18", "BATCH=4"): "maccord sim 'resnet18' --batch 4",
    ("sim", "LAYER=x", "PERTURB=awgn:0.3", "ROWS=8", "COLS=4", "ARGS=--waves"): (
        "maccord sim 'x' --rows 8 --cols 4 --perturb 'awgn:0.3' --waves"
    ),
    ("layers", "NET=vgg16"): "maccord layers 'vgg16'",
    ("verilog", "ROWS=32"): "maccord verilog --rows 32 --out build/verilog/",
    ("bench",): "maccord bench",
    ("test",): "python -m pytest",
    ("regress",): "python -m pytest -n",
    ("docs",): "python -m sphinx -W -q -b html docs build/docs",
}


def make(*arguments: str, ready: bool = True) -> str:
    """Return what make would run, as if the environment were set up or out of date."""
    stamp = ("-o", ".venv/.maccord-setup") if ready else ("-W", "requirements.txt")
    # A make around the tests has variables and flags of its own
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHON")
    }
    done = subprocess.run(
        ["make", "-n", *stamp, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_targets_are_thin(arguments: tuple[str, ...]) -> None:
    assert f".venv/bin/{COMMANDS[arguments]}" in make(*arguments)


def test_results_come_out_as_junit_xml() -> None:
    assert "--junitxml=build/test-results.xml" in make("test")
    assert "-m nightly --junitxml=build/nightly-results.xml" in make("regress")


def test_setup_installs_the_pins_into_a_new_environment() -> None:
    commands = make("setup", ready=False)
    assert "python3 -m venv .venv" in commands
    assert "--requirement requirements.txt" in commands
    size = re.search(r"environment \(.*, ([\d.]+ GB)\)", (ROOT / "README.md").read_text())
    assert size and f"some minutes, {size[1]}" in commands


def test_ci_runs_the_same_tests() -> None:
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()
    assert "run: .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


#: Most tests of `make check` in each folder; it must end within a minute on two cores.
MOST = {"spec": 420, "golden": 1100, "compiler": 1000, "runtime": 30, "house": 140}
LATER = {"slow", "nightly", "weekly"}


def test_make_check_has_few_tests(request: pytest.FixtureRequest) -> None:
    """More tests there means: mark those that take over half a second `slow`."""
    folders = re.search(
        r"^QUICK = .*rtl_tests/,(.*)\)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert folders and set(folders[1].split()) == set(MOST)
    for folder, most in MOST.items():
        here = ROOT / "rtl_tests" / folder
        quick = [
            item
            for item in request.session.items
            if item.path.is_relative_to(here) and not LATER & {m.name for m in item.iter_markers()}
        ]
        assert len(quick) <= most, f"{folder}: {len(quick)} tests that are not slow"
