"""Broken, foreign and hostile PT2E files: one sentence each, and no code of theirs runs."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command import maccord
from pt2_networks import FOLDER, Ends, exported
from torch import nn

from maccord.nets.formats.files import load_file
from maccord.nets.formats.pt2_archive import read_pt2

pytest.importorskip("executorch")

GOOD = (FOLDER / "residual.pt2").read_bytes()
MODEL, WEIGHTS = "models/model.json", "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"


class Evil:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "executed")


def parts() -> dict[str, bytes]:
    """The good file's parts, without the folder around them."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def packed(given: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in given.items():
            archive.writestr(f"residual/{name}", data)
    return buffer.getvalue()


def without(*names: str) -> bytes:
    return packed({name: data for name, data in parts().items() if name not in names})


def given(**changes: bytes) -> bytes:
    """The good file with other parts."""
    return packed(parts() | {name.replace("__", "/"): data for name, data in changes.items()})


def changed(change: Callable[[dict[str, Any]], object], part: str = MODEL) -> bytes:
    """The good file with a change in a JSON part."""
    found = parts()
    value = json.loads(found[part])
    change(value)
    return packed(found | {part: json.dumps(value).encode()})


def graph(model: dict[str, Any]) -> dict[str, Any]:
    return model["graph_module"]["graph"]


def node(model: dict[str, Any], word: str) -> dict[str, Any]:
    """The first call of an operator."""
    return next(each for each in graph(model)["nodes"] if f".{word}." in each["target"])


def argument(model: dict[str, Any], word: str, name: str, value: dict[str, Any]) -> None:
    """Give a call another argument."""
    for each in node(model, word)["inputs"]:
        if each["name"] == name:
            each["arg"] = value


def target(value: str) -> bytes:
    """The good file with another function in place of ReLU."""
    return changed(lambda model: node(model, "relu").update(target=value))


def weight(config: dict[str, Any]) -> dict[str, Any]:
    return next(iter(config["config"].values()))


def symbolic(model: dict[str, Any]) -> None:
    """A size that is an expression, which sympy would evaluate."""
    value = next(iter(graph(model)["tensor_values"].values()))
    code = "__import__('os').system('false')"
    value["sizes"][0] = {"as_expr": {"expr_str": code, "hint": None}}


def container(model: dict[str, Any]) -> None:
    call = next(c for c in model["graph_module"]["module_call_graph"] if c["fqn"] == "")
    call["signature"]["out_spec"] = json.dumps(
        [1, {"type": "os.PathLike", "context": "null", "children_spec": []}]
    )


def custom(config: dict[str, Any]) -> None:
    config["config"]["obj"] = {
        "path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None,
    }  # fmt: skip


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no legible archive"),
    "text": (b"hello, world\n" * 20, "no legible archive"),
    "pickle": (pickle.dumps({"weights": [1, 2]}), "no legible archive"),
    "half": (GOOD[: len(GOOD) // 2], "no legible archive"),
    "all but a byte": (GOOD[:-1], "no legible archive"),
    "other archive": (packed({"data.pkl": b"x", "version": b"3"}), "it has no archive_format"),
    "another format": (given(archive_format=b"pt1"), "it is another kind of archive"),
    "big-endian": (given(byteorder=b"big"), "bytes must be little-endian"),
    "no program": (without(MODEL), "it must have one program, got 0"),
    "two programs": (packed(parts() | {"models/more.json": b"{}"}), "one program, got 2"),
    "no JSON": (packed(parts() | {MODEL: b"{"}), "models/model.json is no JSON"),
    "a list": (packed(parts() | {MODEL: b"[]"}), "models/model.json is no JSON object"),
    "no graph": (packed(parts() | {MODEL: b"{}"}), "the program is not complete"),
    "no weights": (without(WEIGHTS), f"it has no {WEIGHTS}"),
    "a weight lacks": (without("data/weights/weight_0"), "it has no data/weights/weight_0"),
    "short weight": (given(data__weights__weight_0=b"12"), "must fit its 2 bytes"),
    "pickled weight": (
        changed(lambda config: weight(config).update(use_pickle=True), WEIGHTS),
        "must be plain bytes, got a pickle, which is not loaded",
    ),
    "foreign part": (
        changed(lambda config: weight(config).update(path_name="../../x"), WEIGHTS),
        "must be in a part of its own, got ../../x",
    ),
    "pickled object": (changed(custom, CONSTANTS), "tensor obj must be plain bytes, got a pickle"),
    "a random operator": (
        target("torch.ops.aten.bernoulli.default"),
        "got torch.ops.aten.bernoulli.default (relu",
    ),
    "a Python function": (target("torch.hub.load"), "got torch.hub.load (relu"),
    "an evaluation": (target("_operator.call"), "got _operator.call (relu"),
    "expression": (changed(symbolic), "sizes must be fixed numbers"),
    "range": (
        changed(lambda model: model["range_constraints"].update(s0={"min_val": 1, "max_val": 9})),
        "sizes must be fixed numbers",
    ),
    "graph as argument": (
        changed(lambda m: argument(m, "conv2d", "bias", {"as_graph": {"name": "x"}})),
        "bias of conv2d must be tensors or plain numbers",
    ),
    "container": (changed(container), "must be in tuples, lists or dictionaries"),
    "zero scale": (
        changed(lambda m: argument(m, "quantize_per_tensor", "scale", {"as_float": 0.0})),
        "scale must be a normal fp32 number above 0, got 0",
    ),
    "uint8": (
        changed(lambda m: argument(m, "quantize_per_tensor", "quant_max", {"as_int": 255})),
        "codes must be int8 from -128 to 127, got int8 from -128 to 255",
    ),
    "no tensor": (
        changed(lambda m: argument(m, "conv2d", "input", {"as_tensor": {"name": "nothing"}})),
        "torch does not load it: nodes and tensors must fit each other",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_is_refused_in_a_sentence(what: str, tmp_path: Path) -> None:
    data, sentence = BROKEN[what]
    path = tmp_path / "broken.pt2"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="broken") as refused:
        load_file(str(path))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_pickle_of_a_file_is_loaded(tmp_path: Path) -> None:
    """torch.export.load executes it; read_pt2 refuses or leaves it out."""
    trace = tmp_path / "trace"
    evil = pickle.dumps(Evil(trace))
    for part, change in (
        ("data/sample_inputs/model.pt", None),
        ("data/weights/weight_0", lambda config: weight(config).update(use_pickle=True)),
    ):
        found = parts() | {part: evil}
        if change:
            config = json.loads(found[WEIGHTS])
            change(config)
            found[WEIGHTS] = json.dumps(config).encode()
        path = tmp_path / "broken.pt2"
        path.write_bytes(packed(found))
        if change:
            with pytest.raises(ValueError, match="got a pickle, which is not loaded"):
                read_pt2(path)
        else:
            assert read_pt2(path).graph.nodes
        assert not trace.exists()
        with pytest.raises(Exception):  # noqa: B017  # of what was loaded
            torch.export.load(path)
        assert trace.exists()  # so the file is what it is said to be
        trace.unlink()


def test_random_damage_ends_in_a_sentence(tmp_path: Path) -> None:
    """A byte changed, or the file cut: refused, or read."""
    rng = random.Random(0)
    path = tmp_path / "broken.pt2"
    sentences = []
    for _ in range(40):
        data = bytearray(GOOD)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data if rng.random() < 0.8 else data[: rng.randrange(len(data))])
        try:
            read_pt2(path)
        except ValueError as error:
            sentences.append(str(error))
    assert len(sentences) > 20
    assert all(str(path) in sentence and "\n" not in sentence for sentence in sentences)


def test_command_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.pt2"
    path.write_bytes(BROKEN["half"][0])
    found = maccord("sim", str(path))
    assert found.returncode == 2
    assert "broken.pt2 must be a file of torch.export.save: no legible archive" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_file_of_a_batch_is_refused(tmp_path: Path) -> None:
    program = exported(Ends(nn.ReLU(), (0.5, 0), (0.5, 0)), (2, 3, 4, 4))
    torch.export.save(program, tmp_path / "batch.pt2")
    with pytest.raises(ValueError, match="must be exported for one image of a fixed size"):
        load_file(str(tmp_path / "batch.pt2"))
