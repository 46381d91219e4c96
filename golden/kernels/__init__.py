"""Exact layers: what a whole layer's output must be."""
