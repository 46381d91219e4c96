"""The public Python interface: quantize a network, compile it, run it three ways, compare.

Everything here is stable (docs/stability.md); other packages may change.
"""

from importlib.metadata import version

from ..compiler.network import CompiledNetwork
from ..hw.verilog import generate as verilog
from ..nets.images import Normalization
from ..nets.library import QuantizedNetwork
from ..nets.preprocess import Preprocessing
from ..sim.export.manifest import Manifest
from ..sim.export.write import MismatchError
from ..sim.memory import MemoryModel
from ..spec.parameters import Parameters
from .export import export
from .networks import compile_network, golden, load, load_program, pytorch, quantize
from .simulation import Simulation, simulate

__all__ = [
    "CompiledNetwork",
    "Manifest",
    "MemoryModel",
    "MismatchError",
    "Normalization",
    "Parameters",
    "Preprocessing",
    "QuantizedNetwork",
    "Simulation",
    "__version__",
    "compile_network",
    "export",
    "golden",
    "load",
    "load_program",
    "pytorch",
    "quantize",
    "simulate",
    "verilog",
]

__version__ = version("maccord")
