"""Whole networks, chained in one program: run, compared tensor by tensor, reported."""
