"""The cache of Verilated models."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from toy import toy_data, toy_job, toy_verilog

from maccord.runtime.errors import SimulationError
from maccord.sim.build import Model, build
from maccord.sim.netlist import _key, generated
from maccord.sim.process import run_program
from maccord.sim.simulate import simulate
from maccord.spec.parameters import Parameters

pytestmark = pytest.mark.usefixtures("quick_builds")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for tests that spoil it: what all models share is compiled once."""
    return tmp_path_factory.mktemp("models") / "with a space"


def test_a_model_is_built_once(cache: Path) -> None:
    said: list[str] = []

    def one(_: int) -> Model:
        return build(toy_verilog(16), 16, kind="plain", cache=cache, progress=said.append)

    with ThreadPoolExecutor(2) as pool:  # the lock is between files, so threads do
        models = list(pool.map(one, range(2)))
    models.append(one(2))
    assert len({model.path for model in models}) == 1
    assert sum(model.build_seconds > 0 for model in models) == 1
    assert len(said) == 2  # translating, compiling: once


def test_another_netlist_or_kind_is_another_model() -> None:
    text = toy_verilog(16)
    names = {
        build(text, 16).path,
        build(text, 16, kind="plain").path,
        build(text + "\n// changed", 16).path,
    }
    assert len(names) == 3


def test_netlist_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "netlist.v"
    path.write_text(toy_verilog(16))
    assert build(path, 16).path == build(toy_verilog(16), 16).path


def test_an_empty_model_is_built_anew(cache: Path) -> None:
    first = build(toy_verilog(16), 16, kind="plain", cache=cache)
    first.path.write_bytes(b"")
    again = build(toy_verilog(16), 16, kind="plain", cache=cache)
    assert again.path == first.path
    assert again.path.stat().st_size > 0


def test_a_damaged_library_is_built_anew(cache: Path) -> None:
    build(toy_verilog(16), 16, kind="plain", cache=cache)
    (part,) = cache.glob("library-*/verilated.o")
    size = part.stat().st_size
    part.write_bytes(part.read_bytes()[:1000])
    build(toy_verilog(16) + "\n// changed", 16, kind="plain", cache=cache)
    assert part.stat().st_size == size


def test_a_model_that_cannot_be_executed(tmp_path: Path) -> None:
    program = tmp_path / "model"
    program.write_bytes(b"\x7fELF cut off")
    program.chmod(0o755)
    message = r"The simulator .*/model cannot be run \(Exec format error\); delete the file"
    with pytest.raises(SimulationError, match=message):
        run_program([str(program)], tmp_path, {})


def test_a_truncated_netlist_is_generated_anew(tmp_path: Path) -> None:
    parameters = Parameters(rows=4, cols=4)
    text = generated(parameters)  # once for all tests
    path = tmp_path / f"{parameters.name}-{_key(parameters)}.v"
    path.write_text(text[: len(text) // 2])
    assert generated(parameters, tmp_path) == path.read_text() == text
    assert [*tmp_path.iterdir()] == [path]


def test_a_netlist_that_does_not_compile() -> None:
    broken = toy_verilog(16).replace("assign s_axi_bresp = 0;", "assign s_axi_bresp = nothing;")
    with pytest.raises(SimulationError, match=r"Building the model failed.*%Error: .*nothing"):
        build(broken, 16)


def test_a_changed_constant_in_the_netlist_changes_the_bytes() -> None:
    job = toy_job(toy_data(256, seed=3))
    broken = toy_verilog(16).replace("~buffer[sent[3:0]]", "buffer[sent[3:0]]")
    honest = simulate(job)
    mutant = simulate(type(job)(broken, 16, job.memory, 0, job.outputs))
    assert (mutant.outputs[0] == ~honest.outputs[0]).all()
