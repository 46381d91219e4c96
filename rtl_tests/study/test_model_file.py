"""A study of a model file: its integer logits are its runtime's, and it has no float models."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from study_tasks import request, weights

from maccord.nets.formats.onnx_writer import to_onnx
from maccord.nets.images import normalize
from maccord.study.plan import conditions
from maccord.study.prepare import subjects
from maccord.study.request import StudyRequest, check
from maccord.study.rows import read_rows
from maccord.study.run import run
from maccord.study.samples import read_samples
from maccord.study.subject import quantized_network
from maccord.study.work import inputs

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded ResNet-18 as QDQ."""
    folder = tmp_path_factory.mktemp("file")
    with ThreadPoolExecutor(1) as pool:
        given = request(folder, weights={"resnet18": weights(folder, seed=1)})
        (subject,) = subjects(given, pool)
    path = folder / "digits.onnx"
    path.write_bytes(to_onnx(quantized_network(subject).graph))
    return path


def asked(file: Path, folder: Path, **options: object) -> StudyRequest:
    """A study of the file."""
    return request(folder, networks=(str(file),), weights={}, save_logits=True, **options)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without figures and report, which take longer than these studies."""
    monkeypatch.setattr("maccord.study.run.write_outputs", lambda out, *_, **__: out)


@pytest.mark.nightly
def test_the_report_has_no_float_model(file: Path, tmp_path: Path) -> None:
    given = asked(file, tmp_path, limit=16)
    assert run(given) == 0
    page = (given.out / "report.html").read_text()
    assert "the file digits.onnx; reference ONNX Runtime" in page
    assert "network in 32-bit floating point" not in page


@pytest.mark.usefixtures("undrawn")
def test_the_logits_are_the_runtimes(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = asked(file, tmp_path)
    assert run(given) == 0
    samples = {(s.perturbation, s.level): s for s in read_samples(given.out / "logits")}
    with ThreadPoolExecutor(1) as pool:
        found = conditions(given, subjects(given, pool))
    assert len(found) == len(samples) == 3
    for condition in found:
        network = quantized_network(condition.subject)
        assert network.engine.startswith("ONNX Runtime 1.")
        crops = np.concatenate([inputs(task)[1] for task in condition.tasks])[:8]
        images = np.concatenate([normalize(crop) for crop in crops])
        expected = network.results(images)[network.graph.output]
        sample = samples[condition.level.name, condition.level.level]
        np.testing.assert_array_equal(sample.logits["int8"][:8], expected)
        assert len(np.unique(expected)) > 20
    rows = read_rows(given.out / "results.csv")
    assert {row.model for row in rows} == {"frozen", "frozen-clamped", "int8"}
    assert {row.network for row in rows} == {"digits"}
    assert "digits.onnx; reference ONNX Runtime 1." in (given.out / "info.json").read_text()
    assert "digits" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_a_file_beside_its_own_network(file: Path, tmp_path: Path) -> None:
    given = asked(file, tmp_path)
    both = request(tmp_path, networks=("resnet18", str(file)), models=("fp32", "int8"), limit=8)
    assert run(both) == 0
    rows = read_rows(given.out / "results.csv")
    assert {(r.network, r.model) for r in rows} == {
        *(("resnet18", "fp32"), ("resnet18", "int8"), ("digits", "int8"))
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"models": ("fp32", "live")},
            "which is quantized, must be of frozen, frozen-clamped, int8",
        ),
        ({"weights": {"{}": Path("w.pt")}}, "weights must be left out for"),
        ({"networks": ("none.onnx",)}, "target must be a readable file, got none.onnx"),
        ({"networks": ("{}", "{}")}, "networks must each be there once"),
        ({"std": (0.0,)}, "std must be above 0, got 0"),
        ({"mean": (0.1, 0.2)}, "mean must be one finite number, or three, got 0.1,0.2"),
        ({"networks": ("resnet18",), "mean": (0.0,)}, "got no model file"),
        ({"perturb": "fgsm:0.1"}, "perturb must be without fgsm for a model file"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: dict, sentence: str, file: Path, tmp_path: Path
) -> None:
    def filled(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(filled(each) for each in value)
        if isinstance(value, dict):
            return {filled(key): each for key, each in value.items()}
        return value.format(file) if isinstance(value, str) else value

    given = {"networks": (str(file),), "weights": {}} | {k: filled(v) for k, v in options.items()}
    with pytest.raises(ValueError, match=r"\S") as refused:
        check(request(tmp_path, **given))
    assert sentence in str(refused.value)


def test_a_file_for_other_images_is_refused(tmp_path: Path) -> None:
    from onnx_networks import FOLDER

    given = asked(FOLDER / "residual_qdq_int8.onnx", tmp_path)
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="input must be 3x32x32"):
        subjects(given, pool)
