"""Which processing element an array is made of."""

from __future__ import annotations

from ...spec.parameters import Parameters
from .ecp5 import Ecp5Element
from .packed import PackedElement
from .processing_element import ProcessingElement
from .xilinx import Dsp48e1Element, Dsp48e2Element

__all__ = ["ELEMENTS", "element_of"]

#: By family, of `maccord.spec.parameters.FAMILIES`: elements of one column.
ELEMENTS: dict[str, type[ProcessingElement]] = {
    "generic": ProcessingElement,
    "ecp5": Ecp5Element,
    "xc7": Dsp48e1Element,
    "xcup": Dsp48e2Element,
}


def element_of(parameters: Parameters) -> type[ProcessingElement]:
    """Return the element of an accelerator's array: by `family` and `packed`."""
    return PackedElement if parameters.packed else ELEMENTS[parameters.family]
