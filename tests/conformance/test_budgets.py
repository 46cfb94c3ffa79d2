"""Every budget of the registry is sound and can be scored with."""

import dataclasses

import pytest

from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked import StackedEngine
from neuralopt.language import parse
from neuralopt.scoring.budgets import BUDGETS, Budget
from neuralopt.scoring.protocol import Trial, score_trials, screening_limit
from neuralopt.tasks import TASKS, load_task
from tests.engines.builders import some_digits

every = pytest.mark.parametrize("name", BUDGETS)


@every
def test_a_budget_is_valid_and_carries_its_name(name: str) -> None:
    budget = BUDGETS[name]
    assert budget.name == name
    # As made from the same values by hand: nothing was out of range or left out.
    assert Budget(**dataclasses.asdict(budget)) == budget
    assert Budget.from_mapping(dataclasses.asdict(budget)) == budget


@every
def test_a_budget_leaves_a_batch_of_every_task_without_data(name: str) -> None:
    for task_name in TASKS:
        if task_name.startswith("cifar10"):
            continue
        task = load_task(task_name)
        limit = screening_limit(task, BUDGETS[name])
        assert limit is None or limit >= task.batch_size


@every
def test_rules_are_scored_under_a_budget(name: str) -> None:
    budget = dataclasses.replace(BUDGETS[name], epochs=min(BUDGETS[name].epochs, 2))
    task = some_digits(training=128)
    good, bad = Trial(parse("adam")), Trial(parse("g / 0"))
    engine = StackedEngine(task, 0)
    (scored, broken) = score_trials(engine, task, budget, [good, bad])
    score = scored["validation"]
    assert score.status == "scored"
    assert 0.0 < score.quality <= 1.0
    assert len(score.screening) == len(budget.learning_rates)
    best = budget.learning_rates[score.screening.index(min(score.screening))]
    refined = budget.refined_rates(best) if budget.refinement_epochs else (best,)
    assert score.lr in refined
    assert broken["validation"].status == "diverged"
    assert broken["validation"].quality == 0.0
    serial = SerialEngine(task, 0)
    (alone,) = score_trials(serial, task, budget, [good])
    assert alone["validation"].quality == pytest.approx(score.quality, rel=1e-3)
