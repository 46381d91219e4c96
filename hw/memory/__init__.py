"""Scratchpads, and the engines between them and the bus."""
