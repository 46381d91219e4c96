"""Fault injection: what a flipped bit does to a network in RTL."""
