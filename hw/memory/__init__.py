"""Scratchpads, and the DMA engines between them and the bus."""
