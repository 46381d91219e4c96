"""Chains of tokens in parts, and a product with its softmax, in the instruction-level model."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from row_programs import ROW_PARAMETERS
from small_transformers import small_transformer

from maccord.compiler import steps
from maccord.compiler.groups import parts_of, slice_of, staggered
from maccord.compiler.layer import view
from maccord.compiler.network import CompiledNetwork, compile_network
from maccord.compiler.timing import estimate_cycles
from maccord.golden.machine.machine import Machine
from maccord.golden.network import execute
from maccord.spec.isa import Opcode
from maccord.spec.parameters import Parameters

WIDE = replace(ROW_PARAMETERS, accumulators=1024, weight_bytes=1 << 16, output_bytes=1 << 16)


def _compiled(parameters: Parameters) -> tuple[CompiledNetwork, np.ndarray]:
    network, images = small_transformer()
    return compile_network(network.graph, parameters), network.codes(images)


@pytest.mark.parametrize("parameters", [ROW_PARAMETERS, WIDE], ids=["small", "wide"])
def test_a_transformer_equals_the_golden_network(parameters: Parameters) -> None:
    compiled, x_q = _compiled(parameters)
    assert [area.together for area in compiled.areas if area.together > 1] == [4, 2, 7]
    memory = compiled.image(x_q)
    Machine(parameters, memory).run(compiled.program_offset)
    golden = execute(compiled.network, x_q)
    for area in compiled.areas[-2:]:
        found = compiled.tensor(area.name, area.view(memory).copy())
        np.testing.assert_array_equal(found, golden[area.name])


def test_a_chain_takes_fewer_cycles_than_its_steps() -> None:
    chained, _ = _compiled(WIDE)
    with patch.object(
        steps, "grouped", lambda works, *_: [range(i, i + 1) for i in range(len(works))]
    ):
        alone, x_q = _compiled(WIDE)
    assert {area.together for area in alone.areas} == {1}
    cycles = [estimate_cycles(each.program, WIDE) for each in (chained, alone)]
    assert cycles[0] < 0.97 * cycles[1]
    memory = alone.image(x_q)
    Machine(WIDE, memory).run(alone.program_offset)
    name = alone.areas[-1].name
    golden = execute(alone.network, x_q)[name]
    found = alone.tensor(name, alone.areas[-1].view(memory).copy())
    np.testing.assert_array_equal(found, golden)


def test_tables_of_rows_are_loaded_when_they_change() -> None:
    compiled, _ = _compiled(WIDE)
    tables = sum(step.opcode == Opcode.ROW_TABLE for step in compiled.program)
    norms = sum("norm" in stage.op for stage in compiled.stages)
    assert norms == 3
    assert norms + 1 <= tables <= 2 * (norms + 1)


@pytest.mark.parametrize("tokens", [1, 31, 32, 65, 197, 1000])
def test_parts_are_the_tokens(tokens: int) -> None:
    parts = parts_of(tokens)
    places = [place for part in parts for place in range(part.start, part.start + part.count)]
    assert places == list(range(tokens))
    assert len(parts) == 1 or min(part.count for part in parts[:-1]) >= 16


def test_a_step_follows_the_one_before_in_each_part() -> None:
    order = list(staggered(4, 3))
    assert sorted(order) == [(step, part) for step in range(4) for part in range(3)]
    for step, part in order:
        if step:
            assert order.index((step - 1, part)) < order.index((step, part))
            assert not part or order.index((step, part - 1)) < order.index((step, part))


def test_a_slice_is_some_pixels_of_a_view() -> None:
    whole = view(100, (1, 1, 40, 6))
    part = slice_of(whole, parts_of(40)[1])
    assert (part.base, part.pixels, part.pitch) == (100 + 20 * 6, 20, 6)
    assert part.offset(0, 0, 3, 2) == whole.offset(0, 0, 23, 2)
