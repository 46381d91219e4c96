"""Whose the cells of a flat netlist are, and whether any part of the design is missing."""

from __future__ import annotations

import pytest
from toy_synthesis import ELEMENT, FETCH, cell, described, mapped

from maccord.synth.audit import instantiated, memories, multipliers
from maccord.synth.blocks import BLOCKS, block_of
from maccord.synth.netlist_cells import Owners, hierarchy, owners, resources
from maccord.synth.targets import TARGETS

COSTS = TARGETS["ecp5-85k"].family.primitives


def found(storage: str = "DP16KD") -> Owners:
    return owners(mapped(storage), hierarchy(described()))


def nets() -> set[str]:
    return set(mapped()["modules"]["top"]["netnames"])


def test_hierarchy_has_instances_memories_and_products() -> None:
    design = hierarchy(described())
    assert {"", "accelerator", "accelerator.core", FETCH, ELEMENT} <= design.instances
    assert design.memories == {f"{FETCH}.storage": (8, 4)}
    assert design.multipliers == {ELEMENT: [(4, 4)]}
    assert design.driven[f"{FETCH}.word"] and not design.driven[f"{FETCH}.go"]


def test_each_cell_belongs_to_the_instance_that_drives_its_result() -> None:
    assert found().cells == {
        "start_TRELLIS_FF_Q": "accelerator.core",
        "count_CCU2C_S0": FETCH,
        "word_LUT4_Z": FETCH,
        "nameless": FETCH,
        "go_LUT4_Z": "accelerator",
        f"{FETCH}.storage.0.0": FETCH,
        "product_MULT18X18D_P0": ELEMENT,
        "drive_TRELLIS_FF_Q": "",
    }


def test_results_have_the_name_that_their_instance_gives_them() -> None:
    names = found().names
    assert names["word_LUT4_Z"] == f"{FETCH}.word[0]"
    assert names["go_LUT4_Z"] == "accelerator.go"
    assert "nameless" not in names


def test_resources_are_summed_by_instance() -> None:
    assert resources(found(), COSTS) == {
        "": {"ff": 1},
        "accelerator": {"lut": 1},
        "accelerator.core": {"ff": 1},
        FETCH: {"lut": 4, "bram": 1},
        ELEMENT: {"dsp": 1},
    }


@pytest.mark.parametrize(
    ("instance", "block"),
    [
        ("", "scan wrapper"),
        ("accelerator", "control"),
        ("accelerator.core.compute.datapath.array.element_3_1", "array"),
        ("accelerator.core.compute.datapath.requantizer_11", "requantizer"),
        ("accelerator.core.compute.datapath", "datapath lines"),
        ("accelerator.core.compute.weights", "scratchpads"),
        ("accelerator.core.compute.weight_feeder", "feeders"),
        ("accelerator.core.weight_queue.fifo", "control"),
        ("accelerator.core.weight.walker", "DMA"),
        ("accelerator.core.loader_of_another_name", "control"),
    ],
)
def test_every_instance_is_of_one_block(instance: str, block: str) -> None:
    assert block_of(instance) == block
    assert block in BLOCKS


@pytest.mark.parametrize(
    ("storage", "kind"),
    [
        ("DP16KD", "block RAM"),
        ("TRELLIS_DPR16X4", "LUT RAM"),
        ("$mem_v2", "macro"),
        ("LUT4", "lost"),
    ],
)
def test_what_became_of_a_memory(storage: str, kind: str) -> None:
    result = memories(hierarchy(described()), found(storage), COSTS, nets())
    cells = int(kind != "lost")
    assert result == {f"{FETCH}.storage": {"words": 8, "bits": 4, "kind": kind, "cells": cells}}


def test_a_memory_of_the_familys_primitives_is_that_of_its_instance() -> None:
    described_ = described()
    memory = described_["modules"]["top.fetch"]
    memory["ports"] |= {
        "write_address": {"direction": "input", "bits": [2, 3, 4]},
        "write_data": {"direction": "input", "bits": [5, 6]},
    }
    memory["cells"]["block_0_0"] = cell("DP16KD")
    assert hierarchy(described_).memories[FETCH] == (8, 2)


@pytest.mark.parametrize("left", [0, 1])
def test_cells_that_are_instantiated_must_be_left(left: int) -> None:
    described_, mapped_ = described(), mapped()
    described_["modules"]["top.element"]["cells"]["multiplier"] = cell("MULT18X18D")
    if not left:
        del mapped_["modules"]["top"]["cells"]["product_MULT18X18D_P0"]
    design = hierarchy(described_)
    result = instantiated(design, owners(mapped_, design))
    assert result == {ELEMENT: {"MULT18X18D": {"described": 1, "left": left}}}


def test_a_memory_of_registers_is_not_lost() -> None:
    words = {f"{FETCH}.storage[{i}]" for i in range(8)}
    result = memories(hierarchy(described()), found("LUT4"), COSTS, nets() | words)
    assert result[f"{FETCH}.storage"]["kind"] == "registers"


@pytest.mark.parametrize(
    ("taken", "blocks", "lost"), [(1, True, False), (0, True, True), (0, False, False)]
)
def test_a_product_needs_a_block_if_there_are_any(taken: int, blocks: bool, lost: bool) -> None:
    instances: dict[str, dict[str, float]] = {ELEMENT: {"dsp": taken}}
    result = multipliers(hierarchy(described()), instances, blocks)
    assert result == {ELEMENT: {"described": [[4, 4]], "blocks": taken, "lost": lost}}
