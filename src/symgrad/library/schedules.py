"""Schedules: how a number `x` follows the step `t` (0 in the first step), one equation each.

    sg.optimizers.adam(1e-3).scheduled(sg.schedules.cosine(T_max=1000))      the learning rate, inside the kernel
    sg.schedules.linear(0, 1, total_iters=500)(step)                         a number for the host, as in KL annealing

Names and defaults follow torch.optim.lr_scheduler; the unit of `t` is the step, not the epoch. `x` is the base value
that the optimiser was given (for `one_cycle` the largest).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Real

from ..errors import SymgradError, did_you_mean
from ..ir.interpret import interpret
from ..ir.system import System
from ..notation import parse
from .numbers import check_numbers

CONSTANT = "x_t = x*where(t < total_iters, factor, 1)"
STEP = "x_t = x*gamma**floor(t/step_size)"
EXPONENTIAL = "x_t = x*gamma**t"
COSINE = "x_t = eta_min + (x - eta_min)*(1 + cos(pi*t/T_max))/2"
LINEAR = "x_t = x*(start_factor + (end_factor - start_factor)*minimum(t/total_iters, 1))"
POLYNOMIAL = "x_t = x*(1 - minimum(t/total_iters, 1))**power"
INVERSE_SQRT = "x_t = x*minimum((t + 1)/warmup, sqrt(warmup/(t + 1)))"
WARMUP_COSINE = (
    "x_t = where(t < warmup, x*(t + 1)/warmup, "
    "eta_min + (x - eta_min)*(1 + cos(pi*minimum((t - warmup)/(total_steps - warmup), 1)))/2)"
)
ONE_CYCLE = (
    "x_t = where(t < pct_start*total_steps - 1, "
    "x + (x/div_factor - x)*(1 + cos(pi*t/(pct_start*total_steps - 1)))/2, "
    "x/div_factor/final_div_factor + (x - x/div_factor/final_div_factor)"
    "*(1 + cos(pi*minimum((t - pct_start*total_steps + 1)/(total_steps - pct_start*total_steps), 1)))/2)"
)
CYCLICAL = "x_t = x*minimum((t/period - floor(t/period))/ratio, 1)"

NAMES = (
    "constant", "cosine", "cyclical", "exponential", "inverse_sqrt", "linear", "one_cycle", "polynomial", "step",
    "warmup_cosine",
)  # fmt: skip


def __getattr__(name: str):
    hint = did_you_mean(name, NAMES)
    raise AttributeError(f"there is no schedule {name}; there are {', '.join(NAMES)}. {hint}".rstrip())


@dataclass(frozen=True)
class Schedule:
    """An equation of `x_t` in the base `x`, the step `t` and the schedule's own numbers."""

    name: str
    text: str
    values: Mapping[str, float]

    def equation(self, number: str) -> str:
        """The equation for a number of another name; the schedule's own numbers carry it as a prefix.

        >>> step(30).equation("lr")
        'lr_t = lr*lr_gamma**floor(t/lr_step_size)'
        """
        names = {"x": number, "x_t": f"{number}_t"} | {n: f"{number}_{n}" for n in self.values}
        return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), self.text)

    def __post_init__(self):
        check_numbers(f"sg.schedules.{self.name}", self.values)

    @cached_property
    def system(self) -> System:
        return parse(f"{', '.join(['x', 't', *self.values])}: input\n{self.text}")

    def __call__(self, t: float, x: float = 1.0) -> float:
        """The value in step `t` (0 in the first) for the base `x`.

        >>> cosine(T_max=10)(5, 0.1)
        0.05
        """
        return float(interpret(self.system, {"x": x, "t": t, **self.values})["x_t"])


def _positive(name: str, value: float, least: float = 0) -> float:
    if isinstance(value, Real) and not value > least:
        raise SymgradError(f"{name} of a schedule must be larger than {least}; it is {value!r}.")
    return value


def constant(factor: float = 1 / 3, total_iters: int = 5) -> Schedule:
    """`x*factor` for the first `total_iters` steps, then `x`."""
    return Schedule("constant", CONSTANT, {"factor": factor, "total_iters": total_iters})


def step(step_size: int, gamma: float = 0.1) -> Schedule:
    """`x` times `gamma` every `step_size` steps."""
    return Schedule("step", STEP, {"step_size": _positive("step_size", step_size), "gamma": gamma})


def exponential(gamma: float) -> Schedule:
    """`x` times `gamma` every step."""
    return Schedule("exponential", EXPONENTIAL, {"gamma": gamma})


def cosine(T_max: int, eta_min: float = 0.0) -> Schedule:
    """From `x` down to `eta_min` in `T_max` steps along half a cosine, and up again behind it.

    Loshchilov and Hutter, SGDR (ICLR 2017), eq. 5, without restarts.
    """
    return Schedule("cosine", COSINE, {"T_max": _positive("T_max", T_max), "eta_min": eta_min})


def linear(start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5) -> Schedule:
    """A line from `x*start_factor` to `x*end_factor` in `total_iters` steps: warm-up; KL annealing from 0 to 1.

    Bowman et al., Generating sentences from a continuous space (CoNLL 2016), section 3.1, for the KL term.
    """
    values = {"start_factor": start_factor, "end_factor": end_factor}
    return Schedule("linear", LINEAR, values | {"total_iters": _positive("total_iters", total_iters)})


def polynomial(total_iters: int = 5, power: float = 1.0) -> Schedule:
    """`x*(1 - t/total_iters)**power` down to zero."""
    return Schedule("polynomial", POLYNOMIAL, {"total_iters": _positive("total_iters", total_iters), "power": power})


def inverse_sqrt(warmup: int) -> Schedule:
    """Linear up to `x` in `warmup` steps, then falling with the square root of the step. Not in torch.

    Vaswani et al., Attention is all you need (NeurIPS 2017), eq. 3, scaled so that the largest value is `x`.
    """
    return Schedule("inverse_sqrt", INVERSE_SQRT, {"warmup": _positive("warmup", warmup)})


def warmup_cosine(warmup: int, total_steps: int, eta_min: float = 0.0) -> Schedule:
    """Linear up to `x` in `warmup` steps, then half a cosine down to `eta_min` at `total_steps`. Not in torch."""
    values = {"warmup": _positive("warmup", warmup), "total_steps": _positive("total_steps", total_steps, warmup)}
    return Schedule("warmup_cosine", WARMUP_COSINE, values | {"eta_min": eta_min})


def one_cycle(
    total_steps: int, pct_start: float = 0.3, div_factor: float = 25.0, final_div_factor: float = 1e4
) -> Schedule:
    """Up from `x/div_factor` to `x` in a share `pct_start` of the steps, then down to `x/div_factor/final_div_factor`.

    Smith and Topin, Super-convergence (2018); both phases along a cosine, as torch's OneCycleLR.
    """
    values = {"pct_start": pct_start, "div_factor": div_factor, "final_div_factor": final_div_factor}
    _positive("pct_start*total_steps", pct_start * total_steps, 1)
    return Schedule("one_cycle", ONE_CYCLE, {"total_steps": total_steps, **values})


def cyclical(period: int, ratio: float = 0.5) -> Schedule:
    """From 0 to `x` in a share `ratio` of each period, `x` for the rest of it: cyclical KL annealing. Not in torch.

    Fu et al., Cyclical annealing schedule (NAACL 2019), eq. 6.
    """
    return Schedule("cyclical", CYCLICAL, {"period": _positive("period", period), "ratio": _positive("ratio", ratio)})
