"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import symgrad

MODULES = sorted(m.name for m in pkgutil.walk_packages(symgrad.__path__, "symgrad."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0, f"{found.failed} of {found.attempted} examples failed"


def test_there_are_examples():
    """A runner that finds nothing would pass: the negative control."""
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) >= 20
