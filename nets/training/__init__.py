"""Training of the float networks."""
