"""Runs whole networks as one program, compares every tensor, and reports the results."""
