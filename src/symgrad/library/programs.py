"""The tables of the library as entries of the gallery: each row is a program, and what it is differentiated by."""

from __future__ import annotations

from collections.abc import Iterator

from ..notation import parse
from . import models, optimizers, schedules
from .activations import ACTIVATIONS, OVER_AN_AXIS, definition, parameters
from .distributions import DIVERGENCES, INFORMATION, LOG_DENSITIES
from .entry import Entry, first_line
from .layers import LAYERS, conv, pool
from .losses import LOSSES, PAIRS, PENALTIES

SCHEDULES = (
    schedules.constant(), schedules.step(30), schedules.exponential(0.9), schedules.cosine(100), schedules.linear(),
    schedules.polynomial(), schedules.inverse_sqrt(10), schedules.warmup_cosine(10, 100), schedules.one_cycle(100),
    schedules.cyclical(20),
)  # fmt: skip
POSITIVE = ("s", "t", "u", "v", "q")  # states that are sums of squares, counts or largest sizes


def programs() -> Iterator[Entry]:
    for entries in (_activations, _losses, _distributions, _layers, _models, _optimizers, _schedules):
        yield from entries()


def _activations() -> Iterator[Entry]:
    """First and second derivatives of those that are not written out from their exponentials elsewhere."""
    for name, row in ACTIVATIONS.items():
        if name not in ("identity", "sigmoid", "tanh"):
            own = f" and by {' and '.join(parameters(name))}" if parameters(name) else ""
            summary = f"The derivatives of {row.text} by x{own}."
            yield Entry(name, "activations", summary, definition(name), "y", None, row.reference,
                        ("gradient", "hessian"))  # fmt: skip
    for name, text in OVER_AN_AXIS.items():
        reference = "Bridle, Training stochastic model recognition algorithms (NeurIPS 1990)"
        yield Entry(name, "activations", f"The Jacobian of {name} with temperature t.", text, "p", ("z",), reference,
                    ("jacobian",))  # fmt: skip


def _losses() -> Iterator[Entry]:
    for name, function in LOSSES.items():
        yield Entry(name, "losses", first_line(function.__doc__), function().text, "L", None, function().reference)
    for name, text in PAIRS.items():
        yield Entry(name, "losses", f"The {_words(name)} loss of representations.", text, "L")
    for name, text in PENALTIES.items():
        yield Entry(f"{name}_penalty", "losses", f"What the {_words(name)} penalty adds.", text, "L", ("w",))


def _distributions() -> Iterator[Entry]:
    for name, text in LOG_DENSITIES.items():
        summary = f"The score of the {_words(name)} density: its logarithm by its parameters."
        yield Entry(f"{name}_score", "probability", summary, *_total(text))
    for name, text in DIVERGENCES.items():
        summary = f"The gradient of the divergence of two densities: {_words(name)}."
        yield Entry(f"{name}_kl_gradient", "probability", summary, *_total(text))
    for name, text in INFORMATION.items():
        summary = f"The gradient of the {_words(name)} of probabilities."
        yield Entry(f"{name}_gradient", "probability", summary, *_total(text))


def _total(text: str) -> tuple[str, str]:
    """(the text, its output): with the sum over the examples where the output is one number for each."""
    (output,) = parse(text).outputs
    return (f"{text}\nL = sum[n]({output}[n])\noutputs: L", "L") if f"{output}[n]" in text else (text, output)


def _layers() -> Iterator[Entry]:
    """A layer's pull-back: from the derivative by its output to those by its input and parameters."""
    for name, text in {**LAYERS, "conv_2d": conv(), "max_pool": pool(), "mean_pool": pool("mean")}.items():
        program = parse(text)
        by = tuple(t.name for t in program.declared("parameter")) or ("X",)
        if "X" in program.tensors:
            by = tuple(dict.fromkeys(("X", *by)))
        if name == "attention":
            by = ("Q", "K", "V")
        summary = f"The pull-back of {_words(name)}, from the derivative by its output."
        yield Entry(name, "networks", summary, text, program.outputs[0], by, verbs=("vjp",))


def _models() -> Iterator[Entry]:
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
    summary = "A variational autoencoder whose decoder is normal with unit variance."
    yield Entry("vae_gaussian", "networks", summary, models.vae("d", "h", "m", decoder="gaussian"), "L")
    summary = "A sparse autoencoder with an L1 penalty on its code."
    yield Entry("sparse_autoencoder_l1", "networks", summary, models.sparse_autoencoder("d", "m", penalty="l1"), "L")
    for noise in ("masking", "salt_and_pepper"):
        summary = f"A denoising autoencoder whose input is corrupted by {_words(noise)} noise."
        text = models.denoising_autoencoder("d", "m", noise=noise)
        yield Entry(f"denoising_autoencoder_{noise}", "networks", summary, text, "L")


def _optimizers() -> Iterator[Entry]:
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


def _schedules() -> Iterator[Entry]:
    """By the step where it does not jump, else by the base value."""
    for schedule in SCHEDULES:
        numbers = [f"{n} = {v!r}" for n, v in schedule.values.items()]
        by = "x" if "floor" in schedule.text else "t"
        summary = f"The {_words(schedule.name)} schedule of a learning rate x, by {by}."
        text = "\n".join(["x, t: parameter, positive", *numbers, schedule.text])
        yield Entry(f"{schedule.name}_schedule", "optimisation", summary, text, "x_t", (by,))


def _words(name: str) -> str:
    return name.replace("_", " ")
