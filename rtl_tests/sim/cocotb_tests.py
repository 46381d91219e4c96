"""Runs cocotb tests against a testbench of their own."""

from pathlib import Path
from xml.etree import ElementTree

from maccord.sim.build import build_bench
from maccord.sim.process import cocotb_environment, run_program

__all__ = ["run_cocotb_tests"]


def run_cocotb_tests(
    bench: str, module: str, axi_bytes: int, folder: Path, *, tests: int, seed: int = 0
) -> None:
    """Build `bench`, run the tests of `module` in it, and assert that all of them passed.

    Parameters
    ----------
    bench : str
        SystemVerilog file in this folder.
    module : str
        Python module with the cocotb tests.
    axi_bytes : int
        Bytes per beat of the bus.
    folder : Path
        For what the run leaves behind.
    tests : int
        How many tests there are.
    seed : int
        Of the tests, which read it as `MACCORD_SEED`.
    """
    model = build_bench(Path(__file__).with_name(bench), "", axi_bytes)
    environment = cocotb_environment(folder, module) | {"MACCORD_SEED": str(seed)}
    run_program([str(model.path)], folder, environment)
    results = ElementTree.parse(folder / "results.xml")
    assert len(list(results.iter("testcase"))) == tests
    problems = [*results.iter("failure"), *results.iter("error")]
    assert not problems, (folder / "log").read_text()
