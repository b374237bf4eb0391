"""The mathematics of deep learning as a list: what there is to derive, and which entries of the gallery derive it.

The parts are A calculus, B activations, C losses, D probability, E networks, F optimisation. `docs/foundations.md` is
made from this table, the gallery and the tests.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One line of the list. `entries` are names of the gallery, `scripts` are files of `examples/`."""

    id: str
    item: str
    entries: tuple[str, ...]
    scripts: tuple[str, ...] = ()


PARTS = {
    "A": "Calculus", "B": "Activations", "C": "Losses", "D": "Probability", "E": "Networks", "F": "Optimisation",
}  # fmt: skip


def _row(id: str, item: str, entries: str, scripts: str = "") -> Row:
    return Row(id, item, tuple(entries.split()), tuple(scripts.split()))


ROWS: tuple[Row, ...] = (
    _row("A1", "limits; the derivative as a limit, and by rule",
         "sine_over_its_argument compound_interest square_from_definition root_from_definition "
         "exponential_from_definition sine_from_definition"),
    _row("A2", "rules of differentiation, each step named",
         "power_and_sum_rule product_rule quotient_rule chain_rule logarithm_of_a_sum second_derivative"),
    _row("A3", "partial derivatives and the gradient", "gradient inner_product sum_of_squares"),
    _row("A4", "the chain rule, a sum over paths", "chain_rule_along_paths chain_rule_of_a_neuron"),
    _row("A5", "Jacobians; derivatives by vectors and matrices", "linear_map linear_layer_by_its_weights"),
    _row("A6", "Hessian; convexity with a proof or a counterexample; critical points",
         "quadratic_form logsumexp_is_convex convex_by_its_second_derivative logistic_regression_is_convex "
         "neither_convex_nor_concave critical_points"),
    _row("A7", "antiderivatives, definite and multiple integrals",
         "integration_by_parts partial_fractions gaussian_integral double_integral"),
    _row("A8", "normalisation, expectation, marginals", "normalised_density second_moment marginal_density "
         "poisson_variance"),
    _row("A9", "Taylor expansion, linearisation", "taylor_exponential linearisation"),
    _row("A10", "Lagrange multipliers; maximum entropy and principal components for any size",
         "lagrange_multiplier kkt_conditions implicit_derivative maximum_entropy_with_a_mean principal_components "
         "softmax_is_a_maximum least_norm"),
    _row("A11", "stability after Lyapunov", "lyapunov_linear_system lyapunov_function gradient_flow"),
    _row("A12", "calculus of variations", "shortest_line harmonic_oscillator gaussian_has_maximum_entropy"),
    _row("A13", "eigenvalues, singular values, log det, inverse",
         "eigenvalue_derivative singular_value_derivative inverse_derivative log_det_derivative eigenvalues "
         "singular_values"),
    _row("A14", "matrix calculus: trace, determinant, forms, norms, Kronecker and Hadamard products",
         "bilinear_form trace_of_a_product frobenius_norm hadamard_product kronecker_product determinant "
         "log_determinant inverse"),
    _row("B1", "sigmoid: s' = s(1 - s), at most 1/4", "sigmoid sigmoid_slope"),
    _row("B2", "tanh: 1 - tanh^2, at most 1; tanh x = 2 s(2x) - 1", "tanh tanh_slope tanh_is_a_sigmoid"),
    _row("B3", "ReLU, its derivative at 0 by convention", "relu relu6"),
    _row("B4", "leaky ReLU", "leaky_relu"),
    _row("B5", "PReLU, also by its slope", "prelu"),
    _row("B6", "ELU and SELU", "elu selu"),
    _row("B7", "GELU exact and by tanh, their largest difference", "gelu gelu_tanh gelu_difference"),
    _row("B8", "SiLU and Swish, where the minimum is", "silu swish silu_minimum"),
    _row("B9", "softplus, softsign, mish, log-sigmoid", "softplus softsign mish log_sigmoid"),
    _row("B10", "softmax and log-softmax with temperature", "softmax log_softmax"),
    _row("B11", "hard sigmoid, hard swish, hard tanh, sine", "hardsigmoid hardswish hardtanh sine"),
    _row("B12", "the vanishing-gradient bound", "vanishing_gradient vanishing_gradient_bound"),
    _row("C1", "mean squared error", "mse squared_error"),
    _row("C2", "mean absolute error, subgradient at 0", "l1 quantile"),
    _row("C3", "Huber, continuous with its derivative at +-delta",
         "huber smooth_l1 huber_is_smooth huber_is_smooth_below"),
    _row("C4", "binary cross-entropy, from probabilities and from logits",
         "binary_cross_entropy binary_cross_entropy_with_logits sigmoid_cross_entropy focal soft_margin"),
    _row("C5", "categorical cross-entropy: gradient p - y, Hessian diag(p) - p p^T",
         "cross_entropy cross_entropy_one_hot cross_entropy_of_probabilities softmax_cross_entropy softmax_curvature "
         "softmax nll kl_div"),
    _row("C6", "losses as negative log-likelihoods",
         "mse_is_normal mae_is_laplace bce_is_bernoulli cce_is_categorical gaussian_nll poisson_nll"),
    _row("C7", "L1 and L2 regularisation, and the priors they are",
         "l2_penalty l1_penalty elastic_net_penalty l2_is_normal_prior l1_is_laplace_prior"),
    _row("C8", "margins and representations",
         "hinge squared_hinge margin_ranking cosine triplet_margin contrastive info_nce log_cosh"),
    _row("D1", "entropy", "normal_entropy laplace_entropy exponential_entropy gamma_entropy beta_entropy "
         "bernoulli_entropy categorical_entropy entropy_gradient"),
    _row("D2", "cross-entropy", "cross_entropy_bernoulli cross_entropy_gradient"),
    _row("D3", "Jensen-Shannon divergence", "jensen_shannon_bernoulli jensen_shannon_gradient"),
    _row("D4", "mutual information", "mutual_information_table mutual_information_gradient"),
    _row("D5", "densities and that they sum to one",
         "normal_sums_to_one laplace_sums_to_one exponential_sums_to_one gamma_sums_to_one beta_sums_to_one "
         "bernoulli_sums_to_one categorical_sums_to_one"),
    _row("D6", "scores: log-densities by their parameters",
         "normal_score bernoulli_score categorical_score laplace_score exponential_score gamma_score beta_score "
         "dirichlet_score multivariate_normal_score multivariate_normal_diagonal_score bernoulli_logits_score "
         "poisson_score geometric_score student_t_score cauchy_score log_normal_score logistic_score"),
    _row("D7", "KL of normal densities: to the standard one, to each other, diagonal, full covariance",
         "kl_standard_normal kl_normal kl_normal_diagonal kl_normal_full gaussian_kl"),
    _row("D8", "KL of Bernoulli and categorical variables", "kl_bernoulli kl_categorical"),
    _row("D9", "KL of gamma, beta, Dirichlet, exponential, Laplace densities",
         "kl_gamma kl_beta kl_dirichlet kl_exponential kl_laplace kl_laplace_normal"),
    _row("D10", "gradients of divergences",
         "normal_kl_gradient standard_normal_kl_gradient multivariate_normal_diagonal_kl_gradient "
         "bernoulli_kl_gradient categorical_kl_gradient laplace_kl_gradient exponential_kl_gradient gamma_kl_gradient "
         "beta_kl_gradient multivariate_normal_kl_gradient dirichlet_kl_gradient poisson_kl_gradient"),
    _row("D11", "Bayesian updates of conjugate pairs", "normal_normal_update beta_bernoulli_update"),
    _row("D12", "reparameterisation", "reparameterisation reparameterised_sample"),
    _row("D13", "the score-function estimator", "score_function"),
    _row("D14", "the evidence lower bound, and where it is tight", "elbo elbo_is_largest_at_the_posterior"),
    _row("E1", "regression and mixtures",
         "linear_regression logistic_regression softmax_regression gaussian_mixture"),
    _row("E2", "dense and batched dense layers", "dense batched_dense"),
    _row("E3", "MLP of any depth, backpropagation layer by layer", "mlp_backprop backprop_2_3_1"),
    _row("E4", "the loss by the input: adversarial examples", "input_gradient"),
    _row("E5", "stacked linear layers are one", "stacked_linear linear_layers_collapse"),
    _row("E6", "XOR: an MLP learns it, no linear model does", "xor_is_not_linear", "xor"),
    _row("E7", "universal approximation, shown by numbers", "steep_sigmoid_is_a_step", "universal_approximation"),
    _row("E8", "batch normalisation, training and inference",
         "batch_norm batch_norm_training batch_norm_inference"),
    _row("E9", "layer normalisation", "layer_norm rms_norm"),
    _row("E10", "residual connection", "residual"),
    _row("E11", "dropout", "dropout"),
    _row("E12", "initialisation of Xavier and He", "xavier he"),
    _row("E13", "autoencoder and sparse autoencoder", "autoencoder sparse_autoencoder sparse_autoencoder_l1"),
    _row("E14", "denoising autoencoder",
         "denoising_autoencoder denoising_autoencoder_masking denoising_autoencoder_salt_and_pepper",
         "digits_denoising"),
    _row("E15", "variational autoencoder, Bernoulli and normal, beta, annealing", "vae vae_gaussian",
         "digits_vae"),
    _row("E16", "convolution and pooling", "conv_2d max_pool mean_pool conv_net"),
    _row("E17", "attention", "attention"),
    _row("E18", "recurrent cells: LSTM, GRU, Elman", "lstm_cell gru_cell rnn_cell"),
    _row("E19", "embeddings and factors", "embedding matrix_factorization factorization_machine skip_gram"),
    _row("E20", "physics-informed residual loss", "pinn", "oscillator"),
    _row("F1", "gradient descent; its rate on a quadratic",
         "sgd gradient_descent_rate gradient_descent_error"),
    _row("F2", "learning-rate schedules",
         "constant_schedule step_schedule exponential_schedule cosine_schedule linear_schedule polynomial_schedule "
         "inverse_sqrt_schedule warmup_cosine_schedule one_cycle_schedule cyclical_schedule"),
    _row("F3", "momentum and Nesterov", "momentum nesterov"),
    _row("F4", "Adagrad, Adadelta, RMSprop", "adagrad adadelta rmsprop"),
    _row("F5", "Adam with bias correction, AdamW and their kin",
         "adam adamw adamax nadam radam lion bias_correction"),
    _row("F6", "gradient clipping by value and by norm", "clip_by_value clip_by_norm"),
    _row("F7", "Newton and damped Newton", "newton newton_step damped_newton_step"),
    _row("F8", "Gauss-Newton and Levenberg-Marquardt", "gauss_newton levenberg_marquardt_step"),
    _row("F9", "BFGS and L-BFGS", "bfgs_update lbfgs_direction"),
    _row("F10", "natural gradient from the Fisher matrix", "fisher_normal fisher_bernoulli"),
    _row("F11", "the gradient by a hyper-parameter", "penalty_gradient"),
)  # fmt: skip
