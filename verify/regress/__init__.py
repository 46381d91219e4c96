"""Constrained-random regression of the whole accelerator, with functional coverage."""
