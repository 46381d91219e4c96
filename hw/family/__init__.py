"""Blocks built from FPGA primitives, with the members and latency of the portable blocks."""
