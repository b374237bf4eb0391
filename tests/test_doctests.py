"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import symgrad

MODULES = sorted(m.name for m in pkgutil.walk_packages(symgrad.__path__, "symgrad."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0, f"{found.failed} of {found.attempted} examples failed"


def test_the_page_on_sympy():
    found = doctest.testfile(str(Path(__file__).parent.parent / "docs" / "sympy.md"), module_relative=False)
    assert found.attempted >= 8 and found.failed == 0


def test_there_are_examples():
    """A runner that finds nothing would pass: the negative control."""
    finder = doctest.DocTestFinder()
    assert sum(len(t.examples) for name in MODULES for t in finder.find(importlib.import_module(name))) >= 20
