"""Rules of 2020 and later that work element by element."""

from neuralopt.language.rules.rule import Row

RECENT: tuple[Row, ...] = (
    (
        "adabelief",
        "debiased(g, 0.9) / "
        "(sqrt(trace(0.001 * (g - m) ** 2 + 1e-16, 0.999) / {left}) + 1e-16)",
        "Zhuang et al. 2020",
        1e-3,
        "Divides by the deviation from momentum; 1e-16 is added to it at every step, "
        "and to its root.",
    ),
    (
        "laprop",
        "debiased(g * sqrt({left}) / (sqrt(v + 1e-15) + 1e-15), 0.9)",
        "Ziyin et al. 2020",
        4e-4,
        "RMSProp first, momentum of it after; epsilons as in pytorch_optimizer.",
    ),
    (
        "ademamix",
        "(debiased(g, 0.9) + 5 * ema(g, 0.9999)) / {size}",
        "Pagliardini et al. 2024",
        1e-3,
        "AdamW with a second, slow momentum of weight 5; without warm-up or decay.",
    ),
    (
        "ademamix_warmup",
        "(debiased(g, 0.9) + 5 * {ready} * ema(g, min({slow}, 0.9999))) / {size}",
        "Pagliardini et al. 2024, with T_alpha = T_beta3 = T",
        1e-3,
        "AdEMAMix whose weight and slow decay grow along the training.",
    ),
    (
        "adopt",
        "ema(clip(g / max(sqrt(previous({seen})), 1e-6), t ** 0.25), 0.9)",
        "Taniguchi et al. 2024, with clipping",
        1e-3,
        "Divides by what was known before this gradient; the first step only looks.",
    ),
    (
        "grams",
        "sign(g) * abs(debiased(g, 0.9)) / (sqrt(debiased(g ** 2, 0.999)) + 1e-6)",
        "Cao et al. 2024",
        1e-3,
        "Adam's size with the gradient's sign; epsilon is 1e-6.",
    ),
    (
        "grams_uncorrected",
        "sign(g) * abs(m) / (sqrt(v) + 1e-8)",
        "Cao et al. 2024, without bias correction",
        1e-3,
        "Grams as spaces with m and v spell it.",
    ),
    (
        "schedule_free_sgd",
        "0.1 * {z_sgd} + 0.9 * {x_sgd} - previous(0.1 * {z_sgd} + 0.9 * {x_sgd})",
        "Defazio et al. 2024, at a constant rate",
        1.0,
        "The weights are y, where gradients are taken; the average x is not kept.",
    ),
    (
        "schedule_free_adamw",
        "0.1 * {z_adam} + 0.9 * {x_adam} - previous(0.1 * {z_adam} + 0.9 * {x_adam})",
        "Defazio et al. 2024, at a constant rate",
        2.5e-3,
        "The weights are y, where gradients are taken; the average x is not kept.",
    ),
)

PARTS = {
    "left": "(1 - 0.999 ** (t + 1))",
    "size": "(sqrt(debiased(g ** 2, 0.999)) + 1e-8)",
    # AdEMAMix: the share of the warm-up that is done, and its slow decay.
    "ready": "min((t + 1) / T, 1)",
    "slow": "exp(log(0.9) * log(0.9999)"
    " / ((1 - (t + 1) / T) * log(0.9999) + (t + 1) / T * log(0.9)))",
    # ADOPT: the second moment, which begins with the first square.
    "seen": "ema(g ** 2, 0.9999 * min(t, 1))",
    # Schedule-free: z is where plain steps lead, x the mean of all z so far; both are
    # counted from the initial weights, downwards and in learning rates.
    "z_sgd": "total(g)",
    "x_sgd": "ema({z_sgd}, t / (t + 1))",
    "z_adam": "total(g / {size})",
    "x_adam": "ema({z_adam}, t / (t + 1))",
}
"""Parts of texts, written ``{name}``."""
