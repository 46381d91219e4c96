"""Broken, foreign and hostile ONNX files: one sentence each, before anything runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import maccord
from onnx_networks import FOLDER, float_model

from maccord.nets.formats.files import load_file

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

GOOD = (FOLDER / "residual_qdq_int8.onnx").read_bytes()


def changed(change: Callable[[Any], None]) -> bytes:
    """The good file with a change."""
    model = onnx.load_model_from_string(GOOD)
    change(model)
    return model.SerializeToString()


def constant(model: Any, name: str, value: object) -> None:
    """Give an initializer another value."""
    for each in model.graph.initializer:
        if each.name == name:
            each.CopyFrom(onnx.numpy_helper.from_array(np.asarray(value), name))


def node(model: Any, op: str) -> Any:
    """The first node of an operator."""
    return next(each for each in model.graph.node if each.op_type == op)


def external(model: Any) -> None:
    """Weights in another file, out of the folder."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../etc/passwd"


def branch(model: Any) -> None:
    """Control flow."""
    body = onnx.helper.make_graph([], "body", [], [])
    model.graph.node.append(
        onnx.helper.make_node("If", ["input"], ["x"], then_branch=body, else_branch=body)
    )


def second_input(model: Any) -> None:
    """Another input, of a shape that no network has."""
    model.graph.input.append(onnx.helper.make_tensor_value_info("more", 1, [1, 3, 4, 4, 4]))


def returned_input(model: Any) -> None:
    """A result that is the input itself."""
    model.graph.output.append(onnx.helper.make_tensor_value_info("input", 1, [1, 3, 16, 16]))


def returned_constant(model: Any) -> None:
    """A result that is a weight."""
    entry = model.graph.initializer[0]
    kind = onnx.helper.make_tensor_value_info(entry.name, entry.data_type, entry.dims)
    model.graph.output.append(kind)


def size(model: Any, axis: int, value: int) -> None:
    """Another size of the input; open for 0."""
    dimension = model.graph.input[0].type.tensor_type.shape.dim[axis]
    dimension.Clear()
    if value:
        dimension.dim_value = value


def huge(model: Any) -> None:
    """A tensor that says it has a million million elements."""
    model.graph.initializer[0].dims[:] = [1 << 20, 1 << 20]


def scales_of(model: Any) -> str:
    return node(model, "QuantizeLinear").input[1]


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "must be an ONNX file, got 0 bytes"),
    "text": (b"hello, world\n" * 20, "must be an ONNX file"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "must be an ONNX file"),
    "zip": (b"PK\x03\x04" + bytes(200), "must be an ONNX file"),
    "pickle": (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "must be an ONNX file"),
    "half": (GOOD[: len(GOOD) // 2], "must be an ONNX file"),
    "all but a byte": (GOOD[:-1], "must be an ONNX file"),
    "no graph": (onnx.ModelProto().SerializeToString() + b"\x08\x08", "with operators, got none"),
    "in floating point": (
        float_model("residual").SerializeToString(),
        "model must be quantized, in QDQ or QOperator form, got one in floating point",
    ),
    "external": (changed(external), "weights must be in the file itself"),
    "branch": (changed(branch), "model must have no control flow, got If"),
    "odd input": (changed(second_input), "input more must have the shape (1 or any, C, H, W)"),
    "returned input": (
        changed(returned_input),
        "results must be computed by the network, got input, which is an input as it is",
    ),
    "returned constant": (changed(returned_constant), "which is a constant"),
    "open size": (changed(lambda m: size(m, 2, 0)), "with sizes that the file states"),
    "batch of 2": (changed(lambda m: size(m, 0, 2)), "with sizes that the file states"),
    "other size": (changed(lambda m: size(m, 1, 4)), "must run it"),
    "huge": (changed(huge), "must be"),
    "foreign": (
        changed(lambda m: setattr(node(m, "Conv"), "domain", "com.evil")),
        "operators must be ONNX's, got Conv of com.evil",
    ),
    "old": (
        changed(lambda m: setattr(m.opset_import[0], "version", 11)),
        "opset must be from 13 to 21, got 11",
    ),
    "unknown": (changed(lambda m: setattr(node(m, "Conv"), "op_type", "Convolve")), "Convolve"),
    "dangling": (changed(lambda m: node(m, "Conv").input.__setitem__(0, "nothing")), "nothing"),
    "zero scale": (
        changed(lambda m: constant(m, scales_of(m), np.float32(0))),
        "scale must be a positive normal number, got 0",
    ),
    "scale nan": (
        changed(lambda m: constant(m, scales_of(m), np.float32("nan"))),
        "scale must be a positive normal number, got nan",
    ),
    "scale of a channel": (
        changed(lambda m: constant(m, scales_of(m), np.ones(3, np.float32))),
        "scale must be one float32, got float32 of shape (3,)",
    ),
    "16 bits": (
        changed(lambda m: constant(m, node(m, "QuantizeLinear").input[2], np.int16(0))),
        "zero point must be one int8 or uint8, got int16",
    ),
    "no UTF-8": (GOOD.replace(b"relu", b"re\xffu"), "names must be UTF-8"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_is_refused_in_a_sentence(what: str, tmp_path: Path) -> None:
    data, sentence = BROKEN[what]
    path = tmp_path / "broken.onnx"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="broken") as refused:
        load_file(str(path))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def outcome(path: Path) -> str:
    """The sentence that refuses a file; empty if it runs."""
    try:
        network = load_file(str(path))
        network.tensors(np.zeros(network.input_shape, np.float32))
    except ValueError as error:
        return str(error)
    return ""


def test_random_damage_never_gets_past_a_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Bytes changed, cut and put in: refused, or still a network."""
    path, refused = tmp_path / "broken.onnx", 0
    for seed in range(60):
        rng, data = random.Random(seed), bytearray(GOOD)
        start = rng.randrange(len(data))
        if seed % 3:
            data[start : start + rng.randrange(30)] = rng.randbytes(rng.randrange(30))
        else:
            data[start] = rng.randrange(256)
        path.write_bytes(bytes(data))
        said = outcome(path)
        assert "\n" not in said, (seed, said)
        refused += bool(said)
    assert refused > 30
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sim", "none.onnx"), "target must be a readable file, got none.onnx: no such file"),
        (("layers", "none.onnx"), "target must be a readable file, got none.onnx: no such file"),
        (("sim", "{}", "--weights", "w.pt"), "weights must be left out with {}, which is"),
        (("sim", "{}", "--input-shape", "3,8,8"), "input-shape must be left out with {}"),
        (("sim", "{}", "nets.conv1"), "network must be one of"),
    ],
)
def test_the_command_line_says_what_is_wrong(arguments: tuple[str, ...], sentence: str) -> None:
    file = "rtl_tests/support/onnx_files/residual_qdq_int8.onnx"
    done = maccord(*(each.format(file) for each in arguments))
    assert done.returncode == 2, done.stderr
    assert sentence.format(file) in done.stderr
