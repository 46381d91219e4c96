"""Block RAMs of Lattice ECP5, DP16KD with output register, combined in width and depth."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value

__all__ = ["Geometry", "blocks", "geometry"]

# Not the 36-bit mode: it uses both ports' output registers, and their joint behaviour is
# undocumented
_WIDTHS = {18: 1024, 9: 2048, 4: 4096, 2: 8192, 1: 16384}  # width: words of a block
_ADDRESS_BITS = 14


class Geometry(NamedTuple):
    """Arrangement of a memory's blocks.

    Parameters
    ----------
    width, words : int
        Of a block.
    across, behind : int
        Number of blocks in width, and in depth.
    """

    width: int
    words: int
    across: int
    behind: int


class Ports(Protocol):
    """Ports of `maccord.hw.family.ram.Ram`."""

    write_enable: Signal
    write_address: Signal
    write_data: Signal
    read_enable: Signal
    read_address: Signal
    read_data: Signal


def geometry(width: int, depth: int) -> Geometry:
    """Choose the blocks of a memory: fewest in depth, then fewest in total.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int
        Words, a power of two.

    Returns
    -------
    Geometry
    """
    choices = [
        Geometry(bits, words, -(-width // bits), -(-depth // words))
        for bits, words in _WIDTHS.items()
    ]
    return min(choices, key=lambda each: (each.behind, each.across, each.width))


def blocks(m: Module, ram: Ports, read: Value, valid: Value) -> None:
    """Add the blocks of a memory to its module.

    Parameters
    ----------
    m : Module
        Receives them, in domain `sync`.
    ram : Ram
    read, valid : Value
        Read enable and, one cycle later, clock enable of the output registers.
    """
    form = geometry(len(ram.write_data), 1 << len(ram.write_address))
    low = (form.words - 1).bit_length()
    writes, reads = ram.write_address[low:], ram.read_address[low:]
    rows: list[Value] = []
    for row in range(form.behind):
        parts: list[Value] = []
        for part in range(form.across):
            first = part * form.width
            data = ram.write_data[first : first + form.width]
            word = Signal(len(data), name=f"word_{row}_{part}")
            m.submodules[f"block_{row}_{part}"] = _block(
                form.width,
                write=ram.write_enable & (writes == row),
                write_address=ram.write_address[:low],
                data=data,
                read=read,
                read_address=ram.read_address[:low],
                valid=valid,
                word=word,
            )
            parts.append(word)
        rows.append(Cat(parts))
    chosen = rows[0]
    if form.behind > 1:
        addressed, shown = Signal.like(reads), Signal.like(reads)
        with m.If(read):
            m.d.sync += addressed.eq(reads)
        with m.If(valid):
            m.d.sync += shown.eq(addressed)
        for row, word in enumerate(rows[1:], 1):
            chosen = Mux(shown == row, word, chosen)
    m.d.comb += ram.read_data.eq(chosen)


def bit_of(value: Value, index: int) -> Value:
    """Return a bit of a value, 0 above its width."""
    return value[index] if index < len(value) else Const(0)


def _block(
    width: int,
    *,
    write: Value,
    write_address: Value,
    data: Value,
    read: Value,
    read_address: Value,
    valid: Value,
    word: Signal,
) -> Instance:
    """One DP16KD: port A writes, port B reads."""
    # Address bits below the word address are unused, or are byte enables
    unused = {18: 4, 9: 3, 4: 2, 2: 1, 1: 0}[width]
    enables = 0b0011 if width == 18 else 0
    address_a = Cat(Const(enables, unused), write_address)
    address_b = Cat(Const(0, unused), read_address)
    ports: dict[str, Any] = {
        "i_CLKA": ClockSignal(), "i_CEA": Const(1), "i_WEA": write, "i_OCEA": Const(1),
        "i_CLKB": ClockSignal(), "i_CEB": read, "i_WEB": Const(0), "i_OCEB": valid,
        "i_RSTA": Const(0), "i_RSTB": Const(0),
    }  # fmt: skip
    for port in "AB":
        ports |= {f"i_CS{port}{bit}": Const(0) for bit in range(3)}
    for bit in range(_ADDRESS_BITS):
        ports |= {f"i_ADA{bit}": bit_of(address_a, bit), f"i_ADB{bit}": bit_of(address_b, bit)}
    ports |= {f"i_DIA{bit}": bit_of(data, bit) for bit in range(18)}
    ports |= {f"o_DOB{bit}": word[bit] for bit in range(len(word))}
    return Instance(
        "DP16KD",
        p_DATA_WIDTH_A=width,
        p_DATA_WIDTH_B=width,
        p_REGMODE_A="NOREG",
        p_REGMODE_B="OUTREG",
        p_RESETMODE="SYNC",
        p_ASYNC_RESET_RELEASE="SYNC",
        p_CSDECODE_A="0b000",
        p_CSDECODE_B="0b000",
        p_WRITEMODE_A="NORMAL",
        p_WRITEMODE_B="NORMAL",
        p_CLKAMUX="CLKA",
        p_CLKBMUX="CLKB",
        p_GSR="AUTO",
        **ports,
    )
