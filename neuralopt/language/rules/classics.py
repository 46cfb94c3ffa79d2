"""Gradient descent, momentum, and their signs."""

from neuralopt.language.rules.rule import PAPER, Row

CLASSICS: tuple[Row, ...] = (
    ("sgd", "g", "Robbins and Monro 1951", 1e-1, "Down the gradient."),
    (
        "sgd_l2",
        "g + 1e-4 * w",
        "Krogh and Hertz 1991",
        1e-1,
        "SGD with weight decay coupled into the gradient.",
    ),
    (
        "momentum",
        "trace(g, 0.9)",
        "Polyak 1964",
        1e-2,
        "Heavy ball, in torch's form: the learning rate is outside the sum.",
    ),
    (
        "momentum_ema",
        "m",
        PAPER,
        1e-1,
        "The same with an average: a tenth of the heavy ball's steps, but damped at "
        "first.",
    ),
    (
        "momentum_l2",
        "trace(g + 5e-4 * w, 0.9)",
        "Krizhevsky et al. 2012",
        1e-2,
        "Momentum of gradients that include weight decay.",
    ),
    (
        "sgdw",
        "trace(g, 0.9) + 5e-4 * w",
        "Loshchilov and Hutter 2019",
        1e-2,
        "Momentum with decoupled weight decay.",
    ),
    (
        "momentum_annealed",
        "trace(g, 0.5 + 0.4 * progress)",
        "Sutskever et al. 2013",
        1e-2,
        "Momentum that grows from 0.5 to 0.9 along the training.",
    ),
    (
        "nesterov",
        "g + 0.9 * trace(g, 0.9)",
        "Nesterov 1983; Sutskever et al. 2013",
        1e-2,
        "Momentum that looks one step ahead, in torch's form.",
    ),
    (
        "annealed_noise",
        "g + noise(0.1 * pow(1 + t, -0.275))",
        "Neelakantan et al. 2015",
        1e-1,
        "SGD with noise of variance 0.01 / (1 + t) ** 0.55.",
    ),
    ("signsgd", "sign(g)", "Bernstein et al. 2018", 1e-3, "Signs of the gradient."),
    ("signum", "sign(m)", "Bernstein et al. 2018", 1e-3, "Signs of the momentum."),
    (
        "sign_agreement",
        "sign(g) + sign(m)",
        f"neuralopt; after {PAPER}",
        1e-3,
        "Signs where gradient and momentum agree, else nothing.",
    ),
    (
        "sign_times_agreement",
        "sign(g) * exp(sign(g) * sign(m))",
        f"neuralopt; after {PAPER}",
        1e-3,
        "Signs, times e where momentum agrees, over it where not.",
    ),
)
