"""Builds a run's starts from its recipe: memory, program, and what has to come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ...compiler.macs import count_macs
from ...compiler.network import CompiledNetwork, compile_network
from ...golden.graph import Network
from ...golden.machine.machine import Machine, ProgramError
from ...golden.network import execute
from ...spec.isa import RECORD_BYTES, Instruction, Opcode, encode_program
from ...spec.parameters import Parameters
from .configurations import CONFIGURATIONS
from .directed import endless, large_tiles, many_tokens
from .harness import ORDERS, PAGE, Step
from .programs import KINDS, targets
from .recipe import KNOWN, Recipe
from .rewrite import scrambled, shifted
from .subjects import subject

__all__ = ["Start", "build", "timing"]

Bytes = npt.NDArray[np.uint8]
_LONGEST = 1_000_000  # cycles after which a random program is aborted
_DIRECTED = {"endless": endless, "many tokens": many_tokens, "large tiles": large_tiles}
_ABORTED = 500, 8000  # and one that is known to run long
_PLACES = 256  # bytes of which a program's offset is a multiple
_ROOM = 3 * PAGE  # bytes for a program behind a layer's memory, and for what is fetched behind it


@dataclass(frozen=True, eq=False)
class Start:
    """One start, ready to run and to judge.

    Parameters
    ----------
    recipe : Recipe
        Its own part of the run's.
    parameters : Parameters
    step : Step
    expected : ndarray of shape (bytes,), uint8
        Memory after it, if it runs to its end.
    compared : ndarray of shape (bytes,), bool
        Which bytes: those of the records hold counters.
    allowed : ndarray of shape (bytes,), bool
        Bytes that its STOREs and RECORDs may write.
    code : bytes
        The program.
    refusal : ProgramError, optional
        Why the instruction-level machine does not run it.
    macs : int
        Multiplications, of a legal program.
    records : tuple of int
        Offsets of the records that it writes.
    network : Network, optional
        What it computes.
    inputs : list of ndarray
        Codes of the inputs.
    program : sequence of Instruction
    """

    recipe: Recipe
    parameters: Parameters
    step: Step
    expected: Bytes
    compared: npt.NDArray[np.bool_]
    allowed: npt.NDArray[np.bool_]
    code: bytes
    refusal: ProgramError | None = None
    macs: int = 0
    records: tuple[int, ...] = ()
    network: Network | None = None
    inputs: list[Bytes] = field(default_factory=list)
    program: Sequence[Instruction] = ()

    @property
    def legal(self) -> bool:
        """Whether it is a compiled program."""
        return self.recipe["kind"] != "program"


def build(run: Recipe) -> list[Start]:
    """Build all starts of a run.

    Raises
    ------
    ValueError
        If an operation does not fit the accelerator, or is illegal.
    AssertionError
        If the instruction-level machine and the golden model differ.
    """
    parameters = CONFIGURATIONS[run["configuration"]]
    starts: list[Start] = []
    for recipe in run["starts"]:
        make = {"program": _wrong, "known": _known}.get(recipe["kind"], _legal)
        starts.append(make(recipe, run["memory"], parameters, not starts))
    return starts


def _compiled(recipe: Mapping[str, Any], parameters: Parameters) -> tuple[CompiledNetwork, list]:
    network, codes = subject(recipe, parameters)
    records = recipe["records"]
    compiled = compile_network(
        network, parameters, batch=len(codes[0]),
        records=records != "none", interrupts=records == "interrupts",
    )  # fmt: skip
    return compiled, codes


def _image(compiled: CompiledNetwork, codes: Sequence[Bytes], rng: np.random.Generator) -> Bytes:
    """Return the memory before the start; what the program does not read is random."""
    image = compiled.image(*codes)
    given = np.zeros(image.size, bool)
    for area, x_q in zip(compiled.places, codes, strict=False):
        given[area.base :][: x_q.size] = True
    for offset, stream in (*compiled.streams, *compiled.tables.values()):
        given[offset : offset + stream.size] = True
    given[compiled.program_offset :][: len(compiled.program) * 32] = True
    noise = rng.integers(0, 256, image.size, dtype=np.uint8)
    return _paged(np.where(given, image, noise))


def _paged(image: Bytes, room: int = 0) -> Bytes:
    return np.concatenate([image, np.zeros(room + -(image.size + room) % PAGE, np.uint8)])


def _legal(recipe: Recipe, memory: Mapping[str, Any], parameters: Parameters, first: bool) -> Start:
    compiled, codes = _compiled(recipe, parameters)
    rng = np.random.default_rng([recipe["seed"], 1])
    if recipe["scrambled"]:
        compiled = replace(compiled, program=scrambled(compiled.program, rng))
    image = _image(compiled, codes, rng)
    expected = _expected(compiled, codes, image)
    disturbed = _disturbed(recipe, compiled)
    return _start(recipe, memory, first, compiled, codes, image, expected, disturbed)


def _known(recipe: Recipe, memory: Mapping[str, Any], parameters: Parameters, first: bool) -> Start:
    return _start(recipe, memory, first, *_around(recipe["seed"], parameters))


def _start(
    recipe: Recipe,
    memory: Mapping[str, Any],
    first: bool,
    compiled: CompiledNetwork,
    codes: list[Bytes],
    image: Bytes,
    expected: Bytes,
    disturbed: Mapping[str, Any] | None = None,
) -> Start:
    """Return a legal start, from what was compiled and what has to come out."""
    compared = np.ones(image.size, bool)
    records = tuple(stage.record for stage in compiled.stages) if compiled.records else ()
    for record in records:
        compared[record : record + RECORD_BYTES] = False
    code = image[compiled.program_offset :][: len(compiled.program) * 32].tobytes()
    shift = recipe.get("shift", 0) * PAGE
    before, expected = image.copy(), expected.copy()
    moved = np.frombuffer(encode_program(shifted(compiled.program, shift)), np.uint8)
    for memory_ in (before, expected):
        memory_[compiled.program_offset :][: moved.size] = moved
    step = Step(
        before, compiled.program_offset, shift=shift, reset=first, **timing(memory),
        limit=_limit(compiled.estimate, memory), **(disturbed or {}),
    )  # fmt: skip
    return Start(
        recipe, compiled.parameters, step, expected, compared, targets(code, image.size), code,
        macs=count_macs(compiled.program, compiled.parameters.rows), records=records,
        network=compiled.network, inputs=codes, program=compiled.program,
    )  # fmt: skip


def _expected(compiled: CompiledNetwork, codes: Sequence[Bytes], image: Bytes) -> Bytes:
    """Return the memory after a legal program, by the machine, which NumPy must confirm."""
    expected = image.copy()
    Machine(compiled.parameters, expected).run(compiled.program_offset)
    _agrees(compiled, codes, expected)
    return expected


def timing(memory: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a recipe's memory behaves, as arguments of `Step`."""
    found = {name: memory[name] for name in ("base", "latency", "jitter", "stall")}
    return found | {"seed": memory["seed"] | ORDERS[memory["order"]] << 30}


def _limit(estimate: int, memory: Mapping[str, Any]) -> int:
    """Return cycles after which a legal program counts as hung, in such a memory."""
    slow = 256 / (256 - memory["stall"])
    return int((40 * estimate + 40_000) * slow * (1 + (memory["latency"] + memory["jitter"]) / 50))


def _agrees(compiled: CompiledNetwork, codes: Sequence[Bytes], expected: Bytes) -> None:
    """Check the machine's outputs against the golden model's."""
    tensors = execute(compiled.network, *codes)
    where = {area.name: area for area in compiled.places}
    for name in compiled.network.outputs:
        found = compiled.tensor(name, where[name].view(expected))
        assert np.array_equal(found, tensors[name]), f"the machine differs from NumPy in {name}"


def _disturbed(recipe: Mapping[str, Any], compiled: CompiledNetwork) -> dict[str, Any]:
    """Return what befalls a start, as arguments of `Step`."""
    kind, at = recipe["disturb"], recipe["at"]
    when = 1 + int(at * compiled.estimate)
    if kind == "abort":
        return {"abort": when}
    if kind == "reset":
        return {"cut": when}
    if kind == "register accesses":
        return {"meddle": recipe["seed"] | 1}
    if kind == "bus error":
        areas = {
            "program": (compiled.program_offset, len(compiled.program) * 32),
            "inputs": (compiled.places[0].base, int(np.prod(compiled.network.input.shape))),
            "weights": (compiled.streams[0][0], compiled.streams[0][1].size),
            "outputs": (compiled.areas[-1].base, compiled.areas[-1].row_bytes),
        }
        first, size = areas[recipe["area"]]
        if size:
            return {"inject": (first + int(at * size), 1, recipe["answer"])}
    return {}


def _wrong(recipe: Recipe, memory: Mapping[str, Any], parameters: Parameters, first: bool) -> Start:
    """Build a random program, which may be legal, behind the memory of a legal layer."""
    compiled, _, around, _ = _around(recipe["seed"] % KNOWN, parameters)
    image = around.copy()
    rng = np.random.default_rng([recipe["seed"], 2])
    place = compiled.size + -compiled.size % PAGE + _PLACES * int(rng.integers(16))
    legal = [step for step in compiled.program if step.opcode != Opcode.END]
    code = _kept(_code(recipe["program"], rng, legal, parameters), recipe["keep"])
    image[place : place + len(code)] = np.frombuffer(code, np.uint8)
    expected, refusal = image.copy(), None
    try:
        Machine(parameters, expected).run(place)
    except ProgramError as error:
        refusal = error
    limit = int(rng.integers(*_ABORTED)) if recipe["program"] == "endless" else _LONGEST
    step = Step(image, place, reset=first, limit=limit, **timing(memory))
    return Start(
        recipe, parameters, step, expected, np.ones(image.size, bool),
        targets(code, image.size), code, refusal, network=None,
    )  # fmt: skip


def _code(
    kind: str, rng: np.random.Generator, legal: Sequence[Instruction], parameters: Parameters
) -> bytes:
    if kind in _DIRECTED:
        return _DIRECTED[kind](rng, legal, parameters)
    return KINDS[kind](rng, legal)


@cache
def _around(
    number: int, parameters: Parameters
) -> tuple[CompiledNetwork, list[Bytes], Bytes, Bytes]:
    """Return one of a few legal layers, its inputs, and memory before and after it.

    There is room for a program behind.
    """
    recipe = {"kind": "known", "seed": number, "records": "none"}
    compiled, codes = _compiled(recipe, parameters)
    image = _paged(_image(compiled, codes, np.random.default_rng(number)), _ROOM)
    return compiled, codes, image, _expected(compiled, codes, image)


def _kept(code: bytes, keep: Sequence[int]) -> bytes:
    """Keep some of a program's instructions, END among them; all if none is named."""
    if not keep:
        return code
    words = [code[i : i + 32] for i in range(0, len(code), 32)]
    return b"".join(words[i] for i in keep if i < len(words) - 1) + words[-1]
