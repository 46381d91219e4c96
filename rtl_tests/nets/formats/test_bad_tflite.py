"""Broken, foreign and hostile TFLite files: one sentence each, before anything runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import maccord

pytest.importorskip("ai_edge_litert")

from tflite_builder import TfliteBuilder
from tflite_networks import FOLDER

from maccord.nets.formats.files import load_file
from maccord.nets.formats.tflite_file import packed, schema
from maccord.runtime.errors import ToolchainError

GOOD = (FOLDER / "residual.tflite").read_bytes()


def changed(change: Callable[[Any], None]) -> bytes:
    """The good file with a change."""
    classes = schema()
    model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(GOOD))
    change(model)
    return packed(model)


def operator(model: Any, place: int) -> Any:
    """One of QUANTIZE, PAD, CONV_2D, CONV_2D, CONV_2D, ADD, CONV_2D, AVERAGE_POOL_2D, RESHAPE."""
    return model.subgraphs[0].operators[place]


def tensor(model: Any, name: str) -> Any:
    """A tensor by its name."""
    return next(each for each in model.subgraphs[0].tensors if each.name == name.encode())


def kind(model: Any, place: int, name: str) -> None:
    """Another operator."""
    number = getattr(schema().BuiltinOperator, name)
    code = model.operatorCodes[operator(model, place).opcodeIndex]
    code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)


def custom(model: Any) -> None:
    """An operator of somebody's own."""
    kind(model, 2, "CUSTOM")
    model.operatorCodes[operator(model, 2).opcodeIndex].customCode = "FlexSystem"


def outside(model: Any) -> None:
    """Weights behind the flatbuffer."""
    buffer = model.buffers[tensor(model, "stem/conv/weights").buffer]
    buffer.data, buffer.offset, buffer.size = None, 1 << 20, 432


def short(model: Any, name: str) -> None:
    """A constant with a byte less."""
    buffer = model.buffers[tensor(model, name).buffer]
    buffer.data = buffer.data[:-1]


def second_input(model: Any) -> None:
    """Another input."""
    graph = model.subgraphs[0]
    graph.inputs = np.append(graph.inputs, [4]).astype(np.int32)


def loop(model: Any) -> None:
    """An operator that reads what comes behind it."""
    operator(model, 3).inputs = np.array([operator(model, 4).outputs[0], 7, 8], np.int32)


def lie(model: Any) -> None:
    """A shape that no kernel computes."""
    resized(model, "stem/conv", 1, 9, 8, 16)


def without_input(model: Any) -> None:
    """A sum of nothing, on which LiteRT crashes."""
    operator(model, 5).inputs = np.array([-1, operator(model, 5).inputs[1]], np.int32)


def strange(model: Any) -> None:
    """The bias of another layer, which LiteRT would read beyond its end."""
    wanted = model.subgraphs[0].tensors.index(tensor(model, "logits/bias"))
    operator(model, 3).inputs = np.array([*operator(model, 3).inputs[:2], wanted], np.int32)


def scale(model: Any, value: float) -> None:
    """Another scale of a sum."""
    tensor(model, "block/add").quantization.scale = np.array([value], np.float32)


def in_float() -> bytes:
    """A network that nothing quantizes."""
    net = TfliteBuilder(0)
    x = net.value("input", (1, 4, 4, 3), 1.0, 0, "FLOAT32")
    net.graph.inputs = [x.index]
    y = net.value("result", x.shape, 1.0, 0, "FLOAT32")
    net.operator("RELU", [x.index], [y.index], version=1)
    return net.file(y)


def long_name() -> bytes:
    """A name that says it has a gigabyte."""
    data = bytearray(GOOD)
    place = data.index(b"stem/conv/weights")
    data[place - 4 : place] = (1 << 30).to_bytes(4, "little")
    return bytes(data)


def resized(model: Any, name: str, *shape: int) -> None:
    """Another shape."""
    tensor(model, name).shape = np.array(shape, np.int32)


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "must be a TFLite file, which has TFL3 at byte 4, got b'' in 0 bytes"),
    "text": (b"hello, world\n" * 20, "must be a TFLite file"),
    "zip": (b"PK\x03\x04" + bytes(200), "must be a TFLite file"),
    "pickle": (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "must be a TFLite file"),
    "name only": (b"\x08\x00\x00\x00TFL3", "must be a whole TFLite file"),
    "half": (GOOD[: len(GOOD) // 2], "must be a whole TFLite file"),
    "all but 40 bytes": (GOOD[:-40], "must be a whole TFLite file"),
    "root outside": (b"\xff\xff\xff\x7f" + GOOD[4:], "must be a whole TFLite file"),
    "name of a gigabyte": (long_name(), "names must be text of at most 4,000 characters, got "),
    "old": (changed(lambda m: setattr(m, "version", 2)), "version must be 3, got 2"),
    "no operators": (
        changed(lambda m: setattr(m.subgraphs[0], "operators", [])),
        "with operators, got none",
    ),
    "two graphs": (
        changed(lambda m: m.subgraphs.append(m.subgraphs[0])),
        "there must be one subgraph, got 2",
    ),
    "custom": (changed(custom), "got a custom operator, which only its own library computes"),
    "branch": (changed(lambda m: kind(m, 2, "IF")), "IF stem.conv must be an operator that can be"),
    "variable": (changed(lambda m: kind(m, 2, "VAR_HANDLE")), "must be an operator that can be"),
    "outside": (changed(outside), "weights must be in the file's buffers"),
    "short weights": (
        changed(lambda m: short(m, "stem/conv/weights")),
        "tensor stem/conv/weights must have 432 bytes of data, got 431",
    ),
    "short bias": (
        changed(lambda m: short(m, "stem/conv/bias")),
        "tensor stem/conv/bias must have 64 bytes of data, got 63",
    ),
    "weights as an input": (changed(second_input), "must have one scale and zero point"),
    "loop": (changed(loop), "CONV_2D block.conv1 must read what is computed before"),
    "lie": (changed(lie), "stem/conv must have the shape that LiteRT computes, (1, 9, 9, 16)"),
    "without input": (changed(without_input), "must run it: its process was ended by a signal"),
    "strange bias": (changed(strange), "bias must have the shape (16,), got (10,)"),
    "no tensor": (
        changed(lambda m: setattr(operator(m, 2), "inputs", np.array([900, 1], np.int32))),
        "CONV_2D must read and write tensors of the file",
    ),
    "no stride": (
        changed(lambda m: setattr(operator(m, 2).builtinOptions, "strideH", 0)),
        "strideH must be from 1 to 32767, got 0",
    ),
    "foreign options": (
        changed(lambda m: setattr(operator(m, 2), "builtinOptions", None)),
        "CONV_2D stem.conv must have the options of its kind",
    ),
    "zero scale": (changed(lambda m: scale(m, 0)), "must have positive normal scales, got 0"),
    "scale nan": (
        changed(lambda m: scale(m, float("nan"))),
        "must have positive normal scales, got nan",
    ),
    "huge": (
        changed(lambda m: resized(m, "block/add", 1, 1 << 20, 1 << 20, 1)),
        "must have a shape of positive sizes",
    ),
    "batch of 2": (
        changed(lambda m: resized(m, "input", 2, 18, 18, 3)),
        "must have the shape (1, H, W, C) or (1, K), got (2, 18, 18, 3)",
    ),
    "16 bits": (
        changed(lambda m: setattr(tensor(m, "stem/conv"), "type", schema().TensorType.INT16)),
        "tensor stem/conv must be of INT8, UINT8, INT32, INT64, FLOAT32, BOOL",
    ),
    "in floating point": (in_float(), "network must be quantized from its input on, got RELU"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_is_refused_in_a_sentence(what: str, tmp_path: Path) -> None:
    data, sentence = BROKEN[what]
    path = tmp_path / "broken.tflite"
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
    path, refused = tmp_path / "broken.tflite", 0
    for seed in range(40):
        rng, data = random.Random(seed), bytearray(GOOD)
        start = rng.randrange(len(data))
        if seed % 2:
            data[start : start + rng.randrange(30)] = rng.randbytes(rng.randrange(30))
        else:
            data[start : start + 4] = rng.randbytes(4)
        path.write_bytes(bytes(data))
        said = outcome(path)
        assert "\n" not in said, (seed, said)
        assert not said or "broken" in said, (seed, said)
        refused += bool(said)
    assert refused > 20
    assert capfd.readouterr() == ("", "")


def test_without_the_package_a_sentence_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolchainError) as refused:
        load_file(str(FOLDER / "residual.tflite"))
    assert str(refused.value) == (
        "the package ai-edge-litert is needed to read residual.tflite: "
        "pip install 'maccord[tflite]'"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sim", "none.tflite"), "target must be a readable file, got none.tflite: no such file"),
        (("sim", "{}", "--input-shape", "3,8,8"), "input-shape must be left out with {}, which is"),
        (("sim", "{}", "nets.conv1"), "network must be one of"),
    ],
)
def test_the_command_line_says_what_is_wrong(arguments: tuple[str, ...], sentence: str) -> None:
    file = "rtl_tests/support/tflite_files/residual.tflite"
    done = maccord(*(each.format(file) for each in arguments))
    assert done.returncode == 2, done.stderr
    assert sentence.format(file) in done.stderr


def test_a_broken_file_ends_the_command(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(GOOD[:5_000])
    done = maccord("sim", str(path))
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"{path} must be a whole TFLite file" in done.stderr
