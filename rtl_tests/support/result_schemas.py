"""The published JSON Schemas, for tests of what commands write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

__all__ = ["validate"]

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


def validate(name: str, content: Any) -> None:
    """Check a result against its schema, and that the schema describes all of its fields.

    Raises
    ------
    jsonschema.ValidationError
        Naming what is wrong.
    """
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(content)
    known = schema.get("$defs", {}).get("result", schema)["properties"]
    for each in content if isinstance(content, list) else [content]:
        assert set(each) <= set(known), set(each) - set(known)
