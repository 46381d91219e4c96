"""Shared parts: queues, register slices, delays and pipeline stages."""
