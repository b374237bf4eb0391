"""A System as notation again: what `parse` reads back as the same equations."""

from __future__ import annotations

from sympy import Expr, Symbol, floor
from sympy.core.relational import Eq, Ne
from sympy.printing.str import StrPrinter

from ..functions import row_of, where
from ..ir.access import Access, Index, Size
from ..ir.calls import row_of as row_of_call
from ..ir.system import Call, Equation, Fact, System, Tensor, Term


def to_text(system: System) -> str:
    """The program's text: declarations, equations, outputs, updates.

    An equation whose terms all write plain indices is one line; other terms have a line each. Indices are renamed
    where their letter would mean another size. What the grammar cannot say is lost: the extent of an axis that no plain
    read determines, as in the adjoint of a padded read, is found anew by the rules of `sizes`.
    """
    printer = _Printer(system)
    lines = [printer.declaration(t) for t in system.declared()]
    for eq in system.equations:
        lines += printer.equation(eq)
    lines.append("outputs: " + ", ".join(system.outputs))
    if system.updates:
        lines.append("updates: " + ", ".join(f"{old} -> {new}" for old, new in system.updates.items()))
    return "\n".join(lines) + "\n"


class _Printer(StrPrinter):
    """SymPy's text with our comparisons, function names and sizes."""

    def __init__(self, system: System):
        super().__init__({"order": None})
        self.system = system
        self.scalars = {t.name for t in system.tensors.values() if not t.shape}
        self.sizes = {s for t in system.tensors.values() for e in t.shape for s in e.free_symbols}
        self.read = {name for e in system.equations for name in e.read_names()} | set(system.results())

    # expressions

    def _print_Size(self, size: Size) -> str:
        hidden = size.name in self.system.tensors or size.name != size.name.upper()
        return f"size({size.name.lower()})" if hidden else size.name

    def _print_Relational(self, expr) -> str:
        if self.boolean(expr.lhs) and expr.rhs == 0:
            return self._print(expr.lhs) if isinstance(expr, Ne) else f"(not {self._print(expr.lhs)})"
        word = "==" if isinstance(expr, Eq) else expr.rel_op
        return f"({self._print(expr.lhs)} {word} {self._print(expr.rhs)})"

    def boolean(self, expr) -> bool:
        return isinstance(expr, Access) and self.system.tensors[expr.name].dtype == "bool"

    def _print_And(self, expr) -> str:
        return "(" + " and ".join(sorted(map(self._print, expr.args))) + ")"

    def _print_Or(self, expr) -> str:
        return "(" + " or ".join(sorted(map(self._print, expr.args))) + ")"

    def _print_Not(self, expr) -> str:
        return f"(not {self._print(expr.args[0])})"

    def _print_Exp1(self, expr) -> str:
        return "exp(1)"

    def _print_Function(self, expr) -> str:
        name = "where" if isinstance(expr, where) else row_of(expr).name
        return f"{name}({', '.join(map(self._print, expr.args))})"

    _print_exp = _print_log = _print_Function

    # declarations

    def axis(self, extent: Expr) -> str:
        return extent.name.lower() if isinstance(extent, Size) else self._print(extent)

    def declaration(self, tensor: Tensor) -> str:
        axes = [self.axis(e) for e in tensor.shape]
        parts = [f"{tensor.name}: {tensor.role}" + (f"[{', '.join(axes)}]" if axes else "")]
        over = "" if tensor.over is None else f" over {self.axis(tensor.over)}"
        if tensor.role == "label":
            parts[0] += over
        elif tensor.dtype != "float":
            parts.append({"int": "integer", "bool": "boolean"}[tensor.dtype] + over)
        return ", ".join(parts + [self.fact(f, axes) for f in tensor.facts])

    def fact(self, fact: Fact, axes: list[str]) -> str:
        return fact.name + (f" over {axes[fact.axes[0]]}" if fact.axes else "")

    # equations

    def equation(self, eq: Equation | Call) -> list[str]:
        if isinstance(eq, Call):
            return [f"{', '.join(eq.writes)} = {row_of_call(eq).text}({', '.join(eq.arguments)})"]
        rows: dict[str, list[str]] = {}
        letters = self.system.tensors[eq.tensor].letters
        for term in eq.terms:
            term = self.lettered(term, letters)
            rows.setdefault(self.place(eq.tensor, term), []).append(self.contribution(term, eq.reduce))
        lines = [f"{place} = {' + '.join(parts)}" for place, parts in rows.items()]
        return lines + [self.arg_line(eq, name) for name in eq.arg if name in self.read]

    def arg_line(self, eq: Equation, name: str) -> str:
        term = self.lettered(eq.terms[0], self.system.tensors[name].letters)
        return f"{self.place(name, term)} = {self.contribution(term, 'argmax')}"

    def ends(self, term: Term) -> list[str]:
        """Guards that say how far a reduced index runs which no plain read and no letter determines."""
        plain = {p for a in term.all_reads() for p in a.indices}
        open_ = [r for r in term.reduced if r.index not in plain and Size(r.index.name.upper()) != r.size]
        return [f"{r.index} < {self._print(r.size)}" for r in open_ if not r.size.has(floor)]

    def place(self, name: str, term: Term) -> str:
        return name + (f"[{', '.join(map(self._print, term.write))}]" if term.write else "")

    def contribution(self, term: Term, reduce: str) -> str:
        sizes = {r.size: Symbol(f"size({r.index})") for r in term.domain if r.size.args}
        body = self._print(term.body.xreplace(sizes))
        guards = [*self.ends(term), *(self._print(g.xreplace(sizes)) for g in term.guard)]
        if term.reduced or reduce != "sum":
            return f"{reduce}[{', '.join([*(r.index.name for r in term.reduced), *guards])}]({body})"
        if guards:
            return f"where({' and '.join(guards)}, {body}, 0)"
        return f"({body})" if body.startswith("-") else body

    def lettered(self, term: Term, letters: tuple[str, ...]) -> Term:
        """The term with letters that mean the sizes of its indices; written plain ones take the tensor's letters."""
        wanted = dict(zip(term.write, letters))
        mapping: dict[Index, Index] = {}
        for index, size in term.domain:
            taken = {i.name for i in mapping.values()}
            names = [
                wanted.get(index, ""),
                index.name,
                *([size.name.lower()] if isinstance(size, Size) else []),
                *(f"i{n}" for n in range(1, len(term.domain) + len(self.scalars) + 2)),
            ]
            mapping[index] = Index(next(n for n in names if n.isidentifier() and n not in taken and self.fits(n, size)))
        return term.rename(mapping)

    def fits(self, letter: str, size: Expr) -> bool:
        capital = Size(letter.upper())
        return letter not in self.scalars and (capital not in self.sizes or capital == size)
