"""Which way imports point: downwards, and RTL and reference meet in `spec` alone."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {  # room: (rooms, third-party packages) that it may import
    "runtime": ({"runtime"}, {"distributed", "numpy", "rich"}),
    "spec": ({"spec"}, set()),
    "golden": ({"golden", "spec"}, {"numpy"}),
    "hw": ({"hw", "spec"}, {"amaranth"}),
    "compiler": ({"compiler", "golden", "spec"}, {"numpy"}),
    "nets": (
        {"golden", "nets", "runtime", "spec"},
        {"numpy", "scipy", "torch", "safetensors", "sklearn", "PIL"},
    ),
    "sim": (
        {"compiler", "golden", "hw", "nets", "runtime", "sim", "spec"},
        {
            *("numpy", "torch", "cocotb", "cocotb_bus", "cocotb_tools", "find_libpython"),
            *("threadpoolctl", "typer", "rich", "matplotlib", "jinja2", "vcd"),
        },
    ),
    "synth": (
        {"compiler", "golden", "hw", "runtime", "sim", "spec", "synth"},
        {"amaranth", "numpy", "typer", "rich", "matplotlib"},
    ),
    "study": (
        {"compiler", "golden", "nets", "runtime", "sim", "spec", "study", "synth"},
        {
            *("numpy", "scipy", "sklearn", "torch", "distributed"),
            *("threadpoolctl", "typer", "rich", "matplotlib", "jinja2"),
        },
    ),
    "generalize": (
        {"compiler", "generalize", "golden", "nets", "runtime", "sim", "spec", "study"},
        {
            *("numpy", "scipy", "torch", "PIL", "distributed"),
            *("threadpoolctl", "typer", "rich", "matplotlib", "jinja2"),
        },
    ),
    "verify": (
        {"compiler", "golden", "hw", "nets", "runtime", "sim", "spec", "synth", "verify"},
        {
            *("amaranth", "numpy", "scipy", "torch", "cocotb", "cocotb_tools", "distributed"),
            *("typer", "rich", "matplotlib", "jinja2"),
        },
    ),
    "cli": (
        {"cli", "generalize", "nets", "runtime", "sim", "spec", "study", "synth", "verify"},
        {"typer", "rich"},
    ),
    "api": (
        {"api", "compiler", "golden", "hw", "nets", "sim", "spec"},
        {"numpy", "torch"},
    ),
}
BLOCKED = {
    "spec": ("numpy", "torch", "amaranth", "cocotb", "scipy", "typer", "rich"),
    "golden": ("torch", "amaranth", "cocotb", "scipy", "typer", "rich"),
    "compiler": ("torch", "amaranth", "cocotb", "scipy", "typer", "rich"),
    "hw": ("torch", "cocotb", "scipy", "typer", "rich"),
}
RUN_GOLDEN = """
import numpy as np
from maccord.golden.kernels.conv2d import conv2d
from maccord.golden.graph import Conv2d, Quantization

layer = Conv2d(
    name="alone",
    weight=np.full((2, 3, 1, 1), 2, np.int8),
    bias=np.zeros(2, np.float32),
    bias_q=np.array([5, -5], np.int32),
    weight_scale=np.ones(2),
    multiplier=np.full(2, 0.5, np.float32),
    input=Quantization(1.0, 10),
    output=Quantization(1.0, 20),
)
assert conv2d(np.full((1, 1, 1, 3), 11, np.uint8), layer).tolist() == [[[[26, 20]]]]
"""


def test_every_room_is_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(ROOMS) == set(settings["tool"]["setuptools"]["package-dir"].values())


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of the modules that a file imports."""
    room = path.relative_to(ROOT).parts[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
        elif isinstance(node, ast.ImportFrom):
            parents = ["maccord", room, *path.relative_to(ROOT).parts[1:-1]]
            base = parents[: len(parents) - node.level + 1]
            if node.module:
                yield ".".join([*base, node.module])
            else:
                yield from (".".join([*base, alias.name]) for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_downwards_only(room: str) -> None:
    rooms, packages = ROOMS[room]
    allowed = {f"maccord.{name}" for name in rooms} | packages
    wrong = []
    for path in sorted((ROOT / room).rglob("*.py")):
        for module in imported(path):
            depth = 2 if module.startswith("maccord.") else 1
            top = ".".join(module.split(".")[:depth])
            if top not in allowed and top not in sys.stdlib_module_names:
                wrong.append(f"{path.relative_to(ROOT)}: {module}")
    assert not wrong


def run_without(blocked: tuple[str, ...], program: str) -> subprocess.CompletedProcess[str]:
    """Run Python in which some packages cannot be imported."""
    block = f"import sys\nfor name in {blocked!r}:\n    sys.modules[name] = None\n"
    return subprocess.run(
        [sys.executable, "-c", block + program], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("room", BLOCKED)
def test_every_module_imports_without_the_rooms_above(room: str) -> None:
    paths = sorted(path.relative_to(ROOT) for path in (ROOT / room).rglob("*.py"))
    names = [".".join(["maccord", *path.with_suffix("").parts]) for path in paths]
    assert names
    program = "\n".join(f"import {name.removesuffix('.__init__')}" for name in names)
    done = run_without(BLOCKED[room], program)
    assert done.returncode == 0, done.stderr


def test_golden_runs_without_torch_and_amaranth() -> None:
    done = run_without(BLOCKED["golden"], RUN_GOLDEN)
    assert done.returncode == 0, done.stderr


def test_blocking_blocks() -> None:
    assert "ModuleNotFoundError" in run_without(("torch",), "import torch").stderr


def test_help_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "amaranth", "cocotb", "sklearn", "scipy")
    program = (
        "import sys\nsys.argv = ['maccord', 'sim', '--help']\n"
        "from maccord.cli.main import main\nmain()\n"
    )
    done = run_without(heavy, program)
    assert done.returncode == 0, done.stderr
    assert "--perturb" in done.stdout
