"""Every evaluator completes every request once, with the scorer's own score."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from neuralopt.evaluators import (
    EVALUATORS,
    Evaluator,
    ScoringPlan,
    WorkerPlan,
    make_evaluator,
)
from neuralopt.language import Expression, parse
from neuralopt.options import options_of
from neuralopt.scoring.budgets import named_budget
from neuralopt.scoring.score import Score
from neuralopt.tables import make_table, save
from neuralopt.tasks import load_task
from tests.conformance import evaluators as checks

RULES = [
    parse(text)
    for text in (
        *("g", "sign(g)", "g * exp(sign(g) * sign(m))", "drop(adam, 0.5)", "g / 0"),
    )
]


def table_of(plan: WorkerPlan, folder: str) -> str:
    """The path of a table of the rules that these checks ask for, ``bad`` left out."""
    lengths = isinstance(plan, checks.LengthPlan)
    made_up = ["a", "bb", "ccc", "dddd", *("x" * count for count in range(1, 10))]
    rules = list(map(Expression, made_up)) if lengths else RULES
    scores = dict(zip(map(str, rules), plan.scorer()(rules), strict=True))
    table = make_table("small", dict.fromkeys(scores, 1), {0: scores}, {})
    path = Path(folder) / "small.npz"
    save(table, path)
    return str(path)


def in_a_table(score: Score) -> Score:
    """What a table keeps of a score."""
    return Score(score.status, score.quality, score.lr, reason=score.reason)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of this machine, started by the first test that needs it."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    yield made
    made.shutdown()


@pytest.fixture
def make(name: str, request: pytest.FixtureRequest) -> checks.Make:
    """How an evaluator of the registry is made for a test."""
    wanted: dict[str, object] = {"workers": 2}
    if name == "ray":
        wanted["address"] = request.getfixturevalue("cluster").address
    defaults = options_of(EVALUATORS[name])
    fixed = {key: value for key, value in wanted.items() if key in defaults}

    def make(plan: WorkerPlan, batch: int) -> Evaluator:
        if name == "tabular":
            with tempfile.TemporaryDirectory() as folder:
                return make_evaluator(name, plan, {"table": table_of(plan, folder)})
        if name == "ray":
            # Workers in other processes can't import the tests, so their classes
            # travel whole.
            ray.cloudpickle.register_pickle_by_value(sys.modules[checks.__name__])
        options = fixed | ({"batch": batch} if "batch" in defaults else {})
        return make_evaluator(name, plan, options)

    return make


every = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.ray, pytest.mark.timeout(300)] if name == "ray" else [],
        )
        for name in EVALUATORS
    ],
)


@every
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_every_request_is_completed_exactly_once(
    name: str, make: checks.Make, batch: int
) -> None:
    checks.check_completed_once(make, batch)


@every
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_rule_that_breaks_the_scorer_fails_no_other(
    name: str, make: checks.Make, batch: int
) -> None:
    why = "RuntimeError: out of luck"
    if name == "tabular":
        why = "table small does not have the rule bad: its space can't say it"
    checks.check_failure_is_alone(make, batch, why)


@every
@pytest.mark.parametrize("batch", [1, 4])
def test_scores_are_those_of_the_scorer_called_directly(
    name: str, make: checks.Make, batch: int
) -> None:
    plan = ScoringPlan(load_task("digits"), named_budget("smoke"), "stacked", 0)
    if name == "tabular":
        checks.check_scores_are_the_scorers(make, plan, RULES, batch, in_a_table)
    else:
        checks.check_scores_are_the_scorers(make, plan, RULES, batch)


@every
def test_closing_is_clean(name: str, make: checks.Make) -> None:
    checks.check_close(make)
