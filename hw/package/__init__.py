"""Companion files of the Verilog: C headers, a description as JSON, files for other tools."""
