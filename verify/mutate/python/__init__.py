"""Mutation of the Python side: golden model, compiler, importers; cosmic-ray makes the mutants."""
