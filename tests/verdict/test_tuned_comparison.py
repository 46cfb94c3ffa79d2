"""A whole tuned comparison: paired seeds, frozen lists, and the same after a stop."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from neuralopt.engines.engine import Child, TorchOptimizer
from neuralopt.language import RULES, parse
from neuralopt.report.tables.tuned import match_table, tuned_tables
from neuralopt.report.tuned_result import TunedResult
from neuralopt.scoring.replicates import FIRST_TUNING_REPLICATE, FIRST_VERDICT_REPLICATE
from neuralopt.verdict.comparison import compare
from neuralopt.verdict.trainings import Training, Trainings
from neuralopt.verdict.tuning.comparing import NO_FOLDER, Setup, run_comparison
from neuralopt.verdict.tuning.contender import Contender
from neuralopt.verdict.tuning.matches import (
    Match,
    Reference,
    flips,
    reference_of,
)
from neuralopt.verdict.tuning.plain import plain_comparison
from neuralopt.verdict.tuning.tune import TuningPlan
from tests.engines.builders import some_digits

TASKS = tuple(
    some_digits(training=128, widths=widths, batch_size=32)
    for widths in ((64, 10), (64, 8, 10))
)
for number, each in enumerate(TASKS):
    object.__setattr__(each, "name", f"digits{number}")


def _broken(params, lr):
    raise RuntimeError("no such thing")


CONTENDERS = (
    Contender.of("adam", RULES["adam"].expression, None),
    Contender.of("sgd", RULES["sgd"].expression, None),
    Contender.of("mine", parse("g * exp(sign(g) * sign(m))"), 0.1),
    Contender.of("torch.Broken", TorchOptimizer("torch.Broken", _broken), 0.1),
)
SETUP = Setup(CONTENDERS, TASKS, 1, (1, 2), 4, TuningPlan(10, 1))


def run(path, setup=SETUP, folder=None, progress=lambda done: None):
    trainings = Trainings(path, progress=progress)
    return run_comparison(setup, trainings.train, trainings.cost, folder)


def without_seconds(found):
    def cut(value):
        if isinstance(value, dict):
            return {key: cut(x) for key, x in value.items() if key != "seconds"}
        return [cut(x) for x in value] if isinstance(value, list) else value

    return json.dumps(cut(plain_comparison(found)), allow_nan=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tuned")


@pytest.fixture(scope="module")
def found(folder):
    return run(folder / "trainings.jsonl", folder=folder)


def test_verdicts_are_those_of_the_paired_test_on_the_qualities(found):
    for result in found.results:
        for match in result.matches:
            for split in ("selection", "test"):
                qualities = match.qualities[split]
                assert list(qualities) == ["adam", "sgd", "mine"]
                assert all(len(row) == 4 for row in qualities.values())
                expected = compare(
                    list(qualities), list(qualities.values()), reference="adam"
                )
                *rows, failed = match.comparison(split).rows
                assert tuple(rows) == expected.rows
                assert failed.verdict == "failed to run"
                assert expected["adam"].verdict == "reference"


def test_qualities_are_those_of_trainings_at_the_frozen_settings(found, folder):
    frozen = json.loads((folder / "frozen.json").read_text())
    task = TASKS[1]
    replicates = range(FIRST_VERDICT_REPLICATE, FIRST_VERDICT_REPLICATE + 4)
    for name in ("adam", "sgd", "mine"):
        setting = frozen["contenders"][name]["tuned"]["digits1"]
        jobs = [
            Training(task, _child(setting, replicate), 2) for replicate in replicates
        ]
        outcomes = Trainings().train(jobs, ("selection", "test"))
        for place, split in enumerate(("selection", "test")):
            assert found["digits1"].matches[1].qualities[split][name] == tuple(
                0.0 if each.diverged else math.exp(-each.losses[place])
                for each in outcomes
            )


def _child(setting, replicate):
    return Child(parse(setting["rule"]), setting["rate"], replicate)


def test_a_contender_that_fails_is_named_and_the_others_are_judged(found):
    for result in found.results:
        assert result.tuned["torch.Broken"].failure == "RuntimeError: no such thing"
        for match in result.matches:
            assert match.failures == {"torch.Broken": "RuntimeError: no such thing"}
    rows = plain_comparison(found)["tasks"][0]["matches"][0]["splits"]["test"]
    assert rows[-1]["name"] == "torch.Broken"
    assert rows[-1]["verdict"] == "failed to run"
    assert rows[-1]["reason"] == "RuntimeError: no such thing"
    assert rows[-1]["mean"] is None


def test_the_untuned_test_has_one_rate_for_all_tasks(found):
    *by_task, whole = found.untuned
    assert [match.task for match in found.untuned] == [
        "digits0",
        "digits1",
        "all tasks",
    ]
    for name, rate in found.one_rates.items():
        assert (
            rate.setting
            == Contender.of(
                name, {c.name: c for c in CONTENDERS}[name].rule, rate.setting.rate
            ).plain
        )
        for seed in range(4):
            each = [match.qualities["test"][name][seed] for match in by_task]
            assert whole.qualities["test"][name][seed] == pytest.approx(
                math.sqrt(each[0] * each[1])
            )
    # No other rate that was tried is better on the tuning replicate.
    adam = CONTENDERS[0]
    tried = sorted(
        {
            setting.rate
            for result in found.results
            for setting in result.tuned["adam"].losses
            if (setting.decay, setting.schedule, setting.warmup) == (0.0, "1", 0.0)
            and setting.dials == adam.plain.dials
        }
    )
    shares = []
    for rate in tried:
        setting = Contender.of("adam", adam.rule, rate).plain
        jobs = [
            adam.training(task, setting, FIRST_TUNING_REPLICATE, 1) for task in TASKS
        ]
        losses = [x.losses[0] for x in Trainings().train(jobs, ("validation",))]
        shares.append(math.exp(-np.mean(losses)))
    assert found.one_rates["adam"].setting.rate == tried[int(np.argmax(shares))]
    assert found.one_rates["adam"].quality == pytest.approx(max(shares))


def _picky(params, lr):
    params = list(params)
    if len(params) > 2:
        raise RuntimeError("one layer at most")
    return torch.optim.SGD(params, lr)


def test_a_contender_that_fails_on_one_task_is_named_in_the_untuned_test():
    picky = Contender.of("torch.Picky", TorchOptimizer("torch.Picky", _picky), 0.1)
    setup = Setup((CONTENDERS[1], picky), TASKS, 1, (1,), 3, TuningPlan(10, 1))
    found = run(None, setup)
    assert [match.failures for match in found["digits0"].matches] == [{}]
    for match in found.untuned:
        assert match.failures == {"torch.Picky": "RuntimeError: one layer at most"}
        failed = match.comparison("selection")["torch.Picky"]
        assert failed.verdict == "failed to run"


def test_a_tuned_contender_is_a_rule_of_the_language_or_says_why_not(found, folder):
    frozen = json.loads((folder / "frozen.json").read_text())
    setting = frozen["contenders"]["adam"]["tuned"]["digits1"]
    result = TunedResult(found)
    assert result.rule("adam", "digits1") == (setting["rule"], setting["rate"])
    with pytest.raises(ValueError, match=r"torch.Broken .* can't be written as a rule"):
        result.rule("torch.Broken", "digits1")


def test_tables_say_why_there_are_no_times_to_a_target(found):
    first, second = found.results
    without = replace(found, results=(first, replace(second, times=None)))
    told = "No time to target: the reference sets none"
    for each, count in ((found, 0), (without, 1)):
        tables = list(tuned_tables(each))
        notes = [note for _, table in tables for note in table.notes]
        assert sum(note.startswith(told) for note in notes) == count
        assert dict(tables)["Time to target over all tasks:"].rows or each is without
        needs = "Not known: that needs a target on every task"
        assert sum(note.startswith(needs) for note in notes) == count


def test_each_table_with_undecidable_rows_says_how_many_seeds_are_enough():
    qualities = {"adam": (0.5, 0.6), "sgd": (0.7, 0.6)}
    match = Match("digits", 1, 1, {"selection": qualities}, {}, Reference(("adam",)))
    for explained in (False, True):
        table = match_table(match, "selection", {}, explained=explained)
        assert " ".join(table.notes).count("verdict.seeds=4 is enough") == 1


def test_a_horizon_that_was_not_trained_is_named(found):
    with pytest.raises(ValueError, match="no horizon 3: it is one of 1, 2"):
        found.comparison("digits0", 3)


def test_costs_are_sums_over_the_trainings(found):
    adam = found.tuning_costs["adam"]
    assert adam.trainings >= len(TASKS) * SETUP.plan.trainings
    assert adam.steps == 4 * adam.trainings  # an epoch is four batches
    assert found.tuning_costs["torch.Broken"].trainings == 0
    # Three contenders, four seeds, two tasks; tuned at two horizons, and untuned, where
    # that is not the same training.
    same = [
        name
        for name, rate in found.one_rates.items()
        for result in found.results
        if result.tuned[name].setting == rate.setting
    ]
    assert found.verdict_cost.trainings == 4 * (3 * 2 * 3 - len(same))
    assert found.verdict_cost.steps == 4 * (3 * 2 * (4 + 8 + 4) - 4 * len(same))


def test_a_comparison_that_was_stopped_ends_with_the_same_result(found, tmp_path):
    path = tmp_path / "trainings.jsonl"

    class Stop(Exception):
        pass

    for limit in (30, 150, 10_000):

        def stop(done, limit=limit):
            if done > limit:
                raise Stop

        try:
            again = run(path, folder=tmp_path, progress=stop)
        except Stop:
            content = path.read_bytes()
            path.write_bytes(content[:-40])  # and the last line is cut off
    assert without_seconds(again) == without_seconds(found)


def test_the_same_list_may_be_measured_again_and_another_may_not(found, folder):
    frozen = (folder / "frozen.json").read_bytes()
    path = folder / "trainings.jsonl"
    assert without_seconds(run(path, folder=folder)) == without_seconds(found)
    fewer = Setup(CONTENDERS[:2], TASKS, 1, (1, 2), 4, TuningPlan(10, 1))
    other = run(path, fewer, folder)
    assert other.splits == ("selection",)
    assert (
        "was frozen for the contenders adam, sgd, mine, torch.Broken" in other.refusal
    )
    more = Setup(CONTENDERS, TASKS, 1, (1, 2), 5, TuningPlan(10, 1))
    assert "was frozen for other seeds" in run(path, more, folder).refusal
    assert (folder / "frozen.json").read_bytes() == frozen


def test_without_a_folder_the_test_split_is_not_measured():
    setup = Setup(CONTENDERS[1:2], TASKS[:1], 1, (1,), 2, TuningPlan(10, 1))
    found = run(None, setup)
    assert found.refusal == NO_FOLDER
    assert found.splits == ("selection",)
    assert [match.task for match in found.untuned] == ["digits0"]


def test_a_broken_list_is_refused(tmp_path):
    (tmp_path / "frozen.json").write_text("{}")
    setup = Setup(CONTENDERS[1:2], TASKS[:1], 1, (1,), 2, TuningPlan(10, 1))
    with pytest.raises(ValueError, match="is not a frozen list of contenders"):
        run(None, setup, tmp_path)


def test_the_reference_is_named_before_looking():
    assert reference_of(["sgd", "adam", "adamw"], ["sgd"]).names == ("adamw",)
    assert reference_of(["sgd", "adam"], ["sgd"]).names == ("adam",)
    assert reference_of(["mine", "sgd", "lion"], ["sgd", "lion"]).names == (
        "sgd",
        "lion",
    )
    assert reference_of(["mine", "other"], ["sgd"]).names == ("mine", "other")


def test_flips_are_pairs_in_another_order():
    names = ["a", "b", "c"]
    first = compare(names, [[0.9, 0.9], [0.8, 0.8], [0.7, 0.7]], reference="a")
    last = compare(names, [[0.9, 0.9], [0.6, 0.6], [0.95, 0.95]], reference="a")
    assert flips(first, last) == [("a", "c"), ("b", "c")]
    assert flips(first, first) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"contenders": ()}, "name at least one rule"),
        ({"seeds": 0}, "verdict.seeds is 0"),
        ({"horizons": (2,)}, "horizons are 2: give rising whole numbers"),
        ({"horizons": (0, 1)}, "horizons are 0,1: give rising"),
        ({"horizons": (1, 3, 3)}, "horizons are 1,3,3: give rising"),
    ],
)
def test_a_setup_checks_itself(options, told):
    given = {"contenders": CONTENDERS, "tasks": TASKS, "epochs": 1, **options}
    with pytest.raises(ValueError, match=told):
        Setup(**given)
