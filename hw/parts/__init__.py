"""Queues, register slices and delays that every block may use."""
