"""Widths of weights: the narrowest that codes fit, and refusals."""

from __future__ import annotations
