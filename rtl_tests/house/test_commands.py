"""Every command in README, docs and help texts, run as it stands there, on files that fit it.

`make` runs in a copy of the tree. Not run are commands that need a data set from elsewhere or a
GPU, and parts of commands in the text: without arguments, or with names to fill in.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT
from page_files import write_checkpoint, write_files

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ELSEWHERE = re.compile(r"aircraft:|folder:photos|--device cuda")  # data or hardware of one's own
THEMSELVES = (
    *("make setup", "make check", "make test", "make regress", "make docs", "make prove"),
    "make clean",
)
#: In the text: a command's name, one with a name to fill in, or one about an option.
PART = re.compile(r"maccord \w+$|.*\b[A-Z]{3,}\b(?!=)|.*\.\.\.|maccord \w+ (?!.*--target)-")
QUICK = re.compile(
    r"make (help|layers)|maccord (layers|--version|doctor)|.*quantized.tflite --dry-run"
    r"|maccord compile mynets"
)
#: Place and route, sweeps of synthesis, campaigns: up to hours.
LONG = re.compile(
    r"make synth|maccord synth --target ecp5-\d+k(?!.* --unit)|maccord (explore|faults|mutate)"
)
#: Minutes until a command is ended, and fails.
SHORT_LIMIT, LONG_LIMIT = 60, 180
#: Commands that go before those that read their files.
BEFORE = {
    "before.json": [
        f"maccord sim resnet18.fc --rows 4 --cols 4 --json {name}.json"
        for name in ("before", "after")
    ],
    "build/train/nin-digits": ["maccord train nin --weight-bits 32,8,4,2"],
}


def typed(page: Path) -> list[str]:
    """Return the commands of a page: of code blocks, of examples in help texts, of sentences."""
    text = page.read_text()
    fenced = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
    blocks = fenced.findall(text)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"^(?:[*-] |Example: )`(maccord [^`]+)`$", text, re.MULTILINE)
    sentences = re.findall(r"`((?:\.venv/bin/)?(?:make|maccord) [^`]+)`", fenced.sub("", text))
    lines += [line for line in sentences if not PART.match(" ".join(line.split()))]
    stripped = (re.sub(r"\s+#.*", "", " ".join(line.split())).removeprefix("$ ") for line in lines)
    found = (line.removeprefix(".venv/bin/") for line in stripped)
    usage = "[OPTIONS]"
    return [line for line in found if re.match(r"(make|maccord) \S", line) and usage not in line]


COMMANDS = list(dict.fromkeys(command for page in PAGES for command in typed(page)))
RUN = [c for c in COMMANDS if not ELSEWHERE.search(c) and c not in THEMSELVES]


def test_the_pages_commands_are_found() -> None:
    assert {"make sim NET=efficientnet_lite0", "maccord compare before.json after.json"} <= {*RUN}
    assert "maccord sim resnet18.conv1 --image cat.jpg --weights resnet18.pth --dump out.npz" in RUN
    assert "maccord explore resnet18 --target xcup --packed no,yes" in RUN  # in a sentence
    assert {"maccord verilog --rows 32 --cols 8 -o rtl/", "maccord study"} <= {*RUN}  # examples
    assert sum(bool(QUICK.match(command)) for command in RUN) >= 8


def test_parts_of_commands_are_told_from_commands() -> None:
    parts = (
        *("maccord sim", "maccord sim NETWORK --weights", "maccord sim ... --weight-bits auto"),
        *("maccord bench --json", "maccord sim --family ecp5"),
    )
    assert all(PART.match(part) for part in parts)
    assert not PART.match("maccord synth --target ecp5-85k --unit core.compute.adder")
    assert not PART.match("make sim NET=vgg16 ROWS=32")


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
    write_files(tmp_path)
    return tmp_path


def _run(command: str, place: Path, minutes: float) -> str:
    """Run a command behind those that it needs; return what it prints."""
    if "resnet18.pth" in command:
        write_checkpoint(place)
    for file, commands in BEFORE.items():
        for earlier in commands if file in command else ():
            _run_one(earlier, place, minutes)
    return _run_one(command, place, minutes)


def _run_one(command: str, place: Path, minutes: float) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        ["bash", "-c", command], cwd=place, env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        out, _ = process.communicate(timeout=60 * minutes)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    assert process.returncode == 0, f"{command}\n{out[-4000:]}"
    return out


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        _run("sleep 60", tmp_path, minutes=0.001)


def test_a_command_that_fails_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="got 'resnet81', nearest: resnet18"):
        _run("maccord sim resnet81", tmp_path, minutes=SHORT_LIMIT)


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in RUN if QUICK.match(c)])
def test_quick_commands_run(command: str, place: Path) -> None:
    _run(command, place, SHORT_LIMIT)


@pytest.mark.nightly
@pytest.mark.parametrize("command", [c for c in RUN if not (QUICK.match(c) or LONG.match(c))])
def test_commands_run(command: str, place: Path) -> None:
    out = _run(command, place, SHORT_LIMIT)
    assert all(line in out for line in shown(command)), out


def shown(command: str) -> list[str]:
    """What the README shows of a command's output and is the same on every machine."""
    text = (ROOT / "README.md").read_text()
    found = re.search(rf"^\$ {re.escape(command)}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = found[1].splitlines() if found else []
    return [line for line in lines if re.match(r"one image|[\d,]+ of [\d,]+ outputs", line)]


def test_the_readmes_output_is_compared() -> None:
    cycles, equal = shown("make sim NET=efficientnet_lite0")
    assert "2,025,613 cycles" in cycles and "RTL = NumPy = PyTorch" in equal


@pytest.mark.weekly
@pytest.mark.parametrize("command", [c for c in RUN if LONG.match(c)])
def test_long_commands_run(command: str, place: Path) -> None:
    _run(command, place, LONG_LIMIT)
