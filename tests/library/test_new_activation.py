"""A new activation takes its definition alone: everything else is derived from it, and every law runs on it."""

import numpy as np
import pytest
from adversary import faults_of_activation

import symgrad as sg
from symgrad import book
from symgrad.book.plots import activation_curves
from symgrad.library import programs
from symgrad.library.activations import ACTIVATIONS, Activation

NEW = {
    "snake": "x + sin(a*x)**2/a",  # Ziyin, Hartwig, Ueda, NeurIPS 2020; a is learned
    "bump": "x*exp(-x**2)",
    "squareplus": "(x + sqrt(x**2 + 4))/2",  # Barron 2021
    "clipped": "where(x < -1, -1, minimum(x, 2))",  # two kinks, one in each spelling
}


@pytest.fixture(params=NEW)
def added(request, monkeypatch):
    """The one line that adds it."""
    monkeypatch.setitem(ACTIVATIONS, request.param, Activation(NEW[request.param]))
    return request.param


def entry(name):
    return next(item for item in programs.programs() if item.name == name)


def test_first_and_second_derivatives_are_certified(added):
    """Differences, complex steps, 50 digits, the forms against each other and, for one of them, the compiled kernel."""
    for found in book.derived(entry(added)):
        certificate = book.certificate(found, kernel=added == "snake")
        assert certificate.ok, str(certificate)


def test_a_wrong_derivative_would_be_found(added):
    found = book.derived(entry(added))[0]
    other = sg.program(f"{'a, ' * ('a' in found.origin.wrt)}x: parameter\ny = x**3").gradient("y", found.origin.wrt)
    wrong = type(found)(other.raw, found.origin)
    assert not book.certificate(wrong, kernel=False).ok


def test_the_law_of_extremes(added):
    assert faults_of_activation(added) == []


def test_networks_take_it(added):
    text = sg.models.mlp(3, 4, 2, activation=added, loss="mse")
    certificate = sg.program(text).gradient("L").verify(kernel=False)
    assert certificate.ok, str(certificate)
    assert ("a_1" in text) == (added == "snake")


def test_it_is_printed_and_drawn(added):
    page = book.text(entry(added), "md")
    assert page.startswith(f"# {added.capitalize()}") and "## Gradient" in page and "Certificate" in page
    assert activation_curves(added).png.startswith(b"\x89PNG")


def test_its_kernel_is_numpys():
    """An expression needs no name at all."""
    x = np.linspace(-3, 3, 7)
    found = sg.program(f"x: parameter[n]\ny[n] = {sg.activations.activation('x*exp(-x**2)', 'x[n]')}").compile()(x=x)
    np.testing.assert_allclose(found["y"], x * np.exp(-(x**2)), rtol=4e-16)
