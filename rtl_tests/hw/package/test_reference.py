"""The reference pages in docs/ are what the tables give."""

from __future__ import annotations

from pathlib import Path

import pytest

from maccord.hw.package.reference import PAGES, instruction_page
from maccord.spec.isa import TABLE

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_its_table_gives(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name]()


def test_every_field_and_rule_is_told() -> None:
    text = instruction_page()
    for opcode, entry in TABLE.items():
        _, _, after = text.partition(f"## {opcode.name} ({int(opcode)})")
        section = after.partition("\n## ")[0]
        assert all(f"| `{field.name}` |" in section for field in entry.fields)
        assert all(f"| `{r.subject}` | {r.says()} |" in section for r in entry.rules)
