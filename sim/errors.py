"""What goes wrong with a simulation, apart from a wrong byte."""

__all__ = ["SimulationError", "ToolchainError"]


class SimulationError(Exception):
    """The simulation could not run, crashed, or hung."""


class ToolchainError(Exception):
    """A tool that the simulation needs (compiler, make, libpython, Verilator) is missing."""
