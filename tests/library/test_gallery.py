"""The gallery: every entry has its certificate, its place in a group, and a script."""

import re

import pytest

import symgrad as sg
from symgrad import book
from symgrad.errors import UnknownNameError
from symgrad.library.entry import GROUPS, first_line
from symgrad.library.gallery import GALLERY, entry
from symgrad.library.optimizers import NAMES

COMPILED = ("adam",)  # the others by the interpreter: a kernel for each would take minutes
# seconds of quadrature each, and asked again in tests/analysis
LONG = (
    "elbo", "gelu_difference", "kl_laplace", "kl_normal_diagonal", "kl_normal", "kl_normal_full", "normal_entropy",
    "fisher_normal", "normal_normal_update",
)  # fmt: skip


def derived(name):
    return book.derived(entry(name))[0]


# what stops LaTeX, though it looks harmless: a power or a subscript in text, a command for a name that is none
UNTYPESETTABLE = re.compile(
    r"\\text\{[^{}]*(?<!\\)[\^_]|\\text\{\\(?!textasciicircum)[A-Za-z]|\\operatorname\{(log|poly)gamma"
)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in GALLERY])
def test_gallery_entry_is_verified_and_printed(name):
    for found in book.derived(entry(name)):
        certificate = book.certificate(found, kernel=name in COMPILED)
        assert certificate.ok, "\n".join(line for line in str(certificate).splitlines() if "FAILED" in line)
        printed = found.derivation if isinstance(found, sg.Program) else found
        assert not (bad := UNTYPESETTABLE.search(printed.latex())), bad


@pytest.mark.parametrize("name", GALLERY)
def test_gallery_entry_is_described(name):
    item = entry(name)
    assert item.group in GROUPS and 20 < len(item.summary) < 140 and item.summary.endswith(".")
    assert "  " not in item.summary and "\n" not in item.summary


def test_every_optimiser_and_activation_is_there():
    assert set(NAMES) <= set(GALLERY)
    assert set(sg.activations.ACTIVATIONS) - {"identity"} <= set(GALLERY)


def test_what_is_not_there():
    with pytest.raises(UnknownNameError, match="nothing is not in the gallery; symgrad list shows its"):
        entry("nothing")
    assert sg.gallery.GALLERY is GALLERY


def test_the_first_sentence_of_a_docstring():
    assert first_line("One thing.\n\n    More.") == "One thing."
    assert first_line("One\n    thing, cut. And more.") == "One thing, cut."


@pytest.mark.row("E3", "E4")
def test_backpropagation_has_the_textbook_form():
    """dL/dz = dL/da s'(z), dL/dW = a^T dL/dz, dL/db = dL/dz, dL/da = dL/dz W^T, summed over the examples."""
    text = str(derived("mlp_backprop"))
    for line in (
        "dL_da1[n,h] = sum[j](W2[h,j]*dL_dz2[n,j])",
        "dL_dz1[n,h] = dL_da1[n,h]*(1 - a1[n,h]**2)",
        "dL_dW1[d,h] = sum[n](X[n,d]*dL_dz1[n,h])",
        "dL_db1[h] = sum[n](dL_dz1[n,h])",
    ):
        assert line in text, text
    assert "dL_dX[n,d] = sum[h](W1[d,h]*dL_dz1[n,h])" in str(derived("input_gradient"))


def test_batch_normalisation_backward_is_compact():
    """sum_n (x - mu) = 0 was derived: the derivative by the mean has one term."""
    text = str(derived("batch_norm"))
    assert "mu_bar[d] = -sum[n](x_hat_bar[n,d]/sqrt(eps + v[d]))" in text, text
    assert "mu_bar[n] = -sum[d](x_hat_bar[n,d]/sqrt(eps + v[n]))" in str(derived("layer_norm"))
