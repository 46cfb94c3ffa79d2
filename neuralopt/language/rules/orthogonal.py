"""Rules that orthogonalize the momentum of a matrix: Muon and its kin."""

from neuralopt.language.rules.rule import Row

ORTHOGONAL: tuple[Row, ...] = (
    (
        "muon",
        "{muon} * {upright}",
        "Jordan et al. 2024, as in torch, in the parameter's precision",
        2e-2,
        "Nesterov momentum with singular values near 1; for matrices, without decay.",
    ),
    (
        "muon_unscaled",
        "{muon}",
        "Jordan et al. 2024, without the factor for a matrix's shape",
        2e-2,
        "Muon's steps with singular values near 1 in every matrix; without decay.",
    ),
    (
        "muon_plain",
        "{plain}",
        "Jordan et al. 2024, without that factor and without Nesterov's average",
        2e-2,
        "Orthogonalized momentum; for matrices, without decay.",
    ),
    (
        "muon_match_rms",
        "{muon} * {matched}",
        "Liu et al. 2025 (Moonlight), as match_rms_adamw of torch",
        1e-3,
        "Muon with steps of about the size of AdamW's; for matrices, without decay.",
    ),
    (
        "muon_adamw",
        "where(matrix, {muon} * {matched}, {adam}) + 0.1 * w",
        "Liu et al. 2025 (Moonlight)",
        1e-3,
        "Muon for hidden matrices, AdamW for all else, at one learning rate and decay.",
    ),
    (
        "normuon",
        "{rows_normed} * norm({muon}) / (norm({rows_normed}) + 1e-10) * {upright}",
        "Li et al. 2025, keeping the norm as the authors' code does",
        2e-2,
        "Muon whose rows are divided by their usual size; for matrices, without decay.",
    ),
    (
        "normuon_match_rms",
        "0.2 * {rows_normed} / (rms({rows_normed}) + 1e-10 * sqrt({element}))",
        "Li et al. 2025, algorithm 1",
        1e-3,
        "NorMuon with steps of a root mean square of 0.2; for matrices, without decay.",
    ),
    (
        "adamuon",
        "{adamuon} / (norm({adamuon}) + 1e-10) * sqrt(min(fan_out, fan_in))"
        " * {matched}",
        "Si et al. 2025, without its sign",
        2e-2,
        "Muon divided by its own size, element by element; for matrices, no decay.",
    ),
)

PARTS = {
    "muon": "orthogonalize(0.95 * ema(g, 0.95) + 0.05 * g)",
    "upright": "sqrt(max(fan_out / fan_in, 1))",
    "matched": "0.2 * sqrt(max(fan_out, fan_in))",
    "adam": "debiased(g, 0.9) / (sqrt(debiased(g ** 2, 0.95)) + 1e-8)",
    "rows_normed": "({muon} / (sqrt(ema(rows({muon} ** 2), 0.95)) + 1e-10))",
    "element": "1 / (fan_in * fan_out)",
    "plain": "orthogonalize(ema(g, 0.9))",
    "adamuon": "({plain} / (sqrt(debiased({plain} ** 2, 0.95)) + 1e-10))",
}
"""Parts of texts, written ``{name}``."""
