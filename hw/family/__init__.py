"""Blocks made of the cells of an FPGA family, each with the members and cycles of the plain one."""
