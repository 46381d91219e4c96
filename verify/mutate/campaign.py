"""A campaign: mutants drawn, built, played and judged, with results on disk as they come."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...hw.verilog import with_sources
from ...runtime.cache import digest
from ...runtime.errors import SimulationError
from ...runtime.files import atomic_write
from ...runtime.scheduler import answers
from ...spec.parameters import Parameters
from .equivalence import prove
from .model import build_player
from .mutants import Mutant, draw
from .player import Kill, Outcome, Recorded, play, record
from .programs.shares import scripts
from .script import Script

__all__ = ["BATCH", "Campaign", "prepare"]

BATCH = 500  # mutants in a model: more take longer to compile each, fewer to build
_TASK = 25  # mutants that a process plays in one task

Say = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """Mutants of one model, for one process."""

    model: Path
    share: str
    parameters: Parameters
    numbers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Campaign:
    """Mutants to judge, and where their results are kept.

    Attributes
    ----------
    parameters : Parameters
    share : str
    design : str
        RTLIL.
    mutants : list of Mutant
    sizes : dict of str to int
        Possible mutations by block.
    folder : Path
    """

    parameters: Parameters
    share: str
    design: str
    mutants: list[Mutant]
    sizes: dict[str, int]
    folder: Path

    @property
    def log(self) -> Path:
        """JSON lines: a mutant each, in the order in which they were judged."""
        return self.folder / "mutants.jsonl"

    @property
    def proofs(self) -> Path:
        """JSON lines: survivors, each with the module in which it is proved equal, or none."""
        return self.folder / "proofs.jsonl"

    def results(self) -> dict[int, Outcome]:
        """Return the mutants judged so far; a line that a kill left incomplete is passed over."""
        found: dict[int, Outcome] = {}
        for line in _lines(self.log):
            fields = json.loads(line)
            kill = fields["kill"]
            found[fields["number"]] = Outcome(
                fields["number"], Kill(**kill) if kill else None, fields["cycles"]
            )
        return found

    def run(self, pool: Executor, workers: int, say: Say, done: Callable[[int, int], None]) -> None:
        """Judge the mutants that have no result yet.

        Parameters
        ----------
        pool : Executor
            Of `maccord.runtime.scheduler.executor`.
        workers : int
        say : callable
            Called with one line before each long step.
        done : callable
            Called with the numbers of mutants judged, and of all.

        Raises
        ------
        ToolchainError, SimulationError
            If a tool is missing or fails, or the design fails its own regression.
        """
        known = self.results()
        with atomic_write(self.log) as temporary:
            temporary.write_text("".join(_lines(self.log)))
        for start in range(0, len(self.mutants), BATCH):
            batch = self.mutants[start : start + BATCH]
            waiting = [mutant.number for mutant in batch if mutant.number not in known]
            if not waiting:
                continue
            model = build_player(self.design, batch, self.parameters.axi_bytes, progress=say)
            tasks = [
                Task(model.path, self.share, self.parameters, tuple(waiting[i : i + _TASK]))
                for i in range(0, len(waiting), _TASK)
            ]
            for _, outcomes in answers(pool, judge, tasks, workers):
                known |= {outcome.number: outcome for outcome in outcomes}
                with self.log.open("a") as file:
                    file.writelines(json.dumps(asdict(each)) + "\n" for each in outcomes)
                done(len(known), len(self.mutants))

    def prove(self, say: Say) -> dict[int, str]:
        """Seek proofs for the survivors that none was sought for yet.

        Returns
        -------
        dict of int to str
            Modules in which mutants are proved equal, by their numbers.

        Raises
        ------
        ToolchainError, SimulationError
            As `maccord.verify.mutate.equivalence.prove`.
        """
        known = {each["number"]: each["module"] for each in map(json.loads, _lines(self.proofs))}
        with atomic_write(self.proofs) as temporary:
            temporary.write_text("".join(_lines(self.proofs)))
        outcomes = self.results()
        alive = [m for m in self.mutants if m.number in outcomes and not outcomes[m.number].kill]
        waiting = [mutant for mutant in alive if mutant.number not in known]
        for number, module in prove(self.design, waiting, say=say):
            known[number] = module
            with self.proofs.open("a") as file:
                file.write(json.dumps({"number": number, "module": module}) + "\n")
        return {number: module for number, module in known.items() if module}


def _lines(path: Path) -> list[str]:
    """Whole lines of a file: a kill may have left the last one incomplete."""
    text = path.read_text() if path.exists() else ""
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]


def prepare(
    parameters: Parameters, share: str, count: int, seed: int, blocks: Sequence[str], folder: Path
) -> Campaign:
    """Draw a campaign's mutants; its folder is that of what decides on its results.

    Raises
    ------
    ValueError
        If there is no such block.
    ToolchainError, SimulationError
        If a tool is missing or fails.
    """
    design = with_sources(parameters)
    mutants, sizes = draw(design, count, seed, blocks)
    key = digest(
        design, share, *(mutant.name for mutant in mutants), _scripts_key(share, parameters)
    )
    place = folder / f"{parameters.name}-{share}-{count}-{seed}-{key[:12]}"
    place.mkdir(parents=True, exist_ok=True)
    with atomic_write(place / "list.json") as temporary:
        temporary.write_text(json.dumps([asdict(mutant) for mutant in mutants], indent=1) + "\n")
    return Campaign(parameters, share, design, mutants, sizes, place)


def judge(task: Task) -> list[Outcome]:
    """Play the share's scripts on some mutants.

    Raises
    ------
    SimulationError
        If the design fails its own regression.
    """
    folder, recorded = _recorded(task.model, task.share, task.parameters)
    return list(play(task.model, recorded, Path(folder.name), task.numbers))


@cache
def _recorded(
    model: Path, share: str, parameters: Parameters
) -> tuple[tempfile.TemporaryDirectory[str], Recorded]:
    """Record what the design gives, once in each process; the folder lives as long as that."""
    folder = tempfile.TemporaryDirectory(prefix="maccord-")
    recorded = record(model, _scripts(share, parameters), Path(folder.name))
    if recorded.wrong:
        raise SimulationError(f"The design fails its own regression: {recorded.wrong[0]}")
    return folder, recorded


@cache
def _scripts(share: str, parameters: Parameters) -> list[Script]:
    return scripts(share, parameters)


def _scripts_key(share: str, parameters: Parameters) -> str:
    parts: list[str | np.ndarray] = []
    for script in _scripts(share, parameters):
        parts += [script.name, repr(script.steps), *script.images]
    return digest(*parts)
