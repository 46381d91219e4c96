"""`maccord compile`: from the name of a network or layer to a folder of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..compiler.features import check_widths, with_features
from ..runtime.console import console, waiting
from ..runtime.reference_names import said
from ..runtime.sizes import size_text
from ..spec.parameters import Parameters
from .export.folder import check_folder
from .export.manifest import Manifest
from .export.memory_words import check_word_bytes
from .inputs import Inputs, check_inputs, check_targets
from .names import known
from .network.results import ON_HOST
from .request import check_cache
from .targets import networks_of, select, transformers_of

__all__ = ["CompileRequest", "check", "run"]


@dataclass(frozen=True)
class CompileRequest:
    """The options of `maccord compile`, as `cli.compile` documents them.

    `word_bytes` is None where no ``.hex`` files are wanted; `switches` as in `SimulationRequest`.
    """

    target: str
    out: Path
    parameters: Parameters = Parameters()
    inputs: Inputs = Inputs()
    word_bytes: int | None = None
    switches: tuple[str, ...] = ()


def check(request: CompileRequest) -> None:
    """Reject invalid options and unwritable outputs before any computation.

    Raises
    ------
    ValueError
        Naming the option.
    """
    target, module = request.target, request.inputs.module
    if not (target or module):
        raise ValueError("target must be a network or a layer, or there must be a module; got none")
    targets = (target,) if target else ()
    check_targets(targets, module)
    if not module:
        _check_one(target, _meant(target))
    check_inputs(request.inputs)
    check_word_bytes(request.word_bytes or 0)
    check_folder(request.out)
    check_cache()


def run(request: CompileRequest) -> None:
    """Compile, compare with PyTorch, write the files, and print a summary.

    Raises
    ------
    ValueError
        If the request makes no sense, or the network does not fit the accelerator.
    MismatchError
        If the golden model and PyTorch differ; nothing is written.
    """
    from .export.write import compiled_for, write_folder
    from .lacking import without_lacking
    from .recording import record_all

    check(request)
    err = console(stderr=True)
    targets = (request.target,) if request.target else ()
    with waiting(err, "recording what is read and written in the reference") as show:
        recordings = record_all(targets, request.inputs)
        _check_one(request.target, [recording.name for recording in recordings])
        show("compiling")
        networks = [recordings[0].network]
        parameters = with_features(request.parameters, networks, request.switches)
        check_widths(networks, parameters)
        recordings = without_lacking(recordings, parameters, request.inputs, err)
        compiled = compiled_for(recordings[0], parameters)
        show("comparing and writing")
        manifest = write_folder(
            request.out, recordings[0], compiled, request.inputs, request.word_bytes
        )
    _print(request.out, manifest)


def _meant(target: str) -> list[str]:
    """Names of the known networks or layers that a target means."""
    whole, _ = transformers_of([target])
    if whole:
        return whole
    table = known()
    networks = networks_of([target], list(table))
    if "." not in target:
        return list(networks)
    return [
        layer
        for name in networks
        for layer in select([target], table[name].layers, table[name].others)
    ]


def _check_one(target: str, names: list[str]) -> None:
    if len(names) > 1:
        raise ValueError(
            f"target must be one network or layer, got {target!r}, which means {len(names)}: "
            f"{names[0]}, {names[1]}{' ...' if len(names) > 2 else ''}"
        )


def _print(out: Path, manifest: Manifest) -> None:
    memory, needs = manifest.memory, manifest.accelerator
    hosts = [step for step in manifest.steps if step.ran_on == ON_HOST]
    print(
        f"{out}: {manifest.layer or manifest.network} for {needs.configuration}, "
        f"{memory.instructions:,} instructions, {size_text(memory.size_bytes)} of memory, "
        f"{len(manifest.tensors)} tensors; features {', '.join(needs.feature_names)}"
    )
    if manifest.not_asked:
        print(f"expected codes are NumPy's; {manifest.not_asked}; the program was not run")
    else:
        print(
            f"{manifest.compared_bytes:,} of {manifest.compared_bytes:,} expected codes equal: "
            f"NumPy = {said(manifest.engine)}; the program was not run"
        )
    if hosts:
        listed = "; ".join(f"{step.name} ({', '.join(step.calls)})" for step in hosts)
        count = len(manifest.programs)
        print(f"{count} program{'' if count == 1 else 's'}; the host has to compute {listed}")
