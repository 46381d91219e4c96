"""The golden model and the live kernels against PyTorch's recorded results."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from maccord.golden.array.requantize import requantize_integer
from maccord.golden.graph import Conv2d, Host, Linear
from maccord.golden.kernels import conv2d, conv_transpose2d, linear
from maccord.golden.network import OPERATIONS
from maccord.golden.operations.conv_transpose2d import ConvTranspose2d
from maccord.verify.vectors.case import RECORDED, Case, Recording, load, save
from maccord.verify.vectors.golden_outputs import OUTSIDE, golden_output, operation_of
from maccord.verify.vectors.kernels import FUNCTIONS, KERNELS, lacking
from maccord.verify.vectors.record import cases, differing, main, recorded

RECORDING = load()
KINDS = sorted({case.operation for case in RECORDING.cases})
WITHOUT = {Host}  # computed by the framework itself


def of_kind(kind: str) -> list[Case]:
    return [case for case in RECORDING.cases if case.operation == kind]


def unrecorded(operations: Iterable[type], recording: Recording) -> set[str]:
    """Operations of the golden model that no recorded call has."""
    names = {operation.__name__ for operation in operations if operation not in WITHOUT}
    return (names | set(OUTSIDE)) - {case.operation for case in recording.cases}


@pytest.fixture
def kernels() -> None:
    """For tests that call PyTorch's quantized kernels."""
    if reason := lacking():
        pytest.skip(f"{reason}; the recorded results alone hold the golden model")


@pytest.mark.parametrize("kind", KINDS)
def test_golden_gives_what_was_recorded(kind: str) -> None:
    for case in of_kind(kind):
        result = golden_output(case)
        assert result.dtype == case.arrays["y"].dtype
        np.testing.assert_array_equal(result, case.arrays["y"], case.name)


def test_the_hardware_s_form_of_requantization_gives_it_too() -> None:
    accumulators = {
        Conv2d: conv2d.accumulate,
        Linear: linear.accumulate,
        ConvTranspose2d: conv_transpose2d.accumulate,
    }
    layers = [case for kind in accumulators for case in of_kind(kind.__name__)]
    assert len(layers) > 50
    for case in layers:
        layer = operation_of(case)
        acc = accumulators[type(layer)](case.arrays["x"], layer)
        target = layer.output.zero_point
        result = requantize_integer(acc, layer.multiplier, target, *layer.bounds)
        np.testing.assert_array_equal(result, case.arrays["y"], case.name)


def test_every_operation_is_recorded() -> None:
    assert unrecorded(OPERATIONS, RECORDING) == set()
    assert {case.kernel for case in RECORDING.cases} == set(KERNELS)
    functions = {case.settings["function"] for case in of_kind("Lookup")}
    assert functions == set(FUNCTIONS)


def test_a_new_operation_without_recorded_calls_is_found() -> None:
    new = type("Attention", (), {})
    assert unrecorded((*OPERATIONS, new), RECORDING) == {"Attention"}
    fewer = tuple(case for case in RECORDING.cases if case.operation != "Mul")
    assert unrecorded(OPERATIONS, replace(RECORDING, cases=fewer)) == {"Mul"}


def test_the_edges_are_recorded() -> None:
    """Codes of all kinds in each operation; zero points and multipliers at their ends."""
    layers = [operation_of(case) for kind in ("Conv2d", "Linear") for case in of_kind(kind)]
    multipliers = np.concatenate([layer.multiplier for layer in layers])
    assert multipliers.min() < 2.0**-125 and multipliers.max() >= 2.0**22
    for side in ("input", "output"):
        assert {getattr(layer, side).zero_point for layer in layers} >= {0, 1, 127, 128, 254, 255}
    assert {-128, 127} <= set(np.concatenate([layer.weight.ravel() for layer in layers]).tolist())
    for kind in KINDS:
        codes = np.concatenate([case.arrays["y"].ravel() for case in of_kind(kind)])
        assert len(np.unique(codes)) > 90, kind
    empty = {case.operation for case in RECORDING.cases if 0 in case.arrays["x"].shape}
    assert empty >= {"Conv2d", "Linear", "Add", "Mul", "MaxPool2d", "AvgPool2d", "quantize"}


@pytest.mark.usefixtures("kernels")
def test_live_kernels_and_the_script_give_what_was_recorded() -> None:
    """The same calls, the same arrays, the same results: the script made the files."""
    made = [recorded(case) for case in cases()]
    assert [case.name for case in made] == [case.name for case in RECORDING.cases]
    for found, due in zip(made, RECORDING.cases, strict=True):
        assert json.loads(json.dumps(found.settings)) == due.settings, due.name
        assert found.arrays.keys() == due.arrays.keys()
        for name, array in due.arrays.items():
            np.testing.assert_array_equal(found.arrays[name], array, f"{due.name} {name}")


@pytest.mark.usefixtures("kernels")
def test_check_names_the_value_that_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [of_kind("Add")[0], of_kind("Linear")[0]]
    wrong = few[1].arrays["y"].copy()
    wrong[1, 2] ^= 1
    due, got = wrong[1, 2], wrong[1, 2] ^ 1
    few[1] = replace(few[1], arrays=few[1].arrays | {"y": wrong})
    save(Recording(RECORDING.versions, tuple(few)), tmp_path / "few")
    assert main(["--check", "--path", str(tmp_path / "few")]) == 1
    told = capsys.readouterr().out
    assert f"linear.small: 1 of {wrong.size} values of y differ, first at (1, 2)" in told
    assert f"recorded {due}, got {got}" in told and "torch 2.13.0" in told
    assert "2 calls compared, 1 differ" in told


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_of_a_result_fails(kind: str) -> None:
    case = next(case for case in of_kind(kind) if case.arrays["y"].size)
    wrong = case.arrays["y"].copy()
    wrong.reshape(-1).view(np.uint8)[wrong.nbytes // 2] ^= 1
    flipped = replace(case, arrays=case.arrays | {"y": wrong})
    with pytest.raises(AssertionError, match="Mismatched elements: 1 "):
        np.testing.assert_array_equal(golden_output(flipped), flipped.arrays["y"])
    if not lacking():
        assert "1 of" in differing(flipped)


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_a_flipped_byte_of_the_file_fails(tmp_path: Path, place: float) -> None:
    content = bytearray(RECORDED.with_name(f"{RECORDED.name}.npz").read_bytes())
    content[round(place * (len(content) - 1))] ^= 0x10
    described = RECORDED.with_name(f"{RECORDED.name}.json").read_bytes()
    (tmp_path / "flipped.npz").write_bytes(content)
    (tmp_path / "flipped.json").write_bytes(described)
    with pytest.raises(ValueError, match=r"flipped.npz must have the SHA-256"):
        load(tmp_path / "flipped")


def test_files_are_small_and_the_same_for_the_same_calls(tmp_path: Path) -> None:
    few = Recording(RECORDING.versions, RECORDING.cases[::40])
    for name in ("first", "second"):
        save(few, tmp_path / name)
    for suffix in (".npz", ".json"):
        first, second = (tmp_path / f"{name}{suffix}" for name in ("first", "second"))
        assert first.read_bytes().replace(b"first", b"") == second.read_bytes()
        assert RECORDED.with_name(f"{RECORDED.name}{suffix}").stat().st_size < 1_000_000
    assert RECORDING.versions["torch"] == "2.13.0"


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import numpy as np
from maccord.verify.vectors.case import load
from maccord.verify.vectors.golden_outputs import golden_output
cases = load().cases
for case in cases:
    np.testing.assert_array_equal(golden_output(case), case.arrays["y"], case.name)
print(len(cases))
"""
WITHOUT_QUANTIZATION = """
import sys
import torch
for name in ("torch.ao", "torch.ao.quantization", "torch.ao.nn", "torch.quantization"):
    sys.modules[name] = None
from maccord.verify.vectors.record import main
sys.exit(main(["--check"]))
"""


def run(script: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_golden_is_held_without_torch() -> None:
    assert run(WITHOUT_TORCH) == f"{len(RECORDING.cases)}\n"


@pytest.mark.usefixtures("kernels")
def test_kernels_are_checked_without_the_deprecated_package() -> None:
    assert f"{len(RECORDING.cases)} calls compared, 0 differ" in run(WITHOUT_QUANTIZATION)


def test_kernels_that_are_gone_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.ops, "quantized", SimpleNamespace())
    assert "lacks conv2d_prepack, linear_prepack" in lacking()
    assert main(["--check"]) == 3
    assert "kernels must be there to be called, got: torch" in capsys.readouterr().err
    assert golden_output(RECORDING.cases[0]).size > 0
