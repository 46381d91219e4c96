"""What a job makes of a run: every way in which it can be wrong is noticed and named."""

from functools import partial

import numpy as np
import pytest
from fake_accelerator import (
    CYCLES,
    PARAMETERS,
    flip_first,
    flip_weight,
    hang,
    perfect,
    with_fault,
    wrong_output,
)
from schedule_layers import random_conv2d, random_linear

from maccord.golden.network import compute
from maccord.golden.parameters import Parameters
from maccord.golden.registers import COUNTERS, ErrorCode, Status
from maccord.sim.jobs import LayerTask, MemoryModel, Recording, misfit, run_layer
from maccord.sim.results import Outcome, Verdict


def task(kind: str = "conv2d", parameters: Parameters = PARAMETERS, seed: int = 3) -> LayerTask:
    """A small layer whose PyTorch output is the golden one."""
    rng = np.random.default_rng(seed)
    if kind == "linear":
        layer, shape = random_linear(rng, 20, 7), (2, 20)
    else:
        layer, shape = random_conv2d(rng, (6, 5, 3, 3), padding=(1, 1)), (1, 6, 5, 5)
    x_q = rng.integers(0, 256, shape, np.uint8)
    y = compute(layer, [x_q])
    recording = Recording("net", "qnnpack", "random", "clean", seed, layer, x_q, y)
    return LayerTask(recording, parameters, "module maccord; endmodule")


def said(outcome: Outcome) -> str:
    return " / ".join(outcome.problems)


@pytest.mark.parametrize("kind", ["conv2d", "linear"])
def test_a_right_run_agrees(kind: str) -> None:
    job = task(kind)
    outcome = run_layer(job, backend=perfect)
    assert (outcome.verdict, outcome.problems) == (Verdict.AGREES, ())
    result = outcome.result
    assert result is not None and result.agrees
    assert result.compared == outcome.equal == job.recording.y_torch.size
    assert result.cycles == sum(result.cycles_by_cause.values()) == CYCLES
    assert result.utilization == result.macs / (4 * 2 * CYCLES)
    assert result.macs == job.recording.layer.macs(job.recording.x_q.shape)
    assert result.sim_cycles_per_second == CYCLES / 0.5
    assert np.array_equal(outcome.y_rtl, job.recording.y_torch)
    assert outcome.codes == len(np.unique(job.recording.y_torch))


def test_a_bit_flipped_in_the_golden_output_is_a_mismatch() -> None:
    outcome = run_layer(task(), backend=perfect, alter_golden=flip_first)
    assert outcome.verdict is Verdict.MISMATCH
    assert (outcome.result.mismatches_golden, outcome.result.mismatches_torch) == (1, 0)
    assert "1 of 180 outputs differ from golden" in said(outcome)
    assert "output[0, 0, 0, 0] (n, y, x, c), channel 0: expected" in said(outcome)
    assert "not the RTL" in said(outcome)


def test_a_bit_flipped_in_the_weights_is_a_mismatch() -> None:
    outcome = run_layer(task(), backend=perfect, alter_image=flip_weight)
    assert outcome.verdict is Verdict.MISMATCH
    assert outcome.result.mismatches_golden == outcome.result.mismatches_torch > 0
    assert ", 1 of 6 channels" in said(outcome)
    assert "not the RTL" in said(outcome)


def test_a_bit_flipped_by_the_rtl_is_a_mismatch() -> None:
    outcome = run_layer(task(), backend=wrong_output)
    assert outcome.verdict is Verdict.MISMATCH
    assert (outcome.result.mismatches_golden, outcome.result.mismatches_torch) == (1, 1)
    assert "output[0, 0, 0, 2]" in said(outcome)
    assert said(outcome).endswith("gives the golden output: the RTL is wrong")


def test_pytorch_alone_may_disagree() -> None:
    job = task()
    job.recording.y_torch[0, 1, 1, 1] ^= 1
    outcome = run_layer(job, backend=perfect)
    assert outcome.verdict is Verdict.MISMATCH
    assert (outcome.result.mismatches_golden, outcome.result.mismatches_torch) == (0, 1)
    assert "PyTorch's kernel disagrees with both" in said(outcome)


@pytest.mark.parametrize(
    ("fields", "verdict", "words"),
    [
        ({"unwritten": [7], "first_unwritten": 64}, 1, "7 output bytes were never written"),
        ({"stray_bytes": 3, "first_stray": 0}, 1, "3 bytes outside of the output were written"),
        ({"protocol_errors": 2, "protocol_error": "awlen"}, 3, "protocol was violated: awlen"),
        ({"overlaps": 1}, 3, "1 bursts overlapped"),
        ({"cycles": CYCLES + 50}, 3, "counters by cause sum to 1,000, not to 1,050 cycles"),
        ({"cycles": CYCLES - 1}, 3, "counters by cause sum to 1,000, not to 999 cycles"),
    ],
)
def test_right_bytes_do_not_excuse(fields: dict, verdict: int, words: str) -> None:
    outcome = run_layer(task(), backend=partial(with_fault, **fields))
    assert outcome.verdict == verdict
    assert words in said(outcome)
    if verdict == Verdict.MISMATCH:
        assert not outcome.result.agrees
    else:
        assert (outcome.result, outcome.y_rtl) == (None, None)


def test_cycles_of_the_port_count_as_control() -> None:
    outcome = run_layer(task(), backend=partial(with_fault, cycles=CYCLES + 2))
    assert outcome.verdict is Verdict.AGREES
    assert outcome.result.cycles_by_cause == dict.fromkeys(COUNTERS, 0) | {
        "compute": CYCLES,
        "control": 2,
    }


def test_an_error_status_is_named() -> None:
    fields = {"status": Status.DONE | Status.ERROR, "error_code": ErrorCode.READ_ERROR}
    outcome = run_layer(task(), backend=partial(with_fault, **fields))
    assert (outcome.verdict, outcome.result) == (Verdict.FAILED, None)
    assert "error READ_ERROR" in said(outcome)


def test_a_hang_is_named() -> None:
    outcome = run_layer(task(), backend=hang)
    assert outcome.verdict is Verdict.FAILED
    assert "store is waiting" in said(outcome)


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"status": Status.DONE | Status.ERROR, "error_code": ErrorCode.ILLEGAL_INSTRUCTION},
    ],
)
def test_a_netlist_of_another_size_is_named(status: dict) -> None:
    registers = {"ROWS": 8}
    outcome = run_layer(task(), backend=partial(with_fault, registers=registers, **status))
    assert outcome.verdict is Verdict.BAD_INPUT
    assert said(outcome) == "the netlist must have been made with rows 4, got one with 8"


def test_a_layer_too_large_for_the_scratchpad_is_bad_input() -> None:
    small = Parameters(rows=4, cols=2, activation_bytes=1 << 11, output_bytes=1 << 10)
    rng = np.random.default_rng(0)
    layer = random_conv2d(rng, (2, 600, 3, 3))
    x_q = rng.integers(0, 256, (1, 3, 3, 600), np.uint8)
    y = compute(layer, [x_q])
    job = LayerTask(Recording("net", "e", "w", "clean", 0, layer, x_q, y), small, "")
    outcome = run_layer(job, backend=perfect)
    assert outcome.verdict is Verdict.BAD_INPUT
    assert "activation_bytes must be at least" in said(outcome)
    assert misfit(job).startswith("layer does not fit: activation_bytes must be at least")
    assert misfit(task()) == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"latency": 1}, "latency must be between 2 and 65535, got 1"),
        ({"stalls": 0.95}, "stalls must be between 0 and 0.9, got 0.95"),
        ({"stalls": 0.001}, "stalls must be 0, or at least 1/256 rounded, got 0.001"),
        ({"seed": -1}, "stall_seed must be between 0 and 4294967295, got -1"),
    ],
)
def test_memory_model_is_validated(fields: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MemoryModel(**fields)
