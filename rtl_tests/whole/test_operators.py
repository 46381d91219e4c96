"""Operators whole: PyTorch's own module, the golden model and RTL are equal in every tensor."""

from __future__ import annotations

import pytest
from accelerator_bench import CONFIGURATIONS, TINY
from operator_networks import NETWORKS

from maccord import api
from maccord.api.testing import assert_equal_in_rtl
from maccord.spec.isa import Opcode
from maccord.spec.parameters import Parameters

pytestmark = pytest.mark.usefixtures("quick_builds")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_pytorchs(name: str) -> None:
    case = NETWORKS[name]
    assert_equal_in_rtl(case.make(), case.images())


@pytest.mark.parametrize("parameters", [TINY, CONFIGURATIONS["4x4 bus 8"]], ids=lambda p: p.name)
def test_means_whose_windows_do_not_fit(parameters: Parameters) -> None:
    """In parts, with depthwise windows and without."""
    case = NETWORKS["large_means"]
    network = api.quantize(case.make(), case.images(), "net")
    compiled = api.compile_network(network, parameters)
    assert sum(i.opcode == Opcode.COMPUTE and not i["last"] for i in compiled.program) > 100
    assert_equal_in_rtl(case.make(), case.images(), parameters)
