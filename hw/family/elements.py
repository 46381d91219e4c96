"""Which processing element an array is made of."""

from __future__ import annotations

from ...spec.parameters import Parameters
from .ecp5 import Ecp5Element
from .ecp5_packed import Ecp5PackedElement
from .packed import PackedElement
from .processing_element import ProcessingElement
from .xilinx import Dsp48e1Element, Dsp48e2Element

__all__ = ["ELEMENTS", "PACKED", "element_of"]

#: By family, of `maccord.spec.parameters.FAMILIES`: elements of one column.
ELEMENTS: dict[str, type[ProcessingElement]] = {
    "generic": ProcessingElement,
    "ecp5": Ecp5Element,
    "xc7": Dsp48e1Element,
    "xcup": Dsp48e2Element,
}
#: By family: elements of two columns.
PACKED: dict[str, type[ProcessingElement]] = {"ecp5": Ecp5PackedElement, "xcup": PackedElement}


def element_of(parameters: Parameters) -> type[ProcessingElement]:
    """Return the element of an accelerator's array: by `family` and `packed`."""
    return (PACKED if parameters.packed else ELEMENTS)[parameters.family]
