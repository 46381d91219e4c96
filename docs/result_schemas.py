"""Write docs/schemas/: JSON Schemas of results, from the classes that results are made of."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from maccord.generalize import outputs as generalized
from maccord.runtime.provenance import Provenance
from maccord.sim import bench, profiling
from maccord.sim import dry_run as estimates
from maccord.sim.export import manifest as compiled
from maccord.sim.network import results as simulated
from maccord.study import info as study
from maccord.study import run as study_run
from maccord.synth import explore_files
from maccord.synth import results as synthesized
from maccord.synth.explore_point import Row
from maccord.synth.explore_widths import Gain
from maccord.verify.coverage import report as covered
from maccord.verify.coverage import run as coverage_run
from maccord.verify.faults import results as faulty
from maccord.verify.mutate import report as mutated
from maccord.verify.mutate.python import run as mutated_python
from maccord.verify.regress import summary as regressed

__all__ = ["FOLDER", "schemas"]

FOLDER = Path(__file__).parent / "schemas"
Schema = dict[str, Any]

_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def of_type(hint: Any) -> Schema:
    """Return the schema of what `json.dumps(asdict(...))` makes of a value."""
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if is_dataclass(hint):
        return of_class(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [of_type(argument) for argument in arguments]}
    if hint is types.NoneType:
        return {"type": "null"}
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return {"type": "array", "items": of_type(arguments[0])}
        items = [of_type(argument) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": of_type(arguments[1])}
    if hint is Any:
        return {}
    raise TypeError(f"no schema for {hint}")


def of_class(made_of: Any) -> Schema:
    """Return the schema of a dataclass; all of its fields are in the JSON."""
    hints = get_type_hints(made_of)
    properties = {field.name: of_type(hints[field.name]) for field in fields(made_of)}
    return {"type": "object", "properties": properties, "required": list(properties)}


def named(schema: str, body: Schema, **more: Schema) -> Schema:
    """Add the name of the schema, the provenance, and what else is there."""
    properties = {"schema": {"const": schema}, **body["properties"], **more}
    return body | {"properties": properties, "required": list(properties)}


def sim() -> Schema:
    """Return the schema of one result or several; of a layer, the fields up to `netlist`."""
    result = named(simulated.SCHEMA, of_class(simulated.NetworkResult))
    result["properties"]["provenance"] = of_class(Provenance)
    names = [name for name in result["properties"] if name != "provenance"]
    end = names.index("netlist") + 1
    result["required"] = [*names[:end], "provenance"]
    result["if"] = {"properties": {"op": {"const": "network"}}}
    result["then"] = {"required": names[end:]}
    return one_or_several(result)


def dry_run() -> Schema:
    """Return the schema of one estimate or several."""
    origin = of_class(Provenance)
    return one_or_several(named(estimates.SCHEMA, of_class(estimates.Estimate), provenance=origin))


def one_or_several(result: Schema) -> Schema:
    """Return the schema of an object, or of a list of them."""
    reference = {"$ref": "#/$defs/result"}
    several = {"type": "array", "minItems": 2, "items": reference}
    which = {"if": {"type": "array"}, "then": several, "else": reference}
    return which | {"$defs": {"result": result}}


def synth() -> Schema:
    """What `maccord synth` found."""
    counts = {"type": "object", "additionalProperties": {"type": "number"}}
    clocks = {"type": "array", "items": {"type": "number"}}
    body = of_class(synthesized.Synthesis)
    origin = of_class(Provenance)
    return named(synthesized.SCHEMA, body, total=counts, fmax_mhz=clocks, provenance=origin)


def explore() -> Schema:
    """Return the schema of a sweep: what its points have in common, and the points."""
    of_all: dict[str, Any] = {
        **dict.fromkeys(("target", "area"), str),
        "placed": bool,
        "seeds": tuple[int, ...],
        "speed": int,
        "mhz": float,
        "batch": int,
        **dict.fromkeys(("cycles_from", "network"), str),
        "of": int,
        "provenance": Provenance,
        "points": tuple[Row, ...],
        "narrow_gains": tuple[Gain, ...],
    }
    properties = {name: of_type(hint) for name, hint in of_all.items()}
    return named(explore_files.SCHEMA, {"type": "object", "properties": properties})


def benchmark() -> Schema:
    """What `maccord bench` measured."""
    of_all = {"machine": dict[str, str], "ratios": tuple[bench.Ratio, ...]}
    properties = {name: of_type(hint) for name, hint in of_all.items()}
    body = {"type": "object", "properties": properties}
    return named(bench.SCHEMA, body, provenance=of_class(Provenance))


def profile() -> Schema:
    """What `maccord bench --profile` counted."""
    body = of_class(profiling.Profile)
    body["properties"] = {"machine": of_type(dict[str, str])} | body["properties"]
    return named(profiling.SCHEMA, body, provenance=of_class(Provenance))


def coverage() -> Schema:
    """What `maccord regress --coverage` counted."""
    rows = {"configurations": of_type(tuple[covered.Coverage, ...])}
    body = {"type": "object", "properties": rows}
    return named(coverage_run.SCHEMA, body, provenance=of_class(Provenance))


def schemas() -> dict[str, str]:
    """Return the texts by file name."""
    found = {
        "sim": sim(),
        "dry-run": dry_run(),
        "compile": named(compiled.SCHEMA, of_class(compiled.Manifest)),
        "synth": synth(),
        "explore": explore(),
        "bench": benchmark(),
        "profile": profile(),
        "mutate-python": named(mutated_python.SCHEMA, of_class(mutated_python.Report)),
        "mutate": named(mutated.SCHEMA, of_class(mutated.Report)),
        "generalize": named(generalized.SCHEMA, of_class(generalized.Summary)),
        "regress": named(
            regressed.SCHEMA, of_class(regressed.Summary), provenance=of_class(Provenance)
        ),
        "coverage": coverage(),
        "study": named(study.SCHEMA, of_class(study.Info)),
        "faults": named(faulty.SCHEMA, of_class(faulty.Campaign)),
        "provenance": named(study_run.PROVENANCE, of_class(Provenance)),
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        f"{name}.schema.json": json.dumps(head | schema, indent=1) + "\n"
        for name, schema in found.items()
    }


if __name__ == "__main__":
    for name, text in schemas().items():
        (FOLDER / name).write_text(text)
