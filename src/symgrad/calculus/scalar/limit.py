"""Limits by named rules. Where no rule decides, that is said; no limit is guessed from numbers.

In order: the limit of each part (`tends`), known limits, constant factors, algebra (one fraction, a conjugate,
logarithms joined, addition theorems), one limit for each addend or factor, a power as e^(e log b), x = 1/t at infinity,
L'Hopital's rule where its condition holds (0/0 or inf/inf, decided by `tends`). The search is depth first; what it
finds becomes a calculation that replays, and the answer is compared with values of the expression near the point.

>>> from sympy import sin
>>> h = Symbol("h", real=True)
>>> limit(sin(3*h)/h, h, S.Zero).result
3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import mpmath
import sympy
from sympy import Add, Expr, Mul, Pow, S, Symbol, exp, log

from ...errors import CheckError, SymgradError, explain
from ..rewrite import Rule
from . import check
from .derivative import resolve
from .operators import Diff, Lim, pending
from .steps import Calculation, Work, factors, fresh, line_rule, rule, split, tidy
from .tends import UNBOUNDED, tends, zero

FUEL = 9  # rules, one inside the other
Move = tuple[Rule, Work, str]  # a rule, where it is applied, a remark


def limit(f: Expr, x: Symbol, point: Expr, side: int = 0) -> Calculation:
    """The limit of f for x -> point as a calculation; `side` 1 from above, -1 from below, 0 both.

    Raises SymgradError where no rule decides, CheckError where the answer contradicts numbers.
    """
    node = Lim(f, x, point, side)
    found = search(node)
    if found is None:
        raise SymgradError(explain("cannot decide this limit: no rule applies.", str(node)))
    calculation = Calculation(node)
    for named, work, note in found[0]:
        calculation = calculation.then(named, (work,), note)
    calculation = calculation.then(TIDY_LIMIT, None)
    return replace(calculation, checked=compare(f, x, point, side, calculation.result))


def search(node: Lim, exclude: tuple[Rule, ...] = ()) -> tuple[list[Move], Expr] | None:
    """The moves that decide a limit, and its value; `exclude`: rules that may not be used."""
    return _search(node, FUEL, {}, exclude)


def _search(
    node: Lim, fuel: int, failed: dict[Lim, int], exclude: tuple[Rule, ...]
) -> tuple[list[Move], Expr] | None:
    """The moves that remove `node`, and its value; or None. `failed`: nodes tried in vain, with the fuel there was."""
    if fuel == 0 or failed.get(node, 0) >= fuel:
        return None
    failed[node] = fuel  # until it succeeds: a node inside itself does not help
    for named, data, note in _moves(node):
        if named in exclude:
            continue
        work = Work(node, data)
        after = named.replace((work,), node)
        found = {part: _search(part, fuel - 1, failed, exclude) for part in pending(after, Lim)}
        if any(f is None for f in found.values()):
            continue
        done = {part: f for part, f in found.items() if f is not None}
        values = {part: value for part, (_, value) in done.items()}
        if named.name in SPLITS and any(v in UNBOUNDED for v in values.values()):
            continue  # infinities do not add or multiply as numbers do
        value = after.xreplace(values)
        if value.has(S.NaN, S.ComplexInfinity):
            continue
        del failed[node]
        return [(named, work, note), *(move for moves, _ in done.values() for move in moves)], value
    return None


def _moves(node: Lim) -> Iterator[tuple[Rule, object, str]]:
    """What may be done with a node, the plainest first."""
    if tends(*node.args) is not None:
        yield PARTS_VALUE, None, ""
        return
    if known := _known_form(node):
        yield KNOWN_LIMIT, known[1], f"the limit of {known[0]} for h to 0"
        return
    for named, local in ALGEBRA:
        new = local(node)
        if new is not None and new != node:
            yield named, None, ""
    t = fresh({*node.free_symbols, node.variable}, S.One)
    if _inverted(node, t) is not None:
        yield INVERTED, t, ""
    for above, below in _as_quotients(node):
        if kind := _indeterminate(node, above, below):
            yield LHOPITAL, (above, below), f"both tend to {kind}"


# -- rules: local(node, data) is what stands in the place of the limit; without data None where it does not apply


def _value(node: Lim, data) -> Expr:
    return tends(*node.args)


KNOWN = (  # f(h) and its limit for h -> 0; `_known_form` finds them with any g -> 0 in the place of h
    ("sin h / h", lambda g: sympy.sin(g) / g, S.One),
    ("tan h / h", lambda g: sympy.tan(g) / g, S.One),
    ("(e^h - 1)/h", lambda g: (exp(g) - 1) / g, S.One),
    ("log(1 + h)/h", lambda g: log(1 + g) / g, S.One),
    ("(cos h - 1)/h", lambda g: (sympy.cos(g) - 1) / g, S.Zero),
    ("(1 - cos h)/h^2", lambda g: (1 - sympy.cos(g)) / g**2, S.Half),
)
POWERS = (  # the same with a parameter c
    ("(c^h - 1)/h", lambda g, c: (c**g - 1) / g, log),
    ("((1 + h)^c - 1)/h", lambda g, c: ((1 + g) ** c - 1) / g, lambda c: c),
)


def _known(node: Lim, value: Expr) -> Expr:
    return value


def _known_form(node: Lim) -> tuple[str, Expr] | None:
    """(name, value): the body is a constant times a known form of some g -> 0 that is not 0 beside the point."""
    x = node.variable
    for name, form, value, g in _candidates(node.body):
        if node.point in UNBOUNDED or x not in g.free_symbols or not zero(g.subs(x, node.point)):
            continue
        ratio = tidy(sympy.cancel(sympy.together(node.body / form)))
        if x not in ratio.free_symbols and ratio.is_finite is not False:
            return name, ratio * value
    return None


def _candidates(f: Expr) -> Iterator[tuple[str, Expr, Expr, Expr]]:
    """(name, f(g), its limit, g) for what in f may play the part of h."""
    for g in _arguments(f):
        yield from ((name, form(g), value, g) for name, form, value in KNOWN)
    for power in sorted((p for p in f.atoms(Pow) if not isinstance(p, exp)), key=sympy.default_sort_key):
        (named, of_exponent, slope), (other, of_base, same) = POWERS
        yield named, of_exponent(power.exp, power.base), slope(power.base), power.exp
        if not power.exp.is_Integer:
            yield other, of_base(power.base - 1, power.exp), same(power.exp), power.base - 1


def _arguments(f: Expr) -> list[Expr]:
    """Arguments of the functions in f; of log(1 + g), g."""
    calls = sorted(f.atoms(sympy.sin, sympy.cos, sympy.tan, exp, log), key=sympy.default_sort_key)
    return [c.args[0] - 1 if isinstance(c, log) else c.args[0] for c in calls]


def _multiple(node: Lim, data=None) -> Expr | None:
    constant, rest = split(node.body, node.variable)
    return None if constant == 1 else constant * Lim(rest, *node.args[1:])


def _each(node: Lim, data=None) -> Expr | None:
    """One limit for each addend, or for each factor: right where all of them are finite, which the search demands."""
    if not isinstance(node.body, (Add, Mul)):
        return None
    return node.body.func(*(Lim(part, *node.args[1:]) for part in node.body.args))


def _inside(node: Lim, data=None) -> Expr | None:
    """lim e^g = e^(lim g), lim log g = log(lim g)."""
    if isinstance(node.body, (exp, log)) and node.body.args[0] != node.variable:
        return node.body.func(Lim(node.body.args[0], *node.args[1:]))
    return None


def _as_exponential(node: Lim, data=None) -> Expr | None:
    """b^e = e^(e log b), where both move."""
    body = node.body
    if isinstance(body, Pow) and all(node.variable in a.free_symbols for a in body.args):
        return Lim(exp(body.exp * log(body.base), evaluate=False), *node.args[1:])
    return None


def _fraction(node: Lim, data=None) -> Expr | None:
    new = kept(lambda f: sympy.cancel(sympy.together(f)), node.body)
    rational = node.body.is_rational_function(node.variable)
    return Lim(new, *node.args[1:]) if rational or sympy.count_ops(new) <= sympy.count_ops(node.body) else None


def kept(change: Callable[[Expr], Expr], f: Expr) -> Expr:
    """`change(f)` with each function and root in f a plain symbol meanwhile."""
    parts = [p for p in f.atoms(sympy.Function, Pow) if not (isinstance(p, Pow) and p.exp.is_Integer)]
    outer = {p: sympy.Dummy(real=True) for p in parts if not any(q is not p and q.has(p) for q in parts)}
    return change(f.xreplace(outer)).xreplace({d: p for p, d in outer.items()})


def _conjugate(node: Lim, data=None) -> Expr | None:
    """(sqrt(a) - b) c = (a - b**2) c/(sqrt(a) + b)."""
    above, below = factors(sympy.together(node.body))
    for part in above:
        if isinstance(part, Add) and len(part.args) == 2 and any(_is_root(a) for a in part.args):
            first, second = part.args
            rest = Mul(*(f for f in above if f is not part)) / Mul(*below)
            square = sympy.expand(first**2 - second**2)
            return Lim(sympy.cancel(square * rest) / (first - second), *node.args[1:])
    return None


def _is_root(f: Expr) -> bool:
    last = Mul.make_args(f)[-1]
    return isinstance(last, Pow) and last.exp == S.Half


def _logarithms(node: Lim, data=None) -> Expr | None:
    """log a - log b = log(1 + (a - b)/b)."""
    joined = node.body.replace(lambda e: isinstance(e, Add) and len(e.atoms(log)) == 2, _join)
    return Lim(joined, *node.args[1:])


def _join(total: Add) -> Expr:
    plus = [a.args[0] for a in total.args if isinstance(a, log)]
    minus = [(-a).args[0] for a in total.args if isinstance(-a, log)]
    rest = [a for a in total.args if not isinstance(a, log) and not isinstance(-a, log)]
    if len(plus) != 1 or len(minus) != 1:
        return total
    return Add(*rest, log(1 + sympy.cancel((plus[0] - minus[0]) / minus[0])))


def _addition(node: Lim, data=None) -> Expr | None:
    """sin(a + h), cos(a + h), e^(a + h) taken apart; what holds no h in front."""
    if node.point in UNBOUNDED:
        return None
    apart = sympy.expand_power_exp(sympy.expand_trig(node.body))
    if apart == node.body:
        return None
    above, below = factors(sympy.together(apart))
    terms = sympy.collect(sympy.expand(Mul(*above)), _unmoved(apart, node.variable), evaluate=False)
    total = Add(*(k * kept(sympy.factor, v) / Mul(*below) for k, v in terms.items()))
    return Lim(total, *node.args[1:])


def _power_in_front(node: Lim, data=None) -> Expr | None:
    """(a + g)^c - a^c = a^c ((1 + g/a)^c - 1), for g -> 0."""
    above, below = factors(sympy.together(node.body))
    for part in above:
        fixed = [p for p in part.atoms(Pow) if node.variable not in p.free_symbols and not p.exp.is_Integer]
        for power in sorted(fixed, key=sympy.default_sort_key):
            moving = [p for p in part.atoms(Pow) if p.exp == power.exp and node.variable in p.free_symbols]
            if len(moving) == 1 and zero(part - moving[0] + power):
                ratio = (1 + sympy.cancel((moving[0].base - power.base) / power.base)) ** power.exp
                rest = Mul(*(f for f in above if f is not part)) / Mul(*below)
                return Lim(power * rest * (ratio - 1), *node.args[1:])
    return None


def _unmoved(f: Expr, x: Symbol) -> list[Expr]:
    calls = f.atoms(sympy.sin, sympy.cos, exp)
    return sorted((c for c in calls if x not in c.free_symbols), key=sympy.default_sort_key)


def _inverted(node: Lim, t: Symbol) -> Expr | None:
    """x = 1/t (or -1/t), t -> 0 from above; for what then becomes a quotient of polynomials and roots."""
    if node.point not in UNBOUNDED:
        return None
    body = node.body.subs(node.variable, (1 if node.point is S.Infinity else -1) / t)
    body = body.replace(lambda e: _is_root(e) and isinstance(e, Pow),
                        lambda e: sympy.expand_power_base(sympy.factor(sympy.together(e.base)) ** e.exp))
    simple = kept(lambda f: sympy.cancel(sympy.together(f)), body)
    algebraic = not simple.has(sympy.Function, exp)
    return Lim(simple, t, 0, 1) if algebraic else None


def _slopes(node: Lim, data: tuple[Expr, Expr]) -> Expr:
    x = node.variable
    top, bottom = (resolve(Calculation(Diff(f, x)), {*f.free_symbols, x}).result for f in data)
    return Lim(tidy(top / bottom), *node.args[1:])


def _as_quotients(node: Lim) -> Iterator[tuple[Expr, Expr]]:
    """f = above/below in the ways worth trying: the fraction line, e^-g below it, a factor moved below it."""
    above, below = factors(sympy.together(node.body))
    if below:
        yield Mul(*above), Mul(*below)
    parts = sorted(above + [1 / b for b in below], key=lambda p: 0 if p.has(exp) else 2 if p.has(log) else 1)
    for part in parts if len(parts) > 1 else ():
        yield Mul(*(p for p in parts if p is not part)), 1 / part


def _indeterminate(node: Lim, above: Expr, below: Expr) -> str:
    """'0' or 'infinity' where numerator and denominator both tend to it."""
    values = [tends(f, *node.args[1:]) for f in (above, below)]
    if any(v is None for v in values):
        return ""
    return "0" if all(zero(v) for v in values) else "infinity" if all(v in UNBOUNDED for v in values) else ""


TIDY_LIMIT = line_rule("simplify", lambda _, line: tidy(line))
PARTS_VALUE = rule("limit of each part", _value)
KNOWN_LIMIT = rule("known limit", _known)
INVERTED = rule("x = 1/t", _inverted)
LHOPITAL = rule("L'Hopital's rule", _slopes)
SPLITS = ("one limit for each part", "constant factor")
ALGEBRA = tuple(
    (rule(name, local), local)
    for name, local in (
        ("constant factor", _multiple),
        ("continuous function of a limit", _inside),
        ("one fraction", _fraction),
        ("logarithms joined", _logarithms),
        ("conjugate", _conjugate),
        ("addition theorem", _addition),
        ("power in front", _power_in_front),
        ("one limit for each part", _each),
        ("power as an exponential", _as_exponential),
    )
)


# -- numbers


def compare(f: Expr, x: Symbol, point: Expr, side: int, answer: Expr) -> int:
    """How many approaches (points of the other symbols, sides) agree with the answer. CheckError where one does not."""
    if answer.has(S.NaN, S.ComplexInfinity):
        raise CheckError(explain("the limit found is not a number.", str(answer)))
    compared = 0
    for others in check.points((f.free_symbols | answer.free_symbols) - {x}):
        for way in (side,) if side or point in UNBOUNDED else (1, -1):
            verdict = _approaches(f, x, point, way, answer, others)
            if verdict is False:
                raise CheckError(explain("the limit found and the values near the point differ.", f"{f} -> {answer}"))
            compared += verdict is True
        if compared >= check.ENOUGH or not others:
            break
    return compared


def _approaches(f: Expr, x: Symbol, point: Expr, side: int, answer: Expr, others: dict) -> bool | None:
    """Do the values close in on the answer? Each of the later gaps is smaller than the one before, or tiny."""
    with mpmath.workdps(check.DIGITS):
        target = None if answer in UNBOUNDED else check.value(answer, others)
        centre = None if point in UNBOUNDED else check.value(point, others)
        gaps = []
        for k in range(2, 9):
            step = mpmath.mpf(10) ** (-k)
            at = (1 / step) * (1 if point is S.Infinity else -1) if centre is None else centre + side * step
            found = check.value(f, {**others, x: at})
            if found is None:
                continue
            if answer in UNBOUNDED:
                gaps.append(-found if answer is S.Infinity else found)
            elif target is not None:
                gaps.append(abs(found - target))
        if len(gaps) < 3:
            return None
        if answer in UNBOUNDED:
            return gaps[-1] < gaps[0] and gaps[-1] < -2
        return gaps[-1] <= mpmath.mpf("1e-3") * max(1, abs(target)) or gaps[-1] < gaps[0] / 3
