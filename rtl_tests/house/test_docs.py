"""The documentation: links hold, generated pages and figures are current, commands exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from maccord.cli.main import app
from maccord.spec.registers import RESET_CYCLES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the site; warnings, dead links among them, are errors."""
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_site_builds(tmp_path: Path) -> None:
    done = build(DOCS, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "architecture.html").is_file()


@pytest.mark.slow
def test_a_dead_link_fails(tmp_path: Path) -> None:
    copy = tmp_path / "docs"
    shutil.copytree(DOCS, copy)
    with (copy / "architecture.md").open("a") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    done = build(copy, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


def test_links_of_pages_outside_the_site_hold() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (ROOT / target).exists(), f"{page.name}: {target}"


def test_the_command_lines_reference_is_current() -> None:
    program = "import command_line as c; raise SystemExit(c.PAGE.read_text() != c.page())"
    done = subprocess.run([sys.executable, "-c", program], cwd=DOCS, check=False)
    assert done.returncode == 0, "docs/cli.md is stale: python docs/command_line.py"


@pytest.mark.slow
def test_the_list_of_host_operators_is_current() -> None:
    program = "import host_operators as h; raise SystemExit(h.PAGE.read_text() != h.page())"
    done = subprocess.run([sys.executable, "-c", program], cwd=DOCS, check=False)
    assert done.returncode == 0, "docs/host_operators.md is stale: python docs/host_operators.py"


@pytest.mark.parametrize(
    ("part", "holds"),
    [
        pytest.param("first", "startswith", marks=pytest.mark.slow),
        pytest.param("last", "endswith", marks=pytest.mark.nightly),
    ],
)
def test_the_list_of_operators_of_model_files_is_current(part: str, holds: str) -> None:
    there = f"f.PAGE.read_text().{holds}(f.{part}())"
    program = f"import format_operators as f; raise SystemExit(not {there})"
    done = subprocess.run([sys.executable, "-c", program], cwd=DOCS, check=False)
    assert done.returncode == 0, (
        "docs/format_operators.md is stale: python docs/format_operators.py"
    )


def test_each_host_operators_sentence_names_its_line() -> None:
    rows = [r for r in (DOCS / "host_operators.md").read_text().splitlines() if "| `" in r]
    nowhere = [r for r in rows if not re.search(r"\(operator_examples\.py, line \d+\)`", r)]
    assert len(rows) > 70
    assert [row.split(" |")[0] for row in nowhere] == [
        "| weights of half precision",
        "| no operator",
    ]


@pytest.mark.slow
def test_schemas_of_results_are_current() -> None:
    program = (
        "from result_schemas import FOLDER, schemas\n"
        "found = {p.name: p.read_text() for p in FOLDER.iterdir()}\n"
        "raise SystemExit(found != schemas())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=DOCS, check=False)
    assert done.returncode == 0, "docs/schemas/ is stale: python docs/result_schemas.py"


@pytest.mark.slow
def test_figures_are_current() -> None:
    program = (
        "from figures.__main__ import FIGURES, HERE, digest\n"
        "for name in FIGURES:\n"
        "    assert digest(name) in (HERE / f'{name}.svg').read_text(), name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=DOCS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"stale: cd docs && python -m figures: {done.stderr}"


def test_the_length_of_a_reset_is_said_where_it_is_needed() -> None:
    pages = {
        "docs/integration.md": f"held for at least {RESET_CYCLES} cycles",
        "README.md": f"ClockCycles(dut.aclk, {RESET_CYCLES})",
        "examples/own_testbench/testbench.py": f"ClockCycles(dut.aclk, {RESET_CYCLES})",
    }
    for name, said in pages.items():
        assert said in (ROOT / name).read_text(), name


def commands(page: Path) -> Iterator[str]:
    """Yield what a page tells the reader to type: lines of code blocks, and code in sentences."""
    text = page.read_text()
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`((?:make|maccord) [^`]+)`", text)
    for line in lines:
        typed = line.strip().removeprefix("$ ").removeprefix(".venv/bin/").partition(" #")[0]
        if re.match(r"(make|maccord) ", typed) and not re.search(r"[A-Z]+\.\.\.|\[|\.\.\.", typed):
            yield typed.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known_commands = vars(get_command(app))["commands"]
    for typed in commands(page):
        program, *words = shlex.split(typed)
        if program == "make":
            asked = [word for word in words if "=" not in word]
            assert set(asked) <= targets, typed
        elif words[0] not in ("--help", "--version"):
            command = known_commands.get(words[0])
            assert command is not None, typed
            known = {option for part in command.params for option in (*part.opts, "--help")}
            known |= {option for part in command.params for option in part.secondary_opts}
            options = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
            assert options <= known, typed
