"""Objectives: parts are tasks and horizons, and gates stop a rule by itself alone."""

import dataclasses

import pytest

from neuralopt.engines import choose_engine
from neuralopt.evaluators import (
    TaskScorer,
    evaluate,
    fitted,
    is_relative,
    part_names,
)
from neuralopt.evaluators.multitask import combine
from neuralopt.evaluators.objective import ADAM, ObjectiveScorer, share
from neuralopt.language import parse
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, refine, score_horizons, screen
from neuralopt.tasks import GROUPS, TASKS, group_of, load_tasks
from tests.engines.builders import some_digits

UNGATED = Budget("short", (1e-3, 1e-2, 1e-1), 1, 2, refinement_epochs=2, horizons=(4,))
RULES = [
    parse(text)
    for text in ("g", "sign(m)", "-g", "g * v", "g / (sqrt(v) + 1e-8)", "exp(g / 0)")
]


def objective(**changes):
    budget = dataclasses.replace(UNGATED, **changes)
    tasks = [some_digits(training=256), some_digits(training=128)]
    tasks[1] = dataclasses.replace(tasks[1], name="fewer")
    return ObjectiveScorer(
        tuple(TaskScorer(task, budget, choose_engine("auto", task)) for task in tasks)
    )


@pytest.fixture(scope="module")
def whole():
    """Scores of RULES without gates."""
    return objective()(RULES)


def test_parts_are_all_tasks_at_each_length(whole):
    names = part_names(["digits", "fewer"], UNGATED)
    assert names == ("digits", "fewer", "digits@4", "fewer@4")
    assert {len(score.tasks) for score in whole} == {4}
    for place, scorer in enumerate(objective().scorers):
        trials = [Trial(rule) for rule in RULES]
        alone = score_horizons(scorer.engine, scorer.task, UNGATED, trials)
        for horizon, scores in enumerate(alone):
            assert [each["validation"] for each in scores] == [
                score.tasks[2 * horizon + place] for score in whole
            ]


def test_a_refined_rate_is_one_of_three_around_the_best(whole):
    (scorer, _) = objective().scorers
    trials = [Trial(rule) for rule in RULES]
    rough = screen(scorer.engine, scorer.task, UNGATED, trials)
    fine = refine(scorer.engine, scorer.task, UNGATED, trials, rough)
    for before, after, score in zip(rough, fine, whole, strict=True):
        assert after.losses == before.losses
        assert score.tasks[0].lr == after.rate
        if before.rate is None:
            assert after.rate is None
        else:
            assert after.rate in UNGATED.refined_rates(before.rate)
    assert any(
        after.rate != before.rate for before, after in zip(rough, fine, strict=True)
    )


def test_refined_rates_lie_half_way_to_the_neighbours():
    for rate, expected in [
        (1e-2, (1e-2 / 10**0.5, 1e-2, 1e-2 * 10**0.5)),
        (1e-3, (1e-3 / 10**0.5, 1e-3, 1e-3 * 10**0.5)),
        (1e-1, (1e-1 / 10**0.5, 1e-1, 1e-1 * 10**0.5)),
    ]:
        assert UNGATED.refined_rates(rate) == pytest.approx(expected)


GATES = [(0.3,), (0.0, 0.35), (0.2, 0.3, 0.4, 0.45), (0.0, 0.0, 0.0, 0.45)]


@pytest.mark.parametrize("gates", GATES)
def test_a_gate_stops_exactly_the_rules_below_it(whole, gates):
    """Against the scores without gates, gate by gate."""
    (adam,) = objective()([ADAM])
    scorer = objective().scorers[0]
    trials = [Trial(rule) for rule in (ADAM, *RULES)]
    screened = screen(scorer.engine, scorer.task, UNGATED, trials)
    first, *others = [
        scorer.task.quality(min(each.losses)) if each.rate else 0.0 for each in screened
    ]
    stopped = 0
    found = objective(gates=gates)(RULES)
    for score, full, quality in zip(found, whole, others, strict=True):
        passed = [share(quality, first) >= gates[0]]
        shares = [
            share(mine.quality, his.quality)
            for mine, his in zip(full.tasks, adam.tasks, strict=True)
        ]
        for done, gate in enumerate(gates[1:4], start=1):
            passed.append(sum(shares[:done]) / done >= gate)
        if all(passed):
            assert score == full
            continue
        stopped += 1
        assert score.status == "stopped"
        reached = passed.index(False)
        if reached:
            assert score.tasks == full.tasks[:reached]
            assert score.reason == f"after {reached} of 4 parts"
        else:
            assert [each.quality for each in score.tasks] == [quality]
            assert score.reason == f"after the screening of {scorer.task.name}"
    assert 0 < stopped < len(RULES)


@pytest.mark.parametrize("gates", GATES)
def test_a_score_does_not_depend_on_neighbours(gates):
    scorer = objective(gates=gates)
    together = scorer(RULES)
    assert together == [scorer([rule])[0] for rule in RULES]
    assert together[::-1] == objective(gates=gates)(RULES[::-1])


def test_a_replicate_is_measured_on_all_parts_without_gates():
    gated = objective(gates=(0.45, 0.45, 0.45, 0.45))
    assert {score.status for score in gated(RULES)} >= {"stopped"}
    measured = gated(RULES, 7)
    assert measured == objective()(RULES, 7)
    assert {len(score.tasks) for score in measured} == {4}


def test_the_parts_that_a_stopped_rule_did_not_reach_count_nothing(whole):
    adam = dict.fromkeys(part_names(["digits", "fewer"], UNGATED), 0.5)
    (score, *_) = objective(gates=(0.0, 0.49))(RULES)
    assert score.status == "stopped"
    combined = combine(score, adam)
    assert combined.status == "stopped"
    assert combined.quality == share(whole[0].tasks[0].quality, 0.5) / 4
    assert combined.reason == "after 1 of 4 parts"


def test_a_rule_that_diverges_at_every_rate_has_diverged_not_stopped():
    adam = dict.fromkeys(part_names(["digits", "fewer"], UNGATED), 0.5)
    combined = combine(objective(gates=(0.1,))([parse("exp(g / 0)")])[0], adam)
    assert (combined.status, combined.quality) == ("diverged", 0.0)
    assert combined.reason == "digits diverged at every rate"


def test_qualities_of_one_task_without_gates_are_its_own():
    plain = Budget("plain", (1e-2, 1e-1), 1, 1)
    assert not is_relative(1, plain)
    assert is_relative(2, plain)
    assert is_relative(1, dataclasses.replace(plain, horizons=(2,)))
    assert is_relative(1, dataclasses.replace(plain, gates=(0.1,)))
    relative = dataclasses.replace(plain, horizons=(2,))
    assert evaluate(["adam"], "digits", relative)[0].quality == 0.5
    assert evaluate(["adam"], "digits", plain)[0].quality != 0.5


def test_adam_is_never_stopped():
    """By his qualities all others are judged, so he has one on every part."""
    (adam,) = objective(gates=(0.49, 0.49, 0.49, 0.49))([ADAM])
    assert (adam.status, len(adam.tasks)) == ("scored", 4)
    hopeless = objective(learning_rates=(1e30, 2e30), gates=(0.1,))
    (adam,) = hopeless([ADAM])
    assert len(adam.tasks) == 4
    with pytest.raises(ValueError, match="which can't be a reference"):
        evaluate(["g"], "digits", Budget("bad", (1e30, 2e30), 1, 1, horizons=(2,)))


def test_gates_hold_for_the_tasks_they_were_chosen_on():
    budget = dataclasses.replace(UNGATED, gates=(0.1, 0.2, 0.3), gates_for="suite")
    assert fitted(budget, GROUPS["suite"]) == budget
    assert fitted(budget, ["digits"]).gates == ()
    assert fitted(budget, [*GROUPS["suite"], "char_lm"]).gates == ()
    named = dataclasses.replace(budget, gates_for="digits+ravine")
    assert fitted(named, ["digits", "ravine"]) == named
    for_any = dataclasses.replace(budget, gates_for="")
    assert fitted(for_any, ["digits", "ravine"]) == for_any
    with pytest.raises(ValueError, match="has 3 gates: give 2 or fewer"):
        fitted(for_any, ["digits"])


def test_one_call_scores_in_full():
    gated = dataclasses.replace(UNGATED, gates=(0.45, 0.45))
    assert evaluate(["g"], "digits", gated) == evaluate(["g"], "digits", UNGATED)


def test_a_group_is_its_tasks_in_order():
    assert [task.name for task in load_tasks("suite")] == list(GROUPS["suite"])
    assert group_of(GROUPS["suite"]) == "suite"
    assert group_of(["digits"]) == ""
    assert not set(GROUPS) & set(TASKS)
    with pytest.raises(ValueError, match="digits is named twice"):
        load_tasks("suite+digits")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"refinement_epochs": -1}, "refinement_epochs is -1"),
        ({"learning_rates": (0.1,)}, "needs two learning rates"),
        ({"horizons": (2,)}, r"horizons is \[2\]: give epochs above budget.epochs, 2"),
        ({"horizons": (4, 3)}, r"horizons is \[4, 3\]"),
        ({"gates": (0.5,)}, r"gates is \[0.5\]: give shares from 0 to below 0.5"),
        ({"gates": (-0.1,)}, r"gates is \[-0.1\]"),
    ],
)
def test_a_budget_out_of_range_is_one_line(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(UNGATED, **changes)
