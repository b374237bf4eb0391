"""Library models and the gallery: every text parses, and every derivation has its certificate."""

import numpy as np
import pytest

import symgrad as sg
from symgrad import calculus, notation
from symgrad.cli import derived
from symgrad.errors import ShapeError, UnknownNameError
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.library.activations import ACTIVATIONS, activation
from symgrad.library.gallery import GALLERY, entry
from symgrad.library.losses import LOSSES
from symgrad.library.models import mlp


def arrays_of(system, sizes, rng):
    values = {}
    for tensor in system.declared():
        shape = [sizes.get(str(s), None) or int(s) for s in tensor.shape]
        values[tensor.name] = rng.integers(0, 3, shape) if tensor.dtype == "int" else rng.uniform(0.2, 0.8, shape)
    return values


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_mlp_with_each_activation_equals_numpy(name):
    model = mlp(4, 5, 3, activation=name, loss="squared_error")
    system = check(notation.parse(model))
    v = arrays_of(system, {"N": 6}, np.random.default_rng(0))
    functions = {
        "identity": lambda x: x,
        "relu": lambda x: np.maximum(x, 0),
        "tanh": np.tanh,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softplus": lambda x: np.log1p(np.exp(x)),
        "silu": lambda x: x / (1 + np.exp(-x)),
    }
    p = functions[name](v["X"] @ v["W1"] + v["b1"]) @ v["W2"] + v["b2"]
    result = interpret(system, v)
    np.testing.assert_allclose(result["p"], p, rtol=1e-12)  # a few roundings of float64
    np.testing.assert_allclose(result["L"], ((p - v["y"]) ** 2).sum(1).mean(), rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_trains(loss):
    """Its gradient exists and points downhill."""
    model = mlp(4, 5, 3, loss=loss)
    system = calculus.prepare(notation.parse(model))
    v = arrays_of(system, {"N": 6}, np.random.default_rng(0))
    wrt = ("W1", "b1", "W2", "b2")
    first = interpret(calculus.gradient(system, "L", wrt), v)
    lower = interpret(system, v | {p: v[p] - 1e-3 * first[f"dL_d{p}"] for p in wrt})
    assert lower["L"] < first["L"]


def test_sizes_and_names_of_an_mlp():
    system = notation.parse(mlp(64, 32, 16, 10))
    assert [t.name for t in system.declared("parameter")] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert system.tensors["W2"].shape == (32, 16)
    open_sizes = notation.parse(mlp("d", "j", 10))
    assert [str(s) for s in open_sizes.tensors["W1"].shape] == ["D", "J"]
    assert open_sizes.tensors["W2"].shape[1] == 10


def test_mistakes_are_explained():
    with pytest.raises(ShapeError, match=r"at least two positive sizes, features first: mlp\(64, 32, 10\)"):
        mlp(64)
    with pytest.raises(UnknownNameError, match="reluu is not an activation of the library; it has identity, relu"):
        mlp(4, 4, 2, activation="reluu")
    with pytest.raises(UnknownNameError, match="mse is not a loss of the library; it has cross_entropy"):
        mlp(4, 2, loss="mse")
    with pytest.raises(UnknownNameError, match="nothing is not in the gallery; it has sigmoid"):
        entry("nothing")


def test_activation_replaces_the_whole_name_only():
    assert activation("silu", "x1[n,k]") == "x1[n,k]*sigmoid(x1[n,k])"


@pytest.mark.parametrize("name", GALLERY)
def test_gallery_entry_is_verified(name):
    certificate = derived(name).verify()
    assert certificate.ok, str(certificate)


@pytest.mark.parametrize("name", GALLERY)
def test_gallery_entry_has_a_script(name, request):
    script = request.config.rootpath / "derivations" / f"{name}.py"
    assert f'script("{name}")' in script.read_text()


def test_public_modules():
    assert sg.models.mlp is mlp
    assert sg.gallery.GALLERY is GALLERY
    assert sg.optimizers.adam().values["lr"] == 1e-3
