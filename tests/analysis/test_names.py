"""The lazy names of symgrad.analysis: each is there, and none is hidden by a module of its own name."""

import importlib
from types import ModuleType

import pytest

from symgrad import analysis


@pytest.mark.parametrize("name", analysis.__all__)
def test_each_name_is_an_object(name):
    importlib.import_module(f"symgrad.analysis.{analysis._MODULES[name]}")
    assert not isinstance(getattr(analysis, name), ModuleType)


def test_a_wrong_name_is_answered():
    with pytest.raises(AttributeError, match="Did you mean kl"):
        analysis.kll  # noqa: B018
