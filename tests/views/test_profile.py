"""The picture of performance profiles shows the profiles."""

import math

import numpy as np
import pytest

from neuralopt.verdict.profiles import performance_profile, profile_area
from neuralopt.views.figures.profile import NUDGE, profile_figure


def test_each_line_is_the_profile_of_its_contender() -> None:
    times = np.exp(np.random.default_rng(0).normal(0, 0.5, (10, 6)))
    times[3, :2] = math.inf
    names = [f"rule {place}" for place in range(10)]
    (axes,) = profile_figure(names, times).axes
    assert len({line.get_color() for line in axes.lines}) == 9  # the last two share
    for place, line in enumerate(axes.lines):
        taus, heights = map(np.asarray, line.get_data())
        shown = heights - NUDGE * (place - 4.5)
        last = np.append(np.diff(taus) > 0, True)  # of several workloads at one factor
        expected = performance_profile(times, taus[last].astype(float))[place]
        np.testing.assert_allclose(shown[last], expected, atol=1e-12)
    areas = profile_area(times)
    labels = [text.get_text() for text in axes.texts]
    for name, area in zip(names, areas, strict=True):
        assert f"{area:.2f}  {name}" in labels


def test_a_picture_of_other_names_is_refused() -> None:
    with pytest.raises(ValueError, match="1 names"):
        profile_figure(["a"], [[1.0], [2.0]])


def test_rules_are_named_by_what_can_be_read() -> None:
    rule = "ema(g, 0.9) / (sqrt(ema(g ** 2, 0.999)) + 1e-08)"
    (axes,) = profile_figure(["adamw", rule], [[2.0, 1.0], [1.0, 1.5]]).axes
    named = [text.get_text().partition("  ")[2] for text in axes.texts]
    assert named == ["adamw", "m / (sqrt(v) + 1e-08)"]
