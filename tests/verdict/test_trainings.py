"""The memo of trainings: nothing twice, nothing lost, and bad files in one line."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from neuralopt.engines import choose_engine
from neuralopt.engines.engine import Child, TorchOptimizer
from neuralopt.language import parse
from neuralopt.verdict.training_file import TrainingFile
from neuralopt.verdict.trainings import CHUNK, Cost, Failure, Training, Trainings
from tests.engines.builders import some_digits

TASK = some_digits(training=128)
SPLITS = ("validation", "selection")


class BrokenError(RuntimeError):
    """What a broken optimizer raises."""


def _broken(params, lr):
    raise BrokenError("no\nsuch thing")


def jobs(rules=("g", "sign(g)"), rates=(0.01, 0.1, 1e6), replicates=(7, 8)):
    return [
        Training(TASK, Child(parse(rule), rate, replicate), 1)
        for rule in rules
        for rate in rates
        for replicate in replicates
    ]


def counted(trainings):
    """Have the trainings that are asked of engines written into a list."""
    asked = []
    train_chunk = trainings._train_chunk

    def wrapped(some, splits):
        asked.extend(some)
        return train_chunk(some, splits)

    trainings._train_chunk = wrapped
    return asked


def test_outcomes_are_those_of_the_engine():
    some = jobs(("g", "exp(1e4 * g)"))
    found = Trainings(seed=3, workers=2).train(some, SPLITS)
    engine = choose_engine("auto", TASK, 3)
    assert found == engine.train([each.child for each in some], 1, SPLITS)
    assert {each.diverged for each in found} == {False, True}


def test_a_file_gives_the_same_outcomes_to_the_last_bit(tmp_path):
    path = tmp_path / "into" / "trainings.jsonl"
    first = Trainings(path)
    found = first.train(jobs(), SPLITS)
    again = Trainings(path)
    asked = counted(again)
    assert again.train(jobs(), SPLITS) == found
    assert not asked
    assert again.cost(jobs()).trainings == len(jobs())
    assert again.cost(jobs()).steps == sum(each.steps for each in found)
    assert [each.losses for each in again.train(jobs(), ("selection",))] == [
        each.losses[1:] for each in found
    ]


def test_other_splits_of_a_known_training_are_trained(tmp_path):
    path = tmp_path / "trainings.jsonl"
    Trainings(path).train(jobs(), ("validation",))
    more = Trainings(path)
    asked = counted(more)
    found = more.train(jobs(), SPLITS)
    assert len(asked) == len(jobs())
    assert Trainings(path).train(jobs(), SPLITS) == found


def test_losses_along_a_training_are_kept(tmp_path):
    path = tmp_path / "trainings.jsonl"
    plain = Trainings(path).train(jobs(), SPLITS)
    some = [replace(each, along=(1, 2)) for each in jobs()]
    more = Trainings(path)
    asked = counted(more)
    found = more.train(some, SPLITS)
    assert len(asked) == len(some)
    engine = choose_engine("auto", TASK)
    children = [each.child for each in some]
    assert found == engine.train(children, 1, SPLITS, along=(1, 2))
    again = Trainings(path)
    asked = counted(again)
    assert again.train(some, SPLITS) == found
    assert again.train(jobs(), SPLITS) == plain
    assert not asked
    again.train(some, SPLITS[::-1])  # the first of the splits is another
    assert len(asked) == len(some)


def test_rules_of_one_canonical_form_are_one_training():
    trainings = Trainings()
    asked = counted(trainings)
    same = jobs(("g + w", "w + g"), (0.1,), (7,))
    one, other = trainings.train(same, SPLITS)
    assert one == other
    assert len(asked) == 1
    assert trainings.cost(same).trainings == 1


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_a_line_that_is_cut_off_is_trained_again(tmp_path, cut):
    path = tmp_path / "trainings.jsonl"
    found = Trainings(path).train(jobs(), SPLITS)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    again = Trainings(path)
    asked = counted(again)
    assert again.train(jobs(), SPLITS) == found
    assert len(asked) == 1
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    known = [json.loads(line) for line in whole.decode().splitlines()]
    for line in [*lines, *known]:
        line.pop("seconds", None)
    assert lines == known


def test_an_interrupted_call_keeps_the_chunks_that_are_done(tmp_path):
    path = tmp_path / "trainings.jsonl"
    many = jobs(("g",), (0.1,), range(2 * CHUNK + 3))

    def stop(done):
        if done > CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainings(path, progress=stop).train(many, SPLITS)
    kept = path.read_text().count("\n") - 1
    assert CHUNK < kept < len(many)
    again = Trainings(path)
    asked = counted(again)
    found = again.train(many, SPLITS)
    assert len(asked) == len(many) - kept
    assert found == Trainings().train(many, SPLITS)


def test_progress_counts_every_training_that_was_asked_for():
    seen = []
    trainings = Trainings(progress=seen.append)
    trainings.train(jobs(), SPLITS)
    trainings.train([*jobs(), *jobs(("sign(g)", "g"), (0.5,))], SPLITS)
    assert seen == sorted(seen)
    assert seen[-1] == 2 * len(jobs()) + 4


def test_a_training_that_raises_does_not_stop_the_others(tmp_path):
    path = tmp_path / "trainings.jsonl"
    broken = TorchOptimizer("torch.Broken", _broken)
    sgd = TorchOptimizer("torch.SGD", lambda params, lr: torch.optim.SGD(params, lr))
    some = [Training(TASK, Child(rule, 0.1, 7), 1) for rule in (sgd, broken)]
    some += jobs(rates=(0.1,), replicates=(7,))
    trainings = Trainings(path)
    found = trainings.train(some, SPLITS)
    assert found[1] == Failure("BrokenError: no such thing")
    assert not any(isinstance(found[k], Failure) for k in (0, 2, 3))
    assert found[0].losses == pytest.approx(found[2].losses, rel=1e-4)  # both are SGD
    assert trainings.cost([some[1]]) == Cost()
    again = Trainings(path)
    asked = counted(again)
    again.train(some, SPLITS)
    assert [str(each.child.rule) for each in asked] == ["torch.Broken"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("not ours\n", "is not a file of trainings: name another folder"),
        ("not ours", "is not a file of trainings: name another folder"),
        ("not ours\nat all", "is not a file of trainings: name another folder"),
        ('{"mine": 1}', "is not a file of trainings: name another folder"),
        ('{"kind": "other"}\n', "is not a file of trainings: name another folder"),
    ],
)
def test_another_file_is_refused_and_left_as_it_is(tmp_path, content, told):
    path = tmp_path / "trainings.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=told):
        Trainings(path)
    assert path.read_text() == content


def test_several_processes_append_to_one_file(tmp_path):
    path = tmp_path / "trainings.jsonl"
    context = {"language": 1}
    first = TrainingFile(path, context)
    with path.open("ab") as file:
        file.write(b'["cut o')  # by another process, killed while writing
    first.append(['["whole"]'])

    def append(number):
        own = TrainingFile(path, context)
        for place in range(20):
            own.append([json.dumps([number, place, "x" * 20_000])])

    with ThreadPoolExecutor(4) as pool:  # locks are of open files, as of processes
        list(pool.map(append, range(4)))
    found = first.read(lambda line: tuple(line[:2]))
    assert found[0] == ("whole",)
    assert sorted(found[1:]) == [(a, b) for a in range(4) for b in range(20)]


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"key": [1]}'])
def test_a_broken_line_is_named(tmp_path, line):
    path = tmp_path / "trainings.jsonl"
    Trainings(path).train(jobs(("g",), (0.1,), (7,)), SPLITS)
    header, *rest = path.read_text().splitlines()
    path.write_text("\n".join([header, line, *rest, ""]))
    with pytest.raises(ValueError, match=r"trainings\.jsonl: line 2 is not a training"):
        Trainings(path)


def test_other_numerics_need_another_file(tmp_path):
    path = tmp_path / "trainings.jsonl"
    Trainings(path)
    from neuralopt.engines import Numerics

    with pytest.raises(ValueError, match=r"float32 on cpu, not of .* float64 on cpu"):
        Trainings(path, numerics=Numerics.named("float64"))


@pytest.mark.parametrize(("one", "other"), [("auto", "serial"), ("serial", "auto")])
def test_another_engine_needs_another_file(tmp_path, one, other):
    path = tmp_path / "trainings.jsonl"
    Trainings(path, engine=one)
    Trainings(path, engine=one)
    with pytest.raises(ValueError, match=r"engine serial.*: name another folder"):
        Trainings(path, engine=other)
