"""Exact integer models in NumPy: the graph, its kernels, the instruction set, the scheduler."""
