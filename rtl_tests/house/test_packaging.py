"""The wheel holds the tree's files, and what is installed from it imports."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
ROOMS = tuple(SETUPTOOLS["package-dir"].values())


def room_files() -> set[str]:
    """Return the rooms' files as paths in the wheel."""
    return {
        f"maccord/{path.relative_to(ROOT)}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that the tree stays clean; needs no network."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for room in ROOMS:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, source / room, ignore=ignore)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    pip = (sys.executable, "-m", "pip")
    run(*pip, "wheel", *options, "--wheel-dir", str(folder), str(source), cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_wheel_holds_every_file_of_every_room(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == room_files()


@pytest.mark.slow
def test_wheel_installs_and_imports(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--target", str(target), str(wheel), cwd=tmp_path)
    modules = [f"maccord.{room}" for room in ROOMS] + ["maccord.cli.main", "maccord.hw.verilog"]
    modules += ["maccord.compiler", "maccord.sim.network.reports"]
    # The editable install's finder would win over the target's path
    program = (
        "import sys\n"
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        f"sys.path.insert(0, {str(target)!r})\n"
        f"import {', '.join(modules)}\n"
        f"print(*[m.__file__ for n, m in sys.modules.items() if n.count('.') == 1"
        " and n.startswith('maccord.')], sep='\\n')\n"
    )
    files = run(sys.executable, "-c", program, cwd=tmp_path).split()
    assert len(files) == len(ROOMS)
    assert all(Path(file).is_relative_to(target) for file in files), files


def test_pins_satisfy_the_bounds() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    files = ("requirements.txt", "requirements-executorch.txt")
    lines = [line for file in files for line in (ROOT / file).read_text().splitlines()]
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pins = {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in pinned}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    installed = (extras[name] for name in ("synth", "onnx", "tflite", "executorch", "dev"))
    for text in [*project["dependencies"], *chain(*installed)]:
        bound = Requirement(text)
        assert bound.specifier.contains(pins[canonicalize_name(bound.name)]), text
    assert pins["torch"] == "2.13.0"


def test_every_script_is_executable() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
