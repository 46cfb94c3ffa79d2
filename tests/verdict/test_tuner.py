"""The tuner on surfaces whose best settings are known."""

import math

import pytest

from neuralopt.engines.engine import Outcome
from neuralopt.language import RULES, parse
from neuralopt.scoring.replicates import FIRST_TUNING_REPLICATE
from neuralopt.verdict.trainings import Failure
from neuralopt.verdict.tuning.contender import Contender
from neuralopt.verdict.tuning.setting import Setting
from neuralopt.verdict.tuning.space import Space, design
from neuralopt.verdict.tuning.tune import FINALISTS, TuningPlan, tune
from neuralopt.verdict.tuning.tuner import Tuner
from tests.engines.builders import some_digits

TASK = some_digits(training=256)


def bowl(best, width=1.0):
    """A loss whose best rate is `best`, infinite beyond thirty times that."""

    def loss(setting):
        if setting.rate > 30 * best:
            return math.inf
        return 1 + (math.log10(setting.rate / best) / width) ** 2

    return loss


def run(tuner, loss):
    rounds = []
    while asked := tuner.ask():
        rounds.append(asked)
        tuner.tell([loss(setting) for setting in asked])
    return rounds


def tuner_of(trials=40, start=0.01, rule="g", seed=0):
    contender = Contender.of("it", parse(rule), start)
    space = Space(contender.dials, 100)
    return Tuner(contender.plain, space, design(trials, seed), trials)


@pytest.mark.parametrize("trials", [10, 17, 40, 120])
@pytest.mark.parametrize("best", [3e-5, 0.013, 2.0, 100.0])
def test_every_contender_gets_the_same_trials_and_finds_its_rate(trials, best):
    tuner = tuner_of(trials)
    run(tuner, bowl(best))
    assert len(tuner.losses) == trials
    (found,) = tuner.best()
    decades = abs(math.log10(found.rate / best))
    reach = 1.5 if trials < 40 else 2  # half decades outward that are paid for
    if abs(math.log10(best / 0.01)) <= reach:
        assert decades < math.log10(2) / 2 + 0.01
        assert tuner.is_interior(found)
    else:
        assert decades < abs(math.log10(best / 0.01)) - 1  # nearer than it began


def test_first_rounds_are_rates_of_the_rule_as_it_is_written():
    tuner = tuner_of(rule="trace(g, 0.9)")
    rounds = run(tuner, bowl(10.0))
    assert [each.rate for each in rounds[0]] == [0.001, 0.00316, 0.01, 0.0316, 0.1]
    assert [[each.rate for each in some] for some in rounds[1:6]] == [
        [0.316], [1.0], [3.16], [10.0], [31.6]
    ]  # fmt: skip
    first = [each for some in rounds[:6] for each in some]
    assert {(each.decay, each.schedule, each.dials) for each in first} == {
        (0.0, "1", (0.9,))
    }
    assert len(rounds[6]) == 40 - len(first) - 8  # the design


def test_a_rate_that_diverges_is_a_border_and_all_that_diverge_go_down():
    tuner = tuner_of(trials=20, start=1.0)
    run(tuner, bowl(0.01, width=0.1))
    (found,) = tuner.best()
    assert found.rate == pytest.approx(0.01, rel=0.5)
    tuner = tuner_of(trials=20)
    run(tuner, lambda setting: math.nan)
    assert len(tuner.losses) == 20
    assert not tuner.is_interior(tuner.best()[0])


def test_decay_schedule_and_dials_are_found_by_the_design():
    def loss(setting):
        beta, epsilon = setting.dials[0], setting.dials[2]
        shrinkage = setting.decay * setting.rate * 100
        return (
            bowl(0.02)(setting)
            + (setting.schedule != "cosine")
            + (math.log10((1 - beta) / 0.03)) ** 2
            + 0.1 * math.log10(epsilon / 1e-5) ** 2
            + (shrinkage < 0.05)
        )

    contender = Contender.of("adam", RULES["adam"].expression, None)
    space = Space(contender.dials, 100)
    tuner = Tuner(contender.plain, space, design(120, 0), 120)
    run(tuner, loss)
    (found,) = tuner.best()
    assert loss(found) < 1.4
    assert found.schedule == "cosine"
    assert loss(contender.plain) > 3


def test_every_other_point_leaves_the_dials():
    contender = Contender.of("adam", RULES["adam"].expression, 0.01)
    space = Space(contender.dials, 100)
    tuner = Tuner(contender.plain, space, design(40, 0), 40)
    designed = run(tuner, bowl(0.01))[1]
    own = contender.plain.dials
    assert all(each.dials != own for each in designed[::2])
    assert all(each.dials == own for each in designed[1::2])
    assert len({each.rate for each in designed}) == len(designed)


def test_the_same_points_for_every_contender():
    asked = [
        [
            (each.decay * each.rate, each.schedule, each.warmup)
            for each in run(tuner_of(rule=rule), bowl(0.01))[1]
        ]
        for rule in ("g", "trace(g, 0.9)")
    ]
    assert len(asked[0]) > 20
    for one, other in zip(*asked, strict=True):
        assert one[0] == pytest.approx(other[0], rel=0.02)
        assert one[1:] == other[1:]


class Fake:
    """Trains nothing: losses follow from learning rate and replicate."""

    def __init__(self, loss, failing=()):
        self.loss, self.failing, self.calls = loss, failing, []

    def __call__(self, trainings, splits):
        self.calls.append(list(trainings))
        return [self._outcome(each, splits) for each in trainings]

    def _outcome(self, training, splits):
        if str(training.child.rule) in self.failing:
            return Failure("it broke")
        loss = self.loss(training.child)
        return Outcome(math.isinf(loss), (loss,) * len(splits), (0.5,), (), 4)


RULES_TUNED = [Contender.of(name, parse(name), 0.01) for name in ("g", "sign(g)")]


def test_contenders_are_tuned_in_lockstep_on_replicates_of_their_own():
    train = Fake(lambda child: bowl(0.02)(Setting(child.learning_rate)))
    plan = TuningPlan(20, 2)
    found = tune(RULES_TUNED, TASK, 3, plan, train)
    assert list(found) == ["g", "sign(g)"]
    for each in found.values():
        assert len(each.losses) == 20
        assert each.rate_is_interior
        assert len(each.trainings) == plan.trainings
        assert {job.epochs for job in each.trainings} == {3}
    assert len(train.calls[0]) == 2 * 5 * 2
    first = FIRST_TUNING_REPLICATE
    used = [{job.child.replicate for job in call} for call in train.calls]
    assert all(each == {first, first + 1} for each in used[:-1])
    assert used[-1] == {first + k for k in range(2, 6)}
    assert len(train.calls[-1]) == 2 * FINALISTS * 4


def test_the_winner_is_the_best_of_three_on_fresh_replicates():
    """One rate is lucky on the tuning replicates only."""

    def loss(child):
        lucky = abs(child.learning_rate - 0.0316) < 1e-9
        if child.replicate < FIRST_TUNING_REPLICATE + 1:
            return 0.1 if lucky else bowl(0.01)(Setting(child.learning_rate))
        return 9.0 if lucky else bowl(0.01)(Setting(child.learning_rate))

    found = tune(RULES_TUNED[:1], TASK, 3, TuningPlan(10, 1), Fake(loss))["g"]
    assert min(found.losses, key=found.losses.get).rate == 0.0316
    assert found.setting.rate != 0.0316
    assert found.loss < 2


def test_a_contender_that_fails_does_not_stop_the_others():
    train = Fake(lambda child: bowl(0.02)(Setting(child.learning_rate)), ("sign(g)",))
    found = tune(RULES_TUNED, TASK, 3, TuningPlan(20, 2), train)
    assert found["sign(g)"].failure == "it broke"
    assert not found["g"].failure
    assert found["g"].rate_is_interior
    later = [str(job.child.rule) for call in train.calls[1:] for job in call]
    assert "sign(g)" not in later


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"trials": 9}, "verdict.tuning.trials is 9: give 10 or more"),
        ({"seeds": 0}, "verdict.tuning.seeds is 0: give 1 or more"),
    ],
)
def test_a_plan_checks_its_numbers(options, told):
    with pytest.raises(ValueError, match=told):
        TuningPlan(**options)
