"""What `maccord compile` writes: read back with json and NumPy alone, and run from the files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from host_networks import host_task
from network_tasks import network_task
from result_schemas import validate

from maccord.compiler.network import alone
from maccord.golden.machine.machine import Machine
from maccord.nets.module import load_module
from maccord.runtime.errors import MismatchError
from maccord.sim.export import contents
from maccord.sim.export.write import compiled_for, write_folder
from maccord.sim.network.task import NetworkRecording
from maccord.sim.recording import record_network
from maccord.spec.isa import Instruction, Opcode
from maccord.spec.parameters import Parameters

SIZE = Parameters(rows=9, cols=4, axi_bytes=8)


def write(
    folder: Path, recording: NetworkRecording, word_bytes: int | None = None
) -> dict[str, Any]:
    write_folder(folder, recording, compiled_for(recording, SIZE), word_bytes=word_bytes)
    return json.loads((folder / "manifest.json").read_text())


def by_name(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in entries}


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("export") / "joined"
    return folder, write(folder, network_task("Joined").recording, word_bytes=0)


def rows(memory: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """The codes of a tensor or step, from the manifest's numbers alone."""
    starts = entry["offset"] + entry["pitch"] * np.arange(entry["rows"])
    return memory[starts[:, None] + np.arange(entry["row_bytes"])] ^ np.uint8(0x80)


class Read(Machine):
    """An accelerator with a folder's memory, and what each step has written when it ends.

    Attributes
    ----------
    steps : dict of str to ndarray, uint8
        Codes by the step's name.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], size: Parameters = SIZE) -> None:
        super().__init__(size, np.fromfile(folder / "memory.bin", np.uint8))
        self._ends = {step["record_offset"]: step for step in manifest["steps"]}
        self.steps: dict[str, np.ndarray] = {}
        self.run(manifest["memory"]["program_offset"])

    def _execute(self, instruction: Instruction) -> None:
        super()._execute(instruction)
        if instruction.opcode == Opcode.RECORD:
            step = self._ends[instruction["memory"]]
            self.steps[step["name"]] = rows(self.memory, step)


def expected(folder: Path, manifest: dict[str, Any], name: str) -> np.ndarray:
    return np.load(folder / by_name(manifest["tensors"])[name]["expected"])


def check_run(folder: Path, manifest: dict[str, Any]) -> set[str]:
    """Run a folder's program; compare each step, and what is kept; return names of the latter."""
    machine = Read(folder, manifest)
    tensors = by_name(manifest["tensors"])
    assert list(machine.steps) == [step["name"] for step in manifest["steps"]]
    for step in manifest["steps"]:
        name = step["name"] if step["name"] in tensors else step["inputs"][0]  # a copy
        due = expected(folder, manifest, name)
        np.testing.assert_array_equal(machine.steps[step["name"]].ravel(), due.ravel(), name)
    for name, tensor in tensors.items():
        due, there = expected(folder, manifest, name), rows(machine.memory, tensor)
        assert (due.dtype, due.shape) == (np.uint8, tuple(tensor["shape"]))
        assert np.array_equal(there.reshape(due.shape), due) or not tensor["kept"], name
    return {name for name, tensor in tensors.items() if tensor["kept"]}


def test_the_manifest_is_as_its_schema_says(joined: tuple[Path, dict[str, Any]]) -> None:
    _, manifest = joined
    validate("compile", manifest)
    assert manifest["schema"] == "maccord.compile/1"
    names = ["DENSE", "DEPTHWISE", "MAX_WINDOW", "ADD", "RECORD"]
    assert manifest["accelerator"]["feature_names"] == names
    assert manifest["accelerator"]["parameters"]["rows"] == 9


def test_files_are_as_listed(joined: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = joined
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {"manifest.json", *(entry["path"] for entry in manifest["files"])}
    for entry in manifest["files"]:
        data = (folder / entry["path"]).read_bytes()
        assert entry["size_bytes"] == len(data)
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        if entry["format"] == "npy":
            array = np.load(folder / entry["path"])
            assert (array.dtype.name, list(array.shape)) == (entry["dtype"], entry["shape"])


def test_a_program_computes_what_is_expected(joined: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = joined
    kept = check_run(folder, manifest)
    assert {manifest["input"], manifest["output"]} <= kept
    assert kept < set(by_name(manifest["tensors"]))  # some have made room


def test_programs_and_the_host_take_turns(tmp_path: Path) -> None:
    """The host's steps by the expected codes, read and written by the manifest's numbers alone."""
    manifest = write(tmp_path / "cut", host_task("TwoCuts", SIZE, "").recording)
    machine = Machine(SIZE, np.fromfile(tmp_path / "cut" / "memory.bin", np.uint8))
    starts = {program["first_step"]: program for program in manifest["programs"]}
    hosts, tensors = [], by_name(manifest["tensors"])
    for index, step in enumerate(manifest["steps"]):
        if step["ran_on"] == "host":
            assert step["record_offset"] is None
            for name in step["inputs"]:
                due = expected(tmp_path / "cut", manifest, name)
                there = rows(machine.memory, tensors[name])
                np.testing.assert_array_equal(there.ravel(), due.ravel(), name)
            codes = expected(tmp_path / "cut", manifest, step["name"])
            places = step["offset"] + step["pitch"] * np.arange(step["rows"])
            lanes = places[:, None] + np.arange(step["row_bytes"])
            machine.memory[lanes] = codes.reshape(lanes.shape) ^ np.uint8(0x80)
            hosts.append((step["name"], step["calls"]))
        elif index in starts:
            machine.run(starts[index]["offset"])
            assert machine.executed == starts[index]["instructions"]
    assert hosts == [("net.norm", ["GroupNorm"]), ("net.cumsum", ["cumsum"])]
    assert [program["steps"] for program in manifest["programs"]] == [1, 2, 1]
    output = expected(tmp_path / "cut", manifest, manifest["output"])
    found = rows(machine.memory, tensors[manifest["output"]])
    np.testing.assert_array_equal(found.ravel(), output.ravel())
    validate("compile", manifest)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [("network_tasks:Copied", 16), ("toy_networks:Pooled", 16), ("toy_networks:Clamped", 32)],
)
def test_tensors_that_share_bytes(name: str, pixels: int, tmp_path: Path) -> None:
    """Copies, parts of concatenations, flattened tensors, fused clamps; two images."""
    images = np.random.default_rng(7).normal(size=(2, 3, pixels, pixels)).astype(np.float32)
    network = load_module(name, calibration=[image[None] for image in images])
    manifest = write(tmp_path / name, record_network(network, "clean", images, 0))
    shared = {tensor["offset"] for tensor in manifest["tensors"]}
    assert len(shared) < len(manifest["tensors"])
    assert manifest["batch"] == 2
    validate("compile", manifest)
    assert manifest["output"] in check_run(tmp_path / name, manifest)


def test_a_flipped_byte_of_memory_is_noticed(
    joined: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, manifest = joined
    step = next(step for step in manifest["steps"] if step["weights_bytes"])
    memory = np.fromfile(folder / "memory.bin", np.uint8)
    memory[step["weights_offset"] + step["weights_bytes"] // 2] ^= 0x80
    memory.tofile(tmp_path / "memory.bin")
    found = Read(tmp_path, manifest).steps[step["name"]].ravel()
    assert not np.array_equal(found, expected(folder, manifest, step["name"]).ravel())


def test_a_layer_from_its_files_alone(joined: tuple[Path, dict[str, Any]]) -> None:
    """The formulas of docs/numerics.md on what the manifest names."""
    folder, manifest = joined
    tensors = by_name(manifest["tensors"])
    layer = next(entry for entry in manifest["operations"] if entry["op"] == "linear")
    files = {name: np.load(folder / path) for name, path in layer["arrays"].items()}
    x, y = tensors[layer["inputs"][0]], tensors[layer["name"]]
    codes = expected(folder, manifest, x["name"]).astype(np.int32) - x["zero_point"]
    acc = codes @ files["weight"].T.astype(np.int32) + files["bias_q"]
    scaled = np.rint(acc.astype(np.float32) * files["multiplier"]).astype(np.int32)
    found = np.clip(scaled + y["zero_point"], layer["low"], layer["high"])
    np.testing.assert_array_equal(found, expected(folder, manifest, y["name"]))
    ratio = np.float32(files["weight_scale"] * x["scale"] / y["scale"])
    np.testing.assert_allclose(files["multiplier"], ratio, rtol=1e-6)  # four roundings
    assert (files["weight"].dtype, files["bias_q"].dtype) == (np.int8, np.int32)


def test_the_program_is_in_memory(joined: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = joined
    memory, place = (folder / "memory.bin").read_bytes(), manifest["memory"]
    start, size = place["program_offset"], place["program_bytes"]
    assert (folder / "program.bin").read_bytes() == memory[start : start + size]
    assert size == place["instructions"] * place["instruction_bytes"]
    assert len(memory) == place["size_bytes"]
    assert (place["base_alignment"], start % 256) == (4096, 0)


@pytest.mark.parametrize("word_bytes", [0, 1, 64])
def test_hexadecimal_words_are_the_bytes(word_bytes: int, tmp_path: Path) -> None:
    manifest = write(tmp_path / "hex", network_task("Copied").recording, word_bytes)
    size = word_bytes or SIZE.axi_bytes
    for name in ("memory", "program"):
        lines = (tmp_path / "hex" / f"{name}.hex").read_text().splitlines()
        assert {len(line) for line in lines} == {2 * size}
        found = b"".join(int(line, 16).to_bytes(size, "little") for line in lines)
        data = (tmp_path / "hex" / f"{name}.bin").read_bytes()
        assert found == data + bytes(-len(data) % size)
        entry = next(file for file in manifest["files"] if file["path"] == f"{name}.hex")
        assert (entry["dtype"], entry["shape"]) == (f"uint{8 * size}", [len(lines)])


def test_a_layer_alone(tmp_path: Path) -> None:
    recording = network_task("Joined").recording
    node = next(node for node in recording.network.nodes if node.operation.op == "conv2d_relu")
    x_q = recording.tensors[node.inputs[0]]
    name = node.name
    network = alone(node.operation, "net", x_q.shape)  # type: ignore[arg-type]
    layer = replace(
        recording, network=network, x_q=x_q, layer=name, tensors={name: recording.tensors[name]}
    )
    manifest = write(tmp_path / "layer", layer)
    validate("compile", manifest)
    assert manifest["layer"] == name
    assert [step["record_offset"] for step in manifest["steps"]] == [None]
    memory = Read(tmp_path / "layer", manifest).memory
    due = expected(tmp_path / "layer", manifest, name)
    found = rows(memory, by_name(manifest["tensors"])[name])
    np.testing.assert_array_equal(found.reshape(due.shape), due)


def test_a_code_that_is_not_pytorchs_ends_it(tmp_path: Path) -> None:
    recording = network_task("Joined").recording
    name = recording.network.output
    wrong = recording.tensors[name].copy()
    wrong[0, 3] ^= 1
    changed = replace(recording, tensors=recording.tensors | {name: wrong})
    due = rf"{name}: 1 of 7 codes .* the first at \(0, 3\): .*; nothing was written"
    with pytest.raises(MismatchError, match=due):
        write(tmp_path / "wrong", changed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("before", [False, True], ids=["new", "replaced"])
def test_an_interrupt_leaves_what_was_there(
    before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, recording = tmp_path / "folder", network_task("Copied").recording
    if before:
        write(folder, recording)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def interrupted(*_: object) -> None:
        assert len(list(tmp_path.rglob("memory.bin"))) == 1 + before
        raise KeyboardInterrupt

    monkeypatch.setattr(contents, "steps", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(folder, recording)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files
    assert list(tmp_path.iterdir()) == [folder] * before


def test_an_interrupt_between_two_renames_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old folder is out of the way, the new one is not yet there."""
    folder, recording = tmp_path / "folder", network_task("Copied").recording
    before = write(folder, recording)
    rename, renamed = Path.rename, []

    def interrupted(path: Path, target: Path) -> Path:
        renamed.append(path)
        if len(renamed) == 2:
            assert not folder.exists()
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(folder, recording, word_bytes=0)
    assert json.loads((folder / "manifest.json").read_text()) == before
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_of_ours_is_replaced_and_no_other(tmp_path: Path) -> None:
    folder, recording = tmp_path / "folder", network_task("Copied").recording
    write(folder, network_task("Joined").recording, word_bytes=0)
    names = {tensor["name"] for tensor in write(folder, recording)["tensors"]}
    assert not (folder / "memory.hex").exists()
    assert {path.stem for path in (folder / "expected").iterdir()} == names
    assert list(tmp_path.iterdir()) == [folder]
    (folder / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"got .*folder, which holds notes\.txt, too"):
        write(folder, recording)
    (folder / "notes.txt").unlink()
    for text in ('{"schema": "maccord.sim/1", "files": []}', "[]", "{"):
        (folder / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match="which holds no manifest of it"):
            write(folder, recording)
    assert (folder / "memory.bin").is_file()


def test_names_that_are_no_file_names(tmp_path: Path) -> None:
    assert contents.expected_file("net/../a b") == "expected/net%2F..%2Fa%20b.npy"
