"""The lazy names of symgrad and symgrad.analysis: each is there, none is hidden by a module of its own name, and the
table, `__all__` and what type checkers read are the same."""

import ast
import importlib
import inspect
from types import ModuleType

import pytest

import symgrad
from symgrad import analysis


@pytest.mark.parametrize("name", analysis.__all__)
def test_each_name_is_an_object(name):
    importlib.import_module(f"symgrad.analysis.{analysis._MODULES[name]}")
    assert not isinstance(getattr(analysis, name), ModuleType)


def test_a_wrong_name_is_answered():
    with pytest.raises(AttributeError, match="Did you mean kl"):
        analysis.kll  # noqa: B018


def names_for_checkers(module) -> set[str]:
    """What `if TYPE_CHECKING:` imports."""
    (block,) = (n for n in ast.parse(inspect.getsource(module)).body if isinstance(n, ast.If))
    return {alias.asname or alias.name for statement in block.body for alias in statement.names}


def test_type_checkers_read_the_same_names():
    assert names_for_checkers(analysis) == set(analysis._MODULES) == set(analysis.__all__)
    assert names_for_checkers(symgrad) == set(symgrad._PUBLIC)
    assert set(symgrad._PUBLIC) < set(symgrad.__all__)
