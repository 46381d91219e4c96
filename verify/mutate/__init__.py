"""Mutation testing: whether the tests see a changed design."""
