"""The simulator of experiments/searchers, and its statistics."""

import math
from collections import Counter

import numpy as np
import pytest

from experiments.searchers.contenders import Contender, Job, read_contenders
from experiments.searchers.simulator import TableSpace, simulate, table_space
from experiments.searchers.summary import interval, median_ranks, reached_text
from experiments.searchers.targets import quality_at
from experiments.searchers.tune import design
from neuralopt.scoring.score import Score
from neuralopt.spaces import Space
from neuralopt.tables import Table, expected_evaluations, make_table, save

SPACE = Space(
    "tiny",
    ("g", "m", "v", "1"),
    ("x", "-x", "sign(x)", "exp(x)"),
    ("x + y", "x * y", "x"),
    groups=1,
)


@pytest.fixture
def tiny(tmp_path) -> tuple[Table, TableSpace]:
    """A table of the space, whose seeds differ, and a third of it rejected."""
    texts = [text for rows in SPACE.rows() for text in SPACE.canonical(rows)]
    names = sorted(set(texts))
    random = np.random.default_rng(0)
    scores = {
        seed: {
            text: Score("rejected")
            if place % 3 == 0
            else Score("scored", random.uniform(0.1, 1.0))
            for place, text in enumerate(names)
        }
        for seed in (0, 1)
    }
    objective = {"space": SPACE.to_mapping()}
    del objective["space"]["name"]
    table = make_table("tiny", Counter(texts), scores, objective)
    save(table, tmp_path / "tiny.npz")
    return table_space(tmp_path / "tiny.npz", tmp_path)


def test_a_space_of_a_table_says_what_the_space_says(tiny):
    _, space = tiny
    for rows in SPACE.rows():
        assert space.canonical(rows) == SPACE.canonical(rows)
    invalid = np.array([[0, 0, 0, 0, 0]])  # equal operands
    assert space.canonical(invalid) == SPACE.canonical(invalid) == [""]


def test_rows_that_were_kept_are_used_again_only_for_the_same_rules(tiny, tmp_path):
    _, space = tiny
    kept = (tmp_path / "rows.npz").stat().st_mtime_ns
    table_space.cache_clear()
    _, again = table_space(tmp_path / "tiny.npz", tmp_path)
    rows = next(SPACE.rows())
    assert again.canonical(rows) == space.canonical(rows)
    assert (tmp_path / "rows.npz").stat().st_mtime_ns == kept


def test_only_rules_that_are_trained_first_are_charged(tiny):
    table, space = tiny
    trained = int(table.trained.sum())
    targets = {"all": np.flatnonzero(table.trained).tolist()}
    run = simulate(table, space, "uniform", {}, 1, trained + 1, targets)
    assert run.evaluations <= trained
    assert run.proposals >= 4 * trained
    assert run.reached == {"all": 1}
    best = [float(table.qualities[number, 1]) for _, _, number in run.trace]
    assert best == sorted(best)
    assert all(table.trained[number] for *_, number in run.trace)


def test_a_run_has_no_more_evaluations_than_it_may(tiny):
    table, space = tiny
    run = simulate(
        table, space, "evolution", {"population": 8, "tournament": 2}, 0, 9, {}
    )
    assert run.evaluations == 9
    assert all(evaluations <= 9 for evaluations, *_ in run.trace)


def test_uniform_needs_the_evaluations_of_the_closed_form(tiny):
    table, space = tiny
    wanted = [int(np.argmax(table.mean))]
    limit = int(table.trained.sum())
    found = [
        simulate(table, space, "uniform", {}, seed, 4 * limit, {"best": wanted})
        for seed in range(300)
    ]
    times = [run.reached["best"] for run in found]
    assert None not in times
    error = np.std(times) / np.sqrt(len(times))
    assert abs(np.mean(times) - expected_evaluations(table, wanted)) < 4 * error


def test_settings_tell_jobs_apart(tmp_path):
    contenders = [
        Contender("a", "evolution", {}),
        Contender("b", "evolution", {"population": 50}),
    ]
    keys = {
        Job("t", tmp_path, each, seed, 9).key for each in contenders for seed in (0, 1)
    }
    assert len(keys) == 4


def test_an_unknown_searcher_is_refused():
    with pytest.raises(ValueError, match="unknown searcher 'annealing': choose from"):
        read_contenders(None, ["annealing"])


def test_medians_hold_with_runs_that_fell_short():
    values = np.array([5.0, 1.0, math.inf, math.inf, 3.0, 2.0, 4.0, math.inf, 6.0, 7.0])
    assert interval(values).tolist() == [5.5, 2.0, math.inf]
    assert interval(np.array([1.0, math.inf]))[0] == math.inf
    times = [5, 1, None, None, 3, 2, 4, None, 6, 7]
    assert reached_text(times, 1000) == "6 [2, > 1,000] (70%)"


@pytest.mark.parametrize(
    ("count", "ranks"), [(2, (0, 1)), (10, (1, 8)), (100, (39, 60))]
)
def test_the_ranks_of_a_median_are_those_of_the_sign_test(count, ranks):
    assert median_ranks(count) == ranks


def test_a_step_function_begins_at_zero_and_keeps_its_last_value():
    steps = [(2.0, 0.3), (5.0, 0.4)]
    places = np.array([1.0, 2.0, 4.9, 5.0, 99.0])
    assert quality_at(steps, places).tolist() == [0.0, 0.3, 0.3, 0.4, 0.4]


def test_a_design_begins_with_the_defaults_and_repeats_nothing():
    grid = {"population": [50, 100], "fresh": [0.0, 0.1, 0.2]}
    found = design(grid, 5)
    assert found[0] == {}
    assert len(found) == len({str(each) for each in found}) == 5
    assert design(grid, 5) == found
    assert design({}, 12) == [{}]
