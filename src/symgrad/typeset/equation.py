r"""Equations and systems in LaTeX.

`L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))` is -\frac{1}{N} \sum_{n,k} Y_{n,k} \log p_{n,k}; guards stand under the
sum, conditions on the left side's letters become cases, an equality becomes a delta.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sympy import Add, Eq, Expr, Mul
from sympy.core.relational import Ge, Gt, Le, Lt, Relational

from ..functions import where
from ..ir.access import Access, Index
from ..ir.system import Call, Equation, Range, System
from .arrange import Arranged, Summand, arrange, evident
from .calls import call_sides
from .layout import break_line
from .names import label_of, name_latex
from .order import fraction, is_negative
from .scalar import ScalarPrinter, cases, join_signed, parentheses

OPERATORS = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min"}
NOTHING = {"sum": "0", "prod": "1", "max": r"-\infty", "min": r"\infty"}
ARG = {"max": r"\operatorname*{arg\,max}", "min": r"\operatorname*{arg\,min}"}
WIDTH = (
    35.0  # em: a line of the page of `blocks.PREAMBLE` holds 42; the estimate may be off, and an arrow may come first
)


def latex_expr(expr: Expr, system: System) -> str:
    """A scalar expression, an index expression or a condition over `system`'s tensors."""
    return ScalarPrinter(system).doprint(expr)


def latex_equation(eq: Equation | Call, system: System) -> str:
    r"""One equation on one line.

    >>> from symgrad.ir.access import Index, Size
    >>> from symgrad.ir.system import Tensor, Term
    >>> n, size = Index("n"), Size("N")
    >>> eq = Equation("s", (Term((), Access("x", n)**2/size, (Range(n, size),)),))
    >>> latex_equation(eq, System({"x": Tensor("x", (size,)), "s": Tensor("s", ())}, (eq,), ("s",)))
    's = \\frac{1}{N} \\sum_{n} x_{n}^{2}'
    """
    left, right = sides(eq, system)
    return f"{left} = {right}"


def equation_lines(eq: Equation | Call, system: System, width: float = WIDTH) -> list[str]:
    """The equation as rows of an aligned environment, none wider than about `width` em."""
    left, right = sides(eq, system)
    return break_line(f"{left} &= ", right, width)


def latex_system(system: System, pieces: bool = False) -> str:
    """The equations of the named tensors, and of the pieces they need, in one align* block; with `pieces`, all."""
    lines = [line for eq in shown_equations(system, pieces) for line in equation_lines(eq, system)]
    return aligned(lines, "align*")


def aligned(lines: Sequence[str], environment: str = "aligned") -> str:
    return rf"\begin{{{environment}}}" + "\n" + " \\\\\n".join(lines) + "\n" + rf"\end{{{environment}}}"


def shown_equations(system: System, pieces: bool = False) -> list[Equation | Call]:
    """Equations of named tensors and outputs; of pieces, those that an equation shown reads by a symbol."""
    if pieces:
        return list(system.equations)
    needed = {*system.results(), *(n for n, t in system.tensors.items() if t.named)}
    shown = []
    for eq in reversed(system.equations):
        if needed.intersection(eq.writes):
            shown.append(eq)
            needed |= {n for n in _printed_reads(eq, system) if not _labelled(n, system)}
    return shown[::-1]


def _printed_reads(eq: Equation | Call, system: System) -> set[str]:
    """A tensor whose right side prints as its label shows none of what it reads."""
    tensor = system.tensors.get(eq.tensor)
    return set() if tensor is not None and tensor.label else eq.read_names()


def _labelled(name: str, system: System) -> bool:
    return bool(label_of(name, system))


def sides(eq: Equation | Call, system: System) -> tuple[str, str]:
    """Left and right side of the equation."""
    if isinstance(eq, Call):
        return call_sides(eq, system)
    arranged = arrange(eq, system)
    printer = ScalarPrinter(system)
    left = name_latex(eq.tensor, map(printer.doprint, arranged.letters), system)
    tensor = system.tensors.get(eq.tensor)
    if tensor is not None and tensor.label and tensor.named:
        indices = ",".join(map(printer.doprint, arranged.letters))
        return left, tensor.label + (f"_{{{indices}}}" if indices else "")
    right = _right(arranged, printer)
    if arranged.arg and _arg_is_used(arranged, system):
        right += r",\quad " + _arg_equation(arranged, printer)
    return left, right


def _arg_is_used(arranged: Arranged, system: System) -> bool:
    read = {name for eq in system.equations for name in eq.read_names()}
    return any(a in read or a in system.results() for a in arranged.arg)


def _arg_equation(arranged: Arranged, printer: ScalarPrinter) -> str:
    letters = [printer.doprint(i) for i in arranged.letters]
    names = [name_latex(a, letters, printer.system) for a in arranged.arg]
    left = names[0] if len(names) == 1 else f"({', '.join(names)})"
    summand = arranged.summands[0]
    operator = f"{ARG[arranged.reduce]}_{{{under(summand, printer)}}}"
    return f"{left} = {operator} {_operand(summand.body, printer)}"


def _right(arranged: Arranged, printer: ScalarPrinter) -> str:
    if not arranged.summands:
        return NOTHING[arranged.reduce]
    if arranged.cases:
        rows = [_case(s, arranged.reduce, printer) for s in arranged.summands]
        if arranged.otherwise:
            rows.append(rf"{NOTHING[arranged.reduce]} & \text{{otherwise}}")
        return cases(rows)
    several = len(arranged.summands) > 1
    return join_signed([_summand(s, arranged.reduce, printer, several) for s in arranged.summands])


def _case(summand: Summand, reduce: str, printer: ScalarPrinter) -> str:
    shown = join_signed([_summand(summand, reduce, printer, False)])
    return rf"{shown} & \text{{if }} {conditions(summand.where, printer)}"


def _summand(summand: Summand, reduce: str, printer: ScalarPrinter, several: bool) -> tuple[bool, str]:
    """(is it subtracted, the text without the sign)"""
    if not summand.reduced:
        if several and isinstance(summand.body, where):
            return False, parentheses(printer.doprint(summand.body))
        return printer.signed(summand.body)
    coefficient, body = summand.coefficient, summand.body
    if reduce == "sum" and is_negative(body):
        coefficient, body = -coefficient, -body
    subtracted = is_negative(coefficient)
    operator = f"{OPERATORS[reduce]}_{{{under(summand, printer)}}}"
    front = _front(-coefficient if subtracted else coefficient, printer)
    return subtracted, f"{front}{operator} {_operand(body, printer)}"


def _front(coefficient: Expr, printer: ScalarPrinter) -> str:
    """What stands before the sum sign; a sum in parentheses, a fraction as it is."""
    if coefficient == 1:
        return ""
    bare = isinstance(coefficient, Mul) or fraction(coefficient)[2]
    return (printer.doprint(coefficient) if bare else printer.factor(coefficient, last=False)) + " "


def _operand(body: Expr, printer: ScalarPrinter) -> str:
    """A sum under a summation sign stands in parentheses."""
    return printer.factor(body) if isinstance(body, (Add, where)) else printer.doprint(body)


# -- what stands under a summation sign -------------------------------------------------------------------------------


def under(summand: Summand, printer: ScalarPrinter) -> str:
    r"""The reduced letters, each with its own condition (s \le t), then the conditions on several at once."""
    left = list(summand.under)
    entries, ranged = [], {}
    for r in summand.reduced:
        own = [c for c in left if isinstance(c, Relational) and c.lhs == r.index and not c.rhs.has(r.index)]
        left = [c for c in left if c not in own]
        ranged[r.index] = own
    for r in summand.reduced:
        entries.append(_entry(r, ranged[r.index], (summand.body, summand.coefficient, *summand.under), printer))
    shown = ",\\, ".join(entries) if any(len(e) > 3 for e in entries) else ",".join(entries)
    if not left:
        return shown
    return shown + r" :\, " + conditions([_turned(c, summand) for c in left], printer)


def _entry(r: Range, own: Sequence, exprs: Iterable[Expr], printer: ScalarPrinter) -> str:
    name = printer.doprint(r.index)
    lower = [c for c in own if isinstance(c, (Ge, Gt))]
    upper = [c for c in own if isinstance(c, (Le, Lt))]
    if len(own) == 1:
        return printer.doprint(own[0])
    if len(own) == 2 and len(lower) == len(upper) == 1:
        sign = "<" if isinstance(lower[0], Gt) else r"\le"
        return f"{printer.doprint(lower[0].rhs)} {sign} {printer.doprint(upper[0])}"
    if own:
        return conditions(own, printer)
    if evident(r, exprs, printer.system):
        return name
    return rf"0 \le {name} < {printer.doprint(r.size)}"


def _turned(condition, summand: Summand):
    """tok[n] = v rather than v = tok[n]: what is summed over stands first."""
    if isinstance(condition, Eq) and isinstance(condition.lhs, Index) and condition.rhs.atoms(Access):
        return Eq(condition.rhs, condition.lhs, evaluate=False)
    return condition


def conditions(parts: Sequence, printer: ScalarPrinter) -> str:
    """Conditions separated by commas; a lower and an upper bound of one thing as one chain."""
    parts, shown = list(parts), []
    while parts:
        first = parts.pop(0)
        pair = next((p for p in parts if _closes(first, p)), None)
        if pair is None:
            shown.append(printer.doprint(first))
            continue
        parts.remove(pair)
        lower, upper = (first, pair) if isinstance(first, (Ge, Gt)) else (pair, first)
        sign = "<" if isinstance(lower, Gt) else r"\le"
        shown.append(f"{printer.doprint(lower.rhs)} {sign} {printer.doprint(upper)}")
    return r",\, ".join(shown)


def _closes(a, b) -> bool:
    bounds = (isinstance(a, (Ge, Gt)) and isinstance(b, (Le, Lt))) or (
        isinstance(a, (Le, Lt)) and isinstance(b, (Ge, Gt))
    )
    return bounds and a.lhs == b.lhs
