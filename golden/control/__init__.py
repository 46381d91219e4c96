"""Legal instructions, counters and tokens."""
