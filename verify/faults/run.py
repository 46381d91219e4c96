"""`maccord faults`: runs a campaign, and writes and prints what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ...compiler.network import CompiledNetwork, compile_network
from ...runtime.cache import digest
from ...runtime.console import console, waiting
from ...runtime.errors import MismatchError
from ...runtime.provenance import provenance, short
from ...runtime.scheduler import check_reachable, executor
from ...sim.build import Model
from ...sim.netlist import generated
from .campaign import (
    Done,
    Part,
    code_digest,
    golden_runs,
    parts_of,
    read_part,
    run_parts,
    workers_of,
)
from .model import fault_model
from .outcomes import Record, classify
from .registers import Register, registers
from .request import FaultRequest, check
from .results import Campaign, Masked, write_campaign
from .runs import Fault, Golden, Subject, injectable
from .said import print_campaign
from .sampling import chosen_blocks, draw, margin, sample_size
from .subjects import Case, cases
from .tables import by_bit, by_block, by_register, differences, overall

__all__ = ["run"]

_LINES = 20  # progress lines without a terminal


def run(request: FaultRequest) -> int:
    """Run or resume a campaign, and write its results.

    Parameters
    ----------
    request : FaultRequest

    Returns
    -------
    int
        Exit code: 0.

    Raises
    ------
    ValueError
        If the request is invalid, or the network does not fit the accelerator.
    MismatchError
        If a run without faults differs from the golden model.
    SimulationError, ToolchainError
        If the simulator cannot be built or fails.
    """
    check(request)
    check_reachable(request.scheduler)
    err = console(stderr=True)
    verilog = generated(request.parameters)
    found = registers(verilog)
    blocks = chosen_blocks(found, request.blocks)
    with waiting(err, "training and quantizing the network"):
        graph, inputs = cases(
            request.network, request.data, request.perturb, request.images, request.seed
        )
        compiled = compile_network(graph, request.parameters, records=False)
    with waiting(err, "building the simulator") as say:
        model = fault_model(verilog, request.parameters.axi_bytes, progress=say)
    subjects = _subjects(request, model, compiled, inputs)
    folder, code = request.out / "parts", code_digest(verilog)
    workers = workers_of(request.jobs, request.scheduler)
    with executor(request.scheduler, request.jobs) as pool:
        with waiting(err, "runs without faults"):
            golden = golden_runs(subjects, folder, pool, workers, code)
        _compare(inputs, golden)
        cycles = min(each.cycles for each in golden)
        faults = _drawn(request, found, blocks, cycles)
        err.print(f"{len(faults)} faults at each level, seed {request.seed}", soft_wrap=True)
        parts = []
        for case, subject in zip(inputs, subjects, strict=True):
            ours = [f for f in faults if f.number % request.images == case.image]
            parts.append(parts_of(subject, ours, folder, code))
        _progress(err, [part for each in parts for part in each], pool, workers)
    done = [[read_part(part) for part in each] for each in parts]
    records = _records(inputs, done, faults, found, compiled)
    spent = sum(part.cpu_seconds for each in done for part in each)
    campaign = _campaign(request, found, blocks, cycles, records, subjects[0], spent)
    write_campaign(
        request.out, campaign, records,
        by_register(records, found, request.confidence), by_bit(records, request.confidence),
    )  # fmt: skip
    print_campaign(console(), campaign)
    console().print(f"results: {request.out}/", soft_wrap=True)
    return 0


def _subjects(
    request: FaultRequest, model: Model, compiled: CompiledNetwork, inputs: Sequence[Case]
) -> list[Subject]:
    if any(stage.on_host for stage in compiled.stages):
        raise ValueError(f"network must run without the host, got {request.network}")
    return [
        Subject(model.path, compiled, compiled.image(case.x_q), request.memory) for case in inputs
    ]


def _compare(inputs: Sequence[Case], golden: Sequence[Golden]) -> None:
    """Refuse to judge faulty runs by a golden run that is not the golden model's."""
    for case, run in zip(inputs, golden, strict=True):
        if run.output != (case.scores ^ 0x80).tobytes():
            raise MismatchError(
                f"Without a fault, the scores of image {case.image}, {case.level}, differ from "
                "the golden model's."
            )


def _drawn(
    request: FaultRequest,
    found: Sequence[Register],
    blocks: dict[str, list[int]],
    cycles: int,
) -> list[Fault]:
    """Draw as many faults as asked for, the same number in each block, or by the margin."""
    counts = {}
    for index, (name, members) in enumerate(blocks.items()):
        population = sum(found[i].bits for i in members) * cycles
        counts[name] = sample_size(population, request.margin, request.confidence)
        if request.faults:
            counts[name] = (request.faults + index) // len(blocks)
    return draw(found, blocks, counts, cycles, request.seed)


def _progress(err: Console, parts: list[Part], pool: Executor, workers: int) -> None:
    total = sum(len(part.faults) for part in parts)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("faults", total=total)
        done = 0
        for count in run_parts(parts, pool, workers):
            progress.advance(bar, count)
            if not err.is_terminal and (done + count) * _LINES // total > done * _LINES // total:
                err.print(f"{done + count} of {total} faults done", soft_wrap=True)
            done += count


def _records(
    inputs: Sequence[Case],
    done: Sequence[Sequence[Done]],
    faults: Sequence[Fault],
    found: Sequence[Register],
    compiled: CompiledNetwork,
) -> list[Record]:
    """Return all records, by level and then by number."""
    tensors = [area.name for area in compiled.areas]
    records = [
        classify(
            faults[each.number], each, case.scores, level=case.level, image=case.image,
            registers=found, tensors=tensors,
        )
        for case, parts in zip(inputs, done, strict=True)
        for part in parts
        for each in part.ended
    ]  # fmt: skip
    levels = list(dict.fromkeys(case.level for case in inputs))
    return sorted(records, key=lambda record: (levels.index(record.level), record.fault))


def _campaign(
    request: FaultRequest,
    found: Sequence[Register],
    blocks: dict[str, list[int]],
    cycles: int,
    records: list[Record],
    subject: Subject,
    cpu_seconds: float,
) -> Campaign:
    shares = by_block(records, found, request.confidence)
    levels = tuple(dict.fromkeys(record.level for record in records))
    counts = Counter(record.block for record in records if record.level == levels[0])
    margins = [
        margin(sum(found[i].bits for i in members) * cycles, counts[name], request.confidence)
        for name, members in blocks.items()
        if counts[name]
    ]
    masked = Counter((r.level, r.block, r.masked_in) for r in records if r.outcome == "masked")
    return Campaign(
        network=request.network,
        data=request.data,
        levels=levels,
        images=request.images,
        seed=request.seed,
        confidence=request.confidence,
        configuration=request.parameters.name,
        registers=len(found),
        bits=sum(register.bits for register in found),
        injectable=injectable(subject, found),
        cycles=cycles,
        faults=len(records) // len(levels),
        margin=max(margins),
        simulated_cycles=sum(record.simulated_cycles for record in records),
        cpu_seconds=cpu_seconds,
        all=tuple(overall(shares)),
        blocks=tuple(shares),
        differences=tuple(differences(records, shares, request.confidence)),
        masked=tuple(Masked(*key, count) for key, count in sorted(masked.items())),
        provenance=provenance({"program": short(digest(subject.image))}),
    )
