"""Arithmetic of the array and of what works on its vectors."""
