"""The registry of derivations: what `symgrad list` shows, `symgrad derive` prints and `derivations/` runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import UnknownNameError, did_you_mean
from .models import mlp
from .optimizers import ADAM


@dataclass(frozen=True)
class Entry:
    """One derivation: the program, and the output that is differentiated by `wrt` (all parameters where it is None)."""

    name: str
    summary: str
    text: str
    output: str
    wrt: tuple[str, ...] | None = None
    reference: str = ""


def _adam_text() -> str:
    """Adam's rule at the paper's constants: with free ones the square root may leave the reals."""
    numbers = "beta1 = 0.9\nbeta2 = 0.999\neps = 1/10**8"
    declared = "w: parameter\ng, lr: input\nm: state\nv, t: state, positive"
    return "\n".join([declared, numbers, ADAM, "updates: w -> w_next, m -> m_next, v -> v_next, t -> t_next"])


_ENTRIES = (
    Entry(
        "sigmoid",
        "The derivative of the logistic function is s(1 - s).",
        "x: parameter\ns = 1/(1 + exp(-x))",
        "s",
        reference="Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.88",
    ),
    Entry(
        "tanh",
        "The derivative of the hyperbolic tangent is 1 - t^2.",
        "x: parameter\nt = (exp(x) - exp(-x))/(exp(x) + exp(-x))",
        "t",
        reference="Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 4.5.73",
    ),
    Entry(
        "linear_regression",
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
        "Backpropagation through a network with two hidden layers and a softmax cross-entropy loss.",
        mlp("d", "h", "j", "k", activation="tanh"),
        "L",
        reference="Rumelhart, Hinton, Williams, Nature 323 (1986)",
    ),
    Entry(
        "adam",
        "The Adam update, and the derivative of the step by the gradient that it is given.",
        _adam_text(),
        "w_next",
        ("g",),
        reference="Kingma and Ba, Adam: a method for stochastic optimization (ICLR 2015)",
    ),
)

GALLERY: Mapping[str, Entry] = {entry.name: entry for entry in _ENTRIES}


def names() -> tuple[str, ...]:
    return tuple(GALLERY)


def entry(name: str) -> Entry:
    """The entry of that name; UnknownNameError lists those that exist, and the nearest one."""
    if name not in GALLERY:
        text = f"{name} is not in the gallery; it has {', '.join(GALLERY)}. {_nearest(name)}"
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
