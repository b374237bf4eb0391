"""Linear algebra: one row for each routine that a `Call` may name. Shapes, cost, and what each asks of its matrices.

    solve(A, b)      x with A x = b; b is a vector [i], or (row `solve_columns`) a matrix [i, m]
    inv(A)           the inverse                    adjugate(A)   A^-1 det A, also where A is singular
    det(A)           the determinant                logdet(A)     log det A, det A > 0      logabsdet(A)   log |det A|
    cholesky(A)      lower L with L L^T = A         qr(A)         A = Q R, R[i,i] >= 0; not fewer rows than columns
    eigh(A)          A = V diag(w) V^T, w ascending svd(A)        A = U diag(s) Vh, s descending
    gaps(w)          1/(w[j] - w[i]), 0 for i = j: what derivatives of eigenvectors divide by
    eliminate(A)     X A Y = diag(d), det X det Y = 1, by elimination with complete pivoting; A may be singular
    pivots(d)        1/d, 0 for the last: what derivatives of an elimination divide by

`cholesky` and `eigh` take the symmetric part (A + A^T)/2, so their derivative by A is symmetric; a matrix that is far
from symmetric is refused. Eigenvectors have a free sign: the first entry of at least half the largest size is positive.
Derivatives are in `calculus.calls`, values in `ir.routines`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sympy import Expr, Integer, Min, Rational

from .system import Call, System


@dataclass(frozen=True)
class Row:
    """One routine. `reads` and `writes` give each matrix its core axes as letters: `{"A": "ii", "b": "i"}`."""

    name: str
    reads: Mapping[str, str]
    writes: Mapping[str, str]
    cost: Mapping[str, Rational]  # flops: a monomial of core sizes -> its coefficient
    spelled: str = ""  # in the notation, where that differs from the name
    least: Mapping[str, str] = field(default_factory=dict)  # a letter -> the letters of which it is the least size
    symmetric: bool = False  # the argument must be symmetric
    positive: bool = False  # ... and positive definite
    lost: str = ""  # for errors: what there is not, where the routine fails

    @property
    def text(self) -> str:
        return self.spelled or self.name


def _row(name: str, reads: str, writes: str, cost: str, **more) -> Row:
    def matrices(text: str) -> dict[str, str]:
        return {n: letters for n, _, letters in (part.partition(":") for part in text.split())}

    def term(text: str) -> tuple[str, Rational]:
        coefficient, _, letters = text.partition(" ")
        return letters, Rational(coefficient)

    return Row(name, matrices(reads), matrices(writes), dict(map(term, cost.split(" + "))), **more)


ROWS = {
    row.name: row
    for row in (
        _row("solve", "A:ii b:i", "x:i", "2/3 iii + 2 ii", lost="solve has no unique solution"),
        _row("solve_columns", "A:ii b:im", "x:im", "2/3 iii + 2 iim", spelled="solve",
             lost="solve has no unique solution"),
        _row("inv", "A:ii", "X:ii", "2 iii", lost="there is no inverse"),
        _row("det", "A:ii", "d:", "2/3 iii", lost="there is no determinant"),
        _row("logdet", "A:ii", "l:", "2/3 iii", lost="its logarithm has no value"),
        _row("logabsdet", "A:ii", "l:", "2/3 iii", lost="its logarithm has no value"),
        _row("adjugate", "A:ii", "C:ii", "8/3 iii", lost="there is no adjugate"),
        _row("eliminate", "A:ii", "X:ii d:i Y:ii", "5/3 iii", lost="there is no elimination"),
        _row("pivots", "d:i", "p:i", "1 i", lost="elimination has no derivative"),
        _row("cholesky", "A:ii", "L:ii", "1/3 iii", symmetric=True, positive=True, lost="there is no Cholesky factor"),
        _row("eigh", "A:ii", "w:i V:ii", "9 iii", symmetric=True, lost="there are no eigenvalues"),
        _row("svd", "A:mn", "U:mk s:k Vh:kn", "6 mnk + 16 kkk", least={"k": "mn"}, lost="there are no singular values"),
        _row("qr", "A:mn", "Q:mn R:nn", "4 mnn", lost="there is no triangular factor"),
        _row("gaps", "w:i", "G:ii", "2 ii", lost="their vectors have no derivative"),
    )
}  # fmt: skip
REASONS = {
    "singular": "a matrix is singular to working precision",
    "asymmetric": "a matrix is not symmetric",
    "indefinite": "a matrix is not positive definite",
    "negative": "a determinant is not positive",
    "zero": "a determinant is 0",
    "deficient": "a matrix has a rank below n - 1, to working precision",
    "equal": "two eigenvalues (or singular values) are equal to working precision",
    "infinite": "a matrix holds NaN or infinity",
    "wide": "a matrix has fewer rows than columns",
}
FIXES = {
    "singular": "Is a row a combination of the others? A ridge, A + lam*eye(N), makes it regular.",
    "asymmetric": "Pass a symmetric matrix, or write the symmetric part: (A + A.T)/2.",
    "indefinite": "A covariance of too few points needs a ridge: A + lam*eye(N).",
    "negative": "For the logarithm of its absolute value write logabsdet(A).",
    "zero": "The matrix is singular: log 0 is -inf, and has no derivative. det(A) is smooth there.",
    "deficient": "Its determinant has derivatives of first and second order there: those can be asked for.",
    "equal": "The vectors are not unique. Functions of the eigenvalues alone have one.",
    "infinite": "Look for it in the data: program.compile(check_finite=True) names the entry.",
    "wide": "Write qr(A.T).",
}


def row_of(call: Call) -> Row:
    return ROWS[call.name]


def reasons(row: Row, reason: str) -> str:
    """The summary of a refusal: what is wrong, and what there therefore is not."""
    return f"{REASONS[reason]}: {row.lost}."


def core_sizes(row: Row, shapes: Mapping[str, tuple[Expr, ...]]) -> dict[str, Expr]:
    """The size of each core letter, from the shapes of what is read (by the row's names)."""
    found: dict[str, Expr] = {}
    for name, letters in row.reads.items():
        core = shapes[name][len(shapes[name]) - len(letters) :]
        found |= {letter: size for letter, size in zip(letters, core) if letter not in found}
    return found | {k: Min(*(found[letter] for letter in among)) for k, among in row.least.items()}


def batch_shape(row: Row, shapes: Mapping[str, tuple[Expr, ...]]) -> tuple[Expr, ...]:
    """The batch axes of what is written: those of the argument that has most."""
    batches = [shapes[name][: len(shapes[name]) - len(letters)] for name, letters in row.reads.items()]
    return max(batches, key=len)


def written_shapes(row: Row, shapes: Mapping[str, tuple[Expr, ...]]) -> dict[str, tuple[Expr, ...]]:
    """The shape of each matrix that is written, from the shapes of those that are read.

    >>> from symgrad.ir.access import Size
    >>> written_shapes(ROWS["svd"], {"A": (Size("M"), Size("N"))})["s"]
    (Min(M, N),)
    """
    sizes, batch = core_sizes(row, shapes), batch_shape(row, shapes)
    return {name: (*batch, *(sizes[letter] for letter in letters)) for name, letters in row.writes.items()}


def argument_shapes(system: System, call: Call) -> dict[str, tuple[Expr, ...]]:
    return {of: system.tensors[name].shape for of, name in zip(row_of(call).reads, call.arguments)}


def violations(system: System, call: Call) -> Iterator[str]:
    """What a call's tensors break of its row's shapes."""
    row = ROWS.get(call.name)
    if row is None or len(call.arguments) != len(row.reads) or len(call.writes) != len(row.writes):
        yield f"{call.name} is no routine of {len(call.arguments)} arguments and {len(call.writes)} results"
        return
    shapes = argument_shapes(system, call)
    for of, letters in row.reads.items():
        if len(shapes[of]) < len(letters):
            yield f"argument {of} of {call.name} needs {len(letters)} axes"
            return
    sizes, batch = core_sizes(row, shapes), batch_shape(row, shapes)
    if len(batch) != call.batch:
        yield f"{call.name} has {len(batch)} batch axes, not {call.batch}"
    for of, letters in row.reads.items():
        own = len(shapes[of]) - len(letters)
        if shapes[of] != (*batch[len(batch) - own :], *(sizes[letter] for letter in letters)):
            yield f"argument {of} of {call.name} has the shape {shapes[of]}"
    for name, shape in zip(call.writes, written_shapes(row, shapes).values()):
        if system.tensors[name].shape != shape:
            yield f"{name} must have the shape {shape} that {call.name} writes"


def call_flops(system: System, call: Call) -> Expr:
    """Floating-point operations, as in G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. (2013)."""
    shapes = argument_shapes(system, call)
    sizes, total = core_sizes(row_of(call), shapes), Integer(0)
    for letters, coefficient in row_of(call).cost.items():
        for letter in letters:
            coefficient = coefficient * sizes[letter]
        total += coefficient
    for size in batch_shape(row_of(call), shapes):
        total *= size
    return total
