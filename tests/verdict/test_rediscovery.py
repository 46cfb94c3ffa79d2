"""What searches found of known optimizers, and how probable those are."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from neuralopt import tables
from neuralopt.archive import Archive, Execution, Proposal
from neuralopt.language import RULES, parse, simplify
from neuralopt.scoring.score import Score
from neuralopt.spaces import Space, load
from neuralopt.verdict.rediscovery.history import (
    PAUSE,
    FirstFound,
    History,
    Occurrence,
    history,
    seconds_until,
)
from neuralopt.verdict.rediscovery.matching import equal_in_behaviour
from neuralopt.verdict.rediscovery.odds import (
    draw_targets,
    encoded,
    uniform_log_probabilities,
)
from neuralopt.verdict.rediscovery.summary import (
    Median,
    RunHistory,
    percentile,
    success,
)
from neuralopt.verdict.rediscovery.targets import TARGETS, find_targets
from neuralopt.verdict.rediscovery.uniform import draw_uniform, exact_evaluations


def one_group() -> Space:
    return dataclasses.replace(load("from_scratch"), groups=1)


def proposal(number: int, rule: str, score: Score) -> Proposal:
    canonical = str(simplify(parse(rule)))
    return Proposal(number, (number,), rule, canonical, score=score)


def scored(quality: float) -> Score:
    return Score("scored", quality, lr=0.1)


def test_targets_differ_in_form_and_in_behaviour() -> None:
    targets = list(TARGETS.values())
    forms = [form for target in targets for form in target.forms]
    assert len(forms) == len(set(forms))
    equal = equal_in_behaviour([target.rule for target in targets], targets)
    pairs = {
        (one.name, other.name)
        for one, row in zip(targets, equal.tolist(), strict=True)
        for other, hit in zip(targets, row, strict=True)
        if hit and one is not other
    }
    # The probes are too short for a second moment that shrinks by 0.999 a step.
    assert pairs == {("adam", "amsgrad"), ("amsgrad", "adam")}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_all_arrangements_of_a_target_behave_alike(name: str) -> None:
    target = TARGETS[name]
    assert equal_in_behaviour(target.rules, [target]).all()


@pytest.mark.parametrize("name", ["lion", "nesterov", "amsgrad"])
def test_the_space_temporal_holds_rules_with_memory(name: str) -> None:
    assert encoded(load("temporal"), TARGETS[name]) is not None
    assert encoded(load("from_scratch"), TARGETS[name]) is None


def test_three_groups_say_adam_times_agreement_and_two_do_not() -> None:
    space = load("from_scratch")
    assert encoded(space, TARGETS["adam_agreement"]) is None
    larger = dataclasses.replace(space, groups=3)
    row = encoded(larger, TARGETS["adam_agreement"])
    assert row is not None
    assert larger.canonical(row[None])[0] in TARGETS["adam_agreement"].forms


def test_an_unknown_target_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(ValueError, match=r"unknown target 'adm'.*adam"):
        find_targets(["adm"])


def test_behaviour_is_up_to_a_positive_factor() -> None:
    rules = [parse(text) for text in ("3 * m", "-m", "m + 0.001 * m", "trace(g, 0.9)")]
    found = equal_in_behaviour(rules, [TARGETS["momentum"]])[:, 0]
    assert found.tolist() == [True, False, True, True]


def test_evaluations_count_trained_rules_in_the_order_of_asking() -> None:
    seen = History(find_targets(["adam", "momentum"]))
    seen.tell(
        [
            proposal(0, "g", scored(0.1)),
            proposal(1, "1", Score("rejected", reason="is constant")),
            Proposal(2, (2,), "g", "g", original=0),
            proposal(3, "2 * m", scored(0.04)),
            proposal(4, "g / m", Score("diverged")),
        ],
        {0: 1.0, 3: 2.5, 4: 3.0},
    )
    seen.tell([proposal(5, "m", scored(0.4))], {5: 4.0})
    momentum = seen.found["momentum"]
    assert momentum.behaviour == Occurrence(
        3, 2, 2.5, 0.04, str(simplify(parse("2 * m")))
    )
    late = Occurrence(5, 4, 4.0, 0.4, str(simplify(parse("m"))))
    assert momentum.form == momentum.useful == late
    assert seen.found["adam"] == FirstFound()
    assert seen.missing == ["adam"]
    assert (seen.evaluations, seen.seconds) == (4, 4.0)


def test_any_epsilon_is_the_form_of_adam() -> None:
    seen = History(find_targets(["adam"]))
    seen.tell([proposal(0, "m / (sqrt(v) + 1e-6)", scored(0.5))], {})
    assert seen.found["adam"].form is not None


def test_a_pause_of_a_search_is_not_counted(tmp_path: Path) -> None:
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        names = ("g", "m")
        archive.record(
            [
                Proposal(n, (n,), name, str(simplify(parse(name))))
                for n, name in enumerate(names)
            ]
        )
        ends = (100.0, 90_000.0)
        for number, end in enumerate(ends):
            done = dataclasses.replace(archive.proposal(number), score=scored(0.4))
            archive.commit([done], [Execution(number, 1, "scored", 2.0, "w", end)])
        assert seconds_until(archive) == {0: 2.0, 1: 2.0 + 2.0 + PAUSE}
        assert history(archive, find_targets(["momentum"])).evaluations == 2


def test_probabilities_of_all_rows_sum_to_one() -> None:
    space = Space("tiny", ("g", "m"), ("x", "sign(x)"), ("x * y", "x"), groups=2)
    rows = np.concatenate(list(space.rows()))
    total = np.exp(uniform_log_probabilities(space, rows)).sum()
    assert total == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["adam", "momentum", "signum"])
def test_estimated_probabilities_agree_with_an_exact_table(name: str) -> None:
    table, target = tables.load("from_scratch"), TARGETS[name]
    wanted = [table.number(form) for form in target.forms if form in table.rules]
    exact = 1 / tables.expected_proposals(table, wanted)
    drawn = draw_targets(one_group(), [target], 1500, seed=1)[name]
    assert abs(drawn.in_form.value - exact) < 4 * drawn.in_form.error
    assert drawn.in_behaviour.value >= drawn.in_form.value


def test_probabilities_in_behaviour_agree_with_an_exact_table() -> None:
    table, target = tables.load("from_scratch"), TARGETS["signum"]
    rules = [parse(rule) for rule in table.rules]
    alike = np.flatnonzero(equal_in_behaviour(rules, [target])[:, 0]).tolist()
    exact = 1 / tables.expected_proposals(table, alike)
    found = draw_targets(one_group(), [target], 1500, seed=1)["signum"].in_behaviour
    assert abs(found.value - exact) < 3 * found.error
    assert found.error < 0.2 * exact


def test_the_gain_of_a_policy_is_exact_where_it_is_uniform_on_fewer_rows() -> None:
    space, target = one_group(), TARGETS["momentum"]
    drawn = draw_targets(space, [target], 300)["momentum"]
    gain = drawn.gain(lambda rows: uniform_log_probabilities(space, rows) + 1.5)
    assert gain == pytest.approx(1.5)


def test_the_expected_evaluations_to_a_form_are_those_of_the_table() -> None:
    table = tables.load("from_scratch")
    form, alike = exact_evaluations(table, [TARGETS["adam"]])["adam"]
    number = table.number(RULES["adam_uncorrected"].expression)
    assert form == tables.expected_evaluations(table, [number])
    assert alike is not None
    assert form is not None
    assert 1 <= alike <= form


def test_a_uniform_sample_charges_different_rules_that_pass_the_checks() -> None:
    sample = draw_uniform(one_group(), 200)
    assert len(sample.texts) == 200
    assert set(sample.trained) < set(sample.texts)
    assert len(set(sample.trained)) == len(sample.trained)
    assert sample.charged == len(sample.trained) / 200


def run(number: int, evaluations: int | None) -> RunHistory:
    hit = evaluations and Occurrence(1, evaluations, 2.0 * evaluations, 0.5, "m")
    found = {"momentum": FirstFound(behaviour=hit or None)}
    return RunHistory(f"run{number}", number, 100, 10.0, found, {})


def test_runs_that_did_not_find_a_target_count_as_infinite() -> None:
    runs = [run(n, each) for n, each in enumerate((10, None, 30, 20, None, None, 40))]
    found = success("momentum", "behaviour", runs, 0)
    assert (found.found, found.runs) == (4, 7)
    assert found.evaluations.value == 40
    assert found.evaluations.high == math.inf
    low, high = found.interval
    assert low == pytest.approx(0.1841, abs=1e-4)  # R's binom.test(4, 7)
    assert high == pytest.approx(0.9010, abs=1e-4)
    within = success("momentum", "behaviour", runs, 25)
    assert (within.found, within.evaluations.value) == (2, math.inf)


@pytest.mark.parametrize(
    ("count", "places"), [(5, None), (6, (1, 6)), (20, (6, 15)), (9, (2, 8))]
)
def test_medians_have_intervals_by_order_statistics(
    count: int, places: tuple[int, int] | None
) -> None:
    found = Median.of(list(range(1, count + 1)))
    assert (found.low, found.high) == (places or (0.0, math.inf))


def test_percentiles_count_equals_as_half() -> None:
    assert percentile(0.5, [0.1, 0.5, 0.7, 0.2]) == 62.5
