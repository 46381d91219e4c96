"""Every command in README, docs and help texts, run as it stands there, on files that fit it.

`make` runs in a copy of the tree. Commands of one line of prose, without their arguments, are
not run, nor those that need a data set from elsewhere or a GPU.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PHOTOGRAPHS = ROOT / "rtl_tests" / "support" / "photographs"
MODULE = """
from torch import nn

def small():
    body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(8, 10))
"""
FILES = {
    "onnx": "onnx_files/residual_qdq_int8.onnx",
    "tflite": "tflite_files/residual.tflite",
}
ELSEWHERE = re.compile(r"aircraft:|folder:photos|--device cuda")  # data or hardware of one's own
THEMSELVES = ("make setup", "make check", "make test", "make regress", "make docs", "make clean")
PLACED = re.compile(
    r"make synth|maccord synth --target ecp5-(45|85)k(?! .*--unit)|explore .*ecp5-85k"
)


def typed(page: Path) -> list[str]:
    """Return the commands of a page's code blocks, and of the examples in help texts."""
    text = page.read_text()
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"^[*-] `(maccord [^`]+)`$", text, re.MULTILINE)
    stripped = (re.sub(r"\s+#.*", "", line).strip().removeprefix("$ ") for line in lines)
    found = (line.removeprefix(".venv/bin/") for line in stripped)
    usage = "[OPTIONS]"
    return [line for line in found if re.match(r"(make|maccord) \S", line) and usage not in line]


COMMANDS = list(dict.fromkeys(command for page in PAGES for command in typed(page)))
RUN = [c for c in COMMANDS if not ELSEWHERE.search(c) and c not in THEMSELVES]
PROMPT = [c for c in RUN if re.match(r"make (help|layers)|maccord (layers|--version|doctor)", c)]


def test_the_pages_commands_are_found() -> None:
    assert "make sim NET=efficientnet_lite0" in COMMANDS
    assert "maccord sim resnet18.conv1 --image cat.jpg --weights resnet18.pth --dump out.npz" in RUN
    assert any(command.startswith("maccord explore") for command in RUN)
    assert len(PROMPT) >= 3


@pytest.mark.parametrize("command", THEMSELVES[:-1])
def test_the_commands_of_the_tests_are_run_by_workflows(command: str) -> None:
    folder = ROOT / ".github" / "workflows"
    scripts = [*folder.glob("*.yml"), ROOT / ".ci" / "run"]
    assert any(command in script.read_text() for script in scripts)


def test_programs_of_the_readme_start_with_its_python() -> None:
    """On a fresh clone, only the environment that make has set up has the packages."""
    lines = re.findall(r"`([^`\n]*python [^`\n]+\.py)`", (ROOT / "README.md").read_text())
    assert lines
    for line in lines:
        program, file = line.split()
        assert program == ".venv/bin/python", line
        assert (ROOT / file).is_file(), line


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the tree, with the files that the commands name."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    # older than .venv: make sets nothing up
    for name in ("requirements.txt", "requirements-executorch.txt", "pyproject.toml"):
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    shutil.copy(PHOTOGRAPHS / "coffee.jpg", tmp_path / "cat.jpg")
    for form, kept in FILES.items():
        for name in ("quantized", "int8"):
            shutil.copy(ROOT / "rtl_tests" / "support" / kept, tmp_path / f"{name}.{form}")
    (tmp_path / "mynets.py").write_text(MODULE)
    return tmp_path


def _weights(place: Path) -> None:
    import torch

    from maccord.nets.resnet import resnet18

    torch.save(resnet18(1000).state_dict(), place / "resnet18.pth")


def _run(command: str, place: Path) -> None:
    if "resnet18.pth" in command:
        _weights(place)
    if "before.json" in command:
        for name in ("before", "after"):
            _run(f"maccord sim resnet18.fc --rows 4 --cols 4 --json {name}.json", place)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=place,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.slow
@pytest.mark.parametrize("command", PROMPT)
def test_prompt_commands_run(command: str, place: Path) -> None:
    _run(command, place)


@pytest.mark.nightly
@pytest.mark.parametrize("command", [c for c in RUN if c not in PROMPT and not PLACED.search(c)])
def test_commands_run(command: str, place: Path) -> None:
    _run(command, place)


@pytest.mark.weekly
@pytest.mark.parametrize("command", [c for c in RUN if PLACED.search(c)])
def test_commands_with_place_and_route_run(command: str, place: Path) -> None:
    _run(command, place)
