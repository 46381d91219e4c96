"""Scratchpads, and transfers between them and memory."""
