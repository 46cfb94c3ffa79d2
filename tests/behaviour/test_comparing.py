"""Equality and similarity of behaviour, against their definitions in plain loops."""

import math

import numpy as np
import pytest

from neuralopt.behaviour.comparing import (
    NOT_FINITE,
    REGULAR,
    TOLERANCE,
    ZERO,
    Directions,
    differences,
    directions_of,
    similarity,
)
from neuralopt.behaviour.probes import RUNS, by_run, updates
from neuralopt.language import RULES, parse
from neuralopt.machine.probe import Floats


def directions(*texts: str) -> Directions:
    return directions_of(updates([parse(text) for text in texts]))


def difference(one: str, other: str) -> float:
    both = directions(one, other)
    return float(differences(both.row(0), both.row(1))[0])


def runs_of(text: str) -> list[Floats]:
    values = by_run(updates([parse(text)]))[0]
    return [values[:, run].ravel() for run in range(RUNS)]


def derived_difference(one: str, other: str) -> float:
    """The definition at the head of `comparing`, run by run."""
    pairs = list(zip(runs_of(one), runs_of(other), strict=True))
    norm = np.linalg.norm
    c = math.exp(sum(math.log(norm(a) / norm(b)) for a, b in pairs) / RUNS)
    return max(
        float(norm(a - c * b) / math.sqrt(norm(a) * norm(c * b))) for a, b in pairs
    )


PAIRS = (
    ("g", "clip(g, 0.001)"),
    ("adam", "m / (sqrt(v) + 1e-8)"),
    ("m", "3 * trace(g, 0.9)"),
    ("sign(m)", "clip(sign(m), 0.001) - clip(g**3, 1e-5)"),
    ("g", "g - clip(g**2, 1e-4)"),
    ("g", "-g"),
    ("g + 1e-4 * w", "g"),
)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_difference_is_as_defined(one: str, other: str) -> None:
    expected = derived_difference(one, other)
    assert difference(one, other) == pytest.approx(expected, rel=1e-6, abs=1e-7)
    assert difference(other, one) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_similarity_is_the_mean_cosine_of_runs(one: str, other: str) -> None:
    cosines = [
        np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)
        for a, b in zip(runs_of(one), runs_of(other), strict=True)
    ]
    both = directions(one, other)
    found = similarity(both.row(0), both.row(1))
    assert found == pytest.approx(np.mean(cosines), abs=6e-5)


@pytest.mark.parametrize("name", ["sgd", "adam", "lion", "found_7", "nadam"])
@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e250, 1e-250])
def test_a_positive_factor_changes_nothing(name: str, factor: float) -> None:
    rows = updates([RULES[name].expression])
    one, other = directions_of(rows), directions_of(factor * rows)
    assert differences(one, other)[0] < 1e-12
    assert similarity(one, other) == 1


def test_a_factor_must_be_positive_and_the_same_in_all_runs() -> None:
    rows = updates([parse("g")])
    one = directions_of(rows)
    assert differences(one, directions_of(-rows))[0] == pytest.approx(2)
    by_size = rows.copy()
    by_run(by_size)[:, :, 0] *= 1.1
    assert similarity(one, directions_of(by_size)) == 1
    assert differences(one, directions_of(by_size))[0] > TOLERANCE


@pytest.mark.parametrize(
    ("text", "kind"), [("0 * g", ZERO), ("g / 0", NOT_FINITE), ("g", REGULAR)]
)
def test_a_run_without_direction_is_known(text: str, kind: int) -> None:
    found = directions(text)
    assert (found.kinds == kind).all()
    assert np.isfinite(found.units).all()
    assert differences(found, found)[0] == 0


def test_rules_without_direction_in_different_runs_are_not_equal() -> None:
    # Infinite at the large size alone, and zero there.
    assert difference("exp(1000 * g)", "g") == math.inf
    assert difference("g / 0", "0 * g") == math.inf
    assert difference("g / 0", "(g + 1) / 0") == 0


def test_one_finite_number_too_many_spoils_its_run_alone() -> None:
    rows = updates([parse("g")])
    broken = rows.copy()
    by_run(broken)[0, 5, 2, 1] = np.nan
    found = directions_of(broken)
    assert np.flatnonzero(found.kinds[0]).tolist() == [2]
    one = directions_of(rows)
    assert similarity(one, found) == pytest.approx(1 - 1 / RUNS, abs=1e-4)
