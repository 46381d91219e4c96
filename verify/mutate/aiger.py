"""And-inverter graphs, in the binary format AIGER."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Aig", "read_aiger", "write_aiger"]


@dataclass(frozen=True)
class Aig:
    """A sequential circuit of ANDs and inverters; all latches start at 0.

    Variable 0 is the constant 0; then come the inputs, the latches and the ANDs. A literal is twice
    a variable, and one more where it is inverted.

    Attributes
    ----------
    inputs : int
    latches : list of int
        Literal of each one's next value.
    outputs : list of int
        Literals.
    ands : list of (int, int)
        Literals of both operands, which are of earlier variables.
    """

    inputs: int
    latches: list[int]
    outputs: list[int]
    ands: list[tuple[int, int]]


def read_aiger(data: bytes) -> Aig:
    """Read a circuit as Yosys writes it.

    Raises
    ------
    ValueError
        If it is not of that kind.
    """
    header, _, _ = data.partition(b"\n")
    words = header.split()
    if words[0] != b"aig" or len(words) != 6:
        raise ValueError(f"a circuit must begin with aig and five numbers, got {header[:40]!r}")
    _, inputs, latches, outputs, ands = map(int, words[1:])
    place = len(header) + 1
    numbers: list[int] = []
    for _ in range(latches + outputs):
        end = data.index(b"\n", place)
        numbers.append(int(data[place:end].split()[0]))
        place = end + 1
    found: list[tuple[int, int]] = []
    for number in range(ands):
        literal = 2 * (1 + inputs + latches + number)
        operands = []
        for _ in range(2):
            shift = delta = 0
            while (byte := data[place]) & 0x80:
                delta |= (byte & 0x7F) << shift
                shift += 7
                place += 1
            delta |= byte << shift
            place += 1
            literal -= delta
            operands.append(literal)
        found.append((operands[0], operands[1]))
    return Aig(inputs, numbers[:latches], numbers[latches:], found)


def write_aiger(circuit: Aig) -> bytes:
    """Return the file's contents."""
    latches, ands = len(circuit.latches), len(circuit.ands)
    most = circuit.inputs + latches + ands
    counts = f"aig {most} {circuit.inputs} {latches} {len(circuit.outputs)} {ands}"
    lines = [counts, *map(str, circuit.latches), *map(str, circuit.outputs)]
    out = bytearray("\n".join(lines).encode() + b"\n")
    for number, (first, second) in enumerate(circuit.ands):
        literal = 2 * (1 + circuit.inputs + latches + number)
        high, low = max(first, second), min(first, second)
        for delta in (literal - high, high - low):
            while delta > 0x7F:
                out.append(delta & 0x7F | 0x80)
                delta >>= 7
            out.append(delta)
    return bytes(out)
