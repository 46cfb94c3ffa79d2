"""The scoring protocol, tested with a fake engine."""

import math

import pytest

from neuralopt.engines.engine import Child
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.evaluators import TaskScorer, evaluate
from neuralopt.language import RULES, parse
from neuralopt.scoring.budgets import BUDGETS, Budget, named_budget
from neuralopt.scoring.protocol import Trial, score_trials
from neuralopt.tasks import load_task
from tests.engines.builders import BUDGET, Recording, Scripted, some_digits

G, W = parse("g"), parse("sign(g)")
RATES = BUDGET.learning_rates
INF = math.inf


def screened(*losses, rule="g"):
    return {(rule, rate): loss for rate, loss in zip(RATES, losses, strict=True)}


def scored(screening, final, replicates=(0,), splits=("validation",), rules=(G,)):
    engine = Scripted(screening, final)
    trials = [Trial(rule, replicates) for rule in rules]
    return score_trials(engine, load_task("digits"), BUDGET, trials, splits), engine


def test_the_children_are_every_rate_for_a_short_while_then_the_best_for_long():
    (scores,), engine = scored(screened(3, 1, 2, 4), {("g", 1e-2): 0.5})
    (short, long) = engine.calls
    assert short == ([Child(G, rate, 0) for rate in RATES], 1, ("validation",))
    assert long == ([Child(G, 1e-2, 0)], 3, ("validation",))
    score = scores["validation"]
    assert (score.status, score.lr, score.loss) == ("scored", 1e-2, 0.5)
    assert score.quality == math.exp(-0.5)
    assert score.accuracy == 1 / 1.5
    assert score.screening == (3, 1, 2, 4)
    assert score.curve == (0.5, 0.25)
    assert score.reason == ""


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ((1, 1, 2, 2), 1e-3),
        ((2, 1, 1, 1), 1e-2),
        ((INF, INF, INF, 7), 1.0),
        ((INF, 5, INF, 5), 1e-2),
        ((2.302585092994046, 2.302585092994045, 9, 9), 1e-2),
        ((1e300, INF, INF, INF), 1e-3),
    ],
)
def test_the_rate_of_the_lowest_loss_is_chosen_and_of_two_the_smaller(losses, best):
    (scores,), engine = scored(screened(*losses), {("g", best): 1.0})
    assert scores["validation"].lr == best
    assert engine.calls[1][0] == [Child(G, best, 0)]


def test_a_rule_that_diverges_at_every_rate_is_diverged_and_not_trained_for_long():
    (scores,), engine = scored(screened(INF, INF, INF, INF), {})
    score = scores["validation"]
    assert (score.status, score.quality, score.lr) == ("diverged", 0.0, None)
    assert (score.loss, score.accuracy) == (None, None)
    assert score.screening == (INF,) * 4
    assert score.reason == "at every rate"
    assert engine.calls[1][0] == []


def test_a_rule_whose_long_run_diverges_is_diverged():
    (scores,), _ = scored(screened(3, 1, 2, 4), {("g", 1e-2): INF})
    score = scores["validation"]
    assert (score.status, score.quality, score.lr) == ("diverged", 0.0, 1e-2)
    assert (score.loss, score.accuracy) == (None, None)
    assert score.reason == "in the long run"
    assert score.screening == (3, 1, 2, 4)
    assert score.curve == (0.5, 0.25)


def test_replicates_are_averaged_in_both_stages():
    screening = screened(9, 1, 2, 9) | {("g", 1e-2, 5): 4.0}  # mean 2.5: 0.1 wins
    final = {("g", 0.1, 4): 1.0, ("g", 0.1, 5): 3.0}
    (scores,), engine = scored(screening, final, replicates=(4, 5))
    score = scores["validation"]
    assert score.screening == (9, 2.5, 2, 9)
    assert (score.lr, score.loss) == (0.1, 2.0)
    assert score.quality == pytest.approx((math.exp(-1) + math.exp(-3)) / 2)
    assert score.accuracy == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert score.curve == (0.5, 4.25)
    assert engine.calls[1][0] == [Child(G, 0.1, 4), Child(G, 0.1, 5)]
    assert sorted(child.replicate for child in engine.calls[0][0]) == [4] * 4 + [5] * 4


def test_a_rate_at_which_one_replicate_diverges_is_not_chosen():
    screening = screened(9, 1, 2, 9) | {("g", 1e-2, 1): INF}
    (scores,), _ = scored(screening, {("g", 0.1): 1.0}, replicates=(0, 1, 2))
    assert scores["validation"].lr == 0.1
    assert scores["validation"].screening == (9, INF, 2, 9)


def test_a_replicate_that_diverges_in_the_long_run_counts_as_quality_zero():
    final = {("g", 1e-3, 0): INF, ("g", 1e-3, 1): 1.0}
    (scores,), _ = scored(screened(1, 2, 3, 4), final, replicates=(0, 1))
    score = scores["validation"]
    assert score.status == "scored"
    assert score.quality == pytest.approx(math.exp(-1) / 2)
    assert score.loss is None  # infinite: there is no mean
    assert score.curve == (0.5, 1.25)


def test_several_rules_keep_their_order_and_do_not_mix():
    screening = (
        screened(1, 2, 3, 4)
        | screened(INF, INF, INF, INF, rule="w")
        | screened(4, 3, 2, 1, rule="sign(g)")
    )
    final = {("g", 1e-3): 0.1, ("sign(g)", 1.0): 0.2}
    found, engine = scored(screening, final, rules=(G, parse("w"), W))
    scores = [each["validation"] for each in found]
    assert [score.status for score in scores] == ["scored", "diverged", "scored"]
    assert [score.loss for score in scores] == [0.1, None, 0.2]
    assert [score.lr for score in scores] == [1e-3, None, 1.0]
    assert engine.calls[1][0] == [Child(G, 1e-3, 0), Child(W, 1.0, 0)]


def test_the_rate_is_chosen_on_validation_for_any_splits():
    final = {("g", 1e-2): (0.3, 0.7)}
    (scores,), engine = scored(
        screened(3, 1, 2, 4), final, splits=("test", "selection")
    )
    assert engine.calls[0][2] == ("validation",)
    assert engine.calls[1][2] == ("test", "selection")
    assert list(scores) == ["test", "selection"]
    assert scores["test"].loss == 0.3
    assert scores["selection"].loss == 0.7
    assert scores["test"].lr == scores["selection"].lr == 1e-2
    assert scores["test"].accuracy == 1 / 1.3
    assert scores["selection"].quality == math.exp(-0.7)


def test_no_rules_are_no_scores():
    assert scored({}, {}, rules=())[0] == []


def test_a_search_reads_training_and_validation_and_nothing_else():
    for make in (SerialEngine, StackedEngine):
        task = Recording(some_digits(training=128), unreadable=("selection", "test"))
        score = TaskScorer(task, BUDGETS["smoke"], make(task, 0))
        assert [each.status for each in score([G, W])] == ["scored"] * 2
        assert task.read == {"training", "validation"}
    task = Recording(load_task("digits"), unreadable=("selection", "test"))
    assert evaluate(["g"], task, "smoke") == evaluate(["g"], "digits", "smoke")


def test_rules_are_given_as_text_name_expression_or_rule():
    rule = RULES["powersign"]
    given = [str(rule.expression), "powersign", rule.expression, rule]
    first, *others = evaluate(given, "digits", "smoke")
    assert first.status == "scored"
    assert others == [first] * 3
    assert evaluate([], budget="smoke") == []
    with pytest.raises(ValueError, match="sgn"):
        evaluate(["exp(sgn(g))"], budget="smoke")


def test_both_engines_give_nearly_equal_scores_and_the_classics_learn():
    names = ["sgd", "adam", "rmsprop", "powersign", "addsign"]
    serial = evaluate(names, "digits", "bello2017", engine="serial")
    stacked = evaluate(names, "digits", "bello2017", engine="stacked")
    for name, a, b in zip(names, serial, stacked, strict=True):
        assert a.lr == b.lr, name
        assert a.quality == pytest.approx(b.quality, abs=1e-4), name
        assert a.quality > 0.5, name  # of 0.1 untrained
        assert len(a.curve) == len(b.curve) == 20
        assert len(a.screening) == 7


def test_the_budgets_are_those_of_the_paper_and_its_variants():
    paper = BUDGETS["bello2017"]
    assert paper.learning_rates == (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
    assert (paper.screening_epochs, paper.epochs, paper.replicates) == (1, 5, 1)
    assert BUDGETS["long"].epochs == 20
    assert BUDGETS["long"].learning_rates == paper.learning_rates
    assert set(BUDGETS) == {"bello2017", "long", "smoke", "suite"}
    for name, budget in BUDGETS.items():
        assert budget.name == name
        assert named_budget(name) == budget


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rates": ()}, "give positive numbers"),
        ({"learning_rates": (0.0, 1.0)}, "give positive numbers"),
        ({"learning_rates": (math.nan,)}, "give positive numbers"),
        ({"learning_rates": (1.0, INF)}, "give positive numbers"),
        ({"learning_rates": (1.0, 0.1)}, "must rise"),
        ({"learning_rates": (1.0, 1.0)}, "must rise"),
        ({"screening_epochs": 0}, "screening_epochs is 0: give 1 or more"),
        ({"epochs": -1}, "epochs is -1"),
        ({"replicates": 0}, "replicates is 0"),
    ],
)
def test_a_budget_out_of_range_is_refused(change, message):
    values = {"name": "x", "learning_rates": (0.1,), "screening_epochs": 1, "epochs": 1}
    with pytest.raises(ValueError, match=message):
        Budget(**{**values, **change})


def test_an_unknown_budget_is_named_with_a_remedy():
    with pytest.raises(ValueError, match="unknown budget 'smok': did you mean 'smoke'"):
        named_budget("smok")
