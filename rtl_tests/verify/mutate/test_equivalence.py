"""Proofs that a mutant is equal to the design, on small circuits; none of one that differs."""

from __future__ import annotations

import random
from dataclasses import astuple, replace

import pytest

from maccord.verify.mutate import equivalence
from maccord.verify.mutate.aiger import Aig, read_aiger, write_aiger
from maccord.verify.mutate.equivalence import prove
from maccord.verify.mutate.miter import miter
from maccord.verify.mutate.mutants import Mutant

#: In `maccord.block`, `wide` counts from 0 to 11. The output is its highest bit where `on` is 1, as
#: it always is, else `idle`. Nothing reads `dead`.
DESIGN = r"""
module \maccord
  wire input 1 \clk
  wire input 2 \d
  wire output 3 \y
  wire output 4 \z
  cell \maccord.side \side
    connect \clk \clk
    connect \d \d
    connect \z \z
  end
  cell \maccord.block \block
    connect \clk \clk
    connect \d \d
    connect \on 1'1
    connect \y \y
  end
end
module \maccord.side
  wire input 1 \clk
  wire input 2 \d
  attribute \init 1'0
  wire output 3 \z
  cell $dff \late
    parameter \CLK_POLARITY 1'1
    parameter \WIDTH 1
    connect \CLK \clk
    connect \D \d
    connect \Q \z
  end
end
module \maccord.block
  wire input 1 \clk
  wire input 2 \d
  wire input 3 \on
  wire output 4 \y
  attribute \init 4'0000
  wire width 4 \wide
  wire width 4 \more
  wire width 4 \next
  wire \last
  wire \dead
  attribute \init 1'0
  wire \idle
  cell $add \plus
    parameter \A_SIGNED 0
    parameter \A_WIDTH 4
    parameter \B_SIGNED 0
    parameter \B_WIDTH 1
    parameter \Y_WIDTH 4
    connect \A \wide
    connect \B 1'1
    connect \Y \more
  end
  cell $ge \end
    parameter \A_SIGNED 0
    parameter \A_WIDTH 4
    parameter \B_SIGNED 0
    parameter \B_WIDTH 4
    parameter \Y_WIDTH 1
    connect \A \wide
    connect \B 4'1011
    connect \Y \last
  end
  cell $mux \wrap
    parameter \WIDTH 4
    connect \A \more
    connect \B 4'0000
    connect \S \last
    connect \Y \next
  end
  cell $dff \count
    parameter \CLK_POLARITY 1'1
    parameter \WIDTH 4
    connect \CLK \clk
    connect \D \next
    connect \Q \wide
  end
  cell $dff \hold
    parameter \CLK_POLARITY 1'1
    parameter \WIDTH 1
    connect \CLK \clk
    connect \D \d
    connect \Q \idle
  end
  cell $mux \choose
    parameter \WIDTH 1
    connect \A \idle
    connect \B \wide [3]
    connect \S \on
    connect \Y \y
  end
  cell $not \unread
    parameter \A_SIGNED 0
    parameter \A_WIDTH 1
    parameter \Y_WIDTH 1
    connect \A \d
    connect \Y \dead
  end
end
"""


def mutant(kind: str, cell: str, port: str, bit: int = 0, control: int = -1) -> Mutant:
    return Mutant(7, kind, "maccord.block", cell, port, bit, control)


@pytest.mark.parametrize(
    ("changed", "module"),
    [
        (mutant("inv", "unread", "Y"), "maccord"),  # not read
        (mutant("cnot1", "choose", "B", 0, 0), ""),
        (mutant("const0", "end", "A", 2), "maccord.block"),  # differs from 12 on, never reached
        (mutant("const1", "end", "B", 2), ""),  # counts to 15
        (mutant("inv", "hold", "D"), "maccord"),  # `on` is 1 around it
        (mutant("const0", "plus", "A", 1), ""),
        (mutant("inv", "count", "D", 0), ""),
        (mutant("inv", "count", "CLK"), ""),
    ],
)
def test_proofs(changed: Mutant, module: str) -> None:
    assert dict(prove(DESIGN, [changed])) == {7: module}


def test_what_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large module beside the mutant's is a part of no circuit: its inputs are outputs."""
    kept = equivalence._cut(DESIGN, "maccord", "maccord.block")
    monkeypatch.setattr(equivalence, "_LARGE", 0)
    assert (kept, equivalence._cut(DESIGN, "maccord", "maccord.block")) == (
        (set(), set()),
        ({"maccord.side"}, set()),
    )
    assert dict(prove(DESIGN, [mutant("inv", "hold", "D")])) == {7: "maccord"}


#: A RAM whose data, and address, go through a multiplexer that is 0 where it is not written. Where
#: `valid` is 0, nothing has been read since `out` took what is read.
RAM = r"""
module \maccord
  wire input 1 \clk
  wire input 2 \write
  wire input 3 \read
  wire width 2 input 4 \address
  wire width 2 input 5 \data
  attribute \init 2'00
  wire width 2 output 6 \out
  wire width 2 \word
  wire width 2 \place
  wire width 2 \held
  attribute \init 1'0
  wire \valid
  cell $mux \some
    parameter \WIDTH 2
    connect \A 2'00
    connect \B \data
    connect \S \write
    connect \Y \word
  end
  cell $mux \where
    parameter \WIDTH 2
    connect \A 2'00
    connect \B \address
    connect \S \write
    connect \Y \place
  end
  cell $mem_v2 \memory
    parameter \ABITS 2
    parameter \INIT 8'x
    parameter \MEMID "\\memory"
    parameter \OFFSET 0
    parameter \RD_ARST_VALUE 2'x
    parameter \RD_CE_OVER_SRST 1'0
    parameter \RD_CLK_ENABLE 1'1
    parameter \RD_CLK_POLARITY 1'1
    parameter \RD_COLLISION_X_MASK 1'0
    parameter \RD_INIT_VALUE 2'x
    parameter \RD_PORTS 1
    parameter \RD_SRST_VALUE 2'x
    parameter \RD_TRANSPARENCY_MASK 1'0
    parameter \RD_WIDE_CONTINUATION 1'0
    parameter \SIZE 4
    parameter \WIDTH 2
    parameter \WR_CLK_ENABLE 1'1
    parameter \WR_CLK_POLARITY 1'1
    parameter \WR_PORTS 1
    parameter \WR_PRIORITY_MASK 1'0
    parameter \WR_WIDE_CONTINUATION 1'0
    connect \RD_ADDR \address
    connect \RD_ARST 1'0
    connect \RD_CLK \clk
    connect \RD_DATA \held
    connect \RD_EN \read
    connect \RD_SRST 1'0
    connect \WR_ADDR \place
    connect \WR_CLK \clk
    connect \WR_DATA \word
    connect \WR_EN { \write \write }
  end
  cell $dff \late
    parameter \CLK_POLARITY 1'1
    parameter \WIDTH 1
    connect \CLK \clk
    connect \D \read
    connect \Q \valid
  end
  cell $dffe \take
    parameter \CLK_POLARITY 1'1
    parameter \EN_POLARITY 1'1
    parameter \WIDTH 2
    connect \CLK \clk
    connect \D \held
    connect \EN \valid
    connect \Q \out
  end
end
"""


@pytest.mark.parametrize(
    ("changed", "module"),
    [
        (("inv", "some", "A"), "maccord"),  # not written
        (("inv", "where", "A"), "maccord"),
        (("inv", "some", "B"), ""),
        (("inv", "where", "B"), ""),
        (("const1", "take", "EN"), "maccord"),  # takes what it has
        (("const0", "take", "EN"), ""),
        (("inv", "memory", "WR_DATA"), ""),
    ],
)
def test_memories_that_are_cut_out(changed: tuple[str, str, str], module: str) -> None:
    """What is not written need not be equal; the register of what is read is compared."""
    kind, cell, port = changed
    changes = Mutant(7, kind, "maccord", cell, port, 0)
    assert dict(prove(RAM, [changes])) == {7: module}


def test_a_difference_that_comes_late_is_none_of_the_others() -> None:
    """Each mutant is compared alone, with the others of the list switched off."""
    inert, wrong = mutant("inv", "unread", "Y"), mutant("inv", "count", "D")
    both = [Mutant(1, *astuple(inert)[1:]), Mutant(2, *astuple(wrong)[1:])]
    assert dict(prove(DESIGN, both)) == {1: "maccord", 2: ""}


def test_circuits_are_read_as_they_are_written() -> None:
    circuit = Aig(200, [402, 9], [405, 4], [(404, 3), (407, 406), (408, 7)])
    assert read_aiger(write_aiger(circuit)) == circuit
    with pytest.raises(ValueError, match="must begin with aig and five numbers, got b'aag 0 0"):
        read_aiger(b"aag 0 0 0 0 0\n")


def test_the_comparison_in_each_cycle() -> None:
    """Played beside the circuit: 1 where the output differs with the switch on."""
    # Inputs: data, switch. A latch delays data AND NOT switch; the output is the latch.
    circuit = Aig(2, [8], [6], [(2, 5)])
    compared = miter(circuit, 2, [])
    assert compared
    rng = random.Random(3)
    latches = [0] * len(compared.latches)
    late = 0
    for _ in range(40):
        data = rng.randrange(2)
        values = [0, data, *latches] if compared.inputs == 1 else [0, data, 0, *latches]
        for a, b in compared.ands:
            values.append((values[a >> 1] ^ a & 1) & (values[b >> 1] ^ b & 1))
        found = values[compared.outputs[0] >> 1] ^ compared.outputs[0] & 1
        assert found == late  # the design gives the late data, the mutant 0
        latches = [values[n >> 1] ^ n & 1 for n in compared.latches]
        late = data
    assert miter(Aig(2, [2], [6], []), 2, []) is None


def test_a_part_within_a_circuit() -> None:
    """Around a part everything exists once: its outputs are compared, and read from the design."""
    # Inputs: data, switch. The part inverts data while the switch is on; a latch delays it.
    circuit = Aig(2, [12], [12], [(2, 5), (3, 4), (9, 11)])
    whole, apart = miter(circuit, 2, []), miter(circuit, 2, [], apart=True)
    assert whole
    assert apart
    assert (len(whole.latches), len(apart.latches)) == (0, 0)
    # The same, where the output is the latch behind the part
    behind = replace(circuit, outputs=[6])
    compared = miter(behind, 2, [])
    assert compared
    assert len(compared.latches) == 2
