"""Exponential averages of noisy temperatures, with and without bias correction.

    python experiments/from_scratch/averages.py      # docs/images/averages.svg

The averages are the primitives `ema` and `debiased` of the language, run by the
library's reference interpreter: each temperature is the gradient of one step.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.page_pictures import finish_panels, read_options, write
from neuralopt.landscapes.paths import Array
from neuralopt.landscapes.pictures.style import name_axes, two_panels
from neuralopt.language import parse, simplify
from neuralopt.machine.probe import Probe, rule_values
from neuralopt.palette import BLUE, GREEN, SILVER, VERMILION

DAYS = 365
NOISE = 4.0
"""Standard deviation of a day's weather, degrees."""

BETAS = {0.5: GREEN, 0.9: VERMILION, 0.98: BLUE}
SHOWN = 80
"""Days of the panel on bias correction."""


def season() -> Array:
    """Return the temperature that is usual on each day from July on, in Celsius."""
    found: Array = 10 + 9 * np.cos(2 * np.pi * (np.arange(DAYS) - 20) / DAYS)
    return found


def temperatures() -> Array:
    """Return what was measured on each day: the season and independent weather."""
    return season() + NOISE * np.random.default_rng(0).normal(size=DAYS)


def averages(series: Array, rule: str) -> Array:
    """Return the value of a rule on every day of a series.

    Args:
        series: (days,), what the rule gets as gradients.
        rule: such as ``ema(g, 0.9)``.

    Returns:
        (days,).
    """
    probe = Probe(series[:, None, None], np.zeros(1), 0, len(series))
    found: Array = rule_values(probe, [simplify(parse(rule))], compiled=False)
    return found[0, :, 0, 0]


def lag(smooth: Array, usual: Array) -> int:
    """Return by how many days an average is behind the season, after its beginning."""
    late, tried = slice(150, DAYS), range(90)
    errors = [
        float(np.mean((smooth[late] - usual[150 - days : DAYS - days]) ** 2))
        for days in tried
    ]
    return int(np.argmin(errors))


def main() -> None:
    options = read_options(__doc__)
    series, usual = temperatures(), season()
    figure, left, right = two_panels("Exponential averages of temperatures", share=1.2)
    for panel in (left, right):
        panel.plot(series, ".", ms=4, color=SILVER, label="measured")
    told: dict[str, object] = {}
    for beta, colour in BETAS.items():
        plain = averages(series, f"ema(g, {beta})")
        corrected = averages(series, f"debiased(g, {beta})")
        left.plot(plain, color=colour, lw=1.6, label=rf"ema, $\beta = {beta:g}$")
        if beta >= 0.9:
            right.plot(plain, "--", color=colour, lw=1.4, label=f"ema(g, {beta:g})")
            name = f"debiased(g, {beta:g})"
            right.plot(corrected, color=colour, lw=1.8, label=name)
        steady = slice(150, DAYS)
        noise = np.std(np.diff(plain[steady])) / np.std(np.diff(series[steady]))
        told[f"beta {beta:g}"] = {
            "days, 1 / (1 - beta)": round(1 / (1 - beta)),
            "lag in days": lag(plain, usual),
            "day-to-day change, share of the measured": round(float(noise), 3),
            "day 1": [round(float(each[0]), 2) for each in (plain, corrected)],
            "day 30": [round(float(each[29]), 2) for each in (plain, corrected)],
        }
    told["measured on day 1, usual on days 1 and 30"] = [
        round(float(each), 2) for each in (series[0], usual[0], usual[29])
    ]
    right.set(xlim=(-1, SHOWN), ylim=(-1, 32))
    name_axes(left, "day", "degrees Celsius")
    name_axes(right, "day", "degrees Celsius")
    finish_panels(left, right)
    write(options, "averages.svg", figure, told)


if __name__ == "__main__":
    main()
