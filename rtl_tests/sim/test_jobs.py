"""What a layer's run makes of a simulation: every way in which it can be wrong is named."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from network_tasks import Flipped, StandIn, change_weight, layer_task
from schedule_layers import random_conv2d, random_linear

from maccord.compiler.network import compile_network
from maccord.runtime.errors import SimulationError
from maccord.sim.memory import MemoryModel
from maccord.sim.network.run import run_network
from maccord.sim.network.task import NetworkTask
from maccord.sim.results import Outcome, Verdict
from maccord.sim.searches import search
from maccord.sim.simulate import Job, Result
from maccord.spec.isa import Opcode
from maccord.spec.parameters import Parameters
from maccord.spec.registers import COUNTERS, ErrorCode, Status

PARAMETERS = Parameters(rows=4, cols=2)
MACS = {"conv2d": 6 * 5 * 3 * 3 * 6 * 5, "linear": 2 * 20 * 7}
CYCLES = MACS["conv2d"] // 8 + 10  # of the stand-in


def task(kind: str = "conv2d", parameters: Parameters = PARAMETERS, seed: int = 3) -> NetworkTask:
    """A small layer whose PyTorch output is the golden one."""
    rng = np.random.default_rng(seed)
    if kind == "linear":
        layer, shape = random_linear(rng, 20, 7), (2, 20)
    else:
        layer, shape = random_conv2d(rng, (6, 5, 3, 3), padding=(1, 1)), (1, 6, 5, 5)
    return layer_task(layer, rng.integers(0, 256, shape, np.uint8), parameters)


def cycles_of(job: NetworkTask) -> int:
    return job.recording.macs // 8 + 10


def run(job: NetworkTask, **fields: object) -> Outcome:
    return run_network(job, backend=StandIn(job, **fields))


def hang(job: Job) -> Result:
    raise SimulationError(f"No interrupt after {job.cycle_limit} cycles: store is waiting.")


def said(outcome: Outcome) -> str:
    return " / ".join(outcome.problems)


@pytest.mark.parametrize("kind", ["conv2d", "linear"])
def test_a_right_run_agrees(kind: str) -> None:
    job = task(kind)
    outcome = run(job)
    assert (outcome.verdict, outcome.problems) == (Verdict.AGREES, ())
    result = outcome.result
    assert result is not None and result.agrees
    (y_torch,) = job.recording.tensors.values()
    cycles = cycles_of(job)
    assert result.compared == outcome.equal == y_torch.size
    assert result.cycles == sum(result.cycles_by_cause.values()) == cycles
    assert result.utilization == result.macs / (4 * 2 * cycles)
    assert result.macs == job.recording.macs == MACS[kind]
    assert result.sim_cycles_per_second == cycles / 0.5
    assert np.array_equal(outcome.rtl["layer"], y_torch)
    assert outcome.codes == len(np.unique(y_torch))
    assert (result.network, result.layer, result.op) == ("net", "layer", kind)
    assert Opcode.RECORD not in {instruction.opcode for instruction in job.compiled.program}


def test_a_bit_flipped_in_the_golden_output_is_a_mismatch() -> None:
    job = task()
    outcome = run_network(job, backend=StandIn(job), alter_golden=Flipped("layer"))
    assert outcome.verdict is Verdict.MISMATCH
    assert (outcome.result.mismatches_golden, outcome.result.mismatches_torch) == (1, 0)
    assert "1 of 180 outputs differ from golden" in said(outcome)
    assert "layer[0, 0, 0, 0] (n, y, x, c), channel 0: expected" in said(outcome)
    assert "not the RTL" in said(outcome)


def test_a_bit_flipped_in_the_weights_is_a_mismatch() -> None:
    job = task()
    outcome = run_network(job, backend=StandIn(job), alter_image=change_weight)
    assert outcome.verdict is Verdict.MISMATCH
    assert outcome.result.mismatches_golden == outcome.result.mismatches_torch
    assert outcome.result.mismatches_golden > 0
    assert ", 1 of 6 channels" in said(outcome)
    assert "not the RTL" in said(outcome)


def test_a_bit_flipped_by_the_rtl_is_a_mismatch() -> None:
    job = task()
    backend = StandIn(job)
    backend.wrong = {"layer": 2}
    outcome = run_network(job, backend=backend)
    assert outcome.verdict is Verdict.MISMATCH
    assert (outcome.result.mismatches_golden, outcome.result.mismatches_torch) == (1, 1)
    assert "layer[0, 0, 0, 2]" in said(outcome)
    assert said(outcome).endswith("gives the golden output: the RTL is wrong")


def test_pytorch_alone_may_disagree() -> None:
    job = task()
    job.recording.tensors["layer"][0, 1, 1, 1] ^= 1
    outcome = run(job)
    assert outcome.verdict is Verdict.MISMATCH
    assert (outcome.result.mismatches_golden, outcome.result.mismatches_torch) == (0, 1)
    assert "the reference disagrees with both" in said(outcome)


@pytest.mark.parametrize(
    ("fields", "verdict", "words"),
    [
        ({"incomplete": {"layer": 7}, "tensors": {}}, 1, "layer is the first and lacks 7 bytes"),
        ({"stray_bytes": 3, "first_stray": 0}, 1, "3 bytes outside of the tensor being made"),
        ({"double_bytes": 2, "first_double": 16}, 1, "2 bytes were written twice"),
        ({"macs": 5}, 3, "the accelerator counted 5 multiplications, the program has 8,100"),
        ({"protocol_errors": 2, "protocol_error": "awlen"}, 3, "protocol was violated: awlen"),
        ({"overlaps": 1}, 3, "1 bursts overlapped"),
        ({"cycles": CYCLES + 50}, 3, "counters by cause sum to 1,022, not to 1,072 cycles"),
        ({"cycles": CYCLES - 1}, 3, "counters by cause sum to 1,022, not to 1,021 cycles"),
    ],
)
def test_right_bytes_do_not_excuse(fields: dict, verdict: int, words: str) -> None:
    outcome = run(task(), **fields)
    assert outcome.verdict == verdict
    assert words in said(outcome)
    if verdict == Verdict.MISMATCH:
        assert not outcome.result.agrees
    else:
        assert (outcome.result, outcome.rtl) == (None, {})


def test_cycles_of_the_port_count_as_control() -> None:
    outcome = run(task(), cycles=CYCLES + 2)
    assert outcome.verdict is Verdict.AGREES
    assert outcome.result.cycles_by_cause == dict.fromkeys(COUNTERS, 0) | {
        "compute": CYCLES - 10,
        "loads": 10,
        "control": 2,
    }


def test_an_error_status_is_named() -> None:
    fields = {"status": Status.DONE | Status.ERROR, "error_code": ErrorCode.READ_ERROR}
    outcome = run(task(), **fields)
    assert (outcome.verdict, outcome.result) == (Verdict.FAILED, None)
    assert "error READ_ERROR" in said(outcome)


def test_a_hang_is_named() -> None:
    outcome = run_network(task(), backend=hang)
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
    outcome = run(task(), registers=registers, **status)
    assert outcome.verdict is Verdict.BAD_INPUT
    assert said(outcome) == "the netlist must have been made with rows 4, got one with 8"


def test_a_layer_too_large_for_the_scratchpad_is_bad_input() -> None:
    small = Parameters(rows=4, cols=2, activation_bytes=1 << 11, output_bytes=1 << 10)
    rng = np.random.default_rng(0)
    layer = random_conv2d(rng, (2, 600, 3, 3))
    x_q = rng.integers(0, 256, (1, 3, 3, 600), np.uint8)
    job = layer_task(layer, x_q, small)
    outcome = run_network(job, backend=hang)
    assert outcome.verdict is Verdict.BAD_INPUT
    assert "activation_bytes must be at least" in said(outcome)
    said_at_once = search(job)
    assert isinstance(said_at_once, str)
    assert said_at_once.startswith("layer does not fit: activation_bytes must be at least")
    assert not isinstance(search(task()), str)


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


# Instructions and memory before the start when layers were still scheduled by code of their own,
# on which cycles depend.
ALONE = {
    ("conv2d", 8): (45, "fc48303afa7f8b8b"),
    ("downsample", 8): (8, "2f4be1f732457915"),
    ("depthwise", 8): (25, "54537c629c11503b"),
    ("linear", 8): (16, "d3e605c92035f119"),
    ("conv2d", 16): (36, "52cefd4bcb459cc7"),
    ("downsample", 16): (6, "c84f465a8616df2f"),
    ("depthwise", 16): (28, "77f003ae3136e8f2"),
    ("linear", 16): (10, "333fa8ccd4b2a8db"),
}


@pytest.mark.parametrize("size", [8, 16])
def test_a_layer_has_the_program_and_the_memory_that_it_always_had(size: int) -> None:
    rng = np.random.default_rng(17)
    layers = {
        "conv2d": (random_conv2d(rng, (24, 20, 3, 3), padding=(1, 1)), (2, 12, 10, 20)),
        "downsample": (random_conv2d(rng, (16, 12, 1, 1), stride=(2, 2)), (1, 9, 9, 12)),
        "depthwise": (
            random_conv2d(rng, (20, 1, 3, 3), padding=(1, 1), groups=20),
            (1, 8, 8, 20),
        ),
        "linear": (random_linear(rng, 70, 30), (3, 70)),
    }
    found = {}
    for name, (layer, shape) in layers.items():
        x_q = np.random.default_rng(18).integers(0, 256, shape, np.uint8)
        compiled = layer_task(layer, x_q, Parameters(size, size)).compiled
        digest = sha256(compiled.image(x_q)).hexdigest()[:16]
        found[name, size] = (len(compiled.program), digest)
    assert found == {case: known for case, known in ALONE.items() if case[1] == size}


def test_interrupts_of_a_layer_need_a_record() -> None:
    job = replace(task(), interrupts=True)
    assert [i.opcode for i in job.compiled.program].count(Opcode.RECORD) == 1
    outcome = run(job)
    assert outcome.verdict is Verdict.AGREES and outcome.result is not None
    assert outcome.result.cycles == CYCLES
    with pytest.raises(ValueError, match="records must be written to raise interrupts"):
        compile_network(job.recording.network, PARAMETERS, interrupts=True, records=False)
