r"""Scalar expressions in LaTeX: SymPy's LatexPrinter with our order of terms, fractions, tensors and function rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from sympy import Add, Basic, Eq, Expr, Function, Integer, Mul, Pow, Rational, S, Symbol
from sympy.core.numbers import NumberSymbol
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, Not, Or
from sympy.printing.latex import LatexPrinter

from ..functions import ROWS, row_of, where
from ..ir.access import Access, Index, Size
from ..ir.system import System
from .arrange import Iverson
from .names import derivative, letter, name_latex, needs_parentheses, word
from .order import fraction, is_negative, ordered_addends, ordered_factors, ordering

RELATIONS = {"==": "=", "!=": r"\ne", "<": "<", "<=": r"\le", ">": ">", ">=": r"\ge"}
TALL = re.compile(r"\\(frac|sum|prod|begin|left|int|exp)")

SLOT = re.compile(r"[{\[](\d)[}\]]")  # where a row's template takes an argument


class ScalarPrinter(LatexPrinter):
    """Prints a body, an index expression or a condition of `system`."""

    printmethod = "_latex_in_a_symgrad_document"  # not `_latex`: here the system decides, not the head

    def __init__(self, system: System):
        super().__init__({"ln_notation": False})
        self.system = system
        self.place = ordering(system)

    # -- atoms

    def _print_Access(self, expr: Access) -> str:
        text = name_latex(expr.name, self.indices(expr.indices), self.system)
        return f"({text})" if " - " in text and self._has_label(expr) else text  # a label such as 1 - p

    def indices(self, positions: Sequence[Expr]) -> list[str]:
        return [self._print(p) for p in positions]

    def _print_Symbol(self, expr: Symbol, style="plain") -> str:
        if isinstance(expr, Index):
            return letter(expr.name)
        if isinstance(expr, Size):
            return word(expr.name) if expr.name.isalpha() else letter(expr.name)
        return letter(expr.name) if expr.name.isidentifier() else expr.name

    _print_Index = _print_Size = _print_Symbol

    def _print_Rational(self, expr: Rational) -> str:
        sign = "-" if expr.p < 0 else ""
        return str(expr.p) if expr.q == 1 else rf"{sign}\frac{{{abs(expr.p)}}}{{{expr.q}}}"

    def _print_NumberSymbol(self, expr: NumberSymbol) -> str:
        return expr._latex(self)  # pyright: ignore[reportAttributeAccessIssue]

    # -- sums and products

    def _print_Add(self, expr: Add, order=None) -> str:
        return join_signed([self.signed(a) for a in ordered_addends(expr, self.place)])

    def signed(self, expr: Expr) -> tuple[bool, str]:
        """(is it subtracted, its text without the sign)"""
        if isinstance(expr, Add) or not is_negative(expr):
            return False, self.doprint(expr)
        return True, self._unsigned(expr)

    def _unsigned(self, expr: Expr) -> str:
        positive = self._product(expr, signed=False) if isinstance(expr, Mul) else self.doprint(-expr)
        return positive

    def _print_Mul(self, expr: Mul) -> str:
        return ("-" if fraction(expr)[0] < 0 else "") + self._product(expr, signed=False)

    def _product(self, expr: Mul, signed: bool = True) -> str:
        number, above, below = fraction(expr)
        number = abs(number)
        above, below = ordered_factors(above, self.place), ordered_factors(below, self.place)
        if not below and number.q == 1:
            return self.juxtapose(number, above)
        divisors = self.juxtapose(Integer(number.q), below)
        slopes = [f for f in above if self._is_derivative(f)]
        if slopes:  # no fraction inside a fraction
            rest = self.juxtapose(Integer(number.p), [f for f in above if f not in slopes])
            return rf"\frac{{{rest}}}{{{divisors}}} {self.juxtapose(Integer(1), slopes, always=True)}"
        if self._stays_in_front(above, below):
            roots, rest = [f for f in above if f.is_number], [f for f in above if not f.is_number]
            shown = rf"\frac{{{self.juxtapose(Integer(number.p), roots)}}}{{{divisors}}}"
            return f"{shown} {self.juxtapose(Integer(1), rest, always=True)}" if rest else shown
        return rf"\frac{{{self.juxtapose(Integer(number.p), above)}}}{{{divisors}}}"

    def _has_label(self, access: Access) -> bool:
        return access.name in self.system.tensors and bool(self.system.tensors[access.name].label)

    def _is_derivative(self, expr: Expr) -> bool:
        return isinstance(expr, Access) and derivative(expr.name, self.system) is not None

    def _stays_in_front(self, above: list[Expr], below: list[Expr]) -> bool:
        r"""\frac{1}{N} X (p - Y) rather than one long fraction, where the divisor is made of numbers and sizes."""
        plain = all(f.is_number or isinstance(f, Symbol) for f in below)
        simple = all(isinstance(f, (Access, Symbol)) for f in above) and len(above) <= 2
        return (
            bool(above) and plain and not simple and not (len(above) == 1 and isinstance(above[0], Pow) and not below)
        )

    def juxtapose(self, number: Integer, factors: list[Expr], always: bool = False) -> str:
        """The factors side by side; a sum alone needs no parentheses unless `always`."""
        if number == 1 and len(factors) == 1 and not always:
            return self.doprint(factors[0])
        shown = [self.factor(f, last=position == len(factors) - 1) for position, f in enumerate(factors)]
        if number != 1 or not shown:
            shown = [str(number), *shown]
        return " ".join(self._separated(shown))

    @staticmethod
    def _separated(shown: list[str]) -> list[str]:
        """A dot where two digits, or a power of a number and a digit, would run together."""
        spaced = shown[:1]
        for before, after in pairwise(shown):
            spaced += (
                [r"\cdot", after] if after[0].isdigit() and (before[-1].isdigit() or before[-1] == "}") else [after]
            )
        return spaced

    def factor(self, expr: Expr, last: bool = True) -> str:
        """`expr` as a factor: sums, cases and unfinished function arguments in parentheses."""
        cased = isinstance(expr, where) and expr.args[1:] != (S.One, S.Zero)
        if isinstance(expr, (Add, Mul)) or cased or (expr.is_Number and expr < 0):
            return parentheses(self.doprint(expr))
        if isinstance(expr, Function) and not last:
            return self.call(expr, bare=False)
        return self.doprint(expr)

    def _print_Pow(self, expr: Pow) -> str:
        base, exponent = expr.args
        if (exponent.is_Rational and exponent < 0) or is_negative(exponent):
            return rf"\frac{{1}}{{{self.doprint(Pow(base, -exponent))}}}"
        if exponent == Rational(1, 2):
            return rf"\sqrt{{{self.doprint(base)}}}"
        if isinstance(base, Function) and not isinstance(base, (where, Iverson)) and exponent.is_Integer:
            name = self._plain_name(base)
            if name and name not in (r"\exp",):
                return rf"{name}^{{{exponent}}}{self._arguments(base)}"
        return f"{self._powered(base)}^{{{self.doprint(exponent)}}}"

    def _powered(self, base: Expr) -> str:
        text = self.doprint(base)
        if isinstance(base, Access) and not needs_parentheses(base.name, base.indices, self.system):
            return text
        return text if isinstance(base, (Symbol, Integer)) and base.is_nonnegative is not False else parentheses(text)

    # -- functions

    def _print_Function(self, expr: Function, exp=None) -> str:
        return self.call(expr)

    def call(self, expr: Function, bare: bool = True) -> str:
        """A function of its row: `latex` is a template with {0}, {1} or a name to put before the arguments."""
        special = getattr(self, f"_call_{type(expr).__name__}", None)
        if special:
            return special(expr)
        template = template_of(expr)
        if SLOT.search(template):
            return fill(template, [self.doprint(a) for a in expr.args], [self.factor(a) for a in expr.args])
        return self._plain_name(expr) + self._arguments(expr, bare)

    def _plain_name(self, expr: Function) -> str:
        """What is written before the arguments; nothing for functions with a notation of their own."""
        template = template_of(expr)
        special = SLOT.search(template) or hasattr(self, f"_call_{type(expr).__name__}")
        return "" if special else template

    def _arguments(self, expr: Function, bare: bool = False) -> str:
        shown = ", ".join(self.doprint(a) for a in expr.args)
        if bare and self._plain_name(expr) == r"\log" and self._is_short(expr.args[0]):
            return f" {shown}"
        return parentheses(shown)

    def _is_short(self, expr: Expr) -> bool:
        return isinstance(expr, Access) and not needs_parentheses(expr.name, expr.indices, self.system)

    def _call_exp(self, expr: Function) -> str:
        shown = self.doprint(expr.args[0])
        if "e" in self.system.tensors or TALL.search(shown) or len(shown) > 60:
            return r"\exp" + parentheses(shown)
        return f"e^{{{shown}}}"

    def _print_exp(self, expr, exp=None) -> str:
        return self._call_exp(expr)

    def _print_log(self, expr, exp=None) -> str:
        return self.call(expr)

    def _print_Abs(self, expr, exp=None) -> str:
        return rf"\left|{self.doprint(expr.args[0])}\right|"

    _call_Abs = _print_Abs

    def _call_stop(self, expr: Function) -> str:
        """The library's own stopped shift reads stop(finite(m)): there only m is of interest."""
        if isinstance(expr.args[0], type_of("finite")):
            return self._through(expr)
        return r"\operatorname{stop}" + parentheses(self.doprint(expr.args[0]))

    def _call_finite(self, expr: Function) -> str:
        return self._through(expr)

    def _through(self, expr: Function) -> str:
        shown = self.doprint(strip(expr))
        return parentheses(shown) if isinstance(strip(expr), Add) else shown

    def _call_weighted(self, expr: Function) -> str:
        """A product in which 0 times infinity is 0: on paper it is a product."""
        weight, value = expr.args
        return f"{self.factor(weight, last=False)} {self.factor(value)}"

    def _call_Iverson(self, expr: Iverson) -> str:
        condition = expr.args[0]
        if isinstance(condition, Eq):
            return rf"\delta_{{{self.doprint(condition.lhs)},{self.doprint(condition.rhs)}}}"
        return rf"\mathbf{{1}}[{self.doprint(condition)}]"

    def _call_where(self, expr: where) -> str:
        condition, yes, no = expr.args
        if (yes, no) == (S.One, S.Zero):
            return rf"\mathbf{{1}}[{self.doprint(condition)}]"
        rows = [(yes, condition)]
        while isinstance(no, where):  # a chain of alternatives is one list of cases
            rows.append((no.args[1], no.args[0]))
            no = no.args[2]
        shown = [f"{self.doprint(value)} & {self.doprint(cond)}" for value, cond in rows]
        return cases([*shown, rf"{self.doprint(no)} & \text{{otherwise}}"])

    # -- conditions

    def _print_Relational(self, expr: Relational) -> str:
        return f"{self.doprint(expr.lhs)} {RELATIONS[expr.rel_op]} {self.doprint(expr.rhs)}"

    def _print_Ne(self, expr) -> str:
        if isinstance(expr.lhs, Access) and expr.rhs in (S.Zero, S.false) and self._is_bool(expr.lhs):
            return self.doprint(expr.lhs)
        return self._print_Relational(expr)

    def _print_Eq(self, expr) -> str:
        if isinstance(expr.lhs, Access) and self._is_bool(expr.lhs):
            negated = expr.rhs in (S.Zero, S.false)
            return (r"\lnot " if negated else "") + self.doprint(expr.lhs)
        return self._print_Relational(expr)

    def _is_bool(self, access: Access) -> bool:
        tensor = self.system.tensors.get(access.name)
        return tensor is not None and tensor.dtype == "bool"

    _print_Equality, _print_Unequality = _print_Eq, _print_Ne

    def _print_And(self, expr: And) -> str:
        return r" \land ".join(self._clause(a) for a in sorted(expr.args, key=str))

    def _print_Or(self, expr: Or) -> str:
        return r" \lor ".join(self._clause(a) for a in sorted(expr.args, key=str))

    def _print_Not(self, expr: Not) -> str:
        return r"\lnot " + self._clause(expr.args[0])

    def _clause(self, expr) -> str:
        shown = self.doprint(expr)
        return parentheses(shown) if isinstance(expr, (And, Or)) else shown

    def doprint(self, expr) -> str:
        return self._print(expr)


def operator(name: str) -> str:
    escaped = name.replace("_", r"\_")
    return rf"\operatorname{{{escaped}}}"


def parentheses(text: str) -> str:
    r"""( ) around short things, \left( \right) around tall ones."""
    return rf"\left({text}\right)" if TALL.search(text) else f"({text})"


def join_signed(parts: Sequence[tuple[bool, str]]) -> str:
    text = ""
    for subtracted, shown in parts:
        text += (" - " if subtracted else " + ") + shown if text else ("-" if subtracted else "") + shown
    return text


def cases(rows: Sequence[str]) -> str:
    return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"


def fill(template: str, arguments: Sequence[str], factors: Sequence[str]) -> str:
    """Put the arguments in the slots of a row's template: {0} as it is, [0] in parentheses where it is a sum."""

    def slot(found: re.Match) -> str:
        shown, position = (factors if found[0][0] == "[" else arguments), int(found[1])
        if position >= len(shown):
            return found[0]  # the numerator of \\frac{1}{...}
        return f"{{{shown[position]}}}" if template[: found.start()].endswith(("_", "^")) else shown[position]

    plain = re.compile(r"\\left\((\{\d\})\\right\)")  # parentheses as tall as what they hold, not taller
    return SLOT.sub(slot, plain.sub(lambda m: parentheses(SLOT.sub(slot, m[1])), template))


def function_name(expr: Expr) -> str:
    """The row's name of a function application."""
    try:
        return row_of(expr).name
    except KeyError:
        return type(expr).__name__


def template_of(expr: Expr) -> str:
    """The LaTeX of the function's row: a template with {0}, or what to write before the arguments."""
    name = function_name(expr)
    return ROWS[name].latex if name in ROWS else operator(name)


def type_of(name: str) -> type:
    return ROWS[name].head


def strip(expr: Basic) -> Basic:
    """What stop(...) and finite(...) hold."""
    held: Basic = expr
    while isinstance(held, (type_of("stop"), type_of("finite"))):
        held = held.args[0]
    return held
