"""Converts figures to accessible SVG that adapts to light and dark themes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from html import escape

from matplotlib.figure import Figure

__all__ = ["svg"]

# Embedded: black lines and text take the page's colour. Standalone: the viewer's
_STYLE = (
    "<style>.plot { color: #222; } .plot text { fill: currentColor; } "
    "@media (prefers-color-scheme: dark) { .plot { color: #ddd; background: #16181c; } }</style>"
)


def svg(figure: Figure, title: str, hints: Mapping[str, str] | None = None) -> str:
    """Return a figure as an SVG element for embedding, without an XML prologue.

    Parameters
    ----------
    figure : Figure
    title : str
        Title, read by screen readers.
    hints : mapping of str to str, optional
        Tooltips, keyed by the `gid` of an artist.

    Returns
    -------
    str
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("#000000", "currentColor")
    name = escape(title)
    text = re.sub("<svg ", f'<svg class="plot" role="img" aria-label="{name}" ', text, count=1)
    head, end, rest = text.partition(">")
    text = f"{head}{end}\n <title>{name}</title>\n {_STYLE}{rest}"
    for gid, hint in (hints or {}).items():
        text = text.replace(f'<g id="{gid}">', f"<g>\n    <title>{escape(hint)}</title>", 1)
    return text
