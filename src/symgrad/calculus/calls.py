"""Derivatives of linear-algebra routines: only tangents are typed, as short texts in the matrix notation.

A text is parsed once, lifted over the batch axes of a `Call`, and read in forward mode as it stands. In reverse mode it
is differentiated by our own sweep: the tangent is linear in the `_dot`s, so

    A_bar = d <x_bar, x_dot> / d A_dot.

The one typed adjoint is where this ends: x = solve(A, b) is linear in b. Second derivatives follow, because a text is
made of equations and Calls again.

Sources: M. B. Giles, Collected matrix derivative results for forward and reverse mode algorithmic differentiation
(2008); J. R. Magnus and H. Neudecker, Matrix Differential Calculus (2019), chapters 8 and 9; J. Townsend,
Differentiating the singular value decomposition (2016); S. F. Walter and L. Lehmann, Algorithmic differentiation of
linear algebra functions (2010).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from ..ir.access import Access, Index
from ..ir.calls import ROWS, Row, row_of
from ..ir.system import Call, Equation, Range, System, Tensor, Term
from ..notation import parse
from .split import split

GILES = "M. B. Giles, Collected matrix derivative results for forward and reverse mode AD (2008)"
MAGNUS = "Magnus and Neudecker, Matrix Differential Calculus (2019), section 8.3"
TOWNSEND = "J. Townsend, Differentiating the singular value decomposition (2016)"
GOLUB = "Golub and Van Loan, Matrix Computations (2013), section 3.4 (A + dA = L' D' U' to first order)"
WALTER = "S. F. Walter, L. Lehmann, Algorithmic differentiation of linear algebra functions (2010)"


@dataclass(frozen=True)
class Tangent:
    text: str
    cite: str
    square: str = ""  # lines added for a square matrix
    oblong: str = ""  # ... for another one


_SOLVE = Tangent("x_dot = solve(A, b_dot - A_dot @ x)", f"{GILES}, section 2.3.1")
_LOGDET = Tangent("l_dot = tr(inv(A) @ A_dot)", f"{GILES}, section 2.2.4")
TANGENTS = {
    "solve": _SOLVE,
    "solve_columns": _SOLVE,
    "inv": Tangent("X_dot = -(X @ A_dot @ X)", f"{GILES}, section 2.2.3"),
    "det": Tangent("d_dot = tr(adjugate(A) @ A_dot)", f"Jacobi's formula: {MAGNUS}"),
    "logdet": _LOGDET,
    "logabsdet": _LOGDET,
    # with X A Y = diag(d): minors of diag(d) + M to first order in M; nothing is divided by, A may be singular
    "adjugate": Tangent(
        """
        X, d, Y = eliminate(A)
        M = X @ A_dot @ Y
        m = diag(M)
        D[i] = sum[k, k != i](prod[l, l != k](where(l == i, 1, d[l]))*m[k])
        W[i,j] = where(i == j, D[i], -prod[l, l != j](where(l == i, 1, d[l]))*M[i,j])
        C_dot = Y @ W @ X
        """,
        MAGNUS,
    ),
    "eliminate": Tangent(
        """
        M = X @ A_dot @ Y
        p = pivots(d)
        E[i,j] = where(j < i, -M[i,j]*p[j], 0)
        F[i,j] = where(i < j, -p[i]*M[i,j], 0)
        d_dot = diag(M)
        X_dot = E @ X
        Y_dot = Y @ F
        """,
        GOLUB,
    ),
    "pivots": Tangent("p_dot[i] = -p[i]**2*d_dot[i]", "derivative of a reciprocal"),
    "cholesky": Tangent(
        """
        S = (A_dot + A_dot.T)/2
        P = solve(L, solve(L, S).T)
        H[i,j] = where(j < i, P[i,j], where(j == i, P[i,j]/2, 0))
        L_dot = L @ H
        """,
        f"{GILES}, section 2.6; S. Sarkka, Bayesian Filtering and Smoothing (2013), theorem A.1",
    ),
    "eigh": Tangent(
        """
        P = V.T @ ((A_dot + A_dot.T)/2) @ V
        w_dot = diag(P)
        V_dot = V @ (gaps(w)*P)
        """,
        f"{GILES}, section 3.1",
    ),
    "gaps": Tangent("G_dot[i,j] = -G[i,j]**2*(w_dot[j] - w_dot[i])", "derivative of a reciprocal"),
    "svd": Tangent(
        """
        P = U.T @ A_dot @ Vh.T
        s_dot = diag(P)
        K = gaps(s)
        F[i,j] = where(i == j, 0, K[i,j]/(s[i] + s[j]))
        E = P*s
        B = P.T*s
        """,
        TOWNSEND,
        square="""
        U_dot = U @ (F*(E + E.T))
        Vh_dot = (F*(B + B.T)).T @ Vh
        """,
        oblong="""
        D = inv(diag(s))
        U_dot = U @ (F*(E + E.T)) + (A_dot @ Vh.T - U @ P) @ D
        Vh_dot = (F*(B + B.T)).T @ Vh + D @ (U.T @ A_dot - P @ Vh)
        """,
    ),
    "qr": Tangent(
        """
        X = solve(R.T, A_dot.T).T
        Y = Q.T @ X
        W[i,j] = where(j < i, Y[i,j], 0) - where(i < j, Y[j,i], 0)
        Q_dot = Q @ W + X - Q @ Y
        R_dot = (Y - W) @ R
        """,
        WALTER,
    ),
}
ADJOINTS = {"solve": "b_bar = solve(A.T, x_bar)", "solve_columns": "b_bar = solve(A.T, x_bar)"}  # linear in b


@cache
def tangent(name: str, square: bool, moving: tuple[str, ...], wanted: tuple[str, ...]) -> System:
    """The tangents `<w>_dot` of the results `wanted`, where the arguments `moving` move along `<a>_dot`."""
    row, rule = ROWS[name], TANGENTS[name]
    system = _read(row, rule.text + (rule.square if square else rule.oblong), [f"{a}_dot" for a in row.reads])
    return _without(system, {f"{a}_dot" for a in row.reads if a not in moving}).prune(f"{w}_dot" for w in wanted)


@cache
def adjoint(
    name: str, square: bool, moving: tuple[str, ...], wanted: tuple[str, ...], gradient: Callable[..., System]
) -> System:
    """The adjoints `<a>_bar` of the arguments `moving`, from the adjoints `<w>_bar` of the results `wanted`.

    `gradient` is the reverse sweep that differentiates the inner product of the `_bar`s with the tangents.
    """
    row = ROWS[name]
    if name in ADJOINTS and moving == ("b",):
        return _read(row, ADJOINTS[name], [f"{w}_bar" for w in row.writes]).prune(["b_bar"])
    system = _paired(tangent(name, square, moving, wanted), wanted)
    derived = gradient(system, "inner", [f"{a}_dot" for a in moving], "{}_bar")
    derived = derived.prune(f"{a}_dot_bar" for a in moving)
    names = {f"{a}_dot_bar": f"{a}_bar" for a in moving}
    return _plain(_renamed(derived, names))


def _read(row: Row, text: str, more: list[str]) -> System:
    """The text as a System whose inputs are the row's matrices and those of `more`: `<matrix>_dot`, `<matrix>_bar`."""
    letters = {**row.reads, **row.writes}
    letters |= {name: letters[name.rpartition("_")[0]] for name in more}
    lines = [f"{name}: input[{','.join(axes)}]" if axes else f"{name}: input" for name, axes in letters.items()]
    return parse("\n".join([*lines, *(line.strip() for line in text.splitlines())]))


def _without(system: System, still: set[str]) -> System:
    """The system where the tensors of `still` are 0: every term that has one as a factor goes."""
    if not still:
        return system
    system, zero, equations = split(system), set(still), []
    for eq in system.equations:
        if isinstance(eq, Call):
            if row_of(eq).name in ADJOINTS and eq.arguments[1] in zero:
                zero |= set(eq.writes)
                continue
        else:
            eq = replace(eq, terms=tuple(t for t in eq.terms if not zero & {a.name for a in t.value_reads()}))
            if not eq.terms:
                zero.add(eq.tensor)
                continue
        equations.append(eq)
    return replace(system, equations=tuple(equations))


def _paired(system: System, wanted: tuple[str, ...]) -> System:
    """With the output `inner` = the sum over all cells of `<w>_bar` times `<w>_dot`."""
    tensors, terms = dict(system.tensors), []
    for w in wanted:
        dot = tensors[f"{w}_dot"]
        tensors[f"{w}_bar"] = replace(dot, name=f"{w}_bar", role="input")
        domain = tuple(Range(Index(f"{letter}"), size) for letter, size in zip(dot.letters, dot.shape))
        cell = tuple(r.index for r in domain)
        terms.append(Term((), Access(f"{w}_bar", *cell) * Access(f"{w}_dot", *cell), domain))
    tensors["inner"] = Tensor("inner", ())
    equations = (*system.equations, Equation("inner", tuple(terms)))
    return replace(system, tensors=tensors, equations=equations, outputs=("inner",))


def _renamed(system: System, names: Mapping[str, str]) -> System:
    """Tensors under other names."""

    def of(expr):
        return expr.xreplace({a: Access(names[a.name], *a.indices) for a in expr.atoms(Access) if a.name in names})

    equations = []
    for eq in system.equations:
        if isinstance(eq, Call):
            equations.append(eq.rename(names))
        else:
            terms = tuple(t.map(of) for t in eq.terms)
            arg = tuple(names.get(a, a) for a in eq.arg)
            equations.append(replace(eq, tensor=names.get(eq.tensor, eq.tensor), arg=arg, terms=terms))
    tensors = {names.get(n, n): replace(t, name=names.get(n, n)) for n, t in system.tensors.items()}
    outputs = tuple(names.get(o, o) for o in system.outputs)
    return replace(system, tensors=tensors, equations=tuple(equations), outputs=outputs, log=())


def _plain(system: System) -> System:
    """The system without equations that copy a tensor, but for outputs."""
    for eq in system.equations:
        if eq.tensor in system.outputs or isinstance(eq, Call) or not eq.elementwise:
            continue
        (term,) = eq.terms
        if isinstance(term.body, Access) and term.body.indices == term.write:
            rest = system.with_equations(e for e in system.equations if e is not eq)
            tensors = {n: t for n, t in system.tensors.items() if n != eq.tensor}
            return _plain(_renamed(replace(rest, tensors=tensors), {eq.tensor: term.body.name}))
    return system
