"""How fast are Hessians and Jacobians that keep their structure, beside JAX's and heyoka's?

    python benchmarks/hessians.py [--case "logistic 100000"]

logistic    the Hessian X^T diag(s (1 - s)) X of logistic regression, n examples x 100 features; `newton`: with the
            gradient, the ridge 1e-3 and the solution of the system; `weights`: every example has a weight of either
            sign (a variant that is in no document)
factors     all blocks of the Hessian of ||T - U V^T||^2, m x m, k = 5, as they are stored: two k x k cores, and for the
            mixed block U, V and the residual. The peer computes the dense blocks
bundle      the 2 x 15 Jacobians of n bundle-adjustment residuals (Rodrigues rotation, two radial terms), blocks only

Ours are kernels bound to their arrays; the peers are `jax.jit` of `jax.hessian` or of a vectorised `jax.jacfwd`, and a
compiled function of heyoka's Jacobian. float64; results are compared first.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import NamedTuple

import paired


class Case(NamedTuple):
    kind: str
    rows: int


CASES = {f"{kind} {n}": Case(kind, n) for kind in ("logistic", "newton") for n in (10_000, 100_000)}
CASES |= {"weights 100000": Case("weights", 100_000)}
CASES |= {f"factors {n}": Case("factors", n) for n in (100, 300)} | {"bundle 100000": Case("bundle", 100_000)}

LOGISTIC = """
X: input[n, d]
y: input[n]
{declared}w: parameter[d]
z[n] = sum[d](X[n,d]*w[d])
L = sum[n]({weight}(softplus(z[n]) - y[n]*z[n])) + 0.0005*sum[d](w[d]**2)
"""
FACTORS = """
T: input[n, m]
U: parameter[n, k]
V: parameter[m, k]
L = sum[n,m]((T[n,m] - sum[k](U[n,k]*V[m,k]))**2)
"""
BUNDLE = """
r, C, X: parameter[n, i]
f, k1, k2, w: parameter[n]
x0: parameter[n, a]
y: input[n, a]
th[n] = sqrt(sum[i](r[n,i]**2))
v[n,i] = X[n,i] - C[n,i]
c[n,0] = r[n,1]*v[n,2] - r[n,2]*v[n,1]
c[n,1] = r[n,2]*v[n,0] - r[n,0]*v[n,2]
c[n,2] = r[n,0]*v[n,1] - r[n,1]*v[n,0]
q[n,i] = v[n,i]*cos(th[n]) + c[n,i]*(sin(th[n])/th[n]) + r[n,i]*(sum[j](r[n,j]*v[n,j])*(1 - cos(th[n]))/th[n]**2)
p[n,0] = q[n,0]/q[n,2]
p[n,1] = q[n,1]/q[n,2]
rho[n] = sum[a](p[n,a]**2)
e[n,a] = w[n]*(f[n]*(1 + k1[n]*rho[n] + k2[n]*rho[n]**2)*p[n,a] + x0[n,a] - y[n,a])
outputs: e
"""
COLUMNS = {"r": 3, "C": 3, "f": 1, "x0": 2, "k1": 1, "k2": 1, "X": 3, "w": 1}


def arrays(case: Case):
    import numpy as np

    rng = np.random.default_rng(0)
    if case.kind == "factors":
        shapes = {"T": (case.rows, case.rows), "U": (case.rows, 5), "V": (case.rows, 5)}
        return {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    if case.kind == "bundle":
        given = {n: 0.3 * rng.standard_normal((case.rows, k) if k > 1 else case.rows) for n, k in COLUMNS.items()}
        return given | {"X": given["X"] + 5, "f": given["f"] + 1.5, "y": rng.standard_normal((case.rows, 2))}
    given = {"X": rng.standard_normal((case.rows, 100)), "y": (rng.random(case.rows) < 0.5).astype(float)}
    given["w"] = rng.standard_normal(100) / 10
    return given | ({"c": rng.standard_normal(case.rows)} if case.kind == "weights" else {})


def ours(case: Case):
    return {"factors": our_factors, "bundle": our_bundle}.get(case.kind, our_logistic)(case)


def bind(program, given, outputs=None):
    kernel = program.compile("cpu", "float64", outputs=outputs)
    bound = kernel.bind(**{n: a for n, a in given.items() if n in program.kernel.tensors})
    bound.trusted = True
    return bound


def our_logistic(case: Case):
    import scipy.linalg

    import symgrad as sg

    weighted = case.kind == "weights"
    text = LOGISTIC.format(declared="c: input[n]\n" if weighted else "", weight="c[n]*" if weighted else "")
    derived = sg.program(text).hessian("L")
    structure, cores = derived.structure("d2L_dw_dw"), derived.compressed("d2L_dw_dw")
    given = arrays(case)
    if case.kind == "newton":
        bound = bind(cores, given, (*cores.outputs, "dL_dw"))

        def step():
            found = bound()
            hessian = structure.bind(given, found).dense()
            factor = scipy.linalg.cho_factor(hessian, check_finite=False)
            return scipy.linalg.cho_solve(factor, found["dL_dw"], check_finite=False)

        return step, lambda: {"step": step()}
    bound = bind(cores, given)
    return bound, lambda: {"H": structure.bind(given, bound()).dense()}


def our_factors(case: Case):
    import symgrad as sg

    derived = sg.program(FACTORS).hessian("L")
    given = arrays(case)
    bound = bind(derived.compressed(*derived.outputs), given)
    matrices = {n: derived.structure(n) for n in derived.outputs}
    return bound, lambda: {n: s.bind(given, bound()).dense() for n, s in matrices.items()}


def our_bundle(case: Case):
    import numpy as np

    import symgrad as sg

    derived = sg.program(BUNDLE, sizes={"i": 3, "a": 2}).jacobian("e", tuple(COLUMNS))
    names = derived.outputs[1:]
    given = arrays(case)
    bound = bind(derived.compressed(*names), given)
    few = {n: a[:50] for n, a in given.items()}

    def results():  # the blocks of some observations, out of the whole matrix of those
        found = {n: np.asarray(derived.structure(n).bind(few, {c: v[:50] for c, v in bound().items()}).dense())
                 for n in names}  # fmt: skip
        return {n.split("_d")[1]: np.stack([m[k, :, k] for k in range(50)]) for n, m in found.items()}

    return bound, results


def jax_engine(case: Case):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    given = {n: jnp.asarray(a) for n, a in arrays(case).items()}
    call, names = {"factors": jax_factors, "bundle": jax_bundle}.get(case.kind, jax_logistic)(case, given, jax, jnp)
    return (lambda: jax.block_until_ready(call())), lambda: names(call())


def jax_logistic(case: Case, given, jax, jnp):
    def loss(w):
        z = given["X"] @ w
        each = jax.nn.softplus(z) - given["y"] * z
        return (given["c"] * each if case.kind == "weights" else each).sum() + 0.0005 * (w**2).sum()

    if case.kind == "newton":
        step = jax.jit(lambda w: jax.scipy.linalg.solve(jax.hessian(loss)(w), jax.grad(loss)(w), assume_a="pos"))
        return (lambda: step(given["w"])), lambda found: {"step": found}
    hessian = jax.jit(jax.hessian(loss))
    return (lambda: hessian(given["w"])), lambda found: {"H": found}


def jax_factors(case: Case, given, jax, jnp):
    hessian = jax.jit(jax.hessian(lambda u, v: ((given["T"] - u @ v.T) ** 2).sum(), (0, 1)))
    names = ("d2L_dU_dU", "d2L_dU_dV", "d2L_dV_dV")
    return (
        (lambda: hessian(given["U"], given["V"])),
        lambda found: dict(zip(names, (found[0][0], found[0][1], found[1][1]))),
    )


def split(x):
    """The 15 columns by name."""
    found, start = {}, 0
    for name, count in COLUMNS.items():
        found[name] = x[start : start + count] if count > 1 else x[start]
        start += count
    return found


def jax_bundle(case: Case, given, jax, jnp):
    def residual(x, y):
        p = split(x)
        th = jnp.sqrt((p["r"] ** 2).sum())
        v = p["X"] - p["C"]
        turned = v * jnp.cos(th) + jnp.cross(p["r"], v) * (jnp.sin(th) / th)
        turned = turned + p["r"] * ((p["r"] @ v) * (1 - jnp.cos(th)) / th**2)
        at = turned[:2] / turned[2]
        rho = (at**2).sum()
        return p["w"] * (p["f"] * (1 + p["k1"] * rho + p["k2"] * rho**2) * at + p["x0"] - y)

    columns = jnp.concatenate([given[n].reshape(case.rows, -1) for n in COLUMNS], axis=1)
    jacobian = jax.jit(jax.vmap(jax.jacfwd(residual)))

    def names(found):
        import numpy as np

        rows = np.asarray(found)[:50]
        return {n: v.T if v.ndim > 1 else v for n, v in split_columns(rows).items()}

    return (lambda: jacobian(columns, given["y"])), names


def split_columns(rows):
    found, start = {}, 0
    for name, count in COLUMNS.items():
        block = rows[:, :, start : start + count]
        found[name] = (block if count > 1 else block[..., 0]).T
        start += count
    return found


def heyoka_engine(case: Case):
    if case.kind != "bundle":
        raise ImportError("only for bundle")
    import heyoka as hy
    import numpy as np

    words = [f"{n}{k}" for n, count in {**COLUMNS, "y": 2}.items() for k in range(count)]
    s = dict(zip(words, hy.make_vars(*words)))
    r, v = [s[f"r{k}"] for k in range(3)], [s[f"X{k}"] - s[f"C{k}"] for k in range(3)]
    th = hy.sqrt(r[0] ** 2 + r[1] ** 2 + r[2] ** 2)
    cross = [r[1] * v[2] - r[2] * v[1], r[2] * v[0] - r[0] * v[2], r[0] * v[1] - r[1] * v[0]]
    along = (r[0] * v[0] + r[1] * v[1] + r[2] * v[2]) * (1.0 - hy.cos(th)) / th**2
    q = [v[k] * hy.cos(th) + cross[k] * (hy.sin(th) / th) + r[k] * along for k in range(3)]
    p = [q[0] / q[2], q[1] / q[2]]
    rho = p[0] ** 2 + p[1] ** 2
    scale = s["f0"] * (1.0 + s["k10"] * rho + s["k20"] * rho**2)
    residuals = [s["w0"] * (scale * p[a] + s[f"x0{a}"] - s[f"y{a}"]) for a in range(2)]
    wrt = [s[w] for w in words[:15]]
    tensors = hy.diff_tensors(residuals, diff_args=wrt, diff_order=1)
    function = hy.cfunc(list(tensors.jacobian.ravel()), [s[w] for w in words])
    given = arrays(case)
    inputs = np.ascontiguousarray(np.concatenate([np.reshape(given[n], (case.rows, -1)).T for n in (*COLUMNS, "y")]))
    outputs = np.zeros((30, case.rows))

    def results():
        function(inputs, outputs=outputs)
        rows = outputs[:, :50].T.reshape(50, 2, 15)
        return {n: v.T if v.ndim > 1 else v for n, v in split_columns(rows).items()}

    return (lambda: function(inputs, outputs=outputs)), results


ENGINES = {"symgrad": ours, "JAX": jax_engine, "heyoka": heyoka_engine}

if __name__ == "__main__":
    paired.main(__file__, __doc__ or "", CASES, ENGINES, tolerance=1e-9)
