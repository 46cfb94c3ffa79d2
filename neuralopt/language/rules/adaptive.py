"""Rules that divide by the size of the gradient, element by element."""

from neuralopt.language.rules.rule import PAPER, Row

ADAPTIVE: tuple[Row, ...] = (
    (
        "adagrad",
        "g / (sqrt(total(g ** 2)) + 1e-10)",
        "Duchi et al. 2011",
        1e-2,
        "Divides by all that was ever seen of an element.",
    ),
    (
        "adadelta",
        "g * sqrt(ema(update ** 2, 0.9) + 1e-6) / sqrt(ema(g ** 2, 0.9) + 1e-6)",
        "Zeiler 2012",
        1.0,
        "Scales by its own past steps, so that units agree.",
    ),
    (
        "rmsprop",
        "rmsprop",
        f"Hinton 2012, lecture 6e; {PAPER}",
        1e-3,
        "Divides by a moving average of the gradient's size; the paper's constants.",
    ),
    (
        "rmsprop_agreement",
        "rmsprop * exp(sign(g) * sign(m))",
        f"neuralopt; after {PAPER}",
        1e-3,
        "RMSProp times e where the gradient agrees with momentum, over it where not.",
    ),
    (
        "rmsprop_hinton",
        "g / (sqrt(ema(g ** 2, 0.9)) + 1e-8)",
        "Hinton 2012, lecture 6e",
        1e-3,
        "RMSProp with the decay of the lecture.",
    ),
    (
        "rmsprop_torch",
        "g / (sqrt(ema(g ** 2, 0.99)) + 1e-8)",
        "Hinton 2012, lecture 6e, with torch's constants",
        1e-2,
        "RMSProp as torch.optim.RMSprop has it.",
    ),
    (
        "rmsprop_centered",
        "g / (sqrt(ema(g ** 2, 0.99) - ema(g, 0.99) ** 2) + 1e-8)",
        "Graves 2013",
        1e-2,
        "Divides by the deviation instead of the size.",
    ),
    ("adam", "adam", "Kingma and Ba 2015", 1e-3, "Momentum over size, both debiased."),
    (
        "adam_uncorrected",
        "m / (sqrt(v) + 1e-8)",
        "Kingma and Ba 2015, section 6.4",
        1e-3,
        "Adam without bias correction, as spaces with m and v spell it.",
    ),
    (
        "adam_l2",
        "debiased(g + 0.01 * w, 0.9) / "
        "(sqrt(debiased((g + 0.01 * w) ** 2, 0.999)) + 1e-8)",
        "Kingma and Ba 2015, with torch's weight_decay",
        1e-3,
        "Adam with weight decay coupled into the gradient.",
    ),
    (
        "adamw",
        "adam + 0.01 * w",
        "Loshchilov and Hutter 2019",
        1e-3,
        "Adam with decoupled weight decay.",
    ),
    (
        "amsgrad",
        "debiased(g, 0.9) / "
        "(sqrt(peak(ema(g ** 2, 0.999)) / (1 - 0.999 ** (t + 1))) + 1e-8)",
        "Reddi et al. 2018, bias-corrected as in torch",
        1e-3,
        "Adam whose second moment never shrinks: the largest, then the correction.",
    ),
    (
        "amsgrad_plain",
        "m / (sqrt(peak(v)) + 1e-8)",
        "Reddi et al. 2018",
        1e-3,
        "AMSGrad without bias correction, as published.",
    ),
    (
        "adamax",
        "debiased(g, 0.9) / peak(abs(g) + 1e-8, 0.999)",
        "Kingma and Ba 2015, section 7.1",
        2e-3,
        "Adam with the largest recent gradient as the size.",
    ),
    (
        "nadam",
        "((1 - {mu}) / {rest} * g + {next} / (1 - {next} * (1 - {rest})) * m)"
        " / (sqrt(debiased(g ** 2, 0.999)) + 1e-8)",
        "Dozat 2016, as in torch",
        2e-3,
        "Adam with Nesterov's look ahead and a momentum that warms up.",
    ),
    (
        "radam",
        "debiased(g, 0.9) * ({sure} * {rectified} * sqrt(1 - 0.999 ** (t + 1))"
        " / (sqrt(v) + 1e-8) + 1 - {sure})",
        "Liu et al. 2020, as in torch",
        1e-3,
        "Adam that divides only once the second moment can be trusted.",
    ),
    (
        "yogi",
        "m / (sqrt(fold(s - 0.001 * sign(s - g ** 2) * g ** 2)) + 1e-3)",
        "Zaheer et al. 2018",
        1e-2,
        "Adam whose second moment moves by no more than the gradient's own size.",
    ),
    (
        "adan",
        "(debiased(g, 0.98) + 0.92 * debiased({change}, 0.92))"
        " / (sqrt(debiased((g + 0.92 * {change}) ** 2, 0.99)) + 1e-8)",
        "Xie et al. 2022",
        1e-3,
        "Adam with the change of the gradient as a second momentum.",
    ),
    (
        "lion",
        "sign(0.9 * previous(ema(g, 0.99)) + 0.1 * g)",
        "Chen et al. 2023",
        1e-4,
        "Signs of a momentum that trusts the present gradient more.",
    ),
    (
        "ligi",
        "{c} / (0.9 * abs({c}) + 0.1 * abs(g) + 1e-15)",
        "Ligi, found by reinforcement learning (2025)",
        1e-3,
        "Lion with a soft sign and a bias correction.",
    ),
)

PARTS = {
    # NAdam: mu of this step and the next, and 1 - the product of all so far.
    "mu": "(0.9 * (1 - 0.5 * 0.96 ** (0.004 * (t + 1))))",
    "next": "(0.9 * (1 - 0.5 * 0.96 ** (0.004 * (t + 2))))",
    "rest": "fold(1 - (1 - s) * (0.9 * (1 - 0.5 * 0.96 ** (0.004 * (t + 1)))))",
    # RAdam: rho of this step, the rectification, and whether rho > 5.
    "rho": "(1999 - 2 * (t + 1) * 0.999 ** (t + 1) / (1 - 0.999 ** (t + 1)))",
    "rectified": "sqrt(({rho} - 4) * ({rho} - 2) * 1999 / (1995 * 1997 * {rho}))",
    "sure": "max(sign({rho} - 5), 0)",
    # Adan: the change is 0 at the first step.
    "change": "(min(t, 1) * (g - previous(g)))",
    # Ligi: a debiased mixture.
    "c": "((0.9 * previous(ema(g, 0.99)) + 0.1 * g) / (0.9 * (1 - 0.99 ** t) + 0.1))",
}
"""Parts of texts that occur more than once, written ``{name}``."""
