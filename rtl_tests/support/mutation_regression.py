"""What the design gives in the scripts that judge mutants.

`python rtl_tests/support/mutation_regression.py [ci]` records it anew, where cycles change on
purpose.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from maccord.hw.verilog import with_sources
from maccord.runtime.cache import digest
from maccord.verify.mutate.hardware import SMALL
from maccord.verify.mutate.model import build_player
from maccord.verify.mutate.mutants import Mutant
from maccord.verify.mutate.player import Recorded, record
from maccord.verify.mutate.programs.shares import SHARES, scripts

__all__ = ["EXPECTED", "INERT", "observed"]

EXPECTED = Path(__file__).parents[1] / "verify" / "mutate" / "regression.json"
#: A mutant without effect: the adder's factors have 23 bits.
INERT = Mutant(1, "const1", "maccord.core.compute", "adder", "factor_a", 23)


def observed(recorded: Recorded) -> dict[str, str]:
    """Return cycles of each script, and a hash of all that it observes."""
    return {
        script.name: f"{int(values[-1])} cycles, {digest(values)[:12]}"
        for script, values in zip(recorded.scripts, recorded.values, strict=True)
    }


if __name__ == "__main__":
    model = build_player(with_sources(SMALL), [INERT], SMALL.axi_bytes)
    found = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    for share in sys.argv[1:] or SHARES:
        with tempfile.TemporaryDirectory() as folder:
            recorded = record(model.path, scripts(share, SMALL), Path(folder))
        assert not recorded.wrong, recorded.wrong
        found[share] = observed(recorded)
    EXPECTED.write_text(json.dumps(found, indent=1) + "\n")
