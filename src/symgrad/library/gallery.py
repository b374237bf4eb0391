"""The registry of derivations: what `symgrad list` shows, `symgrad derive` prints and `derivations/` runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from ..errors import UnknownNameError, did_you_mean
from ..notation import parse
from . import models, optimizers
from .activations import ACTIVATIONS, OVER_AN_AXIS, definition, parameters
from .entry import GROUPS, Entry, first_line
from .layers import LAYERS, conv, pool
from .losses import LOSSES, PAIRS, PENALTIES
from .models import mlp

_CHOSEN = (
    Entry(
        "sigmoid",
        "activations",
        "The derivative of the logistic function is s(1 - s).",
        "x: parameter\ns = 1/(1 + exp(-x))",
        "s",
        reference="Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.88",
    ),
    Entry(
        "tanh",
        "activations",
        "The derivative of the hyperbolic tangent is 1 - t^2.",
        "x: parameter\nt = (exp(x) - exp(-x))/(exp(x) + exp(-x))",
        "t",
        reference="Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 4.5.73",
    ),
    Entry(
        "linear_regression",
        "networks",
        "Least squares: the gradient is X^T (X w - y).",
        """\
X: input[n, d]
y: input[n]
w: parameter[d]
r[n] = sum[d](X[n,d]*w[d]) - y[n]
L = sum[n](r[n]**2)/2""",
        "L",
        reference="Hastie, Tibshirani, Friedman, The Elements of Statistical Learning (2009), eq. 3.4",
    ),
    Entry(
        "logistic_regression",
        "networks",
        "Binary cross-entropy of a sigmoid: the gradient is X^T (p - y)/N.",
        """\
X: input[n, d]
y: input[n]
w: parameter[d]
b: parameter
z[n] = sum[d](X[n,d]*w[d]) + b
p[n] = sigmoid(z[n])
L = mean[n](-y[n]*log(p[n]) - (1 - y[n])*log(1 - p[n]))""",
        "L",
        reference="Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.91",
    ),
    Entry(
        "softmax_cross_entropy",
        "losses",
        "Cross-entropy of a softmax: the derivative by the scores is (p - Y)/N where Y sums to one.",
        """\
z: parameter[n, k]
Y: input[n, k], distribution over k
p[n,k] = softmax[k](z[n,k])
L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))""",
        "L",
        reference="Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.109",
    ),
    Entry(
        "gaussian_kl",
        "probability",
        "KL divergence of two diagonal Gaussians: its gradient by the mean and the standard deviation.",
        """\
mu: parameter[d]
nu: input[d]
sigma: parameter[d], positive
tau: input[d], positive
KL = sum[d](log(tau[d]/sigma[d]) + (sigma[d]**2 + (mu[d] - nu[d])**2)/(2*tau[d]**2) - 1/2)""",
        "KL",
        ("mu", "sigma"),
        reference="Kingma and Welling, Auto-encoding variational Bayes (ICLR 2014), appendix B",
    ),
    Entry(
        "mlp_backprop",
        "networks",
        "Backpropagation through a network with two hidden layers and a softmax cross-entropy loss.",
        mlp("d", "h", "j", "k", activation="tanh"),
        "L",
        reference="Rumelhart, Hinton, Williams, Nature 323 (1986)",
    ),
    Entry(
        "backprop_2_3_1",
        "networks",
        "Backpropagation by hand: two inputs, three sigmoid units, one output, half the squared error of one example.",
        """\
x: input[2]
y: input
W1: parameter[3, 2]
b1: parameter[3]
W2: parameter[3]
b2: parameter
z[h] = sum[d](W1[h,d]*x[d]) + b1[h]
a[h] = sigmoid(z[h])
q = sum[h](W2[h]*a[h]) + b2
L = (y - q)**2/2""",
        "L",
        ("q", "a", "z", "W2", "b2", "W1", "b1", "x"),
        reference="Rumelhart, Hinton, Williams, Nature 323 (1986)",
    ),
    Entry(
        "input_gradient",
        "networks",
        "The derivative of the loss by the input of a network: the direction of an adversarial example.",
        mlp("d", "h", "k", activation="tanh"),
        "L",
        ("X",),
        reference="Goodfellow, Shlens, Szegedy, Explaining and harnessing adversarial examples (ICLR 2015)",
    ),
    Entry(
        "stacked_linear",
        "networks",
        "Two linear layers are one: the Jacobian of the output by the input is the product of the matrices.",
        """\
x: input[d]
W1: parameter[h, d]
W2: parameter[k, h]
a[h] = sum[d](W1[h,d]*x[d])
y[k] = sum[h](W2[k,h]*a[h])""",
        "y",
        ("x",),
        reference="Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.1",
        verb="jacobian",
    ),
    Entry(
        "reparameterisation",
        "probability",
        "z = mu + sigma eps: dz/dmu = 1 and dz/dsigma = eps, so that a sample is differentiated by its distribution.",
        "mu: parameter\nsigma: parameter, positive\neps: noise\nz = mu + sigma*eps",
        "z",
        reference="Kingma and Welling, Auto-encoding variational Bayes (ICLR 2014), section 2.4",
    ),
    Entry(
        "vanishing_gradient",
        "activations",
        "Through ten sigmoids the derivative is a product of ten s(1 - s), each at most 1/4: at most 9.5e-7.",
        "x: parameter\n" + "\n".join(f"s{i} = sigmoid({'x' if i == 1 else f's{i - 1}'})" for i in range(1, 11)),
        "s10",
        reference="Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen (1991)",
    ),
)


def _activation_entries() -> Iterator[Entry]:
    """Those of the table that are not written out from their exponentials above."""
    for name, row in ACTIVATIONS.items():
        if name not in ("identity", "sigmoid", "tanh"):
            own = f" and by {' and '.join(parameters(name))}" if parameters(name) else ""
            summary = f"The derivative of {row.text} by x{own}."
            yield Entry(name, "activations", summary, definition(name), "y", None, row.reference)
    for name, text in OVER_AN_AXIS.items():
        reference = "Bridle, Training stochastic model recognition algorithms (NeurIPS 1990)"
        yield Entry(name, "activations", f"The Jacobian of {name} with temperature t.", text, "p", ("z",), reference,
                    "jacobian")  # fmt: skip


def _loss_entries() -> Iterator[Entry]:
    for name, function in LOSSES.items():
        yield Entry(name, "losses", first_line(function.__doc__), function().text, "L", None, function().reference)
    for name, text in PAIRS.items():
        yield Entry(name, "losses", f"The {name.replace('_', ' ')} loss of representations.", text, "L")
    for name, text in PENALTIES.items():
        yield Entry(f"{name}_penalty", "losses", f"What the {name.replace('_', ' ')} penalty adds.", text, "L", ("w",))


def _layer_entries() -> Iterator[Entry]:
    """A layer's pull-back: from the derivative by its output to those by its input and parameters."""
    for name, text in {**LAYERS, "conv_2d": conv(), "max_pool": pool(), "mean_pool": pool("mean")}.items():
        program = parse(text)
        by = tuple(t.name for t in program.declared("parameter")) or ("X",)
        if "X" in program.tensors:
            by = tuple(dict.fromkeys(("X", *by)))
        if name == "attention":
            by = ("Q", "K", "V")
        summary = f"The pull-back of {name.replace('_', ' ')}, from the derivative by its output."
        yield Entry(name, "networks", summary, text, program.outputs[0], by, verb="vjp")


def _model_entries() -> Iterator[Entry]:
    for name, text in {
        "softmax_regression": models.softmax_regression(),
        "autoencoder": models.autoencoder("d", "m"),
        "sparse_autoencoder": models.sparse_autoencoder("d", "m"),
        "denoising_autoencoder": models.denoising_autoencoder("d", "m"),
        "vae": models.vae("d", "h", "m", annealed=True),
        "pinn": models.pinn(),
        "conv_net": models.conv_net(6, 6, filters=(2,), classes=3),
        "matrix_factorization": models.matrix_factorization(),
        "factorization_machine": models.factorization_machine(),
        "gaussian_mixture": models.gaussian_mixture(),
        "skip_gram": models.skip_gram(),
    }.items():
        yield Entry(name, "networks", first_line(getattr(models, name).__doc__), text, "L")


def _optimizer_entries() -> Iterator[Entry]:
    """The step as a function of the gradient (Lion's, whose sign jumps, of the parameter)."""
    for name in optimizers.NAMES:
        rule = getattr(optimizers, name)()
        text, by = _with_numbers(rule), "w" if name == "lion" else "g"
        summary = f"{first_line(getattr(optimizers, name).__doc__)} The step by {by}."
        yield Entry(name, "optimisation", summary, text, "w_next", (by,), rule.reference)


def _with_numbers(rule: optimizers.Optimizer) -> str:
    """The rule at its default constants: with free ones a square root may leave the reals."""
    declared = ["w: parameter", "g, lr: input"]
    declared += [f"{n}: state" + ", positive" * (n in POSITIVE) for n in rule.states]
    numbers = [f"{n} = {v!r}" for n, v in rule.values.items() if n != "lr"]
    updates = rule.text.splitlines()[-1]
    return "\n".join([*declared, *numbers, *rule.equations, updates])


POSITIVE = ("s", "t", "u", "v", "q")  # states that are sums of squares, counts or largest sizes

_ALL = (
    *_CHOSEN,
    *_activation_entries(),
    *_loss_entries(),
    *_layer_entries(),
    *_model_entries(),
    *_optimizer_entries(),
)
GALLERY: Mapping[str, Entry] = {
    entry.name: entry for group in GROUPS for entry in _ALL if entry.group == group
}


def names() -> tuple[str, ...]:
    return tuple(GALLERY)


def entry(name: str) -> Entry:
    """The entry of that name; UnknownNameError lists those that exist, and the nearest one."""
    if name not in GALLERY:
        text = f"{name} is not in the gallery; symgrad list shows its {len(GALLERY)} entries. {_nearest(name)}"
        raise UnknownNameError(text.rstrip())
    return GALLERY[name]


def _nearest(name: str) -> str:
    """The entry that is spelled most like `name`, or has a word that is: `softmx` means softmax_cross_entropy."""
    whole = did_you_mean(name, GALLERY)
    if whole:
        return whole
    words = {word: entry for entry in GALLERY for word in entry.split("_")}
    close = get_close_matches(name, words, n=1, cutoff=0.6)
    return f"Did you mean {words[close[0]]}?" if close else ""
