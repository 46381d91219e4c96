"""Writes a study's tables, figures and self-contained HTML report."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from ..runtime.files import atomic_write
from .claim import claim, labels
from .claim_levels import COMPARED, level_lines
from .differences import TensorDifference
from .figures_claim import claim_plot
from .figures_curves import FIGURES, curves, title
from .figures_distributions import Distribution, distributions
from .figures_images import Demonstration, demonstrations
from .figures_tables import number, table_picture
from .figures_widths import width_plots
from .info import DESCRIPTIONS, Info
from .published import IMAGES, SLIP, SLIPPED, TABLES, largest_departure
from .rows import MODELS, Row, level_text
from .tables import Results, display_name, tables, write_table
from .widths import sentences, width_tables
from .words import of_images, percent, place, points

__all__ = ["RECOMPUTE", "Picture", "page", "pictures", "write_outputs"]

_OURS = (
    "tables/table_4.*.csv",
    "tables/table_4.*.png",
    "figures/figure_*.png",
    "figures/claim.png",
    "tables/table_W*.csv",
    "tables/table_W*.png",
    "figures/widths_*.png",
)
_TEMPLATE = Path(__file__).parent / "report.html"
_THESIS_FIGURES = ("2.2", "2.3", "2.4", *FIGURES)
_THESIS_TABLES = ("4.1", "4.2", *TABLES)
RECOMPUTE = """\
import numpy as np
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import f1_score

file = np.load("{path}")
labels, fp32, model = file["labels"], file["logits_{fp32}"], file["logits_{model}"]
decided = model.argmax(axis=1)
top1 = (decided == labels).mean()
f1_weighted = f1_score(labels, decided, average="weighted")
flipped = (decided != fp32.argmax(axis=1)).mean()
p, q = (softmax(logits.astype(float), axis=1) for logits in (fp32, model))
kl = entropy(p, q, axis=1).mean()
print(top1, f1_weighted, flipped, kl)
"""


@dataclass(frozen=True)
class Picture:
    """A figure of the thesis: number, title and PNG."""

    number: str
    title: str
    png: bytes


def pictures(
    results: Results,
    shown: Sequence[Demonstration] = (),
    distribution: Distribution | None = None,
) -> list[Picture]:
    """Return the thesis's figures for which there are results, in the thesis's order.

    Parameters
    ----------
    results : Results
    shown : sequence of Demonstration
        Perturbed crops for figure 2.4.
    distribution : Distribution, optional
        Values of a convolution, for figures 2.2 and 2.3.
    """
    found = []
    if distribution:
        for figure, quantized in (("2.2", False), ("2.3", True)):
            kind = "quantized to 8 bits" if quantized else "in floating point"
            text = f"Density of weights and activations of {distribution.layer}, {kind}"
            found.append(Picture(figure, text, distributions(distribution, quantized=quantized)))
    if shown:
        found.append(Picture("2.4", "Perturbed images", demonstrations(shown)))
    for figure in FIGURES:
        drawn = curves(figure, results)
        if drawn:
            found.append(Picture(figure, title(figure, results), drawn))
    return found


def page(
    info: Info,
    rows: Iterable[Row],
    differences: Iterable[TensorDifference],
    drawn: Sequence[Picture],
    plot: bytes | None,
    widths: Mapping[str, bytes] | None = None,
) -> str:
    """Return the content of ``report.html``.

    Parameters
    ----------
    info : Info
    rows : iterable of Row
    differences : iterable of TensorDifference
    drawn : sequence of Picture
    plot : bytes, optional
        The claim's, as PNG.
    widths : mapping of str to bytes, optional
        Plots from `width_plots`.
    """
    results = Results(rows)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "display_name": display_name,
        "inline": lambda png: "data:image/png;base64," + base64.b64encode(png).decode(),
        "called": lambda each: place(each.perturbation, each.level),
    }
    made = tables(results.rows, compare=info.aircraft)
    return environment.from_string(_TEMPLATE.read_text()).render(
        info=info,
        claim=claim(results.rows, differences, info.images),
        labels=labels,
        compared=COMPARED,
        lines=list(level_lines(results)),
        models=MODELS,
        networks=results.networks,
        present=[model for model in MODELS if model in results.models],
        described=DESCRIPTIONS | dict(info.models),
        brownian=results.called("brownian"),
        excluded=of_images(info.images),
        printed=points(largest_departure()).lstrip("+"),
        tables=made,
        figures=drawn,
        plot=plot,
        width_tables=width_tables(results),
        width_plots=widths or {},
        width_sentences=sentences(results),
        missing_tables=_without(_THESIS_TABLES, [table.number for table in made]),
        missing_figures=_without(_THESIS_FIGURES, [picture.number for picture in drawn]),
        recompute=_recompute(results),
        slip={"number": SLIPPED, "factor": SLIP, "images": IMAGES},
    )


def _without(names: Sequence[str], found: Sequence[str]) -> list[str]:
    return [name for name in names if name not in found]


def _recompute(results: Results) -> str:
    """Return the recipe for recomputing results, with names from this study; may be empty."""
    quantized = [model for model in ("int8", "frozen", "live") if model in results.models]
    if not quantized or "fp32" not in results.models or not results.places:
        return ""
    perturbation, level = results.places[-1]
    path = f"logits/{results.networks[0]}/{perturbation}_{level_text(level)}.npz"
    return RECOMPUTE.format(path=path, fp32="fp32", model=quantized[0].replace("-", "_"))


def write_outputs(
    folder: Path,
    info: Info,
    rows: Iterable[Row],
    differences: Iterable[TensorDifference] = (),
    *,
    shown: Sequence[Demonstration] = (),
    distribution: Distribution | None = None,
) -> Path:
    """Write all tables, figures and the report, each file atomically.

    Existing tables and figures that these rows do not produce are removed.

    Parameters
    ----------
    folder : Path
        Folder for ``tables/table_4.N.csv`` and ``.png``, ``figures/figure_4.N.png``,
        ``figures/claim.png`` and ``report.html``.
    info : Info
    rows : iterable of Row
    differences : iterable of TensorDifference
    shown, distribution
        As in `pictures`.

    Returns
    -------
    Path
        Path of the report.
    """
    rows, differences = list(rows), list(differences)
    results = Results(rows)
    written = set()
    for table in [*tables(rows, compare=info.aircraft), *width_tables(results)]:
        path = write_table(folder / "tables", table)
        written |= {path, _write(path.with_suffix(".png"), table_picture(table))}
    drawn = pictures(results, shown, distribution)
    files = {f"figure_{each.number}": each.png for each in drawn}
    plot, widths = claim_plot(results), width_plots(results)
    files |= {f"widths_{name}": content for name, content in widths.items()}
    for name, content in (files | ({"claim": plot} if plot else {})).items():
        written.add(_write(folder / "figures" / f"{name}.png", content))
    for pattern in _OURS:  # remove files of an earlier study with other levels
        for path in set(folder.glob(pattern)) - written:
            path.unlink()
    text = page(info, rows, differences, drawn, plot, widths)
    return _write(folder / "report.html", text.encode())


def _write(path: Path, content: bytes) -> Path:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return path
