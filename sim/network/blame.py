"""Determines whether the program or the RTL is wrong after a mismatch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...compiler.host_work import HostWork, turns
from ...compiler.network import CompiledNetwork
from ...golden.machine.machine import Machine, ProgramError
from ...spec.isa import INSTRUCTION_BYTES, Instruction, Opcode, encode
from .tensors import original

__all__ = ["blame", "play", "until"]

Codes = npt.NDArray[np.uint8]


def until(compiled: CompiledNetwork, image: Codes, name: str) -> Codes:
    """Return a memory image with the program truncated after a stage.

    Parameters
    ----------
    compiled : CompiledNetwork
    image : ndarray of shape (bytes,), uint8
        Initial memory; not modified.
    name : str
        Name of the stage.

    Returns
    -------
    ndarray of shape (bytes,), uint8
    """
    stage = next(stage for stage in compiled.stages if stage.name == name)
    if stage.on_host or name == compiled.stages[-1].name:
        return image.copy()
    records = {
        instruction["memory"]: index
        for index, instruction in enumerate(compiled.program)
        if instruction.opcode == Opcode.RECORD
    }
    start = compiled.program_offset + (records[stage.record] + 1) * INSTRUCTION_BYTES
    shorter = image.copy()
    end = encode(Instruction(Opcode.END, {}))
    shorter[start : start + INSTRUCTION_BYTES] = np.frombuffer(end, np.uint8)
    return shorter


def play(compiled: CompiledNetwork, memory: Codes, name: str) -> None:
    """Run a memory from `until` on the instruction-level model, and the host's operations.

    Parameters
    ----------
    compiled : CompiledNetwork
    memory : ndarray of shape (bytes,), uint8
        Modified in place.
    name : str
        Name of the stage behind which nothing is started.

    Raises
    ------
    ProgramError
        If a program is illegal.
    """
    machine = Machine(compiled.parameters, memory)
    last = [stage.name for stage in compiled.stages].index(name)
    for turn in turns(compiled):
        if isinstance(turn, HostWork):
            turn.run(memory)
            if turn.output.name == name:
                return
        else:
            machine.run(compiled.program_offset + turn.offset)
            if last in turn.stages:
                return


def blame(compiled: CompiledNetwork, image: Codes, name: str, y_rtl: Codes, y_golden: Codes) -> str:
    """Run the program on the instruction-level model up to a stage and compare the results.

    Parameters
    ----------
    compiled : CompiledNetwork
    image : ndarray of shape (bytes,), uint8
        Initial memory.
    name : str
        Name of the stage and its tensor; earlier stages are correct.
    y_rtl, y_golden : ndarray, uint8
        Codes of the tensor.

    Returns
    -------
    str
    """
    stage = next((stage for stage in compiled.stages if stage.name == name), None)
    if stage is None:
        return "no stage writes this tensor, it lies where its parts do: its place is wrong"
    if stage.on_host:
        return (
            "the host computes this tensor: what it read, computed or wrote is wrong, not the RTL"
        )
    memory = until(compiled, image, name)
    try:
        play(compiled, memory, name)
    except ProgramError as error:
        return f"the instruction-level model refuses the program: the scheduler is wrong ({error})"
    area = next(area for area in compiled.areas if area.name == name)
    y = compiled.tensor(original(compiled, name), area.view(memory).copy())
    if np.array_equal(y, y_rtl):
        return (
            "the instruction-level model gives the RTL's output from this memory: the program, "
            "the memory's content or the golden layer is wrong, not the RTL"
        )
    if np.array_equal(y, y_golden):
        return "the instruction-level model gives the golden output: the RTL is wrong"
    return "the instruction-level model gives a third output: scheduler and RTL are both suspect"
