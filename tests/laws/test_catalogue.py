"""The catalogue covers what the laws claim to cover."""

import pytest
from catalogue import BY_NAME, CATALOGUE, FUNCTIONS, MODELS, PATTERNS, differentiable
from sympy import Integer

from symgrad.api import Program
from symgrad.errors import DifferentiationError
from symgrad.functions import ROWS
from symgrad.ir.access import Access, Index, Size
from symgrad.ir.check import check
from symgrad.ir.system import Equation, Range, System, Tensor, Term

REDUCTIONS = ["sum", "mean", "prod", "max", "min", "argmax", "logsumexp", "softmax", "log_softmax"]


def test_it_is_large_enough_and_names_are_unique():
    assert len(PATTERNS) + len(MODELS) >= 40
    assert len(BY_NAME) == len(CATALOGUE)


def test_every_row_of_the_function_table_has_a_program():
    covered = {e.name.removeprefix("function ") for e in FUNCTIONS}
    assert covered == {name for name in ROWS if name not in ("stop", "finite") and differentiable(name)}


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_every_reduction_is_used(kind):
    assert any(f"{kind}[" in e.text for e in CATALOGUE)


@pytest.mark.parametrize("role", ["input", "parameter", "noise", "label"])
def test_every_role_is_used(role):
    assert any(f": {role}" in e.text for e in CATALOGUE)


@pytest.mark.parametrize("name", [n for n in ROWS if not differentiable(n)])
def test_a_function_without_a_derivative_says_why(name):
    n, size = Index("n"), Size("N")
    orders = ROWS[name].orders
    call = ROWS[name].head(*map(Integer, orders[:1]), Access("x", n))
    tensors = {"x": Tensor("x", (size,), role="parameter"), "L": Tensor("L", ())}
    program = Program(check(System(tensors, (Equation("L", (Term((), call, (Range(n, size),)),)),), ("L",))))
    with pytest.raises(DifferentiationError, match=name):
        program.gradient("L")


def test_certificates_of_models():
    """The front door: `program.verify()`, also where facts were used and where nothing was differentiated."""
    gradient = BY_NAME["softmax cross-entropy with probabilities"].gradient()
    certificate = gradient.verify(kernel=False)
    assert certificate.ok, str(certificate)
    assert "the closed form needs" in certificate.reasons()
    assert BY_NAME["softmax"].program().verify(kernel=False).ok
