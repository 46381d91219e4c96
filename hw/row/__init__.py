"""Operators on rows of codes: softmax and layer norm."""
