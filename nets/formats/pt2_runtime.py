"""ExecuTorch: lowers a PT2E program to XNNPACK and runs it, as its owner would.

A program whose results are all its quantize nodes shows every tensor: XNNPACK's integer operators
end there, so their codes are those of the program without.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...runtime.errors import ToolchainError
from ...runtime.extras import extra_module

__all__ = ["ExecuTorch", "engine", "not_asked"]

Array = npt.NDArray[Any]
_PARTITIONER = "executorch.backends.xnnpack.partition.xnnpack_partitioner"
_WHY = "to run PT2E programs"


def engine() -> str:
    """Name and version of the runtime, as results have it."""
    if not_asked():
        return "ExecuTorch, not asked"
    with _quiet():
        extra_module("executorch.runtime", "executorch", _WHY)
    return f"ExecuTorch {importlib.metadata.version('executorch')}, XNNPACK"


def not_asked() -> str:
    """Return the sentence that says why the runtime is not asked; empty if it is installed."""
    try:
        with _quiet():
            extra_module("executorch.runtime", "executorch", _WHY)
    except ToolchainError:
        return (
            "ExecuTorch was not asked, as the package executorch is not installed: "
            "pip install 'maccord[executorch]'"
        )
    return ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide what ExecuTorch's packages warn of when they are imported, and its log on stderr."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    before = logging.root.manager.disable
    os.dup2(nowhere, 2)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class ExecuTorch:
    """Runs a program.

    Parameters
    ----------
    program : ExportedProgram
    name : str
        Of the network, for messages.
    """

    def __init__(self, program: torch.export.ExportedProgram, name: str) -> None:
        self._program = program
        self._name = name
        self._methods: dict[tuple[str, ...], Any] = {}
        self._kept: list[Any] = []

    def run(self, image: Sequence[Array], nodes: Sequence[str] = ()) -> list[Array]:
        """Run the program on one of each input.

        Parameters
        ----------
        image : sequence of ndarray of the program's input shapes, float32
        nodes : sequence of str
            Quantize nodes whose codes to return; the program's own results if empty.

        Raises
        ------
        ValueError
            If ExecuTorch does not run the program.
        ToolchainError
            If it is not installed.
        """
        wanted = tuple(nodes)
        with _quiet():
            try:
                if wanted not in self._methods:
                    self._methods[wanted] = self._method(wanted, image)
                given = [torch.from_numpy(each.copy()) for each in image]  # with strides of its own
                found = self._methods[wanted].execute(given)
            except ToolchainError:
                raise
            except Exception as error:  # of many classes, without a base of their own
                said = str(error).strip().partition("\n")[0] or type(error).__name__
                raise ValueError(f"{self._name}: {engine()} must run it: {said}") from None
        return [np.array(tensor.numpy()) for tensor in found]

    def ahead(self, image: Sequence[Array], nodes: Sequence[str]) -> list[Array]:
        """Return the real values that nodes ahead of all codes quantize, computed by PyTorch."""
        module = self._program.module(check_guards=False)
        named = {node.name: node for node in module.graph.nodes}
        wanted = [named[name].args[0].name for name in nodes]
        with torch.no_grad():
            found = _shown(module, wanted)(*(torch.from_numpy(each.copy()) for each in image))
        return [np.array(tensor.numpy()) for tensor in found]

    def _method(self, nodes: tuple[str, ...], image: Sequence[Array]) -> Any:  # noqa: ANN401
        runtime = extra_module("executorch.runtime", "executorch", _WHY)
        exir = extra_module("executorch.exir", "executorch", _WHY)
        partition = extra_module(_PARTITIONER, "executorch", _WHY)
        program = _showing(self._program, nodes, image) if nodes else self._program
        edge = exir.to_edge_transform_and_lower(
            program, partitioner=[partition.XnnpackPartitioner()]
        )
        buffer = edge.to_executorch().buffer
        self._kept.append(buffer)  # the program reads it for as long as it is run
        return runtime.Runtime.get().load_program(buffer).load_method("forward")


def _showing(
    program: torch.export.ExportedProgram, nodes: Sequence[str], image: Sequence[Array]
) -> torch.export.ExportedProgram:
    """Return a program whose results are those of some of its nodes."""
    showing = _shown(program.module(check_guards=False), nodes)
    return torch.export.export(showing, tuple(torch.from_numpy(each.copy()) for each in image))


def _shown(module: torch.fx.GraphModule, nodes: Sequence[str]) -> torch.fx.GraphModule:
    """Return a module whose results are those of some of its nodes."""
    graph, copies = torch.fx.Graph(), {}
    graph.graph_copy(module.graph, copies)
    named = {node.name: copy for node, copy in copies.items()}
    graph.output(tuple(named[name] for name in nodes))
    graph.eliminate_dead_code()
    return torch.fx.GraphModule(module, graph)
