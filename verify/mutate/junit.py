"""A campaign as JUnit XML: a suite for each block, a case for each mutant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ...runtime.files import atomic_write

__all__ = ["Case", "write_junit"]


@dataclass(frozen=True)
class Case:
    """A mutant that is killed, or why it is not.

    Attributes
    ----------
    suite, name : str
    failure : str
        What survived, where nothing excuses it; else empty.
    skipped : str
        Why it counts neither as killed nor as survivor; else empty.
    """

    suite: str
    name: str
    failure: str = ""
    skipped: str = ""


def write_junit(path: Path, cases: Sequence[Case]) -> None:
    """Write the file; suites are in the order of their first cases."""
    root = ElementTree.Element("testsuites", _counts(cases))
    for name in dict.fromkeys(case.suite for case in cases):
        own = [case for case in cases if case.suite == name]
        suite = ElementTree.SubElement(root, "testsuite", {"name": name, **_counts(own)})
        for element in _elements(own):
            suite.append(element)
    with atomic_write(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(bool(case.failure) for case in cases)),
        "skipped": str(sum(bool(case.skipped) for case in cases)),
    }


def _elements(cases: Sequence[Case]) -> Iterator[ElementTree.Element]:
    for case in cases:
        found = ElementTree.Element("testcase", {"classname": case.suite, "name": case.name})
        for kind, text in (("failure", case.failure), ("skipped", case.skipped)):
            if text:
                ElementTree.SubElement(found, kind, {"message": text})
        yield found
