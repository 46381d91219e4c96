"""Plays many rows into a Verilated row unit."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from maccord.sim.build import build_bench

__all__ = ["LANES", "Job", "play"]

LANES = 8
_PLAYER = Path(__file__).parents[1] / "hw" / "row" / "player.cpp"
_BENCH = """module tb #(parameter int D = 8) (
    input  logic         aclk, rst, write_enable, i_valid,
    input  logic [15:0]  write_address,
    input  logic [63:0]  write_data, i_payload,
    input  logic [255:0] settings,
    output logic         i_ready, o_valid,
    output logic [63:0]  o_payload
);
    unit unit (
        .clk(aclk), .rst(rst), .write_enable(write_enable), .i__valid(i_valid),
        .write_address(write_address[{address}:0]), .write_data(write_data[{data}:0]),
        .i__payload(i_payload), .i__ready(i_ready),
        .o_valid(o_valid), .o_payload(o_payload){ports}
    );
endmodule
"""


class _Top(wiring.Component):
    """A unit whose results are ports of their own: a stream that is always ready cannot be."""

    def __init__(self, unit: Any) -> None:
        self._unit = unit
        members = dict(unit.signature.members)
        width = len(unit.o.payload)
        del members["o"]
        super().__init__(members | {"o_valid": Out(1), "o_payload": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self._unit
        wiring.connect(m, wiring.flipped(self.i), unit.i)
        names = set(unit.signature.members) - {"i", "o"}
        m.d.comb += [getattr(unit, name).eq(getattr(self, name)) for name in sorted(names)]
        m.d.comb += [self.o_valid.eq(unit.o.valid), self.o_payload.eq(unit.o.payload)]
        return m


class Job(NamedTuple):
    """Rows with a table and settings of their own.

    Parameters
    ----------
    x_q : ndarray of shape (rows, elements), uint8
    table : ndarray of integers
        What is written to the unit's table.
    settings : sequence of int
        Values of the unit's ports, in the order of `play`'s places.
    """

    x_q: np.ndarray
    table: np.ndarray
    settings: Sequence[int]


def _words(job: Job, places: Sequence[tuple[str, int, int]]) -> np.ndarray:
    rows, elements = job.x_q.shape
    vectors = -(-elements // LANES)
    padded = np.zeros((rows, vectors * LANES), np.uint8)
    padded[:, :elements] = job.x_q
    settings = 0
    for value, (_, place, width) in zip(job.settings, places, strict=True):
        settings |= (int(value) & (1 << width) - 1) << place
    entries = np.arange(len(job.table), dtype=np.uint64), job.table.astype(np.uint64)
    parts = [
        np.array([len(job.table), rows * vectors], np.uint64),
        np.frombuffer(settings.to_bytes(32, "little"), np.uint64),
        np.stack(entries, axis=1).ravel(),
        (padded ^ 0x80).reshape(-1).view(np.uint64),
    ]
    return np.concatenate(parts)


def play(
    unit: Any, widths: tuple[int, int], ports: dict[str, int], jobs: Sequence[Job], folder: Path
) -> list[np.ndarray]:
    """Run jobs, each after the results of the one before, with pauses at random.

    Parameters
    ----------
    unit : component
        Of `LANES` lanes.
    widths : (int, int)
        Bits of the table's addresses and entries.
    ports : dict of str to int
        Bits of each port for a setting.
    jobs : sequence of Job
    folder : Path
        For files.

    Returns
    -------
    list of ndarray, uint8
        Of the shapes of the jobs' rows.
    """
    places, place = [], 0
    for name, width in ports.items():
        places.append((name, place, width))
        place += width
    wires = "".join(
        f",\n        .{name}(settings[{start + width - 1}:{start}])"
        for name, start, width in places
    )
    bench = folder / "tb.sv"
    address, data = (width - 1 for width in widths)
    bench.write_text(_BENCH.format(address=address, data=data, ports=wires))
    text = verilog.convert(_Top(unit), name="unit", emit_src=False)
    extra = {"main.cpp": _PLAYER.read_text()}
    model = build_bench(bench, text, 8, kind="plain", extra=extra)
    words = [np.array([len(jobs)], np.uint64), *(_words(job, places) for job in jobs)]
    (folder / "rows.bin").write_bytes(np.concatenate(words).tobytes())
    subprocess.run([str(model.path)], cwd=folder, check=True)
    found = np.fromfile(folder / "found.bin", np.uint8) ^ 0x80
    results = []
    for job in jobs:
        rows, elements = job.x_q.shape
        length = -(-elements // LANES) * LANES
        results.append(found[: rows * length].reshape(rows, length)[:, :elements])
        found = found[rows * length :]
    assert not found.size
    return results
