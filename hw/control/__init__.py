"""Registers, instruction fetch and dispatch, tokens, counters."""
