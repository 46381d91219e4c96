"""Arithmetic: the systolic array and what works on its vectors."""
