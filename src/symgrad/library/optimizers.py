"""Optimisers: one scalar's update rule in the notation, applied to every entry of every parameter.

`w` is the parameter, `g` its gradient, states start at zero, the other names are the rule's numbers. Names and
defaults follow torch.optim; a schedule and clipping are put before any of them (`update.Optimizer`).

    sg.optimizers.adam(1e-3).clip_norm(1.0).scheduled(sg.schedules.cosine(T_max=1000))
"""

from __future__ import annotations

import re

from ..errors import did_you_mean
from .update import Optimizer, custom, rule

DECAY = "g_decayed = g + weight_decay*w"

SGD = "w_next = w - lr*g"

MOMENTUM = """\
b_next = momentum*b + g
w_next = w - lr*b_next"""

NESTEROV = """\
b_next = momentum*b + g
w_next = w - lr*(g + momentum*b_next)"""

ADAGRAD = """\
t_next = t + 1
s_next = s + g**2
w_next = w - lr/(1 + lr_decay*t)*g/(sqrt(s_next) + eps)"""

ADADELTA = """\
v_next = rho*v + (1 - rho)*g**2
d = sqrt(u + eps)/sqrt(v_next + eps)*g
u_next = rho*u + (1 - rho)*d**2
w_next = w - lr*d"""

RMSPROP = """\
v_next = alpha*v + (1 - alpha)*g**2
d = g/(sqrt(v_next) + eps)
w_next = w - lr*d"""

# the mean and the variance about it: never below 0, as the mean of squares less the square of the mean can be
RMSPROP_CENTERED = """\
a_next = alpha*a + (1 - alpha)*g
v_next = alpha*(v + (1 - alpha)*(g - a)**2)
d = g/(sqrt(v_next) + eps)
w_next = w - lr*d"""

ADAM_MOMENTS = """\
t_next = t + 1
m_next = beta1*m + (1 - beta1)*g
v_next = beta2*v + (1 - beta2)*g**2
c1 = 1 - beta1**t_next
c2 = 1 - beta2**t_next
m_hat = m_next/c1
v_hat = v_next/c2"""

ADAM = f"""\
{ADAM_MOMENTS}
w_next = w - lr*m_hat/(sqrt(v_hat) + eps)"""

ADAMW = f"""\
{ADAM_MOMENTS}
w_next = w - lr*(m_hat/(sqrt(v_hat) + eps) + weight_decay*w)"""

ADAMAX = """\
t_next = t + 1
m_next = beta1*m + (1 - beta1)*g
u_next = maximum(beta2*u, abs(g) + eps)
w_next = w - lr/(1 - beta1**t_next)*m_next/u_next"""

# q is 1 less the product of all mu: a state that starts at zero
NADAM = """\
t_next = t + 1
mu = beta1*(1 - 0.96**(momentum_decay*t_next)/2)
mu_later = beta1*(1 - 0.96**(momentum_decay*(t_next + 1))/2)
q_next = mu*q + (1 - mu)
q_later = mu_later*q_next + (1 - mu_later)
m_next = beta1*m + (1 - beta1)*g
v_next = beta2*v + (1 - beta2)*g**2
m_hat = mu_later*m_next/q_later + (1 - mu)*g/q_next
v_hat = v_next/(1 - beta2**t_next)
w_next = w - lr*m_hat/(sqrt(v_hat) + eps)"""

RADAM = """\
t_next = t + 1
m_next = beta1*m + (1 - beta1)*g
v_next = beta2*v + (1 - beta2)*g**2
m_hat = m_next/(1 - beta1**t_next)
c2 = 1 - beta2**t_next
rho_inf = 2/(1 - beta2) - 1
rho = rho_inf - 2*t_next*beta2**t_next/c2
r = sqrt(maximum((rho - 4)*(rho - 2)*rho_inf/((rho_inf - 4)*(rho_inf - 2)*rho), 0))
w_next = w - lr*m_hat*where(rho > 5, r*sqrt(c2)/(sqrt(v_next) + eps), 1)"""

LION = """\
c = beta1*m + (1 - beta1)*g
m_next = beta2*m + (1 - beta2)*g
w_next = w - lr*(sign(c) + weight_decay*w)"""

__all__ = ["Optimizer", "custom"]

NAMES = (
    "adadelta", "adagrad", "adam", "adamax", "adamw", "lion", "momentum", "nadam", "nesterov", "radam", "rmsprop",
    "sgd",
)  # fmt: skip


def __getattr__(name: str):
    hint = did_you_mean(name, NAMES)
    raise AttributeError(f"there is no optimiser {name}; there are {', '.join(NAMES)}. {hint}".rstrip())


def _made(name: str, equations: str, reference: str, decay: float = 0.0, **values: float) -> Optimizer:
    """The rule; a `decay` that is not 0 is L2 regularisation: the rule reads `g + weight_decay*w` for `g`."""
    if decay != 0:
        equations = "\n".join([DECAY, re.sub(r"\bg\b", "g_decayed", equations)])
        values["weight_decay"] = decay
    return Optimizer(name, rule(equations, values), values, reference, tuple(values))


def _documented(equations: str, note: str):
    """Set a function's docstring from the equations of its rule: what is printed is what runs."""

    def decorate(function):
        head, _, rest = function.__doc__.partition("\n")
        lines = [f"        {line}" for line in equations.splitlines()]
        function.__doc__ = "\n".join([head, "", *lines, "", f"    {note}", rest])
        return function

    return decorate


@_documented(SGD, "Robbins and Monro, A stochastic approximation method, Ann. Math. Stat. 22 (1951).")
def sgd(lr: float = 1e-2, weight_decay: float = 0.0) -> Optimizer:
    """Stochastic gradient descent. torch has lr=1e-3.

    >>> sgd(0.1).equations
    ('w_next = w - lr*g',)
    """
    return _made("sgd", SGD, "Robbins and Monro 1951", weight_decay, lr=lr)


@_documented(MOMENTUM, "Polyak, Some methods of speeding up the convergence of iteration methods (1964).")
def momentum(lr: float = 1e-2, momentum: float = 0.9, weight_decay: float = 0.0) -> Optimizer:
    """Gradient descent with a heavy ball: torch.optim.SGD(momentum=0.9), which has no momentum by default."""
    return _made("momentum", MOMENTUM, "Polyak 1964", weight_decay, lr=lr, momentum=momentum)


@_documented(NESTEROV, "Sutskever et al., On the importance of initialization and momentum (ICML 2013).")
def nesterov(lr: float = 1e-2, momentum: float = 0.9, weight_decay: float = 0.0) -> Optimizer:
    """Nesterov's momentum, with the gradient where `w` is: torch.optim.SGD(momentum=0.9, nesterov=True)."""
    return _made("nesterov", NESTEROV, "Nesterov 1983", weight_decay, lr=lr, momentum=momentum)


@_documented(ADAGRAD, "Duchi, Hazan, Singer, Adaptive subgradient methods, JMLR 12 (2011).")
def adagrad(lr: float = 1e-2, lr_decay: float = 0.0, eps: float = 1e-10, weight_decay: float = 0.0) -> Optimizer:
    """Adagrad: steps scaled by the root of the sum of all squared gradients."""
    return _made("adagrad", ADAGRAD, "Duchi, Hazan and Singer 2011", weight_decay, lr=lr, lr_decay=lr_decay, eps=eps)


@_documented(ADADELTA, "Zeiler, ADADELTA: an adaptive learning rate method (2012), Algorithm 1.")
def adadelta(lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0) -> Optimizer:
    """Adadelta: the ratio of running means of squared steps and squared gradients."""
    return _made("adadelta", ADADELTA, "Zeiler 2012", weight_decay, lr=lr, rho=rho, eps=eps)


@_documented(RMSPROP, "Tieleman and Hinton, Lecture 6.5, COURSERA: Neural networks for machine learning (2012).")
def rmsprop(
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
) -> Optimizer:
    """RMSprop: steps scaled by a running mean of the squared gradient; `centered` by the variance (Graves 2013).

    >>> rmsprop(centered=True).equations[1]
    'v_next = alpha*(v + (1 - alpha)*(g - a)**2)'
    """
    equations, values = RMSPROP_CENTERED if centered else RMSPROP, {"lr": lr, "alpha": alpha, "eps": eps}
    if momentum:
        equations = equations.replace("w - lr*d", "w - lr*b_next").replace("w_next", "b_next = momentum*b + d\nw_next")
        values["momentum"] = momentum
    return _made("rmsprop", equations, "Tieleman and Hinton 2012", weight_decay, **values)


@_documented(ADAM, "Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, Algorithm 1.")
def adam(
    lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.0
) -> Optimizer:
    """Adam: steps scaled by running means of the gradient and of its square, corrected for their start at zero.

    >>> adam().equations[1]
    'm_next = beta1*m + (1 - beta1)*g'
    """
    values = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    return _made("adam", ADAM, "Kingma and Ba 2015, Algorithm 1", weight_decay, **values)


@_documented(ADAMW, "Loshchilov and Hutter, Decoupled weight decay regularization (ICLR 2019), Algorithm 2.")
def adamw(
    lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 1e-2
) -> Optimizer:
    """Adam with weight decay of the parameter itself. As in torch, the decay is multiplied by `lr`."""
    values = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
    return _made("adamw", ADAMW, "Loshchilov and Hutter 2019, Algorithm 2", **values)


@_documented(ADAMAX, "Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, Algorithm 2.")
def adamax(
    lr: float = 2e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.0
) -> Optimizer:
    """Adamax: Adam with the largest recent gradient in the place of the root mean square."""
    values = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    return _made("adamax", ADAMAX, "Kingma and Ba 2015, Algorithm 2", weight_decay, **values)


@_documented(NADAM, "Dozat, Incorporating Nesterov momentum into Adam (ICLR workshop 2016).")
def nadam(
    lr: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
) -> Optimizer:
    """NAdam: Adam with Nesterov's momentum."""
    values = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, "momentum_decay": momentum_decay}
    return _made("nadam", NADAM, "Dozat 2016", weight_decay, **values)


@_documented(RADAM, "Liu et al., On the variance of the adaptive learning rate and beyond (ICLR 2020), Algorithm 2.")
def radam(
    lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.0
) -> Optimizer:
    """RAdam: Adam whose first steps are plain momentum, until the variance of its scale is finite."""
    return _made("radam", RADAM, "Liu et al. 2020, Algorithm 2", weight_decay, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


@_documented(LION, "Chen et al., Symbolic discovery of optimization algorithms (NeurIPS 2023), Algorithm 2.")
def lion(lr: float = 1e-4, beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0.0) -> Optimizer:
    """Lion: the sign of an interpolated momentum. Not in torch; defaults of the paper's code."""
    values = {"lr": lr, "beta1": beta1, "beta2": beta2, "weight_decay": weight_decay}
    return _made("lion", LION, "Chen et al. 2023, Algorithm 2", **values)
