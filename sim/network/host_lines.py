"""Report lines on host computation and the bytes that it moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...runtime.reference_names import framework
from .results import ON_HOST, HostPart

__all__ = ["host_lines", "on_host", "operator"]


class _Stage(Protocol):
    @property
    def op(self) -> str: ...
    @property
    def calls(self) -> tuple[str, ...]: ...
    @property
    def ran_on(self) -> str: ...


class _Whole(Protocol):
    @property
    def stages(self) -> Sequence[_Stage]: ...
    @property
    def programs(self) -> int: ...
    @property
    def host_read_bytes(self) -> int: ...
    @property
    def host_written_bytes(self) -> int: ...
    @property
    def engine(self) -> str: ...
    @property
    def around(self) -> tuple[HostPart, ...]: ...


def on_host(row: object) -> bool:
    """Whether a table's row is a stage that the host computes, which takes no cycles."""
    return getattr(row, "ran_on", "") == ON_HOST


def operator(stage: _Stage) -> str:
    """Return a stage's operator; on the host, those that it consists of.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> operator(SimpleNamespace(op="host", calls=("sigmoid", "mul"), ran_on="host"))
    'host: sigmoid, mul'
    """
    return f"{stage.op}: {', '.join(stage.calls)}" if stage.calls else stage.op


def host_lines(whole: _Whole) -> list[str]:
    """Describe a network's host computation and the bytes that it moves.

    Parameters
    ----------
    whole : NetworkResult or Estimate

    Returns
    -------
    list of str
        Empty if everything runs on the accelerator.
    """
    stages = [stage for stage in whole.stages if on_host(stage)]
    lines = []
    if stages:
        operations = "1 operation" if len(stages) == 1 else f"{len(stages)} operations"
        programs = "1 program" if whole.programs == 1 else f"{whole.programs} programs"
        lines.append(
            f"{programs}; the host computes {operations} in {framework(whole.engine)}, reads "
            f"{whole.host_read_bytes:,} bytes and writes {whole.host_written_bytes:,}, in none of "
            "the cycles"
        )
    for part in whole.around:
        place = "behind the last codes" if part.read_bytes else "before the first codes"
        moved = f"{part.read_bytes or part.written_bytes:,} bytes"
        lines.append(
            f"{place} the host computes {part.name} ({', '.join(part.calls) or 'dequantize'}), "
            f"{moved} {'read' if part.read_bytes else 'written'}"
        )
    return lines
