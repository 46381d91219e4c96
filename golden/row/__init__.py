"""Operators on rows, softmax and layer norm, as the hardware's row unit computes them."""
