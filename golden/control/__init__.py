"""Dispatch checks, counter records and tokens."""
