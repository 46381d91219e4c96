"""Arithmetic: the systolic array and the vector units around it."""
