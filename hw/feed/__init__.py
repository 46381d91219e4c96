"""Address generation: reads that feed the array, and writes of its outputs."""
