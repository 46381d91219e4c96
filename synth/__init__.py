"""Synthesis and place and route with open tools: area and timing of the accelerator."""
