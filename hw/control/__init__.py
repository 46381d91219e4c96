"""Control registers, instruction fetch and dispatch, tokens, counters."""
