"""Counts the multiplications that vectors start."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value

from ..parts.delay import delay
from .activation_feeder import ActivationFeeder

__all__ = ["count_work"]


def count_work(m: Module, feeder: ActivationFeeder, work: Signal) -> None:
    """Count multiplications by shift and add, without a multiplier.

    Parameters
    ----------
    m : Module
        Receives the registers.
    feeder : ActivationFeeder
        Its rows and columns in use, by vector.
    work : Signal
        Their product, some cycles later; 0 without a vector.
    """
    terms: list[Value] = [
        Mux(set_, feeder.columns << bit, 0) for bit, set_ in enumerate(feeder.lanes)
    ]
    cycles = 0
    while len(terms) > 1:
        pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
        terms = [
            Signal.like(work, name=f"products{cycles}_{i}", reset_less=True)
            for i in range(len(pairs))
        ]
        m.d.sync += [total.eq(sum(pair)) for total, pair in zip(terms, pairs, strict=True)]
        cycles += 1
    valid = delay(m, "counted", feeder.vector.valid, cycles, reset_less=False)
    m.d.sync += work.eq(Mux(valid, terms[0], 0))
