"""Which sums of products are matrix products.

A term y[F] = sum_R of a product is cut into factors by the indices they depend on. Two factors whose indices split into
rows (m), columns (n) and summed ones (k) are a matrix product; three or more are contracted in pairs, in the order that
opt_einsum finds. What is not stored as a matrix gets a tensor of its own, which the fusion computes or copies; so
does a product that is only one term of several.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import opt_einsum
from sympy import Basic, Expr, Ge, Gt, Integer, Le, Lt, Mul, Ne

from ...ir.access import Access, Index, fresh_names, index_symbols
from ...ir.recurrence import reindexed, scans
from ...ir.system import Equation, Range, System, Tensor, Term
from .gram import gram
from .tree import Contract, Gram, Operand

SMALL = 1024  # entries of a matrix, of which one product for each entry of a batch is made by loops
NOMINAL = 64  # a size that is not known, when contraction orders are compared


@dataclass(frozen=True)
class Factor:
    """A factor of the product, and the indices it depends on (in the order of the domain)."""

    body: Expr
    indices: tuple[Index, ...]


@dataclass
class _Work:
    system: System
    tensors: dict[str, Tensor]
    slices: bool = True
    symmetric: bool = True  # are symmetric products made by blocks of rows?
    equations: list[Equation] = field(default_factory=list)
    calls: dict[str, Contract | Gram] = field(default_factory=dict)
    sums: dict[tuple, Access] = field(default_factory=dict)  # sums made before products, by body and sizes

    def __post_init__(self):
        self.names = fresh_names(self.tensors, "product")

    def tensor(self, ranges: Iterable[Range]) -> str:
        name = next(self.names)
        ranges = tuple(ranges)
        letters = tuple(r.index.name for r in ranges)
        self.tensors[name] = Tensor(name, tuple(r.size for r in ranges), named=False, letters=letters)
        return name

    def define(self, body: Expr, ranges: Iterable[Range], guards: tuple[Basic, ...] = ()) -> Access:
        """A tensor that holds `body` over `ranges`, and 0 where a guard fails."""
        ranges = tuple(ranges)
        write = tuple(r.index for r in ranges)
        name = self.tensor(ranges)
        self.equations.append(Equation(name, (Term(write, body, ranges, guards),)))
        return Access(name, *write)


def contractions(
    system: System, slices: bool = True, symmetric: bool = True
) -> tuple[System, dict[str, Contract | Gram]]:
    """The system with matrix products in equations of their own, and the BLAS call for each of those. Without `slices`
    no product of parts of matrices."""
    work = _Work(system, dict(system.tensors), slices, symmetric)
    recurrent = scans(system.equations)  # their products are made on slices, in `recur`
    for eq in system.equations:
        if eq.tensor in recurrent or eq.reduce != "sum" or system.tensors[eq.tensor].dtype != "float":
            work.equations.append(eq)
            continue
        terms = [_term(work, eq, t) for t in eq.terms]
        if len(terms) == 1 and isinstance(terms[0], Contract | Gram):
            work.calls[eq.tensor] = terms[0]
            work.equations.append(eq)
            continue
        terms = [_stored(work, t, c) if isinstance(c, Contract | Gram) else c for t, c in zip(eq.terms, terms)]
        work.equations.append(replace(eq, terms=tuple(terms)))
    return replace(system, tensors=work.tensors, equations=tuple(work.equations)), work.calls


def _stored(work: _Work, term: Term, call: Contract | Gram) -> Term:
    """One product among several terms: its own tensor, read by the term that takes its place."""
    name = work.tensor(Range(w, term.sizes[w]) for w in term.write)
    work.calls[name] = call.into(name)
    work.equations.append(Equation(name, (term,)))
    free = tuple(r for r in term.domain if r.index in term.write)
    return Term(term.write, Access(name, *term.write), free)


def _term(work: _Work, eq: Equation, term: Term) -> Term | Contract | Gram:
    """A BLAS call that computes the whole term, or the term, perhaps reading a product computed before."""
    plain, term = term, _narrowed(term) if work.slices else term
    if term.guard:
        return _padded(work, eq, term) or plain
    if term.reduced:
        plain = term = _summed_first(work, term)
    if not term.reduced or not _plain_write(term, work.tensors[eq.tensor]):
        return plain
    found = gram(eq.tensor, term, work.tensors) if work.symmetric else None
    if found is not None:
        steady, call = found
        return call if steady == 1 else _scaled(work, term, steady, call)
    return _product(work, eq, term) or plain


def _summed_first(work: _Work, term: Term) -> Term:
    """A factor that alone depends on a summed index is summed before it meets the others, where those or the written
    cell have an index that it has not: sum[n, i](Q[i, j] y[n, i]) is sum[i](Q[i, j] s[i]) with s[i] = sum[n](y[n, i]).
    """
    steady, factors = _factors(term, work)
    made: list[Expr] = []
    gone: set[Index] = set()
    for factor in factors:
        others = {*term.write, *(i for f in factors if f is not factor for i in f.indices)}
        alone = [r for r in term.reduced if r.index in factor.indices and r.index not in others]
        if not alone or others <= set(factor.indices) or not _plain_indices(factor.body):
            made.append(factor.body)
            continue
        kept = tuple(r for r in term.domain if r.index in factor.indices and r not in alone)
        made.append(_shared_sum(work, factor.body, kept, tuple(alone)))
        gone |= {r.index for r in alone}
    if not gone:
        return term
    return Term(term.write, steady * Mul(*made), tuple(r for r in term.domain if r.index not in gone))


def _plain_indices(body: Expr) -> bool:
    """Is every position an index? Gathered rows are summed where they are gathered."""
    return all(isinstance(i, Index) for a in body.atoms(Access) for i in a.indices)


def _shared_sum(work: _Work, body: Expr, kept: tuple[Range, ...], summed: tuple[Range, ...]) -> Access:
    """The sum over some indices, in a tensor of its own: one for equal bodies."""
    letters = {r.index: Index(f"axis {n}") for n, r in enumerate((*kept, *summed))}
    key = (body.xreplace(letters), tuple(r.size for r in (*kept, *summed)), len(kept))
    if key not in work.sums:
        write = tuple(r.index for r in kept)
        term = Term(write, body, (*kept, *summed))
        work.sums[key] = Access(work.tensor(kept), *write)
        work.equations.append(Equation(work.sums[key].name, (term,)))
    return Access(work.sums[key].name, *(r.index for r in kept))


def _product(work: _Work, eq: Equation, term: Term) -> Term | Contract | None:
    steady, factors = _factors(term, work)
    matrix = _pairs(term, factors, work)
    if matrix is None:
        return None
    left, right = matrix
    if len(factors) > 2:  # what the pairs have summed is gone
        kept = {*term.write, *left.indices, *right.indices}
        domain = tuple(r for r in term.domain if r.index in kept)
        term = Term(term.write, steady * left.body * right.body, domain)
    call = _call(work, eq.tensor, term, left, right)
    if call is None:
        return term if len(factors) > 2 else None
    if steady == 1 and call.out.tensor == eq.tensor:
        return call
    free = tuple(r for r in term.domain if r.index in term.write)
    name = call.out.tensor
    if name == eq.tensor:
        name = work.tensor(Range(w, term.sizes[w]) for w in term.write)
        call = replace(call, out=replace(call.out, tensor=name))
    cell = [r.index for part in (call.out.batch, *_stored_order(call.out)) for r in part]
    write = tuple(cell)
    work.calls[name] = call
    work.equations.append(Equation(name, (Term(write, Mul(left.body, right.body), term.domain),)))
    return Term(term.write, steady * Access(name, *write), free)


def _padded(work: _Work, eq: Equation, term: Term) -> Term | Contract | None:
    """Guards that keep one factor's reads in range, as of a convolution with padding: a copy of it with zeros there."""
    steady, factors = _factors(term, work)
    used = set().union(*map(index_symbols, term.guard))
    homes = [f for f in factors if used <= set(f.indices) and not _in_range(work, term, f.body)]
    others = [f.body for f in factors if f not in homes]
    if len(homes) != 1 or not all(_in_range(work, term, body) for body in (steady, *others)):
        return None
    before, tensors = len(work.equations), dict(work.tensors)
    ranges = (Range(i, term.sizes[i]) for i in homes[0].indices)
    padded = work.define(homes[0].body, ranges, term.guard)
    found = _term(work, eq, replace(term, body=Mul(steady, padded, *others), guard=()))
    if isinstance(found, Term) and found.reduced:  # no matrix product after all
        del work.equations[before:]
        work.tensors, work.names = tensors, fresh_names(tensors, "product")
        return None
    return found


def _in_range(work: _Work, term: Term, body: Expr) -> bool:
    """Does every read stand at plain indices that run over its axes?"""
    reads = body.atoms(Access)
    return all(term.sizes.get(i) == e for a in reads for i, e in zip(a.indices, work.tensors[a.name].shape))  # pyright: ignore


def _narrowed(term: Term) -> Term:
    """A guard on one summed index, `t > 0` or `t < T - 1`, as a shorter sum: a product of parts of two tensors."""
    for r in term.reduced:
        own = [g for g in term.guard if index_symbols(g) == {r.index} and not g.atoms(Access)]
        ends = [end for g in own if (end := _ends(g, r)) is not None]
        if not own or len(ends) < len(own):
            continue
        low, cut = (max(end) for end in zip(*ends))
        term = replace(term, guard=tuple(g for g in term.guard if g not in own))
        domain = tuple(Range(d.index, d.size - low - cut) if d.index == r.index else d for d in term.domain)
        term = replace(term.map(lambda e, i=r.index, n=low: reindexed(e, i, i + n)), domain=domain)
    return term


def _ends(guard: Basic, r: Range) -> tuple[Integer, Integer] | None:
    """How many values of the range the guard cuts off at its start and at its end; None where that is not known."""
    if guard == Ne(r.index, 0):
        return Integer(1), Integer(0)
    if not isinstance(guard, Lt | Le | Gt | Ge):
        return None
    gap = guard.lts - guard.gts + (0 if isinstance(guard, Lt | Gt) else -1)  # negative where it holds
    slope, rest = gap.coeff(r.index, 1), gap.coeff(r.index, 0)
    start, end = (Integer(0), r.size + rest) if slope == 1 else (rest + 1, Integer(0))
    known = slope in (1, -1) and gap == slope * r.index + rest and start.is_Integer and end.is_Integer
    return (start, end) if known and start >= 0 and end >= 0 else None


def _scaled(work: _Work, term: Term, steady: Expr, call: Gram) -> Term:
    """The term that multiplies a symmetric product by what does not depend on the summed index."""
    inside = Mul(*(f for f in Mul.make_args(term.body) if f not in Mul.make_args(steady)))
    return replace(read := _stored(work, replace(term, body=inside), call), body=steady * read.body)


def _stored_order(operand: Operand):
    return (operand.columns, operand.rows) if operand.transposed else (operand.rows, operand.columns)


def _plain_write(term: Term, tensor: Tensor) -> bool:
    plain = all(isinstance(w, Index) for w in term.write) and len(set(term.write)) == len(term.write)
    return plain and all(term.sizes[w] == extent for w, extent in zip(term.write, tensor.shape))


def _factors(term: Term, work: _Work) -> tuple[Expr, list[Factor]]:
    """(what does not depend on a summed index, the others joined by the indices they depend on)."""
    reduced = {r.index for r in term.reduced}
    steady: list[Expr] = []
    groups: dict[tuple[Index, ...], list[Expr]] = {}
    for factor in Mul.make_args(term.body):
        used = index_symbols(factor)
        if not used & reduced:
            steady.append(factor)
        else:
            groups.setdefault(tuple(i for i in term.indices if i in used), []).append(factor)
    for small in sorted(groups, key=len):  # a factor over fewer indices goes into one that has them all
        homes = [g for g in groups if g != small and set(small) < set(g)]
        if homes:
            groups[min(homes, key=len)] += groups.pop(small)
    return Mul(*steady), [Factor(Mul(*f), indices) for indices, f in groups.items()]


def _pairs(term: Term, factors: list[Factor], work: _Work) -> tuple[Factor, Factor] | None:
    """Two factors: more are contracted in pairs, all but the last product in tensors of their own."""
    covered = {i for f in factors for i in f.indices}
    integers = any(isinstance(f.body, Access) and work.tensors[f.body.name].dtype != "float" for f in factors)
    if len(factors) < 2 or integers or not {r.index for r in term.reduced} <= covered:
        return None
    free = list(term.write)
    while len(factors) > 2:
        first, second = _cheapest(factors, free, term)
        pair = [factors[first], factors[second]]
        rest = [f for i, f in enumerate(factors) if i not in (first, second)]
        needed = {*free, *(i for f in rest for i in f.indices)}
        union = {i for f in pair for i in f.indices}
        kept = tuple(r for r in term.domain if r.index in union & needed)
        domain = tuple(r for r in term.domain if r.index in union)
        name = work.tensor(kept)
        write = tuple(r.index for r in kept)
        product = Term(write, Mul(*(f.body for f in pair)), domain)
        equation = Equation(name, (product,))
        if len(domain) > len(kept):
            call = _term(work, equation, product)
            if isinstance(call, Contract | Gram):
                work.calls[name] = call
            else:
                equation = Equation(name, (call,))
        work.equations.append(equation)
        factors = [*rest, Factor(Access(name, *write), write)]
    return factors[0], factors[1]


def _cheapest(factors: list[Factor], free, term: Term) -> tuple[int, int]:
    letters = {i: opt_einsum.get_symbol(n) for n, i in enumerate(term.indices)}
    text = ",".join("".join(letters[i] for i in f.indices) for f in factors)
    text += "->" + "".join(letters[w] for w in free)
    sizes = {r.index: int(r.size) if r.size.is_Integer else NOMINAL for r in term.domain}
    shapes = [tuple(sizes[i] for i in f.indices) for f in factors]
    path, _ = opt_einsum.contract_path(text, *shapes, shapes=True, optimize="optimal" if len(factors) < 7 else "greedy")
    first, second = sorted(path[0][:2]) if len(path[0]) >= 2 else (0, 1)
    return first, second


def _call(work: _Work, out: str, term: Term, left: Factor, right: Factor) -> Contract | None:
    """The matrix product, with operands and result in tensors that are stored as matrices."""
    write, sizes = term.write, term.sizes
    sets = set(left.indices), set(right.indices)
    batch = [w for w in write if w in sets[0] & sets[1]]
    rows = [w for w in write if w in sets[0] - sets[1]]
    columns = [w for w in write if w in sets[1] - sets[0]]
    summed = [i for i in term.indices if i in sets[0] & sets[1] and i not in write]
    lone = {r.index for r in term.reduced} - set(summed)
    if lone or not summed or not (rows or columns) or (batch and not (rows and columns)):
        return None
    if batch and _few((*rows, *columns), sizes):
        return None  # loops do many small products faster
    if not rows:  # vector times matrix: matrix transposed times vector
        left, right, rows, columns = right, left, columns, rows
    if set(write) != {*batch, *rows, *columns}:
        return None
    parts = [tuple(Range(i, sizes[i]) for i in part) for part in (batch, rows, columns, summed)]
    summed_order = _summed_order(work, left, parts[3], sizes)
    b, m, n, k = parts[0], parts[1], parts[2], summed_order
    order = list(write)
    if order[: len(b)] != [r.index for r in b]:
        return None
    a = _operand(work, left, b, m, k, sizes)
    c = _operand(work, right, b, k, n, sizes)
    rest = order[len(b) :]
    plain, turned = [r.index for r in (*m, *n)], [r.index for r in (*n, *m)]
    if rest == plain:
        target = Operand(out, b, m, n, False)
    elif rest == turned:
        target = Operand(out, b, m, n, True)
    else:
        target = Operand(work.tensor((*b, *m, *n)), b, m, n, False)
    return Contract(target, a, c)


def _few(indices, sizes) -> bool:
    """Is a matrix with these axes small for sure?"""
    count = Mul(*(sizes[i] for i in indices))
    return bool(count.is_Integer and count <= SMALL)


def _based(access: Access) -> tuple[list[Expr], Expr]:
    """The indices, and where the first axis starts: x[t + 1, i] is x[t, i] of the part of x from 1 on."""
    first, *rest = access.indices
    own = index_symbols(first)
    start = first - next(iter(own)) if len(own) == 1 else Integer(0)
    return ([next(iter(own)), *rest], start) if start.is_Integer and start > 0 else ([first, *rest], Integer(0))


def _summed_order(work: _Work, left: Factor, summed: tuple[Range, ...], sizes) -> tuple[Range, ...]:
    """The order in which the left operand stores the summed indices."""
    if isinstance(left.body, Access):
        stored = [i for i in _based(left.body)[0] if i in {r.index for r in summed}]
        if len(stored) == len(summed):
            return tuple(Range(i, sizes[i]) for i in stored)
    return summed


def _operand(work: _Work, factor: Factor, batch, rows, columns, sizes) -> Operand:
    """The factor as a matrix: its own tensor where that is stored so, else a copy."""
    body = factor.body
    wanted = [r.index for r in (*batch, *rows, *columns)]
    turned = [r.index for r in (*batch, *columns, *rows)]
    if isinstance(body, Access) and work.tensors[body.name].dtype == "float":
        shape = work.tensors[body.name].shape
        indices, start = _based(body)
        fits = all(sizes.get(i) == extent for i, extent in zip(indices[1:], shape[1:]))
        spare = shape[0] - start - sizes.get(indices[0], shape[0] + 1)
        part = None if start == spare == 0 else start
        fits = fits and (part is None or (spare.is_nonnegative and not batch))
        if fits and indices in (wanted, turned):
            return Operand(body.name, tuple(batch), tuple(rows), tuple(columns), indices != wanted, start=part)
    copy = work.define(body, (*batch, *rows, *columns))
    return Operand(copy.name, tuple(batch), tuple(rows), tuple(columns), False)
