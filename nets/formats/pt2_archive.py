"""Reads files of ``torch.export.save``: JSON and plain bytes, nothing that is executed.

``torch.export.load`` unpickles what a file asks it to. So a file is read here first, and torch is
given a new archive that has no pickle of the file's, no symbolic expression, no guard, and
calls of known operators only.
"""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch.ao.quantization.fx._decomposed  # registers the operators that quantize

from .pt2_regions import OPERATORS

__all__ = ["read_pt2"]

_MOST_BYTES = 1 << 31
_WEIGHTS, _CONSTANTS = "data/weights/", "data/constants/"
_TARGET = re.compile(r"torch\.ops\.(aten|quantized_decomposed)\.(\w+)\.(\w+)")
_QUANTIZERS = ("quantize_per_tensor", "dequantize_per_tensor", "dequantize_per_channel")
_KINDS = (
    *("as_tensor", "as_tensors", "as_int", "as_ints", "as_float", "as_floats", "as_bool"),
    *("as_none", "as_scalar_type", "as_memory_format", "as_string"),
)
_SPEC_TYPES = (None, "builtins.tuple", "builtins.list", "builtins.dict")


class _Archive:
    """A file's parts, and the archive that is made of those that are safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, bytes] = {}

    def refuse(self, what: str) -> NoReturn:
        raise ValueError(f"{self.path} must be a file of torch.export.save: {what}")

    def read(self) -> None:
        """Read all parts, without the folder around them."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                    self.refuse(f"it must be at most {_MOST_BYTES} bytes")
                for entry in archive.infolist():
                    _, _, name = entry.filename.partition("/")
                    self.parts[name] = archive.read(entry)
        except OSError as error:
            raise ValueError(
                f"{self.path} must be a readable file: {error.strerror or error}"
            ) from None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            self.refuse(f"no legible archive: {error}")
        except Exception as error:  # of a decompressor: zlib's, lzma's
            self.refuse(f"no legible archive: {type(error).__name__}")

    def part(self, name: str) -> bytes:
        if name not in self.parts:
            self.refuse(f"it has no {name}")
        return self.parts[name]

    def json(self, name: str) -> dict[str, Any]:
        data = self.part(name)
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            self.refuse(f"{name} is no JSON")
        if not isinstance(found, dict):
            self.refuse(f"{name} is no JSON object")
        return found


def read_pt2(path: Path) -> torch.export.ExportedProgram:
    """Read a program.

    Raises
    ------
    ValueError
        If the file is none of ``torch.export.save``, or has what could execute code; the message
        names the part.
    """
    archive = _Archive(path)
    archive.read()
    if archive.part("archive_format") != b"pt2":
        archive.refuse("it is another kind of archive")
    if archive.part("byteorder") != b"little":
        archive.refuse("bytes must be little-endian")
    models = [n for n in archive.parts if re.fullmatch(r"models/[^/]+\.json", n)]
    if len(models) != 1:
        archive.refuse(f"it must have one program, got {len(models)}")
    name = models[0].removeprefix("models/").removesuffix(".json")
    try:
        data = _safe(archive, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.load(io.BytesIO(data))
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        archive.refuse(f"the program is not complete ({type(error).__name__}: {error})")
    except Exception as error:  # torch's are of many classes
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        said = str(error).strip().partition("\n")[0]
        if "warnings above" in said:  # which are not shown
            said = "nodes and tensors must fit each other"
        archive.refuse(f"torch does not load it: {said or type(error).__name__}")


def _safe(archive: _Archive, name: str) -> bytes:
    """Return an archive of a program's safe parts."""
    program = archive.json(f"models/{name}.json")
    sample = _program(archive, program)
    parts = {
        key: archive.parts[key] for key in (".data/version", "version") if key in archive.parts
    }
    parts |= {key: archive.part(key) for key in ("archive_format", "archive_version", "byteorder")}
    parts[f"models/{name}.json"] = json.dumps(program).encode()
    for folder, kind in ((_WEIGHTS, "weights"), (_CONSTANTS, "constants")):
        config = f"{folder}{name}_{kind}_config.json"
        entries = archive.json(config)["config"]
        for label, entry in entries.items():
            parts[folder + entry["path_name"]] = _payload(archive, folder, label, entry)
        parts[config] = json.dumps({"config": entries}).encode()
    buffer = io.BytesIO()
    torch.save(((sample,), {}), buffer)
    parts[f"data/sample_inputs/{name}.pt"] = buffer.getvalue()
    return _zipped(parts)


def _zipped(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in parts.items():
            archive.writestr(f"program/{name}", data)
    return buffer.getvalue()


def _payload(archive: _Archive, folder: str, label: str, entry: dict[str, Any]) -> bytes:
    """Return a tensor's bytes."""
    if entry["use_pickle"] or entry.get("tensor_meta") is None:
        archive.refuse(f"tensor {label} must be plain bytes, got a pickle, which is not loaded")
    if not re.fullmatch(r"(weight|tensor)_\w*\d+", entry["path_name"]):
        archive.refuse(f"tensor {label} must be in a part of its own, got {entry['path_name']}")
    data = archive.part(folder + entry["path_name"])
    meta = entry["tensor_meta"]
    sizes, strides = _whole(archive, meta["sizes"]), _whole(archive, meta["strides"])
    (start,) = _whole(archive, [meta["storage_offset"]])
    last = start + sum((n - 1) * by for n, by in zip(sizes, strides, strict=True))
    if not prod(sizes) or last >= len(data) or min(sizes, default=1) < 0:
        archive.refuse(f"tensor {label} of {sizes} must fit its {len(data)} bytes")
    return data


def _whole(archive: _Archive, sizes: list[dict[str, Any]]) -> list[int]:
    if not all(set(size) == {"as_int"} and size["as_int"] >= 0 for size in sizes):
        archive.refuse("sizes must be fixed numbers: export the program for one image")
    return [int(size["as_int"]) for size in sizes]


def _program(archive: _Archive, program: dict[str, Any]) -> torch.Tensor:
    """Check a program, drop what is not needed, and return an input for it."""
    if program["range_constraints"]:
        archive.refuse("sizes must be fixed numbers: export the program for one image")
    program["guards_code"] = []
    module = program["graph_module"]
    module["metadata"] = {}
    if module.get("treespec_namedtuple_fields"):
        archive.refuse("inputs and results must be tensors in tuples, lists or dictionaries")
    graph = module["graph"]
    for values in ("sym_int_values", "sym_bool_values", "sym_float_values", "custom_obj_values"):
        if graph.get(values):
            archive.refuse("the program must consist of tensors of fixed sizes")
    for value in graph["tensor_values"].values():
        _whole(archive, [*value["sizes"], *value["strides"], value["storage_offset"]])
    for node in graph["nodes"]:
        _check_node(archive, node)
    calls = [call for call in module["module_call_graph"] if call["fqn"] == ""]
    for spec in ("in_spec", "out_spec"):
        _check_spec(archive, json.loads(calls[0]["signature"][spec])[1])
    module["module_call_graph"] = calls
    return _sample(archive, module, graph)


def _sample(archive: _Archive, module: dict[str, Any], graph: dict[str, Any]) -> torch.Tensor:
    specs = [s["user_input"] for s in module["signature"]["input_specs"] if "user_input" in s]
    if len(specs) != 1:
        archive.refuse(f"the network must have one input, got {len(specs)}")
    value = graph["tensor_values"][specs[0]["arg"]["as_tensor"]["name"]]
    sizes = _whole(archive, value["sizes"])
    if prod(sizes) > _MOST_BYTES // 4:
        archive.refuse(f"the input must fit {_MOST_BYTES} bytes, got {sizes}")
    return torch.zeros(sizes)


def _check_node(archive: _Archive, node: dict[str, Any]) -> None:
    """Refuse a call of an unknown operator, and one with other arguments than plain values."""
    found, label = _TARGET.fullmatch(node["target"]), node.get("name") or "node"
    known = found and found[2] in (_QUANTIZERS if found[1] != "aten" else OPERATORS)
    if not known:
        raise ValueError(
            f"{archive.path}: operators must be those that maccord knows, got {node['target']} "
            f"({label})"
        )
    for given in node["inputs"]:
        if not set(given["arg"]) <= set(_KINDS):
            archive.refuse(f"{given['name']} of {label} must be tensors or plain numbers")
    stack = node["metadata"].get("nn_module_stack")
    node["metadata"] = {"nn_module_stack": stack} if stack else {}


def _check_spec(archive: _Archive, spec: dict[str, Any]) -> None:
    """Refuse inputs and results in containers of other types than Python's own."""
    if spec["type"] not in _SPEC_TYPES:
        archive.refuse(f"inputs and results must be in tuples, lists or dictionaries, got {spec}")
    for child in spec["children_spec"]:
        _check_spec(archive, child)
