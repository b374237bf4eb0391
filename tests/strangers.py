"""Programs that nobody wrote a rule for, each with data: name -> (text, arrays)."""

import numpy as np

RNG = np.random.default_rng(20)
normal = RNG.normal
PROGRAMS = {
    "embedding bag": (
        """
        E: parameter[v, j]
        tok: label[n, t] over v
        w: parameter[j]
        h[n,j] = mean[t](E[tok[n,t], j])
        L = sum[n](tanh(sum[j](h[n,j]*w[j])))
        """,
        {"E": normal(size=(5, 3)), "tok": RNG.integers(0, 5, (4, 2)), "w": normal(size=3)},
    ),
    "bilinear form": (
        """
        x: input[n, i]
        y: input[n, j]
        A: parameter[i, j]
        s[n] = sum[i,j](x[n,i]*A[i,j]*y[n,j])
        L = mean[n](log(1 + exp(-s[n])))
        """,
        {"x": normal(size=(4, 3)), "y": normal(size=(4, 2)), "A": normal(size=(3, 2))},
    ),
    "causal attention": (
        """
        X: input[t, d]
        Wq, Wk, Wv: parameter[d, h]
        q[t,h] = sum[d](X[t,d]*Wq[d,h])
        k[t,h] = sum[d](X[t,d]*Wk[d,h])
        v[t,h] = sum[d](X[t,d]*Wv[d,h])
        a[t,s] = softmax[s, s <= t](sum[h](q[t,h]*k[s,h])/sqrt(size(h)))
        o[t,h] = sum[s, s <= t](a[t,s]*v[s,h])
        L = sum[t,h](o[t,h]**2)
        """,
        {"X": normal(size=(4, 3)), **{w: normal(size=(3, 2)) for w in ("Wq", "Wk", "Wv")}},
    ),
    "strided and padded convolution": (
        """
        x: input[p]
        w: parameter[k]
        b: parameter
        y[i] = sum[k](x[2*i+k]*w[k]) + b
        z[p] = sum[k, 0 <= p+k-1, p+k-1 < size(p)](x[p+k-1]*w[k])
        L = sum[i](relu(y[i])) + sum[p](z[p]**2)
        """,
        {"x": normal(size=9), "w": normal(size=3), "b": np.array(0.3)},
    ),
    "row-max pooling": (
        """
        x: input[n, d]
        W: parameter[d, k]
        m[n] = max[k](sum[d](x[n,d]*W[d,k]))
        L = sum[n](m[n]**2)
        """,
        {"x": normal(size=(4, 3)), "W": normal(size=(3, 5))},
    ),
    "mixture density": (
        """
        x: input[n]
        a, mu, s: parameter[k]
        lp[n] = logsumexp[k](log_softmax[k](a[k]) - (x[n]-mu[k])**2*exp(-2*s[k])/2 - s[k])
        L = -mean[n](lp[n])
        """,
        {"x": normal(size=6), "a": normal(size=3), "mu": normal(size=3), "s": normal(size=3)},
    ),
    "product with zero factors": (
        """
        x: parameter[n, k]
        L = sum[n](prod[k](x[n,k])**2 + prod[k](x[n,k]))
        """,
        {"x": np.array([[1.0, 0, 2, 3], [0, 0, 1, 2], [1, 2, 3, -1]])},
    ),
    "layer normalisation": (
        """
        x: parameter[n, d]
        g, b: parameter[d]
        c: input[n, d]
        mu[n] = mean[d](x[n,d])
        var[n] = mean[d]((x[n,d]-mu[n])**2)
        y[n,d] = g[d]*(x[n,d]-mu[n])/sqrt(var[n]+1e-5) + b[d]
        L = sum[n,d](y[n,d]*c[n,d])
        """,
        {"x": normal(size=(3, 4)), "g": normal(size=4), "b": normal(size=4), "c": normal(size=(3, 4))},
    ),
    "concatenation": (
        """
        a: parameter[i]
        b: parameter[j]
        c[i] = a[i]
        c[size(i) + j] = b[j]
        L = sum[k](c[k]**3)
        """,
        {"a": normal(size=3), "b": normal(size=2)},
    ),
    "two residual blocks": (
        """
        x: input[n, d]
        W1, W2: parameter[d, e]
        V1, V2: parameter[e, d]
        h1[n,d] = x[n,d] + sum[e](gelu(sum[d](x[n,d]*W1[d,e]))*V1[e,d])
        h2[n,d] = h1[n,d] + sum[e](silu(sum[d](h1[n,d]*W2[d,e]))*V2[e,d])
        L = mean[n](sum[d](h2[n,d]**2))
        """,
        {
            "x": normal(size=(3, 4)), "W1": normal(size=(4, 2)), "W2": normal(size=(4, 2)),
            "V1": normal(size=(2, 4)), "V2": normal(size=(2, 4)),
        },
    ),
    "masked mean and a choice": (
        """
        x: parameter[n, k]
        m: input[n]
        q[n,k] = where(x[n,k] > 0, x[n,k]**2, 3*x[n,k])
        L = sum[n](m[n]*mean[k, k <= n](q[n,k])) + sum[n](abs(x[n,0]))
        """,
        {"x": normal(size=(4, 5)), "m": normal(size=4)},
    ),
}  # fmt: skip
