"""Figures: PNG files that are the same each time, of whatever was run, with what they plot."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.integrate import trapezoid
from scipy.stats import gaussian_kde
from study_samples import random_sample

from maccord.study import figures_claim, figures_curves, figures_images
from maccord.study.figures_claim import claim_plot
from maccord.study.figures_curves import FIGURES, curves
from maccord.study.figures_distributions import Distribution, density, distributions
from maccord.study.figures_images import Demonstration, demonstrations
from maccord.study.figures_style import COLOURS, LABELS, MARKERS, STYLES, style
from maccord.study.figures_tables import table_picture
from maccord.study.measure import measure_all
from maccord.study.rows import MODELS
from maccord.study.tables import Results, tables


def some(*models: str, networks: tuple[str, ...] = ("resnet18",)) -> Results:
    samples = [
        random_sample(
            1, network=network, perturbation=name, level=level, images=30, models=models or MODELS
        )
        for network in networks
        for name, level in (("clean", 0.0), ("awgn", 0.4), ("awgn", 1.0), ("vertical", 3.0))
    ]
    return Results(measure_all(samples, resamples=20))


def picture_size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


def distribution() -> Distribution:
    rng = np.random.default_rng(1)
    weights, activations = rng.normal(size=(8, 4, 3, 3)), rng.random((2, 8, 9, 9))
    codes = (activations * 255).astype(np.uint8)
    return Distribution("conv1", weights, activations, (weights * 30).astype(np.int8), codes)


def crops() -> list[Demonstration]:
    rng = np.random.default_rng(2)
    places = [("clean", 0.0), ("awgn", 0.1), ("awgn", 1.0), ("vertical", 2.0)]
    return [Demonstration(*place, rng.normal(0.5, 1, (8, 8, 3)).astype("f4")) for place in places]


DRAWN: dict[str, Callable[[], bytes | None]] = {
    "4.1": lambda: curves("4.1", some()),
    "claim": lambda: claim_plot(some()),
    "2.3": lambda: distributions(distribution(), quantized=True),
    "2.4": lambda: demonstrations(crops()),
    "table": lambda: table_picture(tables(some().rows)[0]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_file_depends_on_the_numbers_only(name: str) -> None:
    first = DRAWN[name]()
    assert first and min(picture_size(first)) > 100
    with mpl.rc_context({"font.size": 30, "axes.linewidth": 9, "image.cmap": "hot"}):
        assert DRAWN[name]() == first
    assert b"Software" not in first and b"tIME" not in first and b"tEXt" not in first


def drawn(monkeypatch: pytest.MonkeyPatch, module: Any, draw: Callable[[], object]) -> Figure:
    """The figure behind a PNG."""
    kept: list[Figure] = []

    def keep(figure: Figure) -> bytes:
        kept.append(figure)
        return b""

    monkeypatch.setattr(module, "png", keep)
    draw()
    return kept[0]


def test_curves_begin_clean_and_have_their_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    results = some(networks=("vgg16", "resnet18"))
    figure = drawn(monkeypatch, figures_curves, lambda: curves("4.1", results))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["ResNet-18", "VGG-16", "", ""]
    shown = ["fp32", "live", "frozen", "int8"]
    axes = figure.axes[1]
    assert [line.get_label() for line in axes.lines] == [LABELS[model] for model in shown]
    for model, line, band in zip(shown, axes.lines, axes.collections, strict=True):
        rows = [
            results.row("vgg16", model, *place, "top1")
            for place in (("clean", 0.0), ("awgn", 0.4), ("awgn", 1.0))
        ]
        expected = [(row.level, row.value) for row in rows if row]
        assert list(zip(*line.get_data(), strict=True)) == expected
        (path,) = band.get_paths()
        corners = {tuple(corner) for corner in path.vertices}  # type: ignore[union-attr]
        assert {(r.level, end) for r in rows if r for end in (r.low, r.high)} <= corners


@pytest.mark.parametrize("networks", [("vgg16",), ("vgg16", "resnet18"), ("vgg16", "a", "b")])
@pytest.mark.parametrize("number", ["4.1", "4.2", "4.3", "claim"])
def test_nothing_is_cut_off(
    number: str, networks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = some(networks=networks).rows
    # One network's divergences are far greater than the first one's
    last = [r for r in found if r.network == networks[-1] and r.metric == "kl"]
    grown = [replace(r, value=9 * r.value, low=9 * r.low, high=9 * r.high) for r in last]
    rest = [r for r in found if r not in last]
    nothing = [replace(r, value=0.0, low=0.0) if r.level == 1 else r for r in rest]
    results = Results(nothing + grown)
    module = figures_claim if number == "claim" else figures_curves
    draw = claim_plot if number == "claim" else lambda results: curves(number, results)
    with style():
        figure = drawn(monkeypatch, module, lambda: draw(results))
        figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_ylim()
        values = [y for line in axes.lines for y in np.atleast_1d(line.get_ydata())]
        assert values and low < min(values) and max(values) < high
    width, height = figure.bbox.size
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0 and legend.x1 <= width and legend.y1 <= height


def test_the_claims_plot_shows_every_model_at_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    results = some()
    figure = drawn(monkeypatch, figures_claim, lambda: claim_plot(results))
    assert len(figure.axes) == 3
    decided, _, top1 = figure.axes
    values = [float(y) for line in decided.lines for y in np.atleast_1d(line.get_ydata())]
    rows = [
        results.row("resnet18", "frozen", *place, "decided_differently") for place in results.places
    ]
    assert [row.value for row in rows if row] == values
    places = {x for line in top1.lines for x in np.atleast_1d(line.get_xdata())}
    assert len(places) == 4
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [LABELS[model] for model in MODELS]


def test_what_was_not_run_is_not_drawn() -> None:
    results = some("fp32", "int8")
    found = {number for number in FIGURES if curves(number, results)}
    assert found == {"4.1", "4.2", "4.3", "4.7", "4.8", "4.9"}
    assert not curves("4.3", some("fp32")) and curves("4.1", some("fp32"))
    assert claim_plot(some("live"))
    assert claim_plot(Results([])) is None and curves("4.1", Results([])) is None


def test_no_two_models_look_alike() -> None:
    for looks in (COLOURS, MARKERS, LABELS):
        assert list(looks) == list(MODELS) and len(set(looks.values())) == len(MODELS)
    assert list(STYLES) == list(MODELS)


def test_density_is_scipys() -> None:
    values = np.random.default_rng(0).normal(3, 2, (40, 50))
    points, estimate = density(values)
    np.testing.assert_allclose(estimate, gaussian_kde(values.reshape(-1))(points))
    assert trapezoid(estimate, points) == pytest.approx(1, abs=1e-3)
    many = np.arange(100_001) % 7
    assert density(many)[0][[0, -1]] == pytest.approx([-1, 7], abs=1)
    with pytest.raises(ValueError, match="values must be at least two different numbers, got"):
        density(np.zeros(9))


def test_images_are_shown_clamped_beside_the_clean_one(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, figures_images, lambda: demonstrations(crops()))
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    clean, *others = (np.clip(each.crop, 0, 1) for each in crops())
    expected = [clean, others[0], others[1], clean, others[2]]
    assert len(shown) == len(expected)
    for image, wanted in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(image, wanted)
    monkeypatch.undo()
    assert io.BytesIO(demonstrations(crops()[:1])).read(4) == b"\x89PNG"
