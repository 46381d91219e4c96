"""Whether an HTML page can be read on a phone and in the dark."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["check_readable", "numbers_of_paragraphs"]

_VOID = {"meta", "br", "img", "link", "hr", "input", "path", "rect", "use"}
_SMALLEST = 12  # pixels


class _Tables(HTMLParser):
    """Where each table is: in an element that scrolls sideways, and below a hint that it does."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.hinted = False
        self.bad: list[str] = []
        self.paragraphs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kinds = dict(attrs).get("class") or ""
        self.hinted |= "hint" in kinds.split()
        if tag == "table" and not (self.hinted and ("div", "wide") in self.open):
            self.bad.append(self.get_starttag_text() or tag)
        if tag == "p":
            self.paragraphs.append("")
        if tag not in _VOID:
            self.open.append((tag, kinds))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if any(tag == "p" for tag, _ in self.open):
            self.paragraphs[-1] += data


def check_readable(text: str) -> None:
    """Fail if a page is not fit for a phone, or for a dark screen."""
    style = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert '<meta name="color-scheme" content="light dark">' in text
    dark = style.partition("@media (prefers-color-scheme: dark)")[2]
    assert "#16181c" in dark, "no dark background"
    assert re.search(r"\.wide \{[^}]*overflow-x: auto", style)
    assert re.search(r"@media \(max-width: \d+em\) \{ \.hint \{ display: block", style)
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:\s*([\d.]+)px", style)]
    assert sizes and min(sizes) >= _SMALLEST
    tables = _Tables(text)
    assert "<table" in text and not tables.bad, tables.bad


def numbers_of_paragraphs(text: str) -> list[int]:
    """How many numbers each paragraph of a page has."""
    number = re.compile(r"\d[\d.,]*")
    return [len(number.findall(paragraph)) for paragraph in _Tables(text).paragraphs]
