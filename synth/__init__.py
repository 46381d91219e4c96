"""Synthesis, place and route with open tools: what the accelerator takes, and how fast it is."""
