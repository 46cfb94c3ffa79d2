"""Every evaluator completes every request once, with the scorer's own score."""

import sys

import pytest

from neuralopt.evaluators import (
    EVALUATORS,
    Evaluator,
    ScoringPlan,
    WorkerPlan,
    make_evaluator,
)
from neuralopt.language import parse
from neuralopt.options import options_of
from neuralopt.scoring.budgets import named_budget
from neuralopt.tasks import load_task
from tests.conformance import evaluators as checks

RULES = [
    parse(text)
    for text in (
        *("g", "sign(g)", "g * exp(sign(g) * sign(m))", "drop(adam, 0.5)", "g / 0"),
    )
]


def maker(name: str) -> checks.Make:
    """How an evaluator of the registry is made for a test."""
    wanted = {"workers": 2, "address": "local"}
    defaults = options_of(EVALUATORS[name])
    fixed = {key: value for key, value in wanted.items() if key in defaults}

    def make(plan: WorkerPlan, batch: int) -> Evaluator:
        if name == "ray":
            import ray

            # Workers in other processes can't import the tests, so their classes
            # travel whole.
            ray.cloudpickle.register_pickle_by_value(sys.modules[checks.__name__])
        options = fixed | ({"batch": batch} if "batch" in defaults else {})
        return make_evaluator(name, plan, options)

    return make


every = pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            maker(name),
            id=name,
            marks=[pytest.mark.ray, pytest.mark.timeout(300)] if name == "ray" else [],
        )
        for name in EVALUATORS
    ],
)


@every
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_every_request_is_completed_exactly_once(make: checks.Make, batch: int) -> None:
    checks.check_completed_once(make, batch)


@every
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_rule_that_breaks_the_scorer_fails_no_other(
    make: checks.Make, batch: int
) -> None:
    checks.check_failure_is_alone(make, batch)


@every
@pytest.mark.parametrize("batch", [1, 4])
def test_scores_are_those_of_the_scorer_called_directly(
    make: checks.Make, batch: int
) -> None:
    plan = ScoringPlan(load_task("digits"), named_budget("smoke"), "stacked", 0)
    checks.check_scores_are_the_scorers(make, plan, RULES, batch)


@every
def test_closing_is_clean(make: checks.Make) -> None:
    checks.check_close(make)
