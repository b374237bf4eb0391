"""Programs whose derivatives have a structure, and what must hold for each of them."""

from dataclasses import replace

import numpy as np

from symgrad import program
from symgrad.calculus.structure import compress
from symgrad.ir.check import check
from symgrad.ir.interpret import interpret
from symgrad.verify import draw

# a point X that is turned by the rotation vector r (Rodrigues' formula), and projected: part of a model
PROJECTION = """\
th[n] = sqrt(sum[i](r[n,i]**2))
c[n,0] = r[n,1]*X[n,2] - r[n,2]*X[n,1]
c[n,1] = r[n,2]*X[n,0] - r[n,0]*X[n,2]
c[n,2] = r[n,0]*X[n,1] - r[n,1]*X[n,0]
q[n,i] = X[n,i]*cos(th[n]) + c[n,i]*(sin(th[n])/th[n]) + r[n,i]*(sum[j](r[n,j]*X[n,j])*(1 - cos(th[n]))/th[n]**2)
p[n,0] = q[n,0]/q[n,2]
p[n,1] = q[n,1]/q[n,2]
"""
MODELS = {
    "sum of functions": "x: parameter[i] \n L = sum[i](log(1 + exp(x[i])))",
    "logistic regression": """X: input[n,d]; y: input[n]; w: parameter[d]
        z[n] = sum[d](X[n,d]*w[d])
        s[n] = sigmoid(z[n])
        L = sum[n](-y[n]*log(s[n]) - (1 - y[n])*log(1 - s[n]))""",
    "matrix factorisation": """T: input[n,m]; U: parameter[n,k]; V: parameter[m,k]
        L = sum[n,m]((T[n,m] - sum[k](U[n,k]*V[m,k]))**2)""",
    "masked factorisation": """T, M: input[n,m]; U: parameter[n,k]; V: parameter[m,k]
        L = sum[n,m](M[n,m]*(T[n,m] - sum[k](U[n,k]*V[m,k]))**2)""",
    "ridge factorisation": """T: input[n,m]; a: input; U: parameter[n,k]; V: parameter[m,k]
        L = sum[n,m]((T[n,m] - sum[k](U[n,k]*V[m,k]))**2) + a*sum[n,k](U[n,k]**2)""",
    "Rosenbrock": "x: parameter[i] \n L = sum[i](100*(x[i+1] - x[i]**2)**2 + (1 - x[i])**2)",
    "softmax cross-entropy": """Y: input[n,k]; z: parameter[n,k]
        p[n,k] = softmax[k](z[n,k])
        L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))""",
    "logsumexp": "x: parameter[k] \n L = logsumexp[k](x[k])",
    "softmax regression": """X: input[n,d]; Y: input[n,k], distribution over k; W: parameter[d,k]
        p[n,k] = softmax[k](sum[d](X[n,d]*W[d,k]))
        L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))""",
    "two layers": """X: input[n,d]; T: input[n,k]; W1: parameter[d,h]; W2: parameter[h,k]
        a[n,h] = tanh(sum[d](X[n,d]*W1[d,h]))
        L = sum[n,k]((sum[h](a[n,h]*W2[h,k]) - T[n,k])**2)""",
    "quadratic form": "A: input[i,i]; x: parameter[i] \n L = sum[i,j](x[i]*A[i,j]*x[j])",
    "pair energies": "r: parameter[i,c]; q: input[j,c] \n L = sum[i,j](1/(1 + sum[c]((r[i,c] - q[j,c])**2)))",
    "embedding": """t: label[n] over v; E: parameter[v,j]; B: input[j,m]; T: input[n,m]
        L = sum[n,m]((sum[j](E[t[n],j]*B[j,m]) - T[n,m])**2)""",
    "convolution": """x: parameter[p]; w: parameter[k]; T: input[i]
        L = sum[i]((sum[k](w[k]*x[i+k]) - T[i])**2)""",
    "least squares": "X: input[n,d]; W: parameter[d,k]; Y: input[n,k] \n"
    "L = sum[n,k]((sum[d](X[n,d]*W[d,k]) - Y[n,k])**2)",
    "two sides": """A: input[i,j]; B: input[k,l]; Y: input[i,l]; X: parameter[j,k]
        L = sum[i,l]((sum[j,k](A[i,j]*X[j,k]*B[k,l]) - Y[i,l])**2)""",
    "layer normalisation": """x: parameter[n,k]; T: input[n,k]
        m[n] = mean[k](x[n,k])
        v[n] = mean[k]((x[n,k] - m[n])**2) + 1
        L = sum[n,k](((x[n,k] - m[n])/sqrt(v[n]) - T[n,k])**2)""",
    "second differences": """x: parameter[i]
        d[i] = x[i+1] - x[i]
        e[i] = d[i+1] - d[i]
        L = sum[i](e[i]**4)""",
    "four stencils": """x: parameter[p]
        a[i] = tanh(x[i+1] - x[i])
        b[i] = a[i+1]*a[i]
        c[i] = tanh(b[i+1] - b[i])
        d[i] = c[i+1]*c[i]
        L = sum[i](d[i]**2)""",
    "grid": "u: parameter[i,j] \n L = sum[i,j]((u[i+1,j] - u[i,j])**4) + sum[i,j]((u[i,j+1] - u[i,j])**4)",
    "graph": "s, t: label[m] over n; x: parameter[n] \n L = sum[m]((x[s[m]] - x[t[m]])**4)",
    "norm": "x: parameter[i] \n L = sqrt(sum[i](x[i]**2) + 1)",
    "variance": "x: parameter[i] \n m = mean[i](x[i]) \n L = mean[i]((x[i] - m)**2)",
    "flip": "x: parameter[i] \n L = sum[i](x[i]**2*x[size(i)-1-i])",
    "stride": "x: parameter[p]; w: input[k] \n y[i] = sum[k](w[k]*x[2*i+k]) \n L = sum[i](y[i]**4)",
    "two convolutions": """x: parameter[p]; w: input[k]; v: input[l]
        y[i] = tanh(sum[k](w[k]*x[i+k]))
        z[j] = sum[l](v[l]*y[j+l])
        L = sum[j](z[j]**2)""",
    "diagonal of a matrix": "A: parameter[i,i] \n L = sum[i](exp(A[i,i]**2)) + sum[i,j](A[i,j]*A[j,i])",
    "exponential of a diagonal": """d: parameter[i]; W: input[i,i]
        D[i,i] = d[i]
        L = sum[i,j](W[i,j]*exp(2*D[i,j]))""",
    "diagonal and matrix": """d: parameter[i]; A: input[i,i]; x: input[i]
        D[i,i] = d[i]
        y[i] = sum[j]((D[i,j] + A[i,j])*x[j])
        L = sum[i](y[i]**4)""",
    "squared with a ridge": """d: parameter[i]; A: input[i,i]
        D[i,i] = d[i]
        M[i,j] = D[i,j] + A[i,j]
        L = sum[i,k](sum[j](M[i,j]*M[j,k])**2)""",
    "product": "x: parameter[i] \n L = prod[i](x[i])",
    "row maxima": "x: parameter[n,k] \n L = sum[n](max[k](x[n,k])**2)",
    "cumulative sum": "x: parameter[i] \n y[i] = sum[j, j <= i](x[j]) \n L = sum[i](y[i]**4)",
    "exponential of a sum": "a: parameter[i]; B: input[i,j] \n L = sum[i,j](exp(a[i]*B[i,j] + a[j]))",
}


def model(name):
    return program(MODELS[name].replace(";", "\n"))


def arrays_of(derived, seed=0):
    return draw.finite_point(derived.raw, seed)


def holds(derived, name, seed=0):
    """The compressed form has the value that the equations had: stored, multiplied, transposed, sparse, dense."""
    arrays = arrays_of(derived, seed)
    dense = derived.evaluate(**arrays)[name]
    same_view(derived.kernel, name, arrays, dense)
    matrix = derived.structured(name, target="interpreter")(**arrays)
    scale = 1e-12 * (1 + np.abs(dense).max(initial=0))     # sums in another order: a few ulp of the largest entry
    np.testing.assert_allclose(matrix.dense(), dense, rtol=0, atol=10 * scale)
    flat = dense.reshape(matrix.shape)
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=matrix.shape[1]), rng.normal(size=matrix.shape[0])
    np.testing.assert_allclose(matrix @ x, flat @ x, rtol=0, atol=100 * scale)
    np.testing.assert_allclose(matrix.transposed_product(y), flat.T @ y, rtol=0, atol=100 * scale)
    np.testing.assert_allclose(matrix.to_scipy_sparse().toarray(), flat, rtol=0, atol=10 * scale)
    outside = ~derived.structure(name).pattern(**arrays).toarray()
    assert not np.any(flat[outside]), "an entry outside the pattern"
    if not any(t.data for t in derived.structure(name).terms):     # how often data name one cell nobody knows before
        assert matrix.storage <= max(flat.size, 1)
    return matrix, dense, arrays


def same_view(system, name, arrays, dense):
    """`compress` is a pass: the view it writes passes the checker and has the same value."""
    made = check(compress(replace(system, outputs=(name,)), name))
    near = 1e-12 * (1 + np.abs(dense).max(initial=0))
    np.testing.assert_allclose(interpret(made, arrays)[name], dense, rtol=1e-9, atol=near)


def solves(matrix, dense, ridge):
    """The plan's solution is NumPy's, where the matrix is well conditioned."""
    a = dense.reshape(matrix.shape) + ridge * np.eye(matrix.shape[0])
    g = np.random.default_rng(1).normal(size=matrix.shape[0])
    np.testing.assert_allclose(matrix.solve(g, ridge), np.linalg.solve(a, g), rtol=0, atol=1e-11 * np.linalg.cond(a))


def differences(of, name, wrt, arrays, step=1e-5):
    """Central differences of the tensor `name` of the program `of`, its axes first, then those of `wrt`."""
    x = np.asarray(arrays[wrt], float)
    columns = []
    for cell in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][cell] += step
        moved[1][cell] -= step
        ahead, behind = (of.evaluate(**{**arrays, wrt: m})[name] for m in moved)
        columns.append((ahead - behind) / (2 * step))
    return np.stack(columns, -1).reshape(*np.shape(columns[0]), *x.shape) if columns else np.zeros((*x.shape, *x.shape))
