"""The ledger of the simulated memory: tensors caught when complete, and every violation."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import TARGET, toy_data, toy_job

import maccord.sim
from maccord.compiler.area import Area
from maccord.runtime.errors import SimulationError
from maccord.sim.ledger import read_tensors, write_ledger
from maccord.sim.simulate import Job, simulate
from maccord.sim.toolchain import find_compiler, find_verilator

pytestmark = pytest.mark.usefixtures("quick_builds")

SIZE = 1 << 14
POISON = 0x5A
NAMES = ("complete", "entered", "strays", "first_stray", "doubles", "first_double")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """memory.cpp as a shared library."""
    target = tmp_path_factory.mktemp("memory") / "memory.so"
    source = Path(next(iter(maccord.sim.__path__)), "memory.cpp")
    include = find_verilator().root / "include" / "vltstd"
    options = ["-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    command = [*find_compiler().command, *options, f"-I{include}", str(source), "-o", str(target)]
    subprocess.run(command, check=True)
    return target


class Storage:
    """memory.cpp with files of its own, and what it must hold."""

    def __init__(
        self, library: Path, folder: Path, areas: list[Area], free: list[tuple[int, int]] = ()
    ) -> None:
        # Its variables are the library's: a copy for each memory
        own = folder / "own.so"
        own.write_bytes(library.read_bytes())
        self._library = ctypes.CDLL(str(own))
        self.folder, self.areas = folder, areas
        self.model = np.random.default_rng(1).integers(256, size=SIZE).astype(np.uint8)
        self.model.tofile(folder / "memory.bin")
        self.written = np.zeros(SIZE, np.uint8)
        (folder / "mask.bin").write_bytes(bytes(SIZE // 8))
        paths = [bytes(folder / name) for name in ("memory.bin", "mask.bin")]
        assert self._library.maccord_memory_open(*paths) == 0
        write_ledger(folder, areas, free, POISON)
        paths = [bytes(folder / name) for name in ("ledger.bin", "tensors.bin")]
        assert self._library.maccord_ledger_open(*paths) == 0

    def write(self, offset: int, values: np.ndarray, axi_bytes: int = 16) -> None:
        """Write bytes in beats, with the strobes of their lanes."""
        self.model[offset : offset + values.size] = values
        self.written[offset : offset + values.size] = 1
        end = offset + values.size
        for start in range(offset - offset % axi_bytes, end, axi_bytes):
            lanes = [offset <= start + lane < end for lane in range(axi_bytes)]
            data = (ctypes.c_uint8 * axi_bytes)()
            for lane in np.flatnonzero(lanes):
                data[lane] = int(values[start + lane - offset])
            strobes = sum(1 << lane for lane, used in enumerate(lanes) if used)
            self._library.memory_write(
                ctypes.c_ulonglong(start), axi_bytes, data, ctypes.c_ulonglong(strobes)
            )

    def fill(self, area: Area, seed: int, axi_bytes: int = 16) -> np.ndarray:
        """Write all rows of an area, in any order; its new content."""
        rng = np.random.default_rng(seed)
        content = rng.integers(256, size=(area.rows, area.row_bytes)).astype(np.uint8)
        for row in rng.permutation(area.rows):
            self.write(area.base + int(row) * area.pitch, content[row], axi_bytes)
        return content

    def state(self) -> dict[str, int]:
        values = (ctypes.c_uint64 * len(NAMES))()
        self._library.maccord_ledger_state(values)
        return dict(zip(NAMES, values, strict=True))

    def image(self) -> np.ndarray:
        return np.fromfile(self.folder / "memory.bin", np.uint8)

    def mask(self) -> np.ndarray:
        return np.unpackbits(np.fromfile(self.folder / "mask.bin", np.uint8), bitorder="little")

    def tensors(self) -> dict[str, np.ndarray]:
        return read_tensors(self.folder, self.areas, self.state()["complete"])


def random_area(rng: np.random.Generator, name: str) -> Area:
    """Rows of any length and distance, anywhere in memory."""
    rows = int(rng.integers(1, 9))
    row_bytes = int(rng.choice([1, 3, rng.integers(1, 20), rng.integers(1, 300)]))
    pitch = row_bytes + int(rng.choice([0, 1, rng.integers(1, 40)]))
    room = SIZE - (rows - 1) * pitch - row_bytes
    return Area(name, int(rng.integers(room + 1)), rows, row_bytes, pitch)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("axi_bytes", [8, 16, 32, 64])
def test_tensors_in_the_same_memory(
    axi_bytes: int, seed: int, library: Path, tmp_path: Path
) -> None:
    """Each is as it was when its last byte came, whatever is written over it later."""
    rng = np.random.default_rng([seed, axi_bytes])
    areas = [random_area(rng, str(k)) for k in range(20)]
    storage = Storage(library, tmp_path, areas)
    due = {area.name: storage.fill(area, k, axi_bytes) for k, area in enumerate(areas)}
    assert storage.state() == dict.fromkeys(NAMES, 0) | {"complete": len(areas)}
    found = storage.tensors()
    assert list(found) == list(due)
    for name, content in due.items():
        np.testing.assert_array_equal(found[name], content)


def test_the_next_rows_are_poisoned_and_nothing_else(library: Path, tmp_path: Path) -> None:
    areas = [Area("a", 100, 3, 10, 30), Area("b", 95, 4, 7, 13), Area("c", 90, 1, 100, 100)]
    storage = Storage(library, tmp_path, areas, free=[(80, 200)])
    for k, (area, between) in enumerate(zip(areas, (111, 103, 200), strict=True)):
        area.view(storage.model)[:] = POISON
        area.view(storage.written)[:] = 0
        np.testing.assert_array_equal(storage.image(), storage.model)
        np.testing.assert_array_equal(storage.mask(), storage.written)
        storage.write(between, np.arange(4, dtype=np.uint8))  # in rows of the next area
        storage.fill(area, k)
    assert storage.state()["complete"] == 3
    np.testing.assert_array_equal(storage.image(), storage.model)
    np.testing.assert_array_equal(storage.mask(), storage.written)


def test_progress_is_counted(library: Path, tmp_path: Path) -> None:
    areas = [Area("a", 0, 1, 40, 40), Area("b", 64, 2, 20, 50)]
    storage = Storage(library, tmp_path, areas)
    storage.fill(areas[0], 0)
    storage.write(64, np.ones(20, np.uint8))
    storage.write(114, np.ones(19, np.uint8))
    assert storage.state() == dict.fromkeys(NAMES, 0) | {"complete": 1, "entered": 39}
    assert list(storage.tensors()) == ["a"]


@pytest.mark.parametrize(
    ("offset", "length", "count"),
    [
        (99, 1, 1),  # before the first row
        (105, 6, 1),  # a row and the byte behind it
        (110, 20, 20),  # between rows
        (169, 2, 1),  # behind the last row, which ends at 170
        (300, 50, 50),  # in the area whose turn comes later
        (8, 33, 33),  # anywhere
    ],
)
def test_strays(offset: int, length: int, count: int, library: Path, tmp_path: Path) -> None:
    """Bytes outside of the rows whose turn it is."""
    storage = Storage(library, tmp_path, [Area("a", 100, 3, 10, 30), Area("b", 300, 1, 50, 50)])
    storage.write(offset, np.zeros(length, np.uint8))
    state = storage.state()
    inside = [100 <= k < 170 and (k - 100) % 30 < 10 for k in range(offset, offset + length)]
    assert (state["strays"], state["first_stray"]) == (count, offset + inside.index(False))
    assert (state["complete"], state["entered"], state["doubles"]) == (0, length - count, 0)


def test_a_tensor_that_is_written_late_again_is_a_stray(library: Path, tmp_path: Path) -> None:
    """It may be another's memory by then, or still be read."""
    areas = [Area("a", 100, 1, 50, 50), Area("b", 400, 1, 50, 50)]
    storage = Storage(library, tmp_path, areas)
    content = storage.fill(areas[0], 0)
    storage.write(120, content[0, 20:30])
    assert storage.state()["strays"] == 10
    storage.fill(areas[1], 0)
    storage.write(448, np.zeros(1, np.uint8))  # nobody's turn any more
    state = storage.state()
    assert (state["complete"], state["strays"], state["first_stray"]) == (2, 11, 120)


def test_doubles(library: Path, tmp_path: Path) -> None:
    """Bytes that are written twice, even with the same value, do not count as others' bytes."""
    storage = Storage(library, tmp_path, [Area("a", 100, 1, 60, 60)])
    storage.write(100, np.ones(40, np.uint8))
    storage.write(130, np.ones(20, np.uint8))
    storage.write(100, np.ones(1, np.uint8))
    state = storage.state()
    assert (state["doubles"], state["first_double"]) == (11, 130)
    assert (state["complete"], state["entered"], state["strays"]) == (0, 50, 0)
    storage.write(150, np.ones(10, np.uint8))
    assert storage.state()["complete"] == 1


def test_free_regions(library: Path, tmp_path: Path) -> None:
    """They may be written at any time, again and again, also beside the area in one beat."""
    area = Area("a", 104, 1, 100, 100)
    storage = Storage(library, tmp_path, [area], free=[(96, 8), (300, 128)])
    for _ in range(2):
        storage.write(300, np.ones(128, np.uint8))
    storage.write(96, np.ones(16, np.uint8))
    assert storage.state() == dict.fromkeys(NAMES, 0) | {"entered": 8}
    storage.write(299, np.ones(2, np.uint8))
    state = storage.state()
    assert (state["strays"], state["first_stray"]) == (1, 299)


def parts(data: np.ndarray, *sizes: int) -> list[Area]:
    """What the copying machine writes, cut into tensors."""
    starts = np.cumsum([0, *sizes])
    assert starts[-1] == data.size
    return [
        Area(f"t{k}", TARGET + int(start), 1, size, size)
        for k, (start, size) in enumerate(zip(starts, sizes, strict=False))
    ]


def toy_ledger(data: np.ndarray, ledger: list[Area], **settings: object) -> Job:
    return toy_job(data, **({"outputs": [], "ledger": ledger} | settings))


def test_a_program_with_a_ledger() -> None:
    data = toy_data(1024, seed=3)
    ledger = parts(data, 256, 16, 752)
    result = simulate(toy_ledger(data, ledger))
    assert list(result.tensors) == ["t0", "t1", "t2"]
    np.testing.assert_array_equal(np.concatenate(list(result.tensors.values()), 1)[0], ~data)
    assert (result.incomplete, result.outputs, result.unwritten) == ({}, [], [])
    assert (result.stray_bytes, result.double_bytes) == (0, 0)
    assert (result.first_stray, result.first_double) == (None, None)


def test_a_program_against_its_ledger() -> None:
    data = toy_data(1024, seed=4)
    swapped = [parts(data, 256, 768)[k] for k in (1, 0)]
    result = simulate(toy_ledger(data, swapped))
    assert list(result.tensors) == ["t1"]
    assert (result.stray_bytes, result.first_stray) == (256, TARGET)
    assert result.incomplete == {"t0": 256}
    missing = simulate(toy_ledger(data, parts(data, 1024), fault="misses_bytes"))
    assert (missing.tensors, missing.incomplete) == ({}, {"t0": 4})  # one in each of the bursts


def test_outputs_beside_a_ledger() -> None:
    data = toy_data(512, seed=5)
    job = toy_ledger(data, parts(data, 512), outputs=[(TARGET, 512)])
    result = simulate(job)
    np.testing.assert_array_equal(result.outputs[0], ~data)
    assert result.unwritten == [0]


def test_a_hang_says_how_far_the_ledger_is() -> None:
    data = toy_data(512, seed=6)
    longer = [*parts(data, 512), Area("never", TARGET + 4096, 2, 30, 40)]
    job = toy_ledger(data, longer, fault="hangs", cycle_limit=3000)
    with pytest.raises(
        SimulationError, match="1 of 2 tensors are complete, and 0 of 60 bytes of never are there"
    ):
        simulate(job)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "t1"}, "names in the ledger must be unique, got t1 twice"),
        ({"rows": 0}, "areas in the ledger must have rows and bytes"),
        ({"row_bytes": 0}, "areas in the ledger must have rows and bytes"),
        ({"pitch": 255}, "rows that do not overlap, got Area\\(name='t0'"),
        ({"base": 0x40000}, "regions must lie in the memory of 262144 bytes, got 256 bytes at"),
    ],
)
def test_bad_ledgers_are_refused(change: dict, message: str) -> None:
    data = toy_data(512, seed=6)
    first, second = parts(data, 256, 256)
    with pytest.raises(ValueError, match=message):
        toy_ledger(data, [replace(first, **change), second])


def test_areas_of_a_group_are_written_at_the_same_time(library: Path, tmp_path: Path) -> None:
    areas = [
        Area("a", 0, 4, 10, 30, together=3), Area("b", 10, 4, 10, 30), Area("c", 200, 1, 25, 25),
        Area("d", 0, 1, 100, 100),
    ]  # fmt: skip
    storage = Storage(library, tmp_path, areas)
    due = {area.name: np.full((area.rows, area.row_bytes), k, np.uint8)
           for k, area in enumerate(areas)}  # fmt: skip
    rows = [(area, row) for area in areas[:3] for row in range(area.rows)]
    for number in np.random.default_rng(2).permutation(len(rows)):
        assert storage.state()["complete"] == 0
        area, row = rows[number]
        storage.write(area.base + row * area.pitch, due[area.name][row])
    assert storage.state() == dict.fromkeys(NAMES, 0) | {"complete": 3}
    storage.write(200, due["c"][0])  # of a group that is complete
    assert storage.state()["strays"] == 25
    storage.write(0, due["d"][0])
    assert storage.state()["complete"] == 4
    for name, content in storage.tensors().items():
        np.testing.assert_array_equal(content, due[name])
