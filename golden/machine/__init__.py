"""Instruction-level model of the accelerator."""
