"""Rules that take norms and means over a parameter, of its rows or of its columns."""

from neuralopt.language.rules.rule import Row

WHOLE_TENSOR: tuple[Row, ...] = (
    (
        "lars",
        "trace(where(vector, g, (g + 1e-4 * w) * {lars_ratio}), 0.9)",
        "You et al. 2017",
        1.0,
        "Momentum of steps of a thousandth of each matrix's norm; vectors as in SGD.",
    ),
    (
        "lamb",
        "{lamb} * where(min(norm(w), norm({lamb})) > 0, norm(w) / norm({lamb}), 1)",
        "You et al. 2020, with bias correction and no bound on norms",
        1e-3,
        "AdamW's step, scaled to the norm of the weights; epsilon is 1e-6.",
    ),
    (
        "novograd",
        "trace(g / (sqrt(ema(norm(g) ** 2, 0.98 * min(t, 1))) + 1e-8), 0.95)",
        "Ginsburg et al. 2019",
        1e-2,
        "Momentum of gradients divided by their norm, one number for each parameter.",
    ),
    (
        "adafactor",
        "max(rms(w), 1e-3) * {factored} / max(rms({factored}), 1)",
        "Shazeer and Stern 2018, without momentum",
        1e-2,
        "Second moments from means of rows and columns; steps relative to the weights.",
    ),
    (
        "came",
        "where(vector, {came_mean}, {came_mean} * sqrt(mean({came_rows}))"
        " / (sqrt({came_rows}) * sqrt(ema(columns({came_left}), 0.9999))))",
        "Luo et al. 2023",
        2e-4,
        "Adafactor with momentum, which is divided by how far it was from the steps.",
    ),
    (
        "stableadamw",
        "({stable} + 0.01 * w) / max(rms(g / max(sqrt(debiased(g ** 2, 0.99)), 1e-8)), "
        "1)",
        "Wortsman et al. 2023",
        1e-3,
        "AdamW with betas 0.9 and 0.99; step and decay shrink if gradients surprise.",
    ),
    (
        "adamp",
        "{adamp} - where(vector, 0, where({across_rows}, {row_part}, "
        "where({across}, {part}, 0)))",
        "Heo et al. 2021, delta = 0.1",
        1e-3,
        "Adam without the part along the weights if the gradient has none; no decay.",
    ),
    (
        "adanorm",
        "debiased(g * {norm_gain}, 0.9) * sqrt(1 - 0.99 ** (t + 1))"
        " / (sqrt(ema(g ** 2, 0.99) + 1e-15) + 1e-8)",
        "Dubey et al. 2022, r = 0.95",
        1e-3,
        "Adam whose momentum raises small gradients to their usual norm; epsilons of "
        "pytorch_optimizer.",
    ),
    (
        "adam_centralized",
        "debiased({central}, 0.9) / (sqrt(debiased({central} ** 2, 0.999)) + 1e-8)",
        "Yong et al. 2020",
        1e-3,
        "Adam of gradients from which the mean of each row is taken.",
    ),
    (
        "cautious_adamw",
        "where({agree_adam}, adam, 0) / (mean({agree_adam}) + {element}) + 0.01 * w",
        "Liang et al. 2024, algorithm 1",
        1e-3,
        "AdamW where it agrees with the gradient, scaled by d / (agreeing + 1); decay "
        "everywhere.",
    ),
    (
        "cautious_lion",
        "where({agree_lion}, sign({lion}), 0) / (mean({agree_lion}) + {element})",
        "Liang et al. 2024, algorithm 1",
        1e-4,
        "Lion where it agrees with the gradient, scaled by d / (agreeing + 1).",
    ),
    (
        "mars",
        "debiased({mars}, 0.95) * sqrt(1 - 0.99 ** (t + 1))"
        " / (sqrt(ema({mars} ** 2, 0.99) + 1e-15) + 1e-8)",
        "Yuan et al. 2024, approximate MARS-AdamW, gamma = 0.025",
        3e-3,
        "Adam of gradients corrected by their change, of norm 1 at most; epsilons of "
        "pytorch_optimizer.",
    ),
    (
        "mars_lion",
        "sign(ema({mars}, 0.95))",
        "Yuan et al. 2024, approximate MARS-Lion, gamma = 0.025",
        1e-3,
        "Signs of the momentum of gradients corrected by their change.",
    ),
)

PARTS = {
    # LARS: the trust ratio of a matrix, its decay included; 1 if a norm is 0.
    "lars_ratio": "where(min(norm(w), {lars_size}) > 0, "
    "0.001 * norm(w) / {lars_size}, 1)",
    "lars_size": "(norm(g) + 1e-4 * norm(w))",
    "lamb": "(debiased(g, 0.9) / (sqrt(debiased(g ** 2, 0.999)) + 1e-6) + 0.01 * w)",
    # Adafactor: the second moment is rows times columns, over the mean of both. The
    # matrix of a vector is one column: there it is the square itself. Roots are taken
    # before the product, which would be 0 in float32 where no gradient arrives.
    "memory": "1 - (t + 1) ** -0.8",
    "row_moment": "ema(rows(g ** 2 + 1e-30), {memory})",
    "factored": "(g * sqrt(mean({row_moment}))"
    " / (sqrt({row_moment}) * sqrt(ema(columns(g ** 2 + 1e-30), {memory}))))",
    # CAME: the step of bounded size, its mean, and the square of what is left.
    "came_row": "ema(rows(g ** 2 + 1e-30), 0.999)",
    "came_raw": "(g * sqrt(mean({came_row}))"
    " / (sqrt({came_row}) * sqrt(ema(columns(g ** 2 + 1e-30), 0.999))))",
    "came_step": "({came_raw} / max(rms({came_raw}), 1))",
    "came_mean": "ema({came_step}, 0.9)",
    "came_left": "(({came_step} - {came_mean}) ** 2 + 1e-16)",
    "came_rows": "ema(rows({came_left}), 0.9999)",
    "stable": "debiased(g, 0.9) / (sqrt(debiased(g ** 2, 0.99)) + 1e-8)",
    # AdamP: whether gradient and weights are orthogonal, row by row or as a whole.
    "adamp": "(debiased(g, 0.9) * sqrt(1 - 0.999 ** (t + 1)) / (sqrt(v) + 1e-8))",
    "row_norm": "sqrt(fan_in * rows(w ** 2))",
    "row_cosine": "fan_in * rows(g * w) / (max({row_norm}, 1e-8)"
    " * max(sqrt(fan_in * rows(g ** 2)), 1e-8))",
    "across_rows": "maximum(abs({row_cosine})) < 0.1 / sqrt(fan_in)",
    "row_part": "w * fan_in * rows(w * {adamp}) / ({row_norm} + 1e-8) ** 2",
    "across": "abs(mean(g * w)) / ({element}) < 0.1 * sqrt({element})"
    " * max(norm(g), 1e-8) * max(norm(w), 1e-8)",
    "part": "w * mean(w * {adamp}) / (({element}) * (norm(w) + 1e-8) ** 2)",
    "element": "1 / (fan_in * fan_out)",  # the share of one element
    "norm_gain": "where(norm(g) > 0, max(ema(norm(g), 0.95) / norm(g), 1), 1)",
    "central": "where(vector, g, g - rows(g))",
    "agree_adam": "(m * g > 0)",
    "lion": "(0.9 * previous(ema(g, 0.99)) + 0.1 * g)",
    "agree_lion": "({lion} * g > 0)",
    # MARS: the gradient corrected by its change, clipped to norm 1.
    "mars_raw": "(g + 0.475 * (g - previous(g)))",
    "mars": "({mars_raw} / max(norm({mars_raw}), 1))",
}
"""Parts of texts, written ``{name}``."""
