"""An equation as one line of text in the notation: dL_dW[d,k] = sum[n](X[n,d]*(p[n,k] - Y[n,k])/N)."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Add, Expr, Mul, Pow, Rational, Symbol
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, Not, Or

from ..ir.access import Access
from ..ir.system import Call, Equation, System
from .arrange import Arranged, Iverson, Summand, arrange
from .calls import call_text
from .order import fraction, is_negative, ordered_addends, ordered_factors, ordering
from .scalar import function_name, join_signed

SUM, PRODUCT, POWER, ATOM = range(4)
NOTHING = {"sum": "0", "prod": "1", "max": "-inf", "min": "inf"}


def text_equation(eq: Equation | Call, system: System) -> str:
    """The equation on one line, in the same letters and order as `latex_equation`."""
    if isinstance(eq, Call):
        return call_text(eq)
    arranged = arrange(eq, system)
    place = ordering(system)
    left = _cell(eq.tensor, arranged)
    lines = [f"{left} = {_right(arranged, place)}"]
    if arranged.arg:
        cells = ", ".join(_cell(a, arranged) for a in arranged.arg)
        lines.append(f"{cells} = {_reduction(f'arg{eq.reduce}', arranged.summands[0], place)}")
    return "; ".join(lines)


def text_expr(expr: Expr, system: System) -> str:
    """A scalar expression or a condition in the notation."""
    return _text(expr, ordering(system))[0]


def _cell(name: str, arranged: Arranged) -> str:
    return f"{name}[{','.join(map(str, arranged.letters))}]" if arranged.letters else name


def _right(arranged: Arranged, place) -> str:
    if not arranged.summands:
        return NOTHING[arranged.reduce]
    if arranged.cases:
        text = NOTHING[arranged.reduce] if arranged.otherwise else ""
        for summand in reversed(arranged.summands):
            value = join_signed([_summand(summand, arranged.reduce, place)])
            condition = " & ".join(_operand(c, place) for c in summand.where)
            text = f"where({condition}, {value}, {text})" if text else value
        return text
    return join_signed([_summand(s, arranged.reduce, place) for s in arranged.summands])


def _operand(condition, place) -> str:
    text = _text(condition, place)[0]
    return f"({text})" if isinstance(condition, (And, Or)) else text


def _summand(summand: Summand, reduce: str, place) -> tuple[bool, str]:
    whole = _times(summand.coefficient, summand.body)
    if not summand.reduced:
        return _signed(whole, place)
    subtracted = reduce == "sum" and is_negative(whole)
    shown = Summand(summand.coefficient, _negated(whole) if subtracted else whole, summand.reduced, summand.under)
    return subtracted, _reduction(reduce, shown, place)


def _times(coefficient: Expr, body: Expr) -> Expr:
    return body if coefficient == 1 else Mul(*Mul.make_args(coefficient), *Mul.make_args(body), evaluate=False)


def _negated(expr: Expr) -> Expr:
    number, above, below = fraction(expr)
    return Mul(-number, *above, *(Pow(b, -1) for b in below), evaluate=False)


def _reduction(operator: str, summand: Summand, place) -> str:
    over = [str(r.index) for r in summand.reduced] + [_text(c, place)[0] for c in summand.under]
    return f"{operator}[{', '.join(over)}]({_text(summand.body, place)[0]})"


def _signed(expr: Expr, place) -> tuple[bool, str]:
    if isinstance(expr, Add) or not is_negative(expr):
        return False, _text(expr, place)[0]
    return True, _at_least(_negated(expr) if isinstance(expr, Mul) else -expr, place, PRODUCT)


Printed = tuple[str, int]  # the text, and how tightly it holds together


def _text(expr, place: Callable[[str], int]) -> Printed:
    match expr:
        case Access():
            return _access(expr, place), ATOM
        case Add():
            return join_signed([_signed(a, place) for a in ordered_addends(expr, place)]), SUM
        case Mul():
            return _product(expr, place)
        case Rational():
            return (str(expr), ATOM) if expr.q == 1 and expr >= 0 else (str(expr), SUM if expr < 0 else PRODUCT)
        case Pow():
            return _power(expr, place)
        case Relational():
            return f"{_text(expr.lhs, place)[0]} {expr.rel_op} {_text(expr.rhs, place)[0]}", SUM
        case And() | Or():
            sign = " & " if isinstance(expr, And) else " | "
            return sign.join(_operand(a, place) for a in sorted(expr.args, key=str)), SUM
        case Not():
            return f"~({_text(expr.args[0], place)[0]})", ATOM
        case Iverson():
            return f"[{_text(expr.args[0], place)[0]}]", ATOM
        case Symbol():
            return expr.name, ATOM
    if not expr.args:
        return str(expr), ATOM
    return f"{function_name(expr)}({', '.join(_text(a, place)[0] for a in expr.args)})", ATOM


def _access(access: Access, place) -> str:
    indices = ",".join(_text(i, place)[0] for i in access.indices)
    return f"{access.name}[{indices}]" if indices else access.name


def _at_least(expr, place, level: int) -> str:
    text, found = _text(expr, place)
    return text if found >= level else f"({text})"


def _product(expr: Mul, place) -> Printed:
    number, above, below = fraction(expr)
    over = [str(abs(number.p))] if abs(number.p) != 1 or not above else []
    over += [_at_least(f, place, POWER) for f in ordered_factors(above, place)]
    under = [str(number.q)] if number.q != 1 else []
    under += [_at_least(f, place, POWER) for f in ordered_factors(below, place)]
    text = "*".join(over)
    if under:
        text += "/" + (under[0] if len(under) == 1 else f"({'*'.join(under)})")
    return ("-" + text, SUM) if number < 0 else (text, PRODUCT)


def _power(expr: Pow, place) -> Printed:
    base, exponent = expr.args
    if is_negative(exponent):
        return f"1/{_at_least(Pow(base, -exponent), place, POWER)}", PRODUCT
    if exponent == Rational(1, 2):
        return f"sqrt({_text(base, place)[0]})", ATOM
    return f"{_at_least(base, place, ATOM)}**{_at_least(exponent, place, ATOM)}", POWER
