"""Small programs that together cover every index pattern and every function; each law runs on each of them.

`text` is the notation; `L` is the scalar output that is differentiated by every parameter. `rational`: the program has
a meaning modulo a prime. `analytic`: the complex step applies. `kinked`: somewhere not differentiable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from sympy import Integer, Symbol

from symgrad import api, calculus
from symgrad.functions import ROWS
from symgrad.ir.access import Access, Index, Size
from symgrad.ir.system import Equation, Range, System, Tensor, Term
from symgrad.verify import draw


@dataclass(frozen=True)
class Entry:
    name: str
    text: str
    tags: frozenset[str] = frozenset()
    special: dict[str, Callable] = field(default_factory=dict, hash=False)   # tensor -> (rng, shape) -> array
    build: Callable[[], System] | None = None                                # for what has no text
    output: str = "L"

    @property
    def rational(self) -> bool:
        return "rational" in self.tags

    @property
    def analytic(self) -> bool:
        return "analytic" in self.tags or self.rational

    def program(self) -> api.Program:
        return _program(self)

    def gradient(self) -> api.Program:
        return _gradient(self)

    @property
    def first(self) -> str:
        """The parameter by which second derivatives are taken."""
        return self.program().raw.declared("parameter")[0].name

    def product(self) -> api.Program:
        """The Hessian times a vector."""
        return _product(self)

    def arrays(self, seed: int = 0) -> dict[str, np.ndarray]:
        """Inputs at which the gradient is finite, special ones replaced."""
        whole = replace(self.program().raw, outputs=(self.output,))
        arrays = draw.finite_point(whole, seed)
        rng = np.random.default_rng(seed)
        return {**arrays, **{n: make(rng, arrays[n].shape) for n, make in self.special.items()}}


@cache
def _program(entry: Entry) -> api.Program:
    return api.Program(calculus.prepare(entry.build())) if entry.build else api.program(entry.text)


@cache
def _gradient(entry: Entry) -> api.Program:
    return entry.program().gradient(entry.output)


@cache
def _product(entry: Entry) -> api.Program:
    return entry.program().hvp(entry.output, entry.first)


def entry(name: str, text: str, *tags: str, **special: Callable) -> Entry:
    return Entry(name, "\n".join(line.strip() for line in text.strip().splitlines()), frozenset(tags), special)


def with_zeros(rng, shape):
    values = rng.normal(size=shape)
    values.reshape(-1)[:: 3] = 0.0
    return values


def empty(rng, shape):
    return np.zeros((0, *shape[1:]))


def ties(rng, shape):
    return rng.integers(0, 2, shape).astype(float)


# --- derivatives inside the model ------------------------------------------------------------------------------------

INSIDE = [
    entry("physics-informed residual", """
        x: input[n]
        w, c, v: parameter[h]
        u[n] = sum[h](v[h]*tanh(w[h]*x[n] + c[h]))
        L = mean[n]((diff(u[n], x[n], 2) + u[n])**2)""", "analytic"),
    entry("score matching", """
        x: input[n, j]
        A: parameter[i, j]
        b: parameter[i]
        E[n] = sum[i](softplus(sum[j](A[i,j]*x[n,j]) + b[i]))
        s[n,j] = diff(E[n], x[n,j])
        L = mean[n](sum[j](diff(s[n,j], x[n,j]) + s[n,j]**2/2))""", "analytic"),
]

# --- linear index patterns ------------------------------------------------------------------------------------------

PATTERNS = [
    entry("contraction", """
        A: parameter[i, j]
        x: parameter[j]
        u: input[i]
        y[i] = sum[j](A[i,j]*x[j])
        L = sum[i](u[i]*y[i]**2)""", "rational"),
    entry("three factors", """
        A, B, C: parameter[i, i]
        U: input[i, i]
        L = sum[i,l](U[i,l]*sum[j,k](A[i,j]*B[j,k]*C[k,l]))""", "rational"),
    entry("bilinear form", """
        x: parameter[i]
        A: parameter[i, j]
        y: parameter[j]
        L = sum[i,j](x[i]*A[i,j]*y[j])""", "rational"),
    entry("one read three times", """
        x: parameter[i]
        A: input[i, i]
        L = sum[i,j](A[i,j]*x[i]*x[j]*x[i])""", "rational"),
    entry("broadcast", """
        x: parameter[i]
        b: parameter[j]
        c: parameter
        U: input[i, j]
        L = sum[i,j](U[i,j]*(x[i] + b[j]*c + c)**2)""", "rational"),
    entry("outer product", """
        x: parameter[i]
        y: parameter[j]
        P[i,j] = x[i]*y[j]
        U: input[i, j]
        L = sum[i,j](U[i,j]*P[i,j]**3)""", "rational"),
    entry("transposition", """
        A: parameter[i, j]
        U: input[j, i]
        T[j,i] = A[i,j]**2
        L = sum[i,j](U[j,i]*T[j,i])""", "rational"),
    entry("diagonal read", """
        A: parameter[i, i]
        u: input[i]
        L = sum[i](u[i]*A[i,i]**2) + sum[i,j](A[i,j])""", "rational"),
    entry("diagonal written", """
        x: parameter[i]
        U: input[i, j]
        D[i,i] = x[i]**2
        L = sum[i,j](U[i,j]*D[i,j]*(D[i,j] + 1))""", "rational"),
    entry("gather", """
        E: parameter[v, d]
        t: label[n] over v
        U: input[n, d]
        h[n,d] = E[t[n],d]
        L = sum[n,d](U[n,d]*h[n,d]**2)""", "rational"),
    entry("gather on both axes", """
        A: parameter[i, j]
        s: label[n] over i
        t: label[n] over j
        L = sum[n](A[s[n],t[n]]**2*A[s[n],0])""", "rational"),
    entry("bag of embeddings", """
        E: parameter[v, d]
        t: label[n, l] over v
        w: parameter[d]
        h[n,d] = mean[l](E[t[n,l],d])
        L = mean[n](sum[d](w[d]*h[n,d])**2)""", "rational"),
    entry("scatter", """
        x: parameter[n]
        t: label[n] over k
        u: input[k]
        s[t[n]] = x[n]**2
        L = sum[k](u[k]*s[k]**2)""", "rational"),
    entry("segments by a guard", """
        x: parameter[n]
        t: label[n] over k
        u: input[k]
        s[k] = sum[n, t[n] == k](x[n])
        L = sum[k](u[k]*s[k]**2)""", "rational"),
    entry("slices", """
        x: parameter[i]
        d[j] = x[j+1] - x[j]
        L = sum[j](d[j]**2) + x[0]*x[size(i) - 1]""", "rational"),
    entry("concatenation", """
        x: parameter[i]
        v: parameter[j]
        u: input[i + j]
        c[i] = x[i]**2
        c[size(i) + j] = 3*v[j]
        L = sum[k](u[k]*c[k]**2)""", "rational"),
    entry("strided convolution", """
        x: parameter[t]
        w: parameter[k]
        y[i] = sum[k](x[2*i+k]*w[k])
        L = sum[i](y[i]**2)""", "rational"),
    entry("padded convolution", """
        x: parameter[i]
        w: parameter[k]
        u: input[i]
        y[i] = sum[k, 0 <= i+k-1, i+k-1 < size(i)](x[i+k-1]*w[k])
        L = sum[i](u[i]*y[i]**2)""", "rational"),
    entry("convolution in two dimensions", """
        x: parameter[i, j]
        w: parameter[k, l]
        y[a,b] = sum[k,l](x[a+k,b+l]*w[k,l])
        L = sum[a,b](y[a,b]**2)""", "rational"),
    entry("shifted band", """
        A: parameter[i, k]
        x: parameter[t]
        y[i] = sum[k](A[i,k]*x[i+k])
        L = sum[i](y[i]**2)""", "rational"),
    entry("two axes in one", """
        x: parameter[t]
        u: input[h, d]
        L = sum[h,d](u[h,d]*x[h*size(d) + d]**2)""", "rational"),
    entry("triangle", """
        A: parameter[i, i]
        x: parameter[i]
        u: input[i]
        L = sum[i](u[i]*sum[j, j <= i](A[i,j]*x[j]))""", "rational"),
    entry("strict triangle, squared", """
        A: parameter[i, i]
        u: input[i]
        y[i] = sum[j, j > i](A[j,i]**2)
        L = sum[i](u[i]*y[i])""", "rational"),
    entry("cumulative sum", """
        x: parameter[i]
        u: input[i]
        c[i] = sum[j, j <= i](x[j])
        L = sum[i](u[i]*c[i]**2)""", "rational"),
    entry("product with zeros", """
        x: parameter[i]
        L = prod[i](x[i])""", "rational", x=with_zeros),
    entry("row products", """
        X: parameter[n, d]
        u: input[n]
        p[n] = prod[d](X[n,d] + 1)
        L = sum[n](u[n]*p[n])""", "rational"),
    entry("rank zero", """
        x, y: parameter
        L = x*y + x**3/(1 + y**2)""", "rational"),
    entry("empty domain", """
        x: parameter[n]
        a: parameter
        L = sum[n](x[n]*a) + a**2""", "rational", x=empty),
    entry("a size alone", """
        x: input[n]
        b: parameter
        L = sum[n](b**2)""", "rational"),
    entry("index as a value", """
        x: parameter[i]
        L = sum[i]((i + 1)*x[i]**2/size(i))""", "rational"),
    entry("mean", """
        x: parameter[n]
        m = mean[n](x[n])
        L = mean[n]((x[n] - m)**2)""", "rational"),
    entry("mean under a mask", """
        x: parameter[n]
        mask: input[n], boolean
        L = mean[n, mask[n]](x[n]**2)""", "rational"),
    entry("mean under a triangle", """
        x: parameter[i]
        u: input[i]
        m[i] = mean[j, j <= i](x[j]**2)
        L = sum[i](u[i]*m[i])""", "rational"),
    entry("dropout", """
        x: parameter[n, d]
        c: noise[n, d]
        W: parameter[d]
        h[n,d] = c[n,d]*x[n,d]
        L = sum[n](sum[d](h[n,d]*W[d])**2)""", "rational"),
    entry("rational function", """
        x: parameter[i]
        y: parameter[i]
        L = sum[i](x[i]/(1 + y[i]**2) + 1/(2 + x[i]**2)**2)""", "rational"),
    entry("normalised by its sum", """
        x: parameter[i], positive
        u: input[i]
        s = sum[i](x[i])
        p[i] = x[i]/s
        L = sum[i](u[i]*p[i]**2)""", "rational"),
    entry("symmetric matrix", """
        A: input[i, i], symmetric
        x: parameter[i]
        L = sum[i,j](x[i]*A[i,j]*x[j])/2""", "rational"),
    entry("pairwise distances", """
        X: parameter[i, d]
        Y: parameter[j, d]
        U: input[i, j]
        L = sum[i,j](U[i,j]*sum[d]((X[i,d] - Y[j,d])**2))""", "rational"),
    entry("factorisation machine", """
        X: input[n, d]
        V: parameter[d, k]
        w: parameter[d]
        s[n,k] = sum[d](X[n,d]*V[d,k])
        q[n,k] = sum[d](X[n,d]**2*V[d,k]**2)
        f[n] = sum[d](X[n,d]*w[d]) + sum[k](s[n,k]**2 - q[n,k])/2
        L = mean[n](f[n]**2)""", "rational"),
]  # fmt: skip

# --- extremes, softmax, models --------------------------------------------------------------------------------------

MODELS = [
    entry("row maximum", """
        X: parameter[n, d]
        u: input[n]
        m[n] = max[d](X[n,d])
        L = sum[n](u[n]*m[n]**2)""", "analytic", "kinked"),
    entry("minimum over two axes", """
        X: parameter[n, d]
        L = min[n,d](X[n,d]*X[n,d] + X[n,d])**2""", "analytic", "kinked"),
    entry("pooling", """
        x: parameter[t]
        w: input[k]
        m[i] = max[k](x[2*i+k]*w[k])
        L = sum[i](m[i]**2)""", "analytic", "kinked"),
    entry("running maximum", """
        x: parameter[i]
        u: input[i]
        m[i] = max[j, j <= i](x[j])
        L = sum[i](u[i]*m[i])""", "analytic", "kinked"),
    entry("selection by argmax", """
        z: input[n, k]
        x: parameter[n, k]
        a[n] = argmax[k](z[n,k])
        L = sum[n](x[n,a[n]]**2)""", "analytic"),
    entry("logsumexp", """
        z: parameter[n, k]
        u: input[n]
        L = sum[n](u[n]*logsumexp[k](z[n,k]))""", "analytic"),
    entry("softmax", """
        z: parameter[n, k]
        U: input[n, k]
        p[n,k] = softmax[k](z[n,k])
        L = sum[n,k](U[n,k]*p[n,k]**2)""", "analytic"),
    entry("log softmax", """
        z: parameter[n, k]
        U: input[n, k]
        L = sum[n,k](U[n,k]*log_softmax[k](z[n,k]))""", "analytic"),
    entry("softmax cross-entropy with probabilities", """
        X: input[n, d]
        Y: input[n, k], distribution over k
        W: parameter[d, k]
        b: parameter[k]
        z[n,k] = sum[d](X[n,d]*W[d,k]) + b[k]
        p[n,k] = softmax[k](z[n,k])
        L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))""", "analytic"),
    entry("softmax cross-entropy with one-hot labels", """
        z: parameter[n, k]
        Y: input[n, k], one-hot over k
        L = mean[n](-sum[k](Y[n,k]*log_softmax[k](z[n,k])))""", "analytic"),
    entry("softmax cross-entropy with integer labels", """
        z: parameter[n, k]
        y: label[n] over k
        p[n,k] = softmax[k](z[n,k])
        L = mean[n](-log(p[n,y[n]]))""", "analytic"),
    entry("causal attention", """
        Q, K, V: parameter[t, d]
        U: input[t, d]
        s[t,r] = sum[d](Q[t,d]*K[r,d])/sqrt(size(d))
        p[t,r] = softmax[r, r <= t](s[t,r])
        o[t,d] = sum[r, r <= t](p[t,r]*V[r,d])
        L = sum[t,d](U[t,d]*o[t,d])""", "analytic"),
    entry("linear regression", """
        X: input[n, d]
        y: input[n]
        w: parameter[d]
        b: parameter
        r[n] = sum[d](X[n,d]*w[d]) + b - y[n]
        L = sum[n](r[n]**2)/2""", "rational"),
    entry("logistic regression", """
        X: input[n, d]
        y: input[n]
        w: parameter[d]
        z[n] = sum[d](X[n,d]*w[d])
        p[n] = sigmoid(z[n])
        L = mean[n](-y[n]*log(p[n]) - (1 - y[n])*log(1 - p[n]))""", "analytic"),
    entry("multilayer perceptron", """
        X: input[n, d]
        Y: input[n, k]
        W1: parameter[d, h]
        b1: parameter[h]
        W2: parameter[h, k]
        b2: parameter[k]
        a[n,h] = tanh(sum[d](X[n,d]*W1[d,h]) + b1[h])
        o[n,k] = sum[h](a[n,h]*W2[h,k]) + b2[k]
        L = mean[n](sum[k]((o[n,k] - Y[n,k])**2))""", "analytic"),
    entry("classifier", """
        X: input[n, d]
        y: label[n] over k
        W1: parameter[d, h]
        b1: parameter[h]
        W2: parameter[h, k]
        b2: parameter[k]
        a[n,h] = relu(sum[d](X[n,d]*W1[d,h]) + b1[h])
        z[n,k] = sum[h](a[n,h]*W2[h,k]) + b2[k]
        L = mean[n](logsumexp[k](z[n,k]) - z[n,y[n]])""", "kinked"),
    entry("residual chain", """
        x: input[n, d]
        A, B, C: parameter[d, d]
        h[n,d] = x[n,d] + tanh(sum[e](x[n,e]*A[e,d]))
        g[n,d] = h[n,d] + tanh(sum[e](h[n,e]*B[e,d]))
        f[n,d] = g[n,d] + tanh(sum[e](g[n,e]*C[e,d]))
        L = mean[n](sum[d](f[n,d]**2))""", "analytic"),
    entry("layer normalisation", """
        x: parameter[n, d]
        g, b: parameter[d]
        U: input[n, d]
        m[n] = mean[d](x[n,d])
        v[n] = mean[d]((x[n,d] - m[n])**2)
        y[n,d] = g[d]*(x[n,d] - m[n])/sqrt(v[n] + 1/1000) + b[d]
        L = sum[n,d](U[n,d]*y[n,d])""", "analytic"),
    entry("batch normalisation", """
        x: parameter[n, d]
        U: input[n, d]
        m[d] = mean[n](x[n,d])
        v[d] = mean[n]((x[n,d] - m[d])**2)
        y[n,d] = (x[n,d] - m[d])/sqrt(v[d] + 1/1000)
        L = sum[n,d](U[n,d]*y[n,d]**2)""", "analytic"),
    entry("mixture density", """
        y: input[n]
        a: parameter[k]
        m: parameter[k]
        s: parameter[k]
        l[n,k] = log_softmax[k](a[k]) - s[k] - (y[n] - m[k])**2*exp(-2*s[k])/2
        L = mean[n](-logsumexp[k](l[n,k]))""", "analytic"),
    entry("Gaussian divergence", """
        m: parameter[d]
        s: parameter[d], positive
        L = sum[d]((s[d]**2 + m[d]**2 - 1)/2 - log(s[d]))""", "analytic"),
    entry("powers", """
        x: parameter[i], positive
        a: parameter
        L = sum[i](x[i]**a + x[i]**(3/2))""", "analytic"),
    entry("Huber loss", """
        r: parameter[n]
        L = sum[n](where(abs(r[n]) < 1, r[n]**2/2, abs(r[n]) - 1/2))""", "kinked"),
    entry("hinge loss", """
        X: input[n, d]
        y: input[n]
        w: parameter[d]
        L = mean[n](relu(1 - y[n]*sum[d](X[n,d]*w[d])))""", "kinked"),
    entry("choice by index", """
        x: parameter[i]
        L = sum[i](where(i < 2, x[i]**2, sin(x[i])))""", "analytic"),
    entry("naive log of a sum", """
        z: parameter[n, k]
        L = mean[n](log(sum[k](exp(z[n,k]))))""", "analytic"),
    entry("contrastive", """
        A, B: parameter[n, d]
        s[n,m] = sum[d](A[n,d]*B[m,d])
        L = mean[n](logsumexp[m](s[n,m]) - s[n,n])""", "analytic"),
    entry("Gaussian kernel", """
        X: parameter[i, d]
        g: parameter
        L = sum[i,j](exp(-g*sum[d]((X[i,d] - X[j,d])**2)))""", "analytic"),

    # -- recurrences
    entry("recurrent network", """
        x: input[t, n, i]
        y: input[n, j]
        h0: parameter[j]
        U: parameter[j, i]
        W: parameter[j, j]
        h[t,n,j] = where(t == 0, h0[j], tanh(sum[k](W[j,k]*h[t-1,n,k]) + sum[i](U[j,i]*x[t,n,i])))
        L = mean[n,j]((h[T-1,n,j] - y[n,j])**2)""", "analytic"),
    entry("cumulative product by a recurrence", """
        x: parameter[t]
        P[t] = x[t]*where(t == 0, 1, P[t-1])
        L = sum[t](P[t]**2)""", "rational"),
    entry("autoregression of order two", """
        u: input[t]
        a, b: parameter
        s[0] = 1
        s[1] = a
        s[t+2] = a*s[t+1] + b*s[t] + u[t]
        L = sum[t](s[t]**2)""", "rational"),
    entry("discounted returns", """
        r: input[t]
        v: parameter[t]
        g: parameter
        R[t] = r[t] + where(t < T-1, g*R[t+1], 0)
        L = mean[t]((v[t] - R[t])**2)""", "rational"),
    entry("scalar filter", """
        y: input[t]
        q, s: parameter, positive
        P[t] = where(t == 0, 1, (1 - K[t-1])*P[t-1] + q)
        K[t] = P[t]/(P[t] + s)
        m[t] = where(t == 0, 0, m[t-1] + K[t-1]*(y[t-1] - m[t-1]))
        L = sum[t](log(P[t] + s)/2 + (y[t] - m[t])**2/(2*(P[t] + s)))""", "analytic"),
    entry("forward algorithm", """
        e: input[t, k]
        A: parameter[k, k]
        b: parameter[k]
        a[t,k] = e[t,k] + where(t == 0, b[k], logsumexp[j](a[t-1,j] + A[j,k]))
        L = logsumexp[k](a[T-1,k])""", "analytic"),
    entry("recurrence in two indices", """
        x: parameter[i, j]
        S[i,j] = sin(x[i,j] + where(i > 0, S[i-1,j], 0) + where(j > 0, S[i,j-1], 0))
        L = S[I-1,J-1]**2""", "analytic"),
]  # fmt: skip


# --- one program for each row of the function table -----------------------------------------------------------------


def _row_system(name: str, order: int | None) -> System:
    """L = sum_n u[n] f(x0[n], x1[n], ...): every argument is a parameter, a literal order stands first."""
    row, n, size = ROWS[name], Index("n"), Size("N")
    count = len(row.arguments) if order is None else len(row.arguments) - 1
    args = [Access(f"x{p}", n) for p in range(count)]
    call = row.head(*([Integer(order)] if order is not None else []), *args)
    tensors = [Tensor("u", (size,), role="input", letters=("n",))]
    tensors += [Tensor(f"x{p}", (size,), role="parameter", letters=("n",)) for p in range(count)]
    term = Term((), Access("u", n) * call, (Range(n, size),))
    tensors.append(Tensor("L", ()))
    return System({t.name: t for t in tensors}, (Equation("L", (term,)),), ("L",))


def _points(name: str) -> Callable:
    """Values inside the open domain of the row (its last argument), away from its kinks."""
    low, high = ROWS[name].domain
    low, high = max(float(low), -2.5), min(float(high), 2.5)
    kinks = [float(k.at) for k in ROWS[name].kinks if not isinstance(k.at, Symbol) and _is_number(k.at)]

    def make(rng, shape):
        x = rng.uniform(low + 0.05 * (high - low), high - 0.05 * (high - low), shape)
        for kink in kinks:
            x = np.where(np.abs(x - kink) < 0.02, x + 0.05, x)
        return x

    return make


def _is_number(value) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _row_entry(name: str) -> Entry:
    row = ROWS[name]
    order = row.orders[0] if row.orders else None
    tags = {"function"} | ({"analytic"} if row.complex else set()) | ({"kinked"} if row.kinks else set())
    last = len(row.arguments) - (1 if order is None else 2)
    return Entry(f"function {name}", "", frozenset(tags), {f"x{last}": _points(name)}, lambda: _row_system(name, order))


def differentiable(name: str) -> bool:
    """A row that states why it has no derivative is left out: asking for it is an error, tested elsewhere."""
    return not ROWS[name].jump


# --- linear algebra --------------------------------------------------------------------------------------------------

CALLS = [
    entry("linear system", """
        A: parameter[3, 3]
        b: parameter[3]
        u: input[3]
        x = solve(A, b)
        L = sum(u*x**2)""", "rational"),
    entry("stack of linear systems", """
        A: parameter[3, 2, 2]
        b: parameter[3, 2]
        B: parameter[2, 4]
        x = solve(A, b)
        Y = solve(A, B)
        L = sum[n,m](sum[i](x[n,i]*Y[n,i,m])**2)""", "rational"),
    entry("inverse", """
        A: parameter[3, 3]
        U: input[3, 3]
        L = sum(U*inv(A))""", "rational"),
    entry("determinant", """
        A: parameter[3, 3]
        c: parameter
        L = det(A)**2 + c*det(A.T @ A)""", "rational", "irrational second derivative"),
    entry("Gaussian likelihood", """
        X: parameter[n, d]
        x: parameter[d]
        S = X.T @ X + eye(D)/2
        L = logdet(S)/2 + x @ solve(S, x)/2""", "analytic"),
    entry("logarithms of determinants", """
        A: parameter[n, i, i]
        u: input[n]
        L = sum(u*logabsdet(A)**2)""", "analytic"),
    entry("Cholesky factor", """
        S: parameter[i, i]
        U: input[i, i]
        L = sum(U*cholesky(S)**2)""", "analytic", "dear"),
    entry("eigenvectors", """
        S: parameter[3, 3]
        U: input[3, 3]
        u: input[3]
        w, V = eigh(S)
        L = sum(U*V**2) + sum(u*exp(w/4))"""),
    entry("singular vectors", """
        A: parameter[4, 2]
        W: input[4, 2]
        u: input[2]
        U, s, Vh = svd(A)
        L = sum(W*U**2) + sum(u*s**2) + sum(Vh**3)"""),
    entry("orthogonal factor", """
        A: parameter[4, 2]
        W: input[4, 2]
        Q, R = qr(A)
        L = sum(W*Q**2) + sum(R**3)"""),
]

FUNCTIONS = [_row_entry(name) for name in ROWS if name not in ("stop", "finite") and differentiable(name)]
CATALOGUE = [*PATTERNS, *INSIDE, *MODELS, *CALLS, *FUNCTIONS]
BY_NAME = {e.name: e for e in CATALOGUE}
