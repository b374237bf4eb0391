"""Library models: every text parses, means what NumPy says, and trains; the layers behind them likewise."""

import numpy as np
import pytest

import symgrad as sg
from symgrad import calculus, notation
from symgrad.errors import ShapeError, UnknownNameError
from symgrad.functions import ROWS
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.library import losses, models
from symgrad.library.activations import ACTIVATIONS, activation
from symgrad.library.layers import LAYERS, conv, pool
from symgrad.library.losses import LOSSES
from symgrad.library.models import mlp

RNG = np.random.default_rng(5)


def arrays_of(system, sizes, rng):
    values = {}
    for tensor in system.declared():
        shape = [sizes.get(str(s), None) or int(s) for s in tensor.shape]
        values[tensor.name] = rng.integers(0, 3, shape) if tensor.dtype == "int" else rng.uniform(0.2, 0.8, shape)
    return values


FUNCTIONS = {
    "identity": lambda x: x,
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sine": np.sin,
    "swish": lambda x: x / (1 + np.exp(-0.5 * x)),
    "prelu": lambda x: np.where(x > 0, x, 0.5 * x),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.row("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B11", "E3")
def test_mlp_with_each_activation_equals_numpy(name):
    model = mlp(4, 5, 3, activation=name, loss="squared_error")
    system = check(notation.parse(model))
    v = arrays_of(system, {"N": 6}, np.random.default_rng(0))
    v |= {own: np.array(0.5) for own in ("alpha_1", "beta_1") if own in v}
    function = FUNCTIONS.get(name) or ROWS[name].numpy
    p = function(v["X"] @ v["W1"] + v["b1"]) @ v["W2"] + v["b2"]
    result = interpret(system, v)
    np.testing.assert_allclose(result["p"], p, rtol=1e-12)  # a few roundings of float64
    np.testing.assert_allclose(result["L"], ((p - v["y"]) ** 2).sum(1).mean(), rtol=1e-12)


@pytest.mark.parametrize("loss", [name for name, function in LOSSES.items() if function().of_scores])
def test_each_loss_trains(loss):
    """Its gradient exists and points downhill."""
    model = mlp(4, 5, 3, loss=loss)
    system = calculus.prepare(notation.parse(model))
    v = arrays_of(system, {"N": 6, "K": 3}, np.random.default_rng(0))
    if "hinge" in loss:
        v["y"] = -np.ones((6, 3))
    if "Y" in v:
        v["Y"] = v["Y"] / v["Y"].sum(axis=1, keepdims=True)
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


def test_the_mlp_of_the_digits_has_235146_parameters():
    parameters = notation.parse(mlp(784, 256, 128, 10)).declared("parameter")
    assert sum(int(np.prod([int(s) for s in t.shape])) for t in parameters) == 235_146


def test_mistakes_are_explained():
    with pytest.raises(ShapeError, match=r"at least two positive sizes, features first: mlp\(64, 32, 10\)"):
        mlp(64)
    with pytest.raises(UnknownNameError, match=r"reluu is not an activation of the library; .* Did you mean relu"):
        mlp(4, 4, 2, activation="reluu")
    with pytest.raises(UnknownNameError, match="mze is not a loss of the library; it has cross_entropy"):
        mlp(4, 2, loss="mze")
    with pytest.raises(ShapeError, match="binary_cross_entropy is not a loss of scores"):
        mlp(4, 2, loss="binary_cross_entropy")
    with pytest.raises(ShapeError, match="nothing is left of the picture behind layer 1"):
        models.conv_net(3, 3, kernel=3, padding=0)
    with pytest.raises(ShapeError, match="decoder of vae is bernoulli or gaussian; it is poisson"):
        models.vae(4, 3, 2, decoder="poisson")
    with pytest.raises(ShapeError, match="stride must be a whole number of at least 1; it is 0"):
        conv(stride=0)


def test_activation_replaces_the_whole_name_only():
    assert activation("swish", "x1[n,k]") == "x1[n,k]*sigmoid(beta*x1[n,k])"


def test_a_loss_with_its_own_number_stands_behind_a_network():
    assert "2.5*(abs" in mlp(3, 2, loss=losses.huber(delta=2.5))


# layers against NumPy


def run(text, **arrays):
    program = sg.program(text)
    return program.evaluate(**{n: a for n, a in arrays.items() if n in program.raw.tensors})


@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 1), (1, 2)])
@pytest.mark.row("E16")
def test_convolution_in_two_dimensions(stride, padding):
    X, W, b = RNG.normal(size=(2, 3, 6, 5)), RNG.normal(size=(4, 3, 3, 2)), RNG.normal(size=4)
    Z = np.pad(X, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(Z, (3, 2), axis=(2, 3))[:, :, ::stride, ::stride]
    wanted = np.einsum("ncpqab,ocab->nopq", windows, W) + b[:, None, None]
    found = run(conv(2, stride, padding), X=X, W=W, bias=b)["Y"]
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)  # sums of 18 products


@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.row("E16")
def test_pooling(kind):
    X = RNG.normal(size=(2, 3, 7, 6))
    blocks = X[:, :, :6, :].reshape(2, 3, 3, 2, 3, 2)
    np.testing.assert_allclose(run(pool(kind), X=X)["Y"], getattr(blocks, kind)(axis=(3, 5)), rtol=1e-13)


@pytest.mark.parametrize("name, axis", [("batch_norm", 0), ("layer_norm", 1)])
@pytest.mark.row("E8", "E9")
def test_normalisation_and_its_pull_back(name, axis):
    """The compact form of the textbooks: dX = (N g - sum g - x_hat sum(g x_hat)) / (N sqrt(v + eps)), g = gamma U."""
    X, U, gamma, beta = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4)), RNG.normal(size=4), RNG.normal(size=4)
    s = np.sqrt(X.var(axis, keepdims=True) + 1e-5)
    x_hat, g = (X - X.mean(axis, keepdims=True)) / s, gamma * U
    wanted = (g - g.mean(axis, keepdims=True) - x_hat * (g * x_hat).mean(axis, keepdims=True)) / s
    program = sg.program(LAYERS[name])
    given = {"X": X, "gamma": gamma, "beta": beta, "eps": 1e-5}
    np.testing.assert_allclose(program.evaluate(**given)["Y"], gamma * x_hat + beta, rtol=1e-11, atol=1e-12)
    found = program.vjp("Y", "X").evaluate(**given, Y_bar=U)["X_bar"]
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.row("E8")
def test_the_running_averages_of_batch_normalisation():
    X, one = RNG.normal(size=(5, 3)), np.ones(3)
    given = {"X": X, "gamma": one, "beta": 0 * one, "eps": 1e-5, "momentum": 0.1, "running_mu": one, "running_v": one}
    program = sg.program(LAYERS["batch_norm_training"] + ", running_mu_next, running_v_next")
    found = program.evaluate(**given)
    np.testing.assert_allclose(found["running_mu_next"], 0.9 + 0.1 * X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found["running_v_next"], 0.9 + 0.1 * X.var(0, ddof=1), rtol=1e-12)


@pytest.mark.row("E18")
def test_lstm_cell_is_the_layer_and_numpy():
    shapes = {"X": (2, 3), "h0": (2, 4), "c0": (2, 4)}
    shapes |= {f"{kind}{gate}": shape for gate in "ifgo" for kind, shape in (("W", (3, 4)), ("U", (4, 4)), ("b", (4,)))}
    v = {name: RNG.normal(size=shape) for name, shape in shapes.items()}
    z = {gate: v["X"] @ v[f"W{gate}"] + v["h0"] @ v[f"U{gate}"] + v[f"b{gate}"] for gate in "ifgo"}
    i, f, o = (1 / (1 + np.exp(-z[gate])) for gate in "ifo")
    c = f * v["c0"] + i * np.tanh(z["g"])
    for text in (models.lstm(3, 4), LAYERS["lstm_cell"]):
        np.testing.assert_allclose(run(text, **v)["h"], o * np.tanh(c), rtol=1e-11)


@pytest.mark.row("E17")
def test_transformer_block_is_causal_and_numpy():
    shapes = {
        "X": (2, 5, 4), "gamma1": (4,), "beta1": (4,), "gamma2": (4,), "beta2": (4,), "WQ": (3, 4, 2), "WK": (3, 4, 2),
        "WV": (3, 4, 2), "WO": (3, 2, 4), "W1": (4, 6), "b1": (6,), "W2": (6, 4), "b2": (4,),
    }  # fmt: skip
    v = {name: RNG.normal(size=shape) for name, shape in shapes.items()}

    def norm(x, tag):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * v[f"gamma{tag}"] + v[f"beta{tag}"]

    x = norm(v["X"], 1)
    Q, K, V = (np.einsum("ntd,hdq->nhtq", x, v[w]) for w in ("WQ", "WK", "WV"))
    A = np.einsum("nhtq,nhsq->nhts", Q, K) / np.sqrt(2)
    A = np.exp(np.where(np.tril(np.ones((5, 5))) > 0, A, -np.inf))
    R = v["X"] + np.einsum("nhts,nhsq,hqd->ntd", A / A.sum(-1, keepdims=True), V, v["WO"])
    a = ROWS["gelu"].numpy(norm(R, 2) @ v["W1"] + v["b1"])
    found = run(models.transformer_block(4, 3, 2, 6), **v)["Y"]
    np.testing.assert_allclose(found, R + a @ v["W2"] + v["b2"], rtol=1e-9)  # cancellation in the normalised rows


@pytest.mark.row("E15")
def test_vae_in_numpy():
    text = models.vae(5, 4, 2, annealed=True)
    system = notation.parse(text)
    v = arrays_of(system, {"N": 3}, RNG)
    a = np.maximum(v["X"] @ v["We1"] + v["be1"], 0)
    mu, rho = a @ v["Wmu"] + v["bmu"], a @ v["Wrho"] + v["brho"]
    s = mu + np.exp(rho / 2) * v["eps"]
    z = np.maximum(s @ v["Wd1"] + v["bd1"], 0) @ v["Wd2"] + v["bd2"]
    E = (np.logaddexp(0, z) - v["X"] * z).sum(1).mean()
    KL = 0.5 * (mu**2 + np.exp(rho) - 1 - rho).sum(1).mean()
    found = interpret(system, v)
    np.testing.assert_allclose([found["E"], found["KL"], found["L"]], [E, KL, E + v["beta"] * KL], rtol=1e-11)


@pytest.mark.row("E11")
def test_dropout_keeps_the_mean_and_is_the_identity_without_noise():
    X, u = RNG.normal(size=(4, 3)), RNG.random((4, 3))
    Y = run(LAYERS["dropout"], X=X, u=u, rate=0.25)["Y"]
    np.testing.assert_allclose(Y, np.where(u < 0.25, 0, X / 0.75), rtol=1e-13)
    assert (run(LAYERS["dropout"], X=X, u=u, rate=0.0)["Y"] == X).all()


@pytest.mark.row("E14")
def test_the_corruptions_of_a_denoising_autoencoder():
    X, u = RNG.random((50, 4)), RNG.random((50, 4))
    for kind, wanted in (
        ("gaussian", X + 0.3 * u),
        ("masking", np.where(u < 0.3, 0, X)),
        ("salt_and_pepper", np.where(u < 0.15, 0, np.where(u < 0.3, 1, X))),
    ):
        text = models.denoising_autoencoder(4, 2, noise=kind).replace("outputs: L, p", "outputs: V")
        np.testing.assert_allclose(run(text, X=X, u=u, eps=u)["V"], wanted, rtol=1e-13)


@pytest.mark.row("E19")
def test_a_factorization_machine_has_all_pairs():
    X, w, V = RNG.normal(size=(3, 5)), RNG.normal(size=5), RNG.normal(size=(5, 2))
    pairs = [[sum(V[i] @ V[j] * x[i] * x[j] for i in range(5) for j in range(i))] for x in X]
    text = models.factorization_machine()
    found = run(text, X=X, y=np.zeros(3), w0=np.array(0.3), w=w, V=V)["p"]
    np.testing.assert_allclose(found, 0.3 + X @ w + np.ravel(pairs), rtol=1e-11, atol=1e-12)


@pytest.mark.row("E20")
def test_a_pinn_has_no_residual_at_a_solution():
    """sin(x + c) solves u'' = -u; one hidden unit with the activation sin is that."""
    text = models.pinn(hidden=1, activation="sin(x)")
    x = np.linspace(0, 1, 5)
    v = {"W1": [1.0], "b1": [0.3], "W2": [2.0], "b2": 0.0, "x": x, "x0": x[:2], "y0": 2 * np.sin(x[:2] + 0.3)}
    assert abs(float(run(text, **v)["L"])) < 1e-30  # squares of roundings
    assert float(run(text, **(v | {"W1": [1.1]}))["L"]) > 1e-3


def test_public_modules():
    assert sg.models.mlp is mlp
    assert sg.optimizers.adam().values["lr"] == 1e-3
    assert sg.activations.ACTIVATIONS is ACTIVATIONS and sg.losses.LOSSES is LOSSES
    assert "normal" in sg.distributions.LOG_DENSITIES and "dense" in sg.layers.LAYERS
    with pytest.raises(AttributeError, match="there is no model mpl; there are autoencoder"):
        sg.models.mpl  # noqa: B018
