"""A whole campaign on a small network: what it writes, and what it refuses."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from fault_subjects import PARAMETERS, chain, codes
from result_schemas import validate

from maccord.golden.network import execute
from maccord.runtime.errors import MismatchError
from maccord.verify.faults import run as campaign
from maccord.verify.faults.request import FaultRequest
from maccord.verify.faults.subjects import Case

pytestmark = pytest.mark.usefixtures("quick_builds")
FAULTS = 36


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """The chain in the trained network's place, with two images and one other level."""
    network, rng = chain(), np.random.default_rng(9)
    found = []
    for level in ("clean", "awgn:0.3"):
        for image in range(2):
            x_q = codes(network)
            x_q[rng.random(x_q.shape) < 0.1 * (image + 2 * (level != "clean"))] ^= 16
            found.append(Case(level, image, x_q, execute(network, x_q)[network.output][0]))
    monkeypatch.setattr(campaign, "cases", lambda *_: (network, tuple(found)))
    return found


def _request(out: Path, **options: object) -> FaultRequest:
    given = {"faults": FAULTS, "images": 2, "parameters": PARAMETERS, "jobs": 1, "out": out}
    return FaultRequest(**(given | options))  # type: ignore[arg-type]


def test_a_campaign_is_the_same_for_any_number_of_processes(
    small: list[Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for jobs in (1, 2):
        assert campaign.run(_request(tmp_path / str(jobs), jobs=jobs)) == 0
    said = capsys.readouterr()
    assert "seed 0" in said.err and "100.00% of the bits are in the model" in said.out
    names = {path.name for path in (tmp_path / "1").iterdir()} - {"faults.json", "parts"}
    assert names == {"avf.svg"} | {
        f"{name}.csv" for name in ("faults", "blocks", "registers", "bits", "differences", "masked")
    }
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name
    with (tmp_path / "1" / "faults.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * FAULTS and {row["image"] for row in rows} == {"0", "1"}
    where = ("fault", "register", "word", "bit", "cycle", "image")
    clean, noisy = ([[r[n] for n in where] for r in rows if r["level"] == level]
                    for level in ("clean", "awgn:0.3"))  # fmt: skip
    assert clean == noisy
    found = json.loads((tmp_path / "1" / "faults.json").read_text())
    validate("faults", found)
    assert found["injectable"] == found["bits"] and found["levels"] == ["clean", "awgn:0.3"]
    assert sum(share["masked"] for share in found["blocks"]) == sum(
        row["outcome"] == "masked" for row in rows
    )


def test_a_golden_run_that_differs_is_refused(small: list[Case], tmp_path: Path) -> None:
    small[1].scores[2] ^= 1
    with pytest.raises(MismatchError, match="scores of image 1, clean, differ"):
        campaign.run(_request(tmp_path))


def test_other_blocks_are_left_alone(small: list[Case], tmp_path: Path) -> None:
    campaign.run(_request(tmp_path, blocks=("token*", "array"), faults=8))
    with (tmp_path / "faults.csv").open() as file:
        assert {row["block"] for row in csv.DictReader(file)} == {"array", "tokens"}
