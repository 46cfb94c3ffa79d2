"""Every evaluator completes every request once, with the scorer's own score."""

import sys
from collections.abc import Mapping

import pytest

from neuralopt.evaluators import InProcessEvaluator, ScoringPlan
from neuralopt.evaluators.evaluator import Evaluator, WorkerPlan
from neuralopt.language import parse
from neuralopt.scoring.budgets import named_budget
from neuralopt.tasks import load_task
from tests.conformance import evaluators as checks

RULES = [
    parse(text)
    for text in (
        *("g", "sign(g)", "g * exp(sign(g) * sign(m))", "drop(adam, 0.5)", "g / 0"),
    )
]


def in_process(plan: WorkerPlan, batch: int) -> Evaluator:
    return InProcessEvaluator(plan.scorer(), workers=2, batch=batch)


def on_ray(plan: WorkerPlan, batch: int) -> Evaluator:
    import ray

    from neuralopt.evaluators.ray.evaluator import RayEvaluator, RayOptions

    # Workers in other processes can't import the tests, so their classes travel whole.
    ray.cloudpickle.register_pickle_by_value(sys.modules[checks.__name__])
    return RayEvaluator(plan, RayOptions(workers=2, batch=batch))


EVALUATORS: Mapping[str, checks.Make] = {"in_process": in_process, "ray": on_ray}
"""How each evaluator is made for a test."""

every = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.ray, pytest.mark.timeout(300)])
        if name == "ray"
        else name
        for name in EVALUATORS
    ],
)


@every
@pytest.mark.parametrize("batch", [1, 7, 100])
def test_every_request_is_completed_exactly_once(name: str, batch: int) -> None:
    checks.check_completed_once(EVALUATORS[name], batch)


@every
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_rule_that_breaks_the_scorer_fails_no_other(name: str, batch: int) -> None:
    checks.check_failure_is_alone(EVALUATORS[name], batch)


@every
@pytest.mark.parametrize("batch", [1, 4])
def test_scores_are_those_of_the_scorer_called_directly(name: str, batch: int) -> None:
    plan = ScoringPlan(load_task("digits"), named_budget("smoke"), "stacked", 0)
    checks.check_scores_are_the_scorers(EVALUATORS[name], plan, RULES, batch)


@every
def test_closing_is_clean(name: str) -> None:
    checks.check_close(EVALUATORS[name])
