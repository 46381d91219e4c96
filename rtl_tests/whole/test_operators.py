"""Operators whole: PyTorch's own module, the golden model and RTL are equal in every tensor."""

from __future__ import annotations

import pytest
from operator_networks import NETWORKS

from maccord.api.testing import assert_equal_in_rtl

pytestmark = pytest.mark.usefixtures("quick_builds")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_pytorchs(name: str) -> None:
    case = NETWORKS[name]
    assert_equal_in_rtl(case.make(), case.images())
