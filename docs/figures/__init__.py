"""Sources of the documentation's figures; ``python -m figures`` in docs/ draws them."""
