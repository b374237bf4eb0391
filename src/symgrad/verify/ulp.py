"""How accurate are the functions that kernels compute? Compiled, both precisions, over everything representable.

`sweep(row, dtype)` compiles the value and the first derivative as any kernel would and compares them with mpmath at
every exponent, at the neighbours of kinks and ends, and densely where functions bend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import mpmath
import numpy as np
from sympy import Expr, Symbol, lambdify

from ..functions import ROWS, Row
from ..functions.accuracy import DIGITS, calls, exact_value, points, slack, ulps
from ..functions.derive import unfold
from ..ir.access import Access, Index, Size
from ..ir.system import Equation, Range, System, Tensor, Term
from ..kernels import compile_system

DTYPES = ("float32", "float64")
ONE_ULP = ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "sin", "cos", "erf")


HEAD = """\
# Accuracy of the functions

Made by `symgrad verify --ulp --points 1000 > docs/accuracy.md`. The worst error found, in units in the last place of
the exact value (mpmath, 60 digits), of the compiled kernels: one line for each function, order of derivative and
precision. Points: every exponent, both signs, neighbours of kinks and ends, denser where functions bend. Results that
are not normal numbers are checked to be so, and not counted. Stated are 1 for exp, expm1, log, log1p, tanh, sigmoid,
sin, cos and erf, 4 for the others and for derivatives, or what the function's row says where composition does not reach
that; an error above what is stated is bold.
Around a sign change, where |f| < |x f'|/64, the unit is u |x f'|, u half a unit of 1.
The engines beside it take the same points and the same unit: the textbook definition, differentiated and printed by
SymPy, and PyTorch with autograd. `inf` says: zero, infinite or NaN where the exact value is a normal number.

| function | order | precision | points | worst at | ULP | stated | SymPy to NumPy | PyTorch |
|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Line:
    """The worst error of one function in one precision, and those of other engines."""

    function: str
    order: int  # of the derivative
    dtype: str
    points: int
    ulp: float
    at: tuple[float, ...]
    stated: float
    peers: tuple[float | None, ...] = ()

    @property
    def ok(self) -> bool:
        return self.ulp <= self.stated

    def __str__(self) -> str:
        at = ", ".join(f"{v:.6g}" for v in self.at)
        peers = (" " if p is None else f"{p:.3g}" for p in self.peers)
        ulp = f"{self.ulp:.2f}" if self.ok else f"**{self.ulp:.3g}**"
        cells = (self.function, self.order, self.dtype, self.points, at, ulp, f"{self.stated:g}", *peers)
        return f"| {' | '.join(map(str, cells))} |"


@dataclass(frozen=True)
class Case:
    """A function of some symbols, an order of derivative; `next_order` widens sign changes."""

    name: str
    order: int
    expr: Expr
    next_order: Expr | None
    symbols: tuple


def cases(row: Row) -> Iterator[Case]:
    """The value and the first derivatives of a row."""
    for call in calls(row):
        symbols = row.arguments[1:] if row.orders else row.arguments
        name = row.name + (f" {call.args[0]}" if row.orders else "")
        slopes = [] if row.jump or row.name in ("stop", "finite") else [call.diff(s) for s in symbols]
        yield Case(name, 0, call, slopes[0] if slopes else None, symbols)
        for symbol, slope in zip(symbols, slopes):
            suffix = f" by {symbol}" if len(symbols) > 1 else ""
            yield Case(name + suffix, 1, slope, slope.diff(symbol), symbols)


def grid(row: Row, dtype: str, count: int, slope: bool = False, seed: int = 0) -> list[np.ndarray]:
    """The arguments, an array for each: about `count` points for one argument."""
    real = np.dtype(dtype).type
    symbols = row.arguments[1:] if row.orders else row.arguments
    with np.errstate(over="ignore"):
        listed = [np.array([p[s] for p in points(row, slope)], real) for s in symbols]
    if len(symbols) > 1:
        return listed
    low, high = row.domain
    rng, limits = np.random.default_rng(seed), np.finfo(real)
    exponents = rng.permuted(np.arange(limits.minexp - limits.nmant, limits.maxexp - 2).repeat(max(1, count // 6000)))
    wide = np.ldexp(rng.uniform(1, 2, len(exponents)), exponents)[: count // 3]
    bent = np.exp(rng.uniform(np.log(1e-4), np.log(800 if real is np.float64 else 110), count // 3))
    flat = rng.uniform(max(low, -6), min(high, 6), count // 3)
    signed = np.concatenate([wide, bent]) * rng.choice([-1, 1], len(wide) + len(bent))
    found = np.concatenate([listed[0].astype(np.float64), signed, flat]).astype(real)
    inside = (found > low) & (found < high) & np.isfinite(found)
    return [np.unique(found[inside & (found >= row.slope_from) if slope else inside])]


def kernel(cases: Iterable[Case], dtype: str) -> Callable[..., Any]:
    """One compiled kernel for the cases: results y0, y1, ... of arrays with the symbols' names."""
    n, size = Index("n"), Size("N")
    equations: list[Equation] = []
    tensors: dict[str, Tensor] = {}
    for number, case in enumerate(cases):
        inputs = {s: Access(f"in_{s}", n) for s in case.symbols}
        tensors |= {a.name: Tensor(a.name, (size,), "float", "input") for a in inputs.values()}
        tensors[f"y{number}"] = Tensor(f"y{number}", (size,))
        equations.append(Equation(f"y{number}", (Term((n,), case.expr.xreplace(inputs), (Range(n, size),)),)))
    system = System(tensors, tuple(equations), tuple(e.tensor for e in equations))
    return compile_system(system, dtype=dtype, parallel=False)


def sweep(row: Row, dtype: str, count: int = 3000, peers: bool = False, seed: int = 0) -> Iterator[Line]:
    """The lines of one function: ours, and those of other engines where they are installed."""
    listed = list(cases(row))
    run = kernel(listed, dtype)
    for number, case in enumerate(listed):
        arrays = grid(row, dtype, count, bool(case.order), seed)
        exact = [_exact(case, p) for p in zip(*arrays)]
        got = run(**{f"in_{s}": a for s, a in zip(case.symbols, arrays)})[f"y{number}"]
        error, at = _worst(got, case, exact, dtype)
        others = [f(row, case, arrays) for f in PEERS] if peers else []
        theirs = tuple(None if o is None else _worst(o, case, exact, dtype)[0] for o in others)
        yield Line(case.name, case.order, dtype, len(exact), error, at, bound(row, case.order), theirs)


class Exact(NamedTuple):
    """A point and the value there; None at a pole."""

    at: dict[Symbol, float]
    value: Any


def _exact(case: Case, point: tuple) -> Exact:
    at = {s: float(v) for s, v in zip(case.symbols, point)}
    with mpmath.workdps(DIGITS):
        return Exact(at, exact_value(case.expr, at))


def _worst(got: np.ndarray, case: Case, exact: list[Exact], dtype: str) -> tuple[float, tuple[float, ...]]:
    worst, at, unit = 0.0, (), float(np.finfo(dtype).eps) / 2
    with mpmath.workdps(DIGITS):
        for value, (point, true) in zip(got, exact):
            error = 0.0 if true is None else ulps(value, true, 0.0, dtype)
            if error > worst:  # else what a sign change allows, which costs a derivative, need not be known
                error = ulps(value, true, slack(true, case.next_order, point, unit), dtype)
            if error > worst:
                worst, at = error, tuple(point.values())
    return worst, at


def bound(row: Row, order: int) -> float:
    """The stated bound in ULP."""
    if order == 0 and row.name in ONE_ULP:
        return 1.0
    return row.ulp.get("slope" if order else "value", 4.0)


def table(names: Iterable[str], count: int, seed: int = 0) -> Iterator[Line]:
    """Every function of `names` in both precisions, beside the peers."""
    for name in names:
        for dtype in DTYPES:
            yield from sweep(ROWS[name], dtype, count, peers=True, seed=seed)


# -------------------------------------------------------------------------------------------------------------- peers
def _sympy(row: Row, case: Case, arrays: list[np.ndarray]) -> np.ndarray | None:
    """The textbook definition, differentiated and printed by SymPy: what one writes without symgrad."""
    if row.definition is None and case.order:
        return None
    call = unfold(row.head(*row.arguments))
    expr = call if not case.order else call.diff(_symbol(row, case))
    try:
        function = lambdify(row.arguments, expr, ["numpy", "scipy"])
        with np.errstate(all="ignore"):
            return np.broadcast_to(function(*arrays), arrays[0].shape)
    except (NameError, TypeError, AttributeError, ValueError):
        return None


def _symbol(row: Row, case: Case):
    return next((s for s in row.arguments if case.name.endswith(f" by {s}")), row.arguments[-1])


def _torch(row: Row, case: Case, arrays: list[np.ndarray]) -> np.ndarray | None:
    try:
        import torch  # noqa: PLC0415  # pyright: ignore[reportMissingImports]  (optional)
    except ImportError:
        return None
    places = (torch, torch.nn.functional, torch.special)
    name = {"log_sigmoid": "logsigmoid"}.get(row.name, row.name)
    function = next((getattr(p, name) for p in places if hasattr(p, name)), None)
    if function is None or row.orders or len(arrays) > 1:
        return None
    x = torch.tensor(arrays[0], requires_grad=True)
    y = function(x)
    if case.order:
        (y,) = torch.autograd.grad(y.sum(), x)
    return y.detach().numpy()


PEERS = (_sympy, _torch)
