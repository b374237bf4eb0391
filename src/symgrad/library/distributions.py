"""Distributions: log-densities, entropies and divergences as programs, one value for each example `n`.

    sg.program(sg.distributions.LOG_DENSITIES["normal"]).gradient("logp", ...)

`x` is where the density is taken, the parameters are those of torch.distributions (`rate`, not scale, for gamma and
exponential). Densities of vectors run over a letter of their own. The closed forms of the divergences are definitions
here; they are compared with integrals and sums in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping

LOG_DENSITIES: Mapping[str, str] = {
    # Gauss 1809
    "normal": """\
x: input[n]
mu: parameter[n]
sigma: parameter[n], positive
logp[n] = -((x[n] - mu[n])/sigma[n])**2/2 - log(sigma[n]) - log(2*pi)/2""",
    # a matrix of covariances that is diagonal
    "multivariate_normal_diagonal": """\
x: input[n, d]
mu: parameter[n, d]
sigma: parameter[n, d], positive
logp[n] = sum[d](-((x[n,d] - mu[n,d])/sigma[n,d])**2/2 - log(sigma[n,d]) - log(2*pi)/2)""",
    # one matrix of covariances for all examples
    "multivariate_normal": """\
x: input[n, d]
mu: parameter[d]
S: parameter[d, d], symmetric
r[n,d] = x[n,d] - mu[d]
q = solve(S, r.T)
logdet_S = logdet(S)
logp[n] = -sum[d](r[n,d]*q[d,n])/2 - logdet_S/2 - size(d)*log(2*pi)/2""",
    # x is 0 or 1
    "bernoulli": """\
x: input[n]
p: parameter[n], positive
logp[n] = xlogy(x[n], p[n]) + xlogy(1 - x[n], 1 - p[n])""",
    "bernoulli_logits": """\
x: input[n]
z: parameter[n]
logp[n] = x[n]*z[n] - softplus(z[n])""",
    # x is a class; z are logits, as in torch's Categorical(logits=z)
    "categorical": """\
x: label[n] over k
z: parameter[n, k]
logp[n] = z[n,x[n]] - logsumexp[k](z[n,k])""",
    # Laplace 1774
    "laplace": """\
x: input[n]
mu: parameter[n]
scale: parameter[n], positive
logp[n] = -abs(x[n] - mu[n])/scale[n] - log(2*scale[n])""",
    # x >= 0
    "exponential": """\
x: input[n], nonnegative
rate: parameter[n], positive
logp[n] = log(rate[n]) - rate[n]*x[n]""",
    # x > 0
    "gamma": """\
x: input[n], positive
alpha: parameter[n], positive
rate: parameter[n], positive
logp[n] = alpha[n]*log(rate[n]) + (alpha[n] - 1)*log(x[n]) - rate[n]*x[n] - lgamma(alpha[n])""",
    # 0 < x < 1
    "beta": """\
x: input[n], positive
a: parameter[n], positive
b: parameter[n], positive
logp[n] = (a[n] - 1)*log(x[n]) + (b[n] - 1)*log1p(-x[n]) + lgamma(a[n] + b[n]) - lgamma(a[n]) - lgamma(b[n])""",
    # x[n,:] sums to one
    "dirichlet": """\
x: input[n, k], positive
alpha: parameter[n, k], positive
logp[n] = sum[k]((alpha[n,k] - 1)*log(x[n,k]) - lgamma(alpha[n,k])) + lgamma(sum[k](alpha[n,k]))""",
    # counts 0, 1, 2, ...
    "poisson": """\
x: input[n], nonnegative
rate: parameter[n], positive
logp[n] = x[n]*log(rate[n]) - rate[n] - lgamma(x[n] + 1)""",
    # failures before a success: 0, 1, 2, ...
    "geometric": """\
x: input[n], nonnegative
p: parameter[n], positive
logp[n] = x[n]*log1p(-p[n]) + log(p[n])""",
    # Student 1908
    "student_t": """\
x: input[n]
df: parameter[n], positive
mu: parameter[n]
sigma: parameter[n], positive
u[n] = (x[n] - mu[n])/sigma[n]
c[n] = lgamma((df[n] + 1)/2) - lgamma(df[n]/2) - log(pi*df[n])/2
logp[n] = c[n] - log(sigma[n]) - (df[n] + 1)/2*log1p(u[n]**2/df[n])""",
    "cauchy": """\
x: input[n]
mu: parameter[n]
scale: parameter[n], positive
logp[n] = -log1p(((x[n] - mu[n])/scale[n])**2) - log(pi*scale[n])""",
    # x > 0
    "log_normal": """\
x: input[n], positive
mu: parameter[n]
sigma: parameter[n], positive
logp[n] = -((log(x[n]) - mu[n])/sigma[n])**2/2 - log(x[n]*sigma[n]) - log(2*pi)/2""",
    "logistic": """\
x: input[n]
mu: parameter[n]
scale: parameter[n], positive
u[n] = (x[n] - mu[n])/scale[n]
logp[n] = log_sigmoid(u[n]) + log_sigmoid(-u[n]) - log(scale[n])""",
}  # fmt: skip

# KL(p || q): the parameters of p by their names, those of q behind `q_`
DIVERGENCES: Mapping[str, str] = {
    "normal": """\
mu: parameter[n]
sigma: parameter[n], positive
q_mu: input[n]
q_sigma: input[n], positive
KL[n] = log(q_sigma[n]/sigma[n]) + (sigma[n]**2 + (mu[n] - q_mu[n])**2)/(2*q_sigma[n]**2) - 1/2""",
    # against N(0, 1): Kingma and Welling, Auto-encoding variational Bayes, ICLR 2014, appendix B
    "standard_normal": """\
mu: parameter[n]
sigma: parameter[n], positive
KL[n] = (mu[n]**2 + sigma[n]**2 - 1)/2 - log(sigma[n])""",
    "multivariate_normal_diagonal": """\
mu: parameter[n, d]
sigma: parameter[n, d], positive
q_mu: input[n, d]
q_sigma: input[n, d], positive
u[n,d] = (sigma[n,d]**2 + (mu[n,d] - q_mu[n,d])**2)/(2*q_sigma[n,d]**2)
KL[n] = sum[d](log(q_sigma[n,d]/sigma[n,d]) + u[n,d] - 1/2)""",
    # full matrices of covariances
    "multivariate_normal": """\
mu: parameter[d]
S: parameter[d, d], symmetric
q_mu: input[d]
q_S: input[d, d], symmetric
r = mu - q_mu
KL = (tr(solve(q_S, S)) + r @ solve(q_S, r) - size(d) + logdet(q_S) - logdet(S))/2""",
    "bernoulli": """\
p: parameter[n], positive
q_p: input[n], positive
KL[n] = xlogx(p[n]) - xlogy(p[n], q_p[n]) + xlogx(1 - p[n]) - xlogy(1 - p[n], 1 - q_p[n])""",
    "categorical": """\
p: parameter[n, k], distribution over k
q: input[n, k], distribution over k
KL[n] = sum[k](xlogx(p[n,k]) - xlogy(p[n,k], q[n,k]))""",
    "laplace": """\
mu: parameter[n]
scale: parameter[n], positive
q_mu: input[n]
q_scale: input[n], positive
u[n] = abs(mu[n] - q_mu[n])
KL[n] = log(q_scale[n]/scale[n]) + (scale[n]*exp(-u[n]/scale[n]) + u[n])/q_scale[n] - 1""",
    "exponential": """\
rate: parameter[n], positive
q_rate: input[n], positive
KL[n] = log(rate[n]/q_rate[n]) + q_rate[n]/rate[n] - 1""",
    "gamma": """\
alpha: parameter[n], positive
rate: parameter[n], positive
q_alpha: input[n], positive
q_rate: input[n], positive
shapes[n] = (alpha[n] - q_alpha[n])*digamma(alpha[n]) - lgamma(alpha[n]) + lgamma(q_alpha[n])
KL[n] = shapes[n] + q_alpha[n]*log(rate[n]/q_rate[n]) + alpha[n]*(q_rate[n] - rate[n])/rate[n]""",
    "beta": """\
a: parameter[n], positive
b: parameter[n], positive
q_a: input[n], positive
q_b: input[n], positive
logs[n] = (a[n] - q_a[n])*digamma(a[n]) + (b[n] - q_b[n])*digamma(b[n])
total[n] = lgamma(a[n] + b[n]) - (a[n] + b[n] - q_a[n] - q_b[n])*digamma(a[n] + b[n])
KL[n] = total[n] + logs[n] - lgamma(a[n]) - lgamma(b[n]) + lgamma(q_a[n]) + lgamma(q_b[n]) - lgamma(q_a[n] + q_b[n])""",
    "dirichlet": """\
alpha: parameter[n, k], positive
q_alpha: input[n, k], positive
a[n] = sum[k](alpha[n,k])
logs[n] = sum[k]((alpha[n,k] - q_alpha[n,k])*(digamma(alpha[n,k]) - digamma(a[n])))
KL[n] = logs[n] + sum[k](lgamma(q_alpha[n,k]) - lgamma(alpha[n,k])) + lgamma(a[n]) - lgamma(sum[k](q_alpha[n,k]))""",
    "poisson": """\
rate: parameter[n], positive
q_rate: input[n], positive
KL[n] = rate[n]*log(rate[n]/q_rate[n]) + q_rate[n] - rate[n]""",
}  # fmt: skip

# of distributions over k; Shannon 1948, Lin 1991 for Jensen-Shannon
INFORMATION: Mapping[str, str] = {
    "entropy": """\
p: parameter[n, k], distribution over k
H[n] = -sum[k](xlogx(p[n,k]))""",
    "cross_entropy": """\
p: parameter[n, k], distribution over k
q: input[n, k], distribution over k
H[n] = -sum[k](xlogy(p[n,k], q[n,k]))""",
    "jensen_shannon": """\
p: parameter[n, k], distribution over k
q: parameter[n, k], distribution over k
m[n,k] = (p[n,k] + q[n,k])/2
JS[n] = sum[k](xlogx(p[n,k]) + xlogx(q[n,k]))/2 - sum[k](xlogx(m[n,k]))""",
    "mutual_information": """\
P: parameter[i, j], nonnegative
a[i] = sum[j](P[i,j])
b[j] = sum[i](P[i,j])
I = sum[i,j](xlogx(P[i,j])) - sum[i](xlogx(a[i])) - sum[j](xlogx(b[j]))""",
}
