"""Losses: what is predicted from the scores of a model, how the target is declared, what is minimised.

Each function returns a `Loss`; `sg.program(loss.text)` is the loss on its own, whose gradient is by the scores, and
`mlp(..., loss=loss)` puts it behind a network. Names, defaults and the mean over all entries follow
torch.nn.functional; where a loss departs from that, its docstring says so. No score overflows any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import SymgradError, UnknownNameError, did_you_mean

GIVEN = "z: parameter[n, {k}]"


@dataclass(frozen=True)
class Loss:
    """Lines of notation: `{z}` stands for the scores, as in `z2[n,k]`, `{k}` for the letter or number of classes,
    `{letter}` for the letter."""

    target: str
    prediction: str
    value: str
    scores: str = GIVEN  # how the scores are declared where nothing computes them
    reference: str = ""

    @property
    def text(self) -> str:
        """The loss as a program of its own, in the scores `z`."""
        lines = (self.scores, self.target, self.prediction, self.value)
        return "\n".join(line.format(z="z[n,k]", k="k", letter="k") for line in lines if line)

    @property
    def of_scores(self) -> bool:
        """May any numbers be scores? Not where they are probabilities, or where more than scores is given."""
        return bool(self.prediction) and self.scores == GIVEN


def _pair(value: str, reference: str = "", predicted: str = "{z}") -> Loss:
    """A loss of a prediction `p` and a target `y` of the same shape."""
    return Loss("y: input[n, {k}]", "p[n,{k}] = " + predicted, value, reference=reference)


def _number(value: float, name: str, least: float = 0.0) -> float:
    if not value > least:
        raise SymgradError(f"{name} of a loss must be larger than {least:g}; it is {value!r}.")
    return value


# regression


def mse() -> Loss:
    """The mean of the squared errors, over all entries."""
    return _pair("L = mean[n,{k}]((p[n,{k}] - y[n,{k}])**2)", "Gauss, Theoria motus, 1809")


def squared_error() -> Loss:
    """The squared errors summed over the outputs, then their mean over the examples. Not in torch."""
    return _pair("L = mean[n](sum[{k}]((p[n,{k}] - y[n,{k}])**2))")


def l1() -> Loss:
    """The mean absolute error; where an error is 0 its derivative is 0."""
    return _pair("L = mean[n,{k}](abs(p[n,{k}] - y[n,{k}]))", "Laplace, 1774")


def huber(delta: float = 1.0) -> Loss:
    """Half the squared error up to `delta`, linear beyond: `delta*(|r| - delta/2)`."""
    r, d = "(p[n,{k}] - y[n,{k}])", _number(delta, "delta")
    value = f"L = mean[n,{{k}}](where(abs{r} <= {d}, {r}**2/2, {d}*(abs{r} - {d}/2)))"
    return _pair(value, "Huber, Robust estimation of a location parameter, Ann. Math. Stat. 35 (1964)")


def smooth_l1(beta: float = 1.0) -> Loss:
    """Huber's loss divided by its width."""
    r, b = "(p[n,{k}] - y[n,{k}])", _number(beta, "beta")
    value = f"L = mean[n,{{k}}](where(abs{r} <= {b}, {r}**2/(2*{b}), abs{r} - {b}/2))"
    return _pair(value, "Girshick, Fast R-CNN, ICCV 2015, eq. 3")


def log_cosh() -> Loss:
    """The mean of log(cosh(error)). Not in torch."""
    return _pair("L = mean[n,{k}](log_cosh(p[n,{k}] - y[n,{k}]))")


def quantile(tau: float = 0.5) -> Loss:
    """The pinball loss, least at the quantile `tau` of the target. Not in torch."""
    if not 0 < tau < 1:
        raise SymgradError(f"tau of a loss lies between 0 and 1; it is {tau!r}.")
    r = "(y[n,{k}] - p[n,{k}])"
    value = f"L = mean[n,{{k}}](maximum({tau}*{r}, ({tau} - 1)*{r}))"
    return _pair(value, "Koenker and Bassett, Regression quantiles, Econometrica 46 (1978)")


def poisson_nll() -> Loss:
    """The negative log-likelihood of counts whose log-rate is the score, without the constant log(y!)."""
    return _pair("L = mean[n,{k}](p[n,{k}] - y[n,{k}]*{z})", predicted="exp({z})")


def gaussian_nll() -> Loss:
    """The negative log-likelihood of a normal with mean `z` and its own variance `v`, without log(2 pi)/2."""
    return Loss(
        "y: input[n, {k}]",
        "p[n,{k}] = {z}",
        "L = mean[n,{k}](log(v[n,{k}]) + (p[n,{k}] - y[n,{k}])**2/v[n,{k}])/2",
        "z: parameter[n, {k}]\nv: parameter[n, {k}], positive",
        "Nix and Weigend, Estimating the mean and variance of the target, ICNN 1994, eq. 2",
    )


# classification


def cross_entropy() -> Loss:
    """Minus the logarithm of the softmax at the label; the labels are integers."""
    return Loss("y: label[n] over {k}", "p[n,{k}] = softmax[{k}]({z})", "L = mean[n](-log(p[n,y[n]]))")


def cross_entropy_one_hot() -> Loss:
    """The same for targets that are distributions over the classes: torch's cross_entropy with class probabilities."""
    return Loss(
        "Y: input[n, {letter}], distribution over {letter}",
        "p[n,{k}] = softmax[{k}]({z})",
        "L = mean[n](-sum[{k}](Y[n,{k}]*log(p[n,{k}])))",
    )


def nll() -> Loss:
    """Minus the log-probability at the label; the scores are log-probabilities, as of a log_softmax."""
    return Loss("y: label[n] over {k}", "", "L = mean[n](-z[n,y[n]])", GIVEN)


def cross_entropy_of_probabilities() -> Loss:
    """Minus the logarithm of a given probability `z` at the label. Not in torch: prefer `cross_entropy`."""
    return Loss("y: label[n] over {k}", "", "L = mean[n](-log(z[n,y[n]]))", GIVEN + ", positive")


def binary_cross_entropy() -> Loss:
    """-y log z - (1 - y) log(1 - z) of given probabilities `z`; 0 log 0 is 0. torch cuts the logarithm at -100."""
    value = "L = mean[n,{k}](-xlogy(y[n,{k}], z[n,{k}]) - xlogy(1 - y[n,{k}], 1 - z[n,{k}]))"
    return Loss("y: input[n, {k}]", "", value, GIVEN + ", positive")


def binary_cross_entropy_with_logits() -> Loss:
    """The same of the sigmoid of the scores."""
    value = "L = mean[n,{k}](-y[n,{k}]*log(p[n,{k}]) - (1 - y[n,{k}])*log(1 - p[n,{k}]))"
    return _pair(value, predicted="sigmoid({z})")


def focal(alpha: float = 0.25, gamma: float = 2.0) -> Loss:
    """Cross-entropy of the sigmoid in which easy examples count less: `(1 - p_t)^gamma`. As torchvision's."""
    easy = f"(1 - {alpha})*(1 - y[n,{{k}}])*sigmoid({{z}})**{gamma}*softplus({{z}})"
    hard = f"{alpha}*y[n,{{k}}]*sigmoid(-{{z}})**{gamma}*softplus(-{{z}})"
    reference = "Lin et al., Focal loss for dense object detection, ICCV 2017, eq. 5"
    return _pair(f"L = mean[n,{{k}}]({hard} + {easy})", reference, "sigmoid({z})")


def hinge() -> Loss:
    """relu(1 - y z) for targets of -1 and 1; at the margin its derivative is 0. Not in torch under this name."""
    return _pair("L = mean[n,{k}](relu(1 - y[n,{k}]*p[n,{k}]))", "Cortes and Vapnik, Support-vector networks, 1995")


def squared_hinge() -> Loss:
    """relu(1 - y z)^2 for targets of -1 and 1. Not in torch."""
    return _pair("L = mean[n,{k}](relu(1 - y[n,{k}]*p[n,{k}])**2)")


def soft_margin() -> Loss:
    """log(1 + exp(-y z)) for targets of -1 and 1."""
    return _pair("L = mean[n,{k}](softplus(-y[n,{k}]*p[n,{k}]))")


def kl_div() -> Loss:
    """KL(Y || softmax of the scores), the mean over the examples: torch's kl_div(log_softmax(z), Y, "batchmean")."""
    return Loss(
        "Y: input[n, {letter}], distribution over {letter}",
        "p[n,{k}] = softmax[{k}]({z})",
        "L = mean[n](sum[{k}](xlogx(Y[n,{k}]) - Y[n,{k}]*log(p[n,{k}])))",
        reference="Kullback and Leibler, On information and sufficiency, Ann. Math. Stat. 22 (1951)",
    )


LOSSES: Mapping[str, Callable[..., Loss]] = {
    function.__name__: function
    for function in (
        cross_entropy, cross_entropy_one_hot, cross_entropy_of_probabilities, nll, binary_cross_entropy,
        binary_cross_entropy_with_logits, focal, hinge, squared_hinge, soft_margin, kl_div, mse, squared_error, l1,
        huber, smooth_l1, log_cosh, quantile, poisson_nll, gaussian_nll,
    )
}  # fmt: skip

# losses of pairs and triples of representations: whole programs, because more than one thing is predicted

PAIRS: Mapping[str, str] = {
    # torch's cosine_embedding_loss for y = 1: Salton, Wong, Yang, A vector space model, CACM 18 (1975)
    "cosine": """\
a, b: parameter[n, d]
s[n] = sum[d](a[n,d]*b[n,d])/(sqrt(sum[d](a[n,d]**2))*sqrt(sum[d](b[n,d]**2)))
L = mean[n](1 - s[n])""",
    # torch's triplet_margin_loss at margin 1, whose distances are of a - p + 1e-6: FaceNet, CVPR 2015, eq. 1
    "triplet_margin": """\
a, p, q: parameter[n, d]
near[n] = sqrt(sum[d]((a[n,d] - p[n,d] + 1/10**6)**2))
distant[n] = sqrt(sum[d]((a[n,d] - q[n,d] + 1/10**6)**2))
L = mean[n](relu(near[n] - distant[n] + 1))""",
    # torch's margin_ranking_loss at margin 0; y is 1 where a should be ranked higher, else -1
    "margin_ranking": """\
a, b: parameter[n]
y: input[n]
L = mean[n](relu(-y[n]*(a[n] - b[n])))""",
    # Hadsell, Chopra, LeCun, Dimensionality reduction by learning an invariant mapping, CVPR 2006, eq. 4; margin 1
    "contrastive": """\
a, b: parameter[n, d]
y: input[n]
s[n] = sqrt(sum[d]((a[n,d] - b[n,d])**2) + 1/10**12)
L = mean[n](y[n]*s[n]**2/2 + (1 - y[n])*relu(1 - s[n])**2/2)""",
    # InfoNCE over the batch (van den Oord, Li, Vinyals, 2018, eq. 4); t is the temperature
    "info_nce": """\
a, b: parameter[n, d]
t: input, positive
s[n,m] = sum[d](a[n,d]*b[m,d])/t
L = mean[n](logsumexp[m](s[n,m]) - s[n,n])""",
}

# what is added to a loss, of one matrix of weights: Hoerl and Kennard 1970; Tibshirani 1996; Zou and Hastie 2005
PENALTIES: Mapping[str, str] = {
    "l2": "w: parameter[i, j]\nlam: input\nL = lam*sum[i,j](w[i,j]**2)",
    "l1": "w: parameter[i, j]\nlam: input\nL = lam*sum[i,j](abs(w[i,j]))",
    "elastic_net": """\
w: parameter[i, j]
lam, mix: input
L = lam*sum[i,j](mix*abs(w[i,j]) + (1 - mix)*w[i,j]**2/2)""",
}


def loss(given: str | Loss) -> Loss:
    """A loss, or the row of that name at its default numbers; UnknownNameError names those that exist."""
    if isinstance(given, Loss):
        return given
    if given not in LOSSES:
        hint = did_you_mean(str(given), LOSSES)
        text = f"{given} is not a loss of the library; it has {', '.join(LOSSES)}. {hint}"
        raise UnknownNameError(text.rstrip())
    return LOSSES[given]()
