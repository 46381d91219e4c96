"""The examples in the docstrings of the golden model and of the perturbations."""

import doctest
import importlib
import pkgutil

import pytest

import maccord.golden
from maccord.nets import perturb

MODULES = [
    importlib.import_module(f"maccord.golden.{module.name}")
    for module in pkgutil.iter_modules(maccord.golden.__path__)
] + [perturb]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples(module):
    assert doctest.testmod(module).failed == 0
