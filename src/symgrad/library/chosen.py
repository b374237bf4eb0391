"""Entries of the gallery that are chosen one by one: textbook results, each from the definition that it starts with."""

from __future__ import annotations

from .entry import Entry
from .models import mlp

CHOSEN = (
    Entry(
        "sigmoid",
        "activations",
        "The derivative of the logistic function is s(1 - s).",
        "x: parameter\ns = 1/(1 + exp(-x))",
        "s",
        reference="Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.88",
    ),
    Entry(
        "tanh",
        "activations",
        "The derivative of the hyperbolic tangent is 1 - t^2.",
        "x: parameter\nt = (exp(x) - exp(-x))/(exp(x) + exp(-x))",
        "t",
        reference="Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 4.5.73",
    ),
    Entry(
        "linear_regression",
        "networks",
        "Least squares: the gradient is X^T (X w - y).",
        """\
X: input[n, d]
y: input[n]
w: parameter[d]
r[n] = sum[d](X[n,d]*w[d]) - y[n]
L = sum[n](r[n]**2)/2""",
        "L",
        reference="Hastie, Tibshirani, Friedman, The Elements of Statistical Learning (2009), eq. 3.4",
    ),
    Entry(
        "logistic_regression",
        "networks",
        "Binary cross-entropy of a sigmoid: the gradient is X^T (p - y)/N.",
        """\
X: input[n, d]
y: input[n]
w: parameter[d]
b: parameter
z[n] = sum[d](X[n,d]*w[d]) + b
p[n] = sigmoid(z[n])
L = mean[n](-y[n]*log(p[n]) - (1 - y[n])*log(1 - p[n]))""",
        "L",
        reference="Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.91",
    ),
    Entry(
        "softmax_cross_entropy",
        "losses",
        "Cross-entropy of a softmax: the derivative by the scores is (p - Y)/N where Y sums to one.",
        """\
z: parameter[n, k]
Y: input[n, k], distribution over k
p[n,k] = softmax[k](z[n,k])
L = mean[n](-sum[k](Y[n,k]*log(p[n,k])))""",
        "L",
        ("z",),
        reference="Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.109",
    ),
    Entry(
        "gaussian_kl",
        "probability",
        "KL divergence of two diagonal Gaussians: its gradient by the mean and the standard deviation.",
        """\
mu: parameter[d]
nu: input[d]
sigma: parameter[d], positive
tau: input[d], positive
KL = sum[d](log(tau[d]/sigma[d]) + (sigma[d]**2 + (mu[d] - nu[d])**2)/(2*tau[d]**2) - 1/2)""",
        "KL",
        ("mu", "sigma"),
        reference="Kingma and Welling, Auto-encoding variational Bayes (ICLR 2014), appendix B",
    ),
    Entry(
        "mlp_backprop",
        "networks",
        "Backpropagation through a network with two hidden layers and a softmax cross-entropy loss.",
        mlp("d", "h", "j", "k", activation="tanh"),
        "L",
        reference="Rumelhart, Hinton, Williams, Nature 323 (1986)",
    ),
    Entry(
        "backprop_2_3_1",
        "networks",
        "Backpropagation by hand: two inputs, three sigmoid units, one output, half the squared error of one example.",
        """\
x: input[2]
y: input
W1: parameter[3, 2]
b1: parameter[3]
W2: parameter[3]
b2: parameter
z[h] = sum[d](W1[h,d]*x[d]) + b1[h]
a[h] = sigmoid(z[h])
q = sum[h](W2[h]*a[h]) + b2
L = (y - q)**2/2""",
        "L",
        ("q", "a", "z", "W2", "b2", "W1", "b1", "x"),
        reference="Rumelhart, Hinton, Williams, Nature 323 (1986)",
    ),
    Entry(
        "input_gradient",
        "networks",
        "The derivative of the loss by the input of a network: the direction of an adversarial example.",
        mlp("d", "h", "k", activation="tanh"),
        "L",
        ("X",),
        reference="Goodfellow, Shlens, Szegedy, Explaining and harnessing adversarial examples (ICLR 2015)",
    ),
    Entry(
        "stacked_linear",
        "networks",
        "Two linear layers are one: the Jacobian of the output by the input is the product of the matrices.",
        """\
x: input[d]
W1: parameter[h, d]
W2: parameter[k, h]
a[h] = sum[d](W1[h,d]*x[d])
y[k] = sum[h](W2[k,h]*a[h])""",
        "y",
        ("x",),
        reference="Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.1",
        verbs=("jacobian",),
    ),
    Entry(
        "reparameterisation",
        "probability",
        "z = mu + sigma eps: dz/dmu = 1 and dz/dsigma = eps, so that a sample is differentiated by its distribution.",
        "mu: parameter\nsigma: parameter, positive\neps: noise\nz = mu + sigma*eps",
        "z",
        reference="Kingma and Welling, Auto-encoding variational Bayes (ICLR 2014), section 2.4",
    ),
    Entry(
        "vanishing_gradient",
        "activations",
        "Through ten sigmoids the derivative is a product of ten s(1 - s), each at most 1/4: at most 9.5e-7.",
        "x: parameter\n" + "\n".join(f"s{i} = sigmoid({'x' if i == 1 else f's{i - 1}'})" for i in range(1, 11)),
        "s10",
        reference="Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen (1991)",
    ),
    Entry(
        "softmax_curvature",
        "losses",
        "The Hessian of softmax and cross-entropy by the scores is diag(p) - p p^T.",
        """\
z: parameter[k]
y: label over k
p[k] = softmax[k](z[k])
L = -log(p[y])""",
        "L",
        ("z",),
        "Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.110",
        ("gradient", "hessian"),
    ),
    Entry(
        "sigmoid_cross_entropy",
        "losses",
        "Binary cross-entropy of a sigmoid: the derivative by the logit is p - y, the second one p(1 - p).",
        "z: parameter\ny: input\np = sigmoid(z)\nL = -y*log(p) - (1 - y)*log(1 - p)",
        "L",
        ("z",),
        "Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.91",
        ("gradient", "hessian"),
    ),
    Entry(
        "newton",
        "optimisation",
        "What Newton's method solves with: gradient and Hessian of logistic regression.",
        """\
X: input[n, d]
y: input[n]
w: parameter[d]
p[n] = sigmoid(sum[d](X[n,d]*w[d]))
L = sum[n](-y[n]*log(p[n]) - (1 - y[n])*log(1 - p[n]))""",
        "L",
        ("w",),
        "Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.97",
        ("gradient", "hessian"),
    ),
    Entry(
        "gauss_newton",
        "optimisation",
        "The product of the Gauss-Newton matrix J^T J with a vector, for residuals of an exponential.",
        "x, y: input[n]\na: parameter[2]\nr[n] = a[0]*exp(a[1]*x[n]) - y[n]",
        "r",
        ("a",),
        "Nocedal and Wright, Numerical Optimization (2006), eq. 10.23",
        ("gauss_newton",),
    ),
    Entry(
        "bfgs_update",
        "optimisation",
        "The update of BFGS to the inverse Hessian, from the last step s and the change y of the gradient.",
        """\
H: parameter[i, j]
s, y: input[i]
c = 1/sum[i](s[i]*y[i])
Hy[i] = sum[j](H[i,j]*y[j])
q = c*(1 + c*sum[i](y[i]*Hy[i]))
H_next[i,j] = H[i,j] + q*s[i]*s[j] - c*(Hy[i]*s[j] + s[i]*Hy[j])""",
        "H_next",
        ("H",),
        "Nocedal and Wright, Numerical Optimization (2006), eq. 6.17",
        ("vjp",),
    ),
    Entry(
        "lbfgs_direction",
        "optimisation",
        "The two loops of L-BFGS with one stored pair: the Jacobian of the direction by g is the matrix of BFGS.",
        """\
g: parameter[i]
s, y: input[i]
gamma: input, positive
rho = 1/sum[i](s[i]*y[i])
a = rho*sum[i](s[i]*g[i])
q[i] = g[i] - a*y[i]
r[i] = gamma*q[i]
b = rho*sum[i](y[i]*r[i])
d[i] = r[i] + (a - b)*s[i]""",
        "d",
        ("g",),
        "Nocedal and Wright, Numerical Optimization (2006), Algorithm 7.4",
        ("jacobian",),
    ),
    Entry(
        "clip_by_value",
        "optimisation",
        "Every entry of a gradient between two bounds: its Jacobian is 1 inside and 0 outside.",
        "g: parameter[i]\nbound: input, positive\nc[i] = minimum(maximum(g[i], -bound), bound)",
        "c",
        ("g",),
        "Mikolov, Statistical language models based on neural networks (2012), section 3.2.2",
        ("jacobian",),
    ),
    Entry(
        "clip_by_norm",
        "optimisation",
        "A gradient scaled down until its norm is at most a bound.",
        """\
g: parameter[i]
bound: input, positive
norm = sqrt(sum[i](g[i]**2))
c[i] = minimum(1, bound/(norm + 1/10**6))*g[i]""",
        "c",
        ("g",),
        "Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks (ICML 2013), Algorithm 1",
        ("jacobian",),
    ),
)
