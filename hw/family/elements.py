"""The processing element of each family."""

from __future__ import annotations

from .ecp5 import Ecp5Element
from .packed import PackedElement
from .processing_element import ProcessingElement
from .xilinx import Dsp48e1Element, Dsp48e2Element

__all__ = ["ELEMENTS"]

#: By name, of `maccord.spec.parameters.FAMILIES`.
ELEMENTS: dict[str, type[ProcessingElement]] = {
    "generic": ProcessingElement,
    "ecp5": Ecp5Element,
    "xc7": Dsp48e1Element,
    "xcup": Dsp48e2Element,
    "xcup-packed": PackedElement,
}
