"""Models as text of the notation: what `sg.program` and `sg.fit` take.

A size is a number, or a letter that leaves it open. `X` is the input, `y` the label or target, `L` the loss that is
minimised, `p` the prediction. Parameters are named by the layer they belong to.
"""

from __future__ import annotations

from ..errors import ShapeError, did_you_mean
from .activations import activation as apply_activation
from .activations import parameters as learned_by
from .layers import padded
from .losses import Loss
from .losses import loss as loss_row
from .numbers import whole
from .recurrent import cell, recurrence

NAMES = (
    "autoencoder", "conv_net", "denoising_autoencoder", "factorization_machine", "gaussian_mixture",
    "linear_regression", "logistic_regression", "lstm", "matrix_factorization", "mlp", "pinn", "recurrent", "skip_gram",
    "softmax_regression", "sparse_autoencoder", "transformer_block", "vae",
)  # fmt: skip

Size = int | str


def __getattr__(name: str):
    hint = did_you_mean(name, NAMES)
    raise AttributeError(f"there is no model {name}; there are {', '.join(NAMES)}. {hint}".rstrip())


def mlp(*layers: Size, activation: str = "relu", loss: str | Loss = "cross_entropy") -> str:
    """A fully connected network: features first, classes last; each layer is a size, or a letter that leaves it open.

    `z_l[n,h] = sum_j a_(l-1)[n,j] W_l[j,h] + b_l[h]`, `a_l = activation(z_l)`, and the loss of the last `z`.
    `X` is `[n, d]`; the parameters are `W1, b1, W2, b2, ...`; the outputs are the loss `L` and the prediction `p`.
    `activation` is a name of `sg.activations` or an expression in `x`; its own parameters are learned in each layer.

    >>> print(mlp(4, "k"))
    X: input[n, 4]
    y: label[n] over k
    W1: parameter[4, k]
    b1: parameter[k]
    z1[n,k] = sum[d](X[n,d]*W1[d,k]) + b1[k]
    p[n,k] = softmax[k](z1[n,k])
    L = mean[n](-log(p[n,y[n]]))
    outputs: L, p
    """
    if len(layers) < 2 or any(isinstance(s, int) and s < 1 for s in layers):
        raise ShapeError(f"mlp takes at least two positive sizes, features first: mlp(64, 32, 10); it got {layers}.")
    row = loss_row(loss)
    if not row.of_scores:
        raise ShapeError(f"{loss} is not a loss of scores: take one of a softmax or sigmoid, such as cross_entropy.")
    declared, equations, scores, letter = _dense("X", layers, ("d", "h", "k"), activation)
    behind = [line.format(z=scores, k=letter) for line in (row.prediction, row.value)]
    head = [f"X: input[n, {layers[0]}]", row.target.format(k=layers[-1], letter=letter)]
    return "\n".join([*head, *declared, *equations, *behind, "outputs: L, p"])


def _dense(
    source: str, layers: tuple[Size, ...], usual: tuple[str, str, str], activation: str, first: int = 1, mark: str = ""
) -> tuple[list[str], list[str], str, str]:
    """Declarations and equations of dense layers from `source[n, .]`, the last without activation; the last `z`
    and the letter of its axis. `usual` are the letters of the first, inner and last axes of fixed size."""
    count = len(layers) - 1
    inner = (usual[0], *(f"{usual[1]}{layer}" for layer in range(first, first + count - 1)), usual[2])
    letters = [size if isinstance(size, str) else letter for size, letter in zip(layers, inner)]
    declared, equations = [], []
    for number, layer in enumerate(range(first, first + count)):
        i, j, tag = letters[number], letters[number + 1], f"{mark}{layer}"
        inward, outward = layers[number : number + 2]
        declared += [f"W{tag}: parameter[{inward}, {outward}]", f"b{tag}: parameter[{outward}]"]
        equations.append(f"z{tag}[n,{j}] = sum[{i}]({source}[n,{i}]*W{tag}[{i},{j}]) + b{tag}[{j}]")
        if number < count - 1:
            declared += [f"{name}_{tag}: parameter" for name in learned_by(activation)]
            equations.append(f"a{tag}[n,{j}] = {apply_activation(activation, f'z{tag}[n,{j}]', tag)}")
            source = f"a{tag}"
    return declared, equations, f"z{mark}{first + count - 1}[n,{letters[-1]}]", letters[-1]


def linear_regression(features: Size = "d") -> str:
    """Least squares: `p = X w + b`, half the mean squared error. Gauss, Theoria motus, 1809."""
    return f"""\
X: input[n, {features}]
y: input[n]
w: parameter[{features}]
b: parameter
p[n] = sum[d](X[n,d]*w[d]) + b
L = mean[n]((p[n] - y[n])**2)/2
outputs: L, p"""


def logistic_regression(features: Size = "d") -> str:
    """The probability of a class is the sigmoid of a linear score; `y` is 0 or 1. Cox, J. R. Stat. Soc. B 20 (1958)."""
    return f"""\
X: input[n, {features}]
y: input[n]
w: parameter[{features}]
b: parameter
z[n] = sum[d](X[n,d]*w[d]) + b
p[n] = sigmoid(z[n])
L = mean[n](-y[n]*log(p[n]) - (1 - y[n])*log(1 - p[n]))
outputs: L, p"""


def softmax_regression(features: Size = "d", classes: Size = "k") -> str:
    """Logistic regression with several classes; the labels are integers. Bishop 2006, section 4.3.4."""
    return mlp(features, classes)


# autoencoders


def _mirror(layers: tuple[Size, ...], name: str) -> tuple[Size, ...]:
    if len(layers) < 2:
        raise ShapeError(f"{name} takes at least two sizes, features first, the code last: {name}(64, 8).")
    return layers[::-1]


def _encoder_decoder(
    source: str, layers: tuple[Size, ...], activation: str, name: str
) -> tuple[list[str], list[str], str]:
    """Dense layers down to the code `c[n,m]`, and the same sizes up again to the reconstruction."""
    back = _mirror(layers, name)
    down, encode, code, m = _dense(source, layers, ("d", "h", "m"), activation, 1, "e")
    up, decode, scores, d = _dense("c", back, ("m", "g", "d"), activation, 1, "d")
    if d != "d":
        raise ShapeError(f"{name}: write the number of features as a number or as the letter d; it is {d}.")
    squash = f"c[n,{m}] = {apply_activation(activation, code, 'c')}"
    own = [f"{parameter}_c: parameter" for parameter in learned_by(activation)]
    return [*down, *own, *up], [*encode, squash, *decode], scores


def autoencoder(*layers: Size, activation: str = "tanh") -> str:
    """Encoder and decoder of dense layers around a code `c`, trained on the squared error of `X` itself.

    Hinton and Salakhutdinov, Reducing the dimensionality of data, Science 313 (2006).
    """
    declared, equations, scores = _encoder_decoder("X", layers, activation, "autoencoder")
    value = [f"p[n,d] = {scores}", "L = mean[n](sum[d]((p[n,d] - X[n,d])**2))", "outputs: L, p"]
    return "\n".join([f"X: input[n, {layers[0]}]", *declared, *equations, *value])


def sparse_autoencoder(*layers: Size, penalty: str = "kl", weight: float = 0.1, rho: float = 0.05) -> str:
    """An autoencoder whose code is kept small by a penalty on its mean activations. `kl` is the divergence of a
    Bernoulli variable of mean `rho` from one of the mean q of each unit (sigmoid code), `l1` the mean absolute code.

    Ng, Sparse autoencoder, CS294A lecture notes (2011), section 3.
    """
    if penalty not in ("kl", "l1"):
        raise ShapeError(f"penalty of sparse_autoencoder is kl or l1; it is {penalty}.")
    declared, equations, scores = _encoder_decoder("X", layers, "sigmoid", "sparse_autoencoder")
    m = layers[-1] if isinstance(layers[-1], str) else "m"
    error = [f"p[n,d] = {scores}", "E = mean[n](sum[d]((p[n,d] - X[n,d])**2))"]
    if penalty == "kl":
        z = f"ze{len(layers) - 1}[n,{m}]"  # log q and log(1 - q) exist where every sigmoid is rounded to 0 or 1
        kl = f"{rho}*(log({rho}) - log_q[{m}]) + (1 - {rho})*(log(1 - {rho}) - log_rest[{m}])"
        error += [
            f"log_q[{m}] = logsumexp[n](log_sigmoid({z})) - log(size(n))",
            f"log_rest[{m}] = logsumexp[n](log_sigmoid(-{z})) - log(size(n))",
            f"R = sum[{m}]({kl})",
        ]
    else:
        error += [f"R = mean[n](sum[{m}](abs(c[n,{m}])))"]
    last = [f"L = E + {weight}*R", "outputs: L, p"]
    return "\n".join([f"X: input[n, {layers[0]}]", *declared, *equations, *error, *last])


_CORRUPTION = {
    "gaussian": ("eps: noise[n, {d}]", "V[n,d] = X[n,d] + {level}*eps[n,d]"),
    "masking": ("u: noise[n, {d}], uniform", "V[n,d] = where(u[n,d] < {level}, 0, X[n,d])"),
    "salt_and_pepper": (
        "u: noise[n, {d}], uniform",
        "V[n,d] = where(u[n,d] < {level}/2, 0, where(u[n,d] < {level}, 1, X[n,d]))",
    ),
}


def denoising_autoencoder(*layers: Size, noise: str = "gaussian", level: float = 0.3, activation: str = "tanh") -> str:
    """An autoencoder that sees `X` corrupted by noise and is asked for `X`. The noise is normal with the standard
    deviation `level` (`gaussian`), or a share `level` of the entries is 0 (`masking`), or 0 and 1 (`salt_and_pepper`).

    Vincent et al., Stacked denoising autoencoders, JMLR 11 (2010), section 3.3.
    """
    if noise not in _CORRUPTION:
        raise ShapeError(f"noise of denoising_autoencoder is one of {', '.join(_CORRUPTION)}; it is {noise}.")
    declared, equations, scores = _encoder_decoder("V", layers, activation, "denoising_autoencoder")
    drawn, corrupted = (line.format(d=layers[0], level=level) for line in _CORRUPTION[noise])
    value = [f"p[n,d] = {scores}", "L = mean[n](sum[d]((p[n,d] - X[n,d])**2))", "outputs: L, p"]
    return "\n".join([f"X: input[n, {layers[0]}]", drawn, *declared, corrupted, *equations, *value])


def vae(*layers: Size, decoder: str = "bernoulli", activation: str = "relu", annealed: bool = False) -> str:
    """A variational autoencoder: features first, latent dimension last. `E` is the negative expected log-likelihood by
    one sample, `KL` the divergence of the posterior from N(0, 1), `L = E + beta*KL` the negative evidence lower bound.

    `decoder` is `bernoulli` (pixels in 0..1) or `gaussian` (unit variance, without its constant). With `annealed`,
    `beta` is an input: 1 for the bound, another number for a beta-VAE, a schedule for annealing.

    Kingma and Welling, Auto-encoding variational Bayes, ICLR 2014, eq. 10; Higgins et al., beta-VAE, ICLR 2017.
    """
    if decoder not in ("bernoulli", "gaussian"):
        raise ShapeError(f"decoder of vae is bernoulli or gaussian; it is {decoder}.")
    if len(layers) < 3:
        raise ShapeError("vae takes at least three sizes, features first, the code last: vae(784, 256, 16).")
    latent = layers[-1]
    down, encode, code, h = _dense("X", layers[:-1], ("d", "h", "h"), activation, 1, "e")
    up, decode, scores, d = _dense("s", layers[::-1], ("m", "g", "d"), activation, 1, "d")
    m = latent if isinstance(latent, str) else "m"
    if d != "d":
        raise ShapeError(f"vae: write the number of features as a number or as the letter d; it is {d}.")
    declared = [
        f"X: input[n, {layers[0]}]", f"eps: noise[n, {latent}]", *(["beta: input"] if annealed else []), *down,
        *(f"{name}_h: parameter" for name in learned_by(activation)),
        f"Wmu, Wrho: parameter[{layers[-2]}, {latent}]", f"bmu, brho: parameter[{latent}]", *up,
    ]  # fmt: skip
    middle = [
        f"a[n,{h}] = {apply_activation(activation, code, 'h')}",
        f"mu[n,{m}] = sum[{h}](a[n,{h}]*Wmu[{h},{m}]) + bmu[{m}]",
        f"rho[n,{m}] = sum[{h}](a[n,{h}]*Wrho[{h},{m}]) + brho[{m}]",
        f"s[n,{m}] = mu[n,{m}] + exp(rho[n,{m}]/2)*eps[n,{m}]",
    ]
    likelihood = {
        "bernoulli": ["p[n,d] = sigmoid({z})", "E = mean[n](sum[d](softplus({z}) - X[n,d]*{z}))"],
        "gaussian": ["p[n,d] = {z}", "E = mean[n](sum[d]((X[n,d] - p[n,d])**2))/2"],
    }[decoder]
    last = [
        *(line.format(z=scores) for line in likelihood),
        f"KL = mean[n](sum[{m}](mu[n,{m}]**2 + exp(rho[n,{m}]) - 1 - rho[n,{m}]))/2",
        f"L = E + {'beta*' if annealed else ''}KL",
        "outputs: L, E, KL, p",
    ]
    return "\n".join([*declared, *encode, *middle, *decode, *last])


# images and sequences


def conv_net(
    height: int,
    width: int,
    channels: int = 1,
    filters: tuple[int, ...] = (8, 16),
    classes: int = 10,
    kernel: int = 3,
    padding: int = 1,
    pool: int = 2,
    activation: str = "relu",
) -> str:
    """Convolutions with padding, each followed by an activation and max pooling, then a dense layer of all that is left
    and a softmax. `X` is `[n, channels, height, width]`, `y` the labels.

    LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86 (1998).
    """
    whole(1, height=height, width=width, channels=channels, classes=classes, kernel=kernel, pool=pool)
    whole(0, padding=padding)
    declared = [f"X: input[n, {channels}, {height}, {width}]", f"y: label[n] over {classes}"]
    equations, source, before = [], "X", channels
    for layer, count in enumerate(filters, start=1):
        declared += [f"W{layer}: parameter[{count}, {before}, {kernel}, {kernel}]", f"b{layer}: parameter[{count}]"]
        declared += [f"{name}_{layer}: parameter" for name in learned_by(activation)]
        equations += padded(f"x{layer}", source, ["i", "j"], padding, [height, width])
        inside = f"x{layer}" if padding else source
        equations += [
            f"z{layer}[n,o,i,j] = sum[c,a,b]({inside}[n,c,i+a,j+b]*W{layer}[o,c,a,b]) + b{layer}[o]",
            f"a{layer}[n,c,i,j] = {apply_activation(activation, f'z{layer}[n,c,i,j]', str(layer))}",
            f"s{layer}[n,c,i,j] = max[a,b, a < {pool}, b < {pool}](a{layer}[n,c,{pool}*i+a,{pool}*j+b])",
        ]
        height, width = ((side + 2 * padding - kernel + 1) // pool for side in (height, width))
        if min(height, width) < 1:
            raise ShapeError(f"conv_net: nothing is left of the picture behind layer {layer}.")
        source, before = f"s{layer}", count
    declared += [f"W: parameter[{before}, {height}, {width}, {classes}]", f"b: parameter[{classes}]"]
    equations += [
        f"z[n,k] = sum[c,i,j]({source}[n,c,i,j]*W[c,i,j,k]) + b[k]",
        "p[n,k] = softmax[k](z[n,k])",
        "L = mean[n](-log(p[n,y[n]]))",
        "outputs: L, p",
    ]
    return "\n".join([*declared, *equations])


def lstm(features: Size = "d", hidden: Size = "h") -> str:
    """One step of a long short-term memory: the next output `h` and cell `c` from `X` and the ones before, `h0`, `c0`.

    Hochreiter and Schmidhuber, Neural Computation 9 (1997), with the forget gate of Gers, Schmidhuber, Cummins (2000).
    """
    return cell("lstm", features, hidden)


def recurrent(
    cell: str = "lstm", features: Size = "d", hidden: Size = "h", classes: Size = "k",
    loss: str | Loss = "cross_entropy",
) -> str:  # fmt: skip
    """A recurrent network over sequences `X[n,t,d]`; the output of its last step goes into a dense layer and the loss.

    `cell` is rnn, lstm or gru (`sg.library.layers.recurrent` has the equations); the first step starts from 0.

    >>> print(recurrent("rnn"))
    X: input[n, t, d]
    W: parameter[d, h]
    U: parameter[h, h]
    b: parameter[h]
    hp[n,t,m] = where(t > 0, h[n,t-1,m], 0)
    h[n,t,m] = tanh(sum[d](X[n,t,d]*W[d,m]) + sum[j](hp[n,t,j]*U[j,m]) + b[m])
    y: label[n] over k
    V: parameter[h, k]
    a: parameter[k]
    s[n,k] = sum[m](h[n,size(t)-1,m]*V[m,k]) + a[k]
    p[n,k] = softmax[k](s[n,k])
    L = mean[n](-log(p[n,y[n]]))
    outputs: L, p
    """
    row = loss_row(loss)
    if not row.of_scores:
        raise ShapeError(f"{loss} is not a loss of scores: take one of a softmax or sigmoid, such as cross_entropy.")
    return "\n".join([
        *recurrence(cell, features, hidden, start=False),
        row.target.format(k=classes, letter="k"),
        f"V: parameter[{hidden}, {classes}]",
        f"a: parameter[{classes}]",
        "s[n,k] = sum[m](h[n,size(t)-1,m]*V[m,k]) + a[k]",
        *(line.format(z="s[n,k]", k="k") for line in (row.prediction, row.value)),
        "outputs: L, p",
    ])  # fmt: skip


def transformer_block(
    width: Size = "d", heads: Size = "h", size: Size = "q", inner: Size = "f", causal: bool = True
) -> str:
    """Self-attention with `heads` heads of `size`, then two dense layers, each on a normalised input with a residual.

    `X` and `Y` are `[n, t, width]`. Vaswani et al., NeurIPS 2017; the normalisation stands first, as in Xiong et al.,
    On layer normalization in the transformer architecture, ICML 2020, Figure 1(b). eps is torch's 1e-5.
    """

    def normalised(name: str, source: str, tag: str) -> list[str]:
        scaled = f"({source}[n,t,d] - mu{tag}[n,t])/sqrt(v{tag}[n,t] + 1/10**5)"
        return [
            f"mu{tag}[n,t] = mean[d]({source}[n,t,d])",
            f"v{tag}[n,t] = mean[d](({source}[n,t,d] - mu{tag}[n,t])**2)",
            f"{name}[n,t,d] = gamma{tag}[d]*{scaled} + beta{tag}[d]",
        ]

    length = "size(q)" if isinstance(size, str) else size
    guard = ", s <= t" if causal else ""
    return "\n".join([
        f"X: input[n, t, {width}]",
        f"gamma1, beta1, gamma2, beta2: parameter[{width}]",
        f"WQ, WK, WV: parameter[{heads}, {width}, {size}]",
        f"WO: parameter[{heads}, {size}, {width}]",
        f"W1: parameter[{width}, {inner}]", f"b1: parameter[{inner}]",
        f"W2: parameter[{inner}, {width}]", f"b2: parameter[{width}]",
        *normalised("x", "X", "1"),
        "Q[n,h,t,q] = sum[d](x[n,t,d]*WQ[h,d,q])",
        "K[n,h,t,q] = sum[d](x[n,t,d]*WK[h,d,q])",
        "V[n,h,t,q] = sum[d](x[n,t,d]*WV[h,d,q])",
        f"A[n,h,t,s] = sum[q](Q[n,h,t,q]*K[n,h,s,q])/sqrt({length})",
        f"S[n,h,t] = logsumexp[s{guard}](A[n,h,t,s])",
        f"O[n,h,t,q] = sum[s{guard}](exp(A[n,h,t,s] - S[n,h,t])*V[n,h,s,q])",
        "R[n,t,d] = X[n,t,d] + sum[h,q](O[n,h,t,q]*WO[h,q,d])",
        *normalised("r", "R", "2"),
        "z[n,t,f] = sum[d](r[n,t,d]*W1[d,f]) + b1[f]",
        "a[n,t,f] = gelu(z[n,t,f])",
        "Y[n,t,d] = R[n,t,d] + sum[f](a[n,t,f]*W2[f,d]) + b2[d]",
        "outputs: Y",
    ])  # fmt: skip


def pinn(
    residual: str = "diff(u[n], x[n], 2) + u[n]", hidden: Size = "h", activation: str = "tanh", weight: float = 1.0
) -> str:
    """A network `u` of one number that solves a differential equation. The loss is the mean squared `residual` at the
    points `x`, and `weight` times the mean squared error at the points `x0`, where the values `y0` are given.

    `residual` is text in `u[n]`, `x[n]` and derivatives such as `diff(u[n], x[n])`; it is 0 for a solution. Raissi,
    Perdikaris, Karniadakis, Physics-informed neural networks, J. Comput. Phys. 378 (2019), eq. 4.
    """
    h = hidden if isinstance(hidden, str) else "h"
    own = [f"{name}: parameter" for name in learned_by(activation)]

    def network(u: str, x: str, at: str) -> list[str]:
        inside = apply_activation(activation, f"(W1[{h}]*{x}[{at}] + b1[{h}])")
        return [f"{u}[{at}] = sum[{h}](W2[{h}]*{inside}) + b2"]

    return "\n".join([
        "x: input[n]", "x0, y0: input[i]", f"W1, b1, W2: parameter[{hidden}]", "b2: parameter", *own,
        *network("u", "x", "n"), *network("u0", "x0", "i"),
        f"r[n] = {residual}",
        f"L = mean[n](r[n]**2) + {weight}*mean[i]((u0[i] - y0[i])**2)",
        "outputs: L, u",
    ])  # fmt: skip


# factors, clusters, words


def matrix_factorization(users: Size = "u", items: Size = "v", rank: Size = "r", weight: float = 0.01) -> str:
    """Ratings `y[n]` of item `v[n]` by user `u[n]` as inner products, with biases and an L2 penalty.

    Koren, Bell, Volinsky, Matrix factorization techniques for recommender systems, IEEE Computer 42 (2009), eq. 5.
    """
    return f"""\
who: label[n] over {users}
what: label[n] over {items}
y: input[n]
P: parameter[{users}, {rank}]
Q: parameter[{items}, {rank}]
bp: parameter[{users}]
bq: parameter[{items}]
mu: parameter
p[n] = mu + bp[who[n]] + bq[what[n]] + sum[r](P[who[n],r]*Q[what[n],r])
R[n] = sum[r](P[who[n],r]**2 + Q[what[n],r]**2) + bp[who[n]]**2 + bq[what[n]]**2
L = mean[n]((p[n] - y[n])**2 + {weight}*R[n])
outputs: L, p"""


def factorization_machine(features: Size = "d", rank: Size = "r") -> str:
    """All pairwise interactions through factors, in linear time. Rendle, Factorization machines, ICDM 2010, eq. 5."""
    return f"""\
X: input[n, {features}]
y: input[n]
w0: parameter
w: parameter[{features}]
V: parameter[{features}, {rank}]
s[n,r] = sum[d](X[n,d]*V[d,r])
q[n,r] = sum[d](X[n,d]**2*V[d,r]**2)
p[n] = w0 + sum[d](X[n,d]*w[d]) + sum[r](s[n,r]**2 - q[n,r])/2
L = mean[n]((p[n] - y[n])**2)
outputs: L, p"""


def gaussian_mixture(features: Size = "d", components: Size = "k") -> str:
    """The mean negative log-likelihood of a mixture of normals with diagonal covariances. `p` are the shares of the
    components in each example. Bishop 2006, eq. 9.14."""
    return f"""\
X: input[n, {features}]
logits: parameter[{components}]
mu: parameter[{components}, {features}]
rho: parameter[{components}, {features}]
g[n,k] = sum[d](-(X[n,d] - mu[k,d])**2*exp(-2*rho[k,d])/2 - rho[k,d] - log(2*pi)/2)
s[n,k] = g[n,k] + logits[k] - logsumexp[k](logits[k])
p[n,k] = softmax[k](s[n,k])
L = mean[n](-logsumexp[k](s[n,k]))
outputs: L, p"""


def skip_gram(words: Size = "v", width: Size = "d", negatives: Size = "m") -> str:
    """Word vectors by negative sampling: the centre word predicts a context word against `negatives` drawn ones.

    Mikolov et al., Distributed representations of words and phrases, NeurIPS 2013, eq. 4.
    """
    return f"""\
centre, context: label[n] over {words}
drawn: label[n, {negatives}] over {words}
E, C: parameter[{words}, {width}]
s[n] = sum[d](E[centre[n],d]*C[context[n],d])
q[n,m] = sum[d](E[centre[n],d]*C[drawn[n,m],d])
L = mean[n](softplus(-s[n]) + sum[m](softplus(q[n,m])))"""
