"""Parameters are validated in one place, with one clear sentence each."""

from __future__ import annotations

from typing import Any

import pytest

from maccord.spec.isa import Instruction, Mode, Opcode
from maccord.spec.isa_features import Feature, features
from maccord.spec.isa_names import RowFunction
from maccord.spec.isa_needs import needed
from maccord.spec.parameters import Parameters


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rows": 3}, "rows must be between 4 and 64, got 3"),
        ({"rows": 65}, "rows must be between 4 and 64, got 65"),
        ({"cols": 1}, "cols must be between 2 and 64, got 1"),
        ({"cols": 100}, "cols must be between 2 and 64, got 100"),
        ({"lanes": 17}, "lanes must be between 0 and 16, got 17"),
        ({"lanes": 5}, r"lanes must divide cols \(16\), got 5"),
        ({"axi_bytes": 24}, "axi_bytes must be a power of two, got 24"),
        ({"axi_bytes": 4}, "axi_bytes must be between 8 and 64, got 4"),
        ({"activation_bytes": 3000}, "activation_bytes must be a power of two, got 3000"),
        ({"output_bytes": 512}, "output_bytes must be between 1024 and"),
        ({"accumulators": 8}, "accumulators must be between 16 and 65536, got 8"),
        ({"line_cells": 8}, "line_cells must be between 16 and 4096, got 8"),
        ({"line_cells": 100}, "line_cells must be a power of two, got 100"),
        ({"family": "ice40"}, "family must be one of generic, ecp5, xc7, xcup, got 'ice40'"),
        ({"family": "xcup-packed"}, r"family must be xcup, with packed \(--family xcup --packed\)"),
        ({"packed": True}, "family must be xcup with packed, .*, got 'generic'"),
        (
            {"packed": True, "family": "ecp5"},
            "or ecp5 with weights .*, got 'ecp5' and 8 bits",
        ),
        (
            {"packed": True, "family": "xcup", "cols": 5},
            "cols must be even with packed, got 5",
        ),
        ({"window_width": 4}, "window_width must be 3 or 5, got 4"),
        ({"window_width": 6}, "window_width must be between 3 and 5, got 6"),
        (
            {"window_width": 5, "rows": 14},
            "rows must be at least 15 with window_width 5, got 14",
        ),
        (
            {"window_width": 5, "lanes": 8},
            "window_width must be 3 with 8 lanes for 16 cols, which has no windows",
        ),
        (
            {"window_width": 5, "family": "xcup", "packed": True},
            "window_width must be 3 with packed, which has no windows",
        ),
        ({"weight_bits": 6}, r"weight_bits \(--array-weight-bits\) must be 8, 4 or 2, got 6"),
        ({"weight_bits": "4"}, "must be 8, 4 or 2, got '4'"),
        (
            {"weight_bits": 4},
            "narrow must be True with weight_bits 4: weights of 4 and 2 bits are packed",
        ),
        (
            {"rows": 64, "cols": 64, "weight_bytes": 4096},
            "weight_bytes must hold two weight tiles of 64 x 64, at least 16384, got 4096",
        ),
    ],
)
def test_values_out_of_range(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Parameters(**options)


@pytest.mark.parametrize("value", [16.0, "16", True, None])
def test_values_of_another_type(value: object) -> None:
    with pytest.raises(TypeError, match="rows must be an integer, got"):
        Parameters(rows=value)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_packed_is_a_bool(value: Any) -> None:
    with pytest.raises(TypeError, match="packed must be True or False, got"):
        Parameters(family="xcup", packed=value)


@pytest.mark.parametrize(
    ("options", "banks", "row_bytes", "beats"),
    [
        ({}, 16, 16, 64),
        ({"rows": 12, "cols": 20, "axi_bytes": 8}, 32, 32, 64),
        ({"rows": 33, "cols": 2, "axi_bytes": 64}, 64, 2, 64),
        ({"rows": 4, "cols": 64, "axi_bytes": 32}, 64, 64, 64),
        ({"rows": 4, "cols": 2, "axi_bytes": 8}, 8, 2, 64),
    ],
)
def test_derived_sizes(options: dict[str, int], banks: int, row_bytes: int, beats: int) -> None:
    parameters = Parameters(**options)
    assert parameters.activation_banks == banks
    assert parameters.weight_row_bytes == row_bytes
    assert parameters.burst_beats == beats
    assert parameters.weight_rows * row_bytes == parameters.weight_bytes


def test_partial_sums_fit_their_width() -> None:
    for rows in range(4, 65):
        parameters = Parameters(rows=rows, weight_bytes=1 << 16)
        assert rows * 128 * 128 < 1 << parameters.partial_sum_bits - 1 or rows & (rows - 1) == 0
        assert -(1 << parameters.partial_sum_bits - 1) <= -rows * 128 * 127


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_the_largest_sums_fit(bits: int) -> None:
    """-128 times the least weight in every row; without a bit to spare for a power of two."""
    for rows in range(4, 65):
        p = Parameters(rows=rows, weight_bytes=1 << 16, narrow=bits < 8, weight_bits=bits)
        largest, bound = rows * 128 << bits - 1, 1 << p.partial_sum_bits - 1
        assert largest < bound
        assert (largest >= bound >> 1) == (rows & (rows - 1) == 0)


def test_lanes_default_to_one_per_column() -> None:
    assert Parameters(cols=12).lanes == 12
    assert Parameters(cols=12, lanes=4).columns_per_lane == 3


@pytest.mark.parametrize(
    ("options", "depthwise"),
    [
        ({}, True),
        ({"rows": 9}, True),
        ({"rows": 8}, False),
        ({"lanes": 8}, False),
        ({"family": "xcup"}, True),
        ({"family": "xcup", "packed": True}, False),
        ({"rows": 15, "window_width": 5}, True),
    ],
)
def test_depthwise_takes_nine_rows_all_lanes_and_no_packing(
    options: dict[str, Any], depthwise: bool
) -> None:
    assert Parameters(**options).depthwise == depthwise


@pytest.mark.parametrize("value", [None, 0, 1, "yes"])
def test_product_is_a_bool(value: Any) -> None:
    with pytest.raises(TypeError, match="product must be True or False, got"):
        Parameters(product=value)


def test_features_tell_of_roundings() -> None:
    assert features(Parameters(half_up=True)) == features(Parameters()) | Feature.HALF_UP
    assert Parameters(half_up=True).name == "r16c16-half_up"
    with pytest.raises(TypeError, match="half_up must be True or False, got 1"):
        Parameters(half_up=1)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"row_lanes": 3}, "row_lanes must be 0 or a power of two, got 3"),
        ({"row_lanes": 32}, "row_lanes must be between 0 and 16, got 32"),
        ({"row_lanes": -1}, "row_lanes must be between 0 and 16, got -1"),
        ({"row_elements": 100}, "row_elements must be a power of two, got 100"),
        (
            {"row_lanes": 16, "row_elements": 16},
            "row_elements must be between 32 and 65536, got 16",
        ),
    ],
    ids=str,
)
def test_rows_are_refused(options: dict[str, int], error: str) -> None:
    with pytest.raises(ValueError, match=f"^{error}$"):
        Parameters(**options)


def test_features_tell_of_rows() -> None:
    rows = Feature.SOFTMAX | Feature.LAYER_NORM
    assert features(Parameters(row_lanes=4)) == features(Parameters()) | rows
    assert Parameters(row_lanes=4, row_elements=256).name == "r16c16-rows4-e256"


def test_programs_need_their_functions_of_rows() -> None:
    """Those that they set up."""
    p = Parameters(row_lanes=4)
    for function in RowFunction:
        program = [
            Instruction(Opcode.SETUP_ROW, {"function": function}),
            Instruction(Opcode.ROW_TABLE, {"entries": 1}),
            Instruction(Opcode.ROWS, {"rows": 1, "elements": 1}),
        ]
        assert needed(program, p) == Feature[function.name]


def test_features_tell_of_products() -> None:
    assert features(Parameters(product=True)) == features(Parameters()) | Feature.PRODUCT


def test_features_tell_widths_of_weights() -> None:
    """8 bits take DENSE, 4 bits NARROW, 2 bits NARROW or NARROW_2: a wider array has NARROW."""
    widths = Feature.DENSE | Feature.NARROW | Feature.NARROW_2
    found = [
        features(Parameters(narrow=narrow, weight_bits=bits)) & widths
        for narrow, bits in ((False, 8), (True, 8), (True, 4), (True, 2))
    ]
    assert found == [
        *(Feature.DENSE, Feature.DENSE | Feature.NARROW, Feature.NARROW, Feature.NARROW_2)
    ]


def test_programs_need_the_widths_of_their_weights() -> None:
    """A program for a narrower array runs on a wider one, but for that of 2 bits alone."""
    made = {bits: Parameters(narrow=True, weight_bits=bits) for bits in (8, 4, 2)}
    for compiled_for, code, runs in (
        *((8, 0, {8}), (8, 1, {8, 4}), (8, 2, {8, 4}), (4, 1, {8, 4}), (4, 2, {8, 4})),
        (2, 2, {2}),
    ):
        setup = Instruction(Opcode.SETUP, {"mode": Mode.DENSE, "weight_width": code})
        wanted = needed([setup], made[compiled_for])
        assert {bits for bits, p in made.items() if wanted in features(p)} == runs


def test_names_tell_configurations_apart() -> None:
    names = [
        Parameters(**options).name
        for options in (
            {},
            {"rows": 8},
            {"lanes": 4},
            {"axi_bytes": 8},
            {"accumulators": 64},
            {"window_width": 5},
            {"narrow": True},
            {"narrow": True, "weight_bits": 4},
            {"narrow": True, "weight_bits": 2},
        )
    ]
    assert len(set(names)) == len(names)
    assert Parameters(rows=12, cols=20).name == "r12c20"
    assert Parameters(rows=12, cols=20, product=True).name == "r12c20-product"
    assert Parameters(rows=12, cols=20, family="xcup").name == "r12c20-xcup"
    assert Parameters(rows=12, cols=20, family="xcup", packed=True).name == "r12c20-xcup-packed"


def test_programs_for_one_width_of_windows_do_not_run_on_the_other() -> None:
    """Weights lie elsewhere, so a depthwise program needs the feature of its own width."""
    setup = Instruction(Opcode.SETUP, {"mode": Mode.DEPTHWISE})
    narrow, wide = Parameters(), Parameters(window_width=5)
    for made, other in ((narrow, wide), (wide, narrow)):
        assert needed([setup], made) in features(made)
        assert needed([setup], made) not in features(other)
