r"""Operators that stand still: d/dx f, int f dx, lim f are nodes of an expression until a rule replaces them.

SymPy's own `Derivative`, `Integral` and `Limit` evaluate, rename or reorder themselves; these do nothing.

>>> from sympy import Symbol, latex
>>> x = Symbol("x", real=True)
>>> Diff(x**2, x) + 1
d/dx(x**2) + 1
>>> latex(Definite(x, x, 0, 1))
'\\int_{0}^{1} x\\, dx'
"""

from __future__ import annotations

import sympy
from sympy import Add, Basic, Expr, Symbol


class Operator(Expr):
    """What is left to do: args are the expression, the variable and what the operator needs beside."""

    is_commutative = True
    is_real = True

    def __new__(cls, *args):
        return Basic.__new__(cls, *map(sympy.sympify, args))

    @property
    def body(self) -> Expr:
        return self.args[0]

    @property
    def variable(self) -> Symbol:
        return self.args[1]

    def _eval_derivative(self, symbol):
        raise TypeError(f"{self} is differentiated by a rule, not by SymPy")


class Diff(Operator):
    """d/dx f."""

    def _sympystr(self, printer):
        return f"d/d{self.variable}({printer._print(self.body)})"

    def _latex(self, printer, exp=None):
        x = printer._print(self.variable)
        return _power(rf"\frac{{d}}{{d {x}}} \left[{printer._print(self.body)}\right]", exp)


class Antiderivative(Operator):
    """int f dx: any function of x with derivative f."""

    def _sympystr(self, printer):
        return f"int({printer._print(self.body)}, {self.variable})"

    def _latex(self, printer, exp=None):
        return _power(rf"\int {_integrand(printer, self)}", exp)


class Definite(Operator):
    """int from a to b of f dx: Definite(f, x, a, b)."""

    @property
    def ends(self) -> tuple[Expr, Expr]:
        return self.args[2], self.args[3]

    @property
    def free_symbols(self):
        return (self.body.free_symbols - {self.variable}).union(*(e.free_symbols for e in self.ends))

    def _sympystr(self, printer):
        return f"int({', '.join(map(printer._print, self.args))})"

    def _latex(self, printer, exp=None):
        low, high = map(printer._print, self.ends)
        return _power(rf"\int_{{{low}}}^{{{high}}} {_integrand(printer, self)}", exp)


class Between(Operator):
    """F(b) - F(a), each as a limit from inside: Between(F, x, a, b)."""

    free_symbols = Definite.free_symbols
    ends = Definite.ends

    def _sympystr(self, printer):
        return f"[{printer._print(self.body)}]({self.variable} = {self.ends[0]}..{self.ends[1]})"

    def _latex(self, printer, exp=None):
        low, high = map(printer._print, self.ends)
        x = printer._print(self.variable)
        return _power(rf"\left[{printer._print(self.body)}\right]_{{{x} = {low}}}^{{{x} = {high}}}", exp)


class Lim(Operator):
    """The limit of f for x -> a: Lim(f, x, a, side), side 1 from above, -1 from below, 0 from both."""

    @property
    def point(self) -> Expr:
        return self.args[2]

    @property
    def side(self) -> int:
        return int(self.args[3])

    @property
    def free_symbols(self):
        return (self.body.free_symbols - {self.variable}) | self.point.free_symbols

    def _sympystr(self, printer):
        mark = {1: "+", -1: "-", 0: ""}[self.side]
        return f"lim({printer._print(self.body)}, {self.variable} -> {self.point}{mark})"

    def _latex(self, printer, exp=None):
        mark = {1: "^{+}", -1: "^{-}", 0: ""}[self.side] if self.point.is_finite else ""
        under = rf"{printer._print(self.variable)} \to {printer._print(self.point)}{mark}"
        return _power(rf"\lim_{{{under}}} {_bracketed(printer, self.body)}", exp)


class Series(Operator):
    """The sum of f over k = a, ..., b: Series(f, k, a, b)."""

    free_symbols = Definite.free_symbols
    ends = Definite.ends

    def _sympystr(self, printer):
        return f"sum({', '.join(map(printer._print, self.args))})"

    def _latex(self, printer, exp=None):
        low, high = map(printer._print, self.ends)
        k = printer._print(self.variable)
        return _power(rf"\sum_{{{k} = {low}}}^{{{high}}} {_bracketed(printer, self.body)}", exp)


class Mean(Operator):
    """E[g(x)] under a density that the rule knows which removes it: Mean(g, x)."""

    @property
    def free_symbols(self):
        return self.body.free_symbols - {self.variable}

    def _sympystr(self, printer):
        return f"E({printer._print(self.body)})"

    def _latex(self, printer, exp=None):
        return _power(rf"\mathbb{{E}}\left[{printer._print(self.body)}\right]", exp)


def _integrand(printer, operator: Operator) -> str:
    return rf"{_bracketed(printer, operator.body)}\, d{printer._print(operator.variable)}"


def _bracketed(printer, expr: Expr) -> str:
    shown = printer._print(expr)
    return rf"\left({shown}\right)" if isinstance(expr, Add) else shown


def _power(shown: str, exp: str | None) -> str:
    return rf"\left({shown}\right)^{{{exp}}}" if exp else shown


def pending(expr: Basic, *kinds: type) -> list[Operator]:
    """The operators in `expr` that hold no other operator of these kinds, in order of appearance.

    >>> from sympy.abc import x
    >>> pending(Diff(x**2, x) + 1)
    [d/dx(x**2)]
    """
    wanted = kinds or (Operator,)
    nodes = (n for n in sympy.preorder_traversal(expr) if isinstance(n, wanted))
    return [n for n in dict.fromkeys(nodes) if not any(a.has(*wanted) for a in n.args)]


