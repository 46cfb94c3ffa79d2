"""Custom tasks: from any data, named by import path, rejected in one line."""

import functools
import itertools
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from torch import nn

from neuralopt import evaluate, make_task
from neuralopt.engines import choose_engine
from neuralopt.tasks import SPLITS, load_task
from tests.cli.cli_runner import typed

COUNT = 400
WIDTHS = itertools.count()
MODULE = """
import torch
from torch import nn
import neuralopt

def points():
    places = torch.linspace(-1, 1, 800).reshape(400, 2)
    return places, (places.sum(1) > 0.3).long()

def network():
    return nn.Sequential(nn.Linear(2, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 2))

def made():
    return neuralopt.make_task("line", network, points(), batch_size=32)

task = made()
broken = lambda: 1 / 0
"""


def data():
    places = torch.linspace(-1, 1, 2 * COUNT).reshape(COUNT, 2)
    return places, (places.sum(1) > 0.3).long()


def task(**more):
    options = {"network": lambda: nn.Linear(2, 2), "data": data(), **more}
    return make_task("line", **options)


def test_examples_are_divided_once_and_for_all():
    one, other = task(), task()
    assert one.fingerprint == other.fingerprint
    rows = torch.cat([one.examples(split).inputs for split in SPLITS])
    assert len(rows) == COUNT
    assert len({tuple(row) for row in rows.tolist()}) == COUNT
    for split in SPLITS:
        assert torch.equal(one.examples(split).inputs, other.examples(split).inputs)
    sizes = [len(one.examples(split)) for split in SPLITS]
    assert sizes == [240, 60, 60, 40]


def test_splits_and_batches_are_taken_as_they_are():
    inputs, targets = data()
    splits = {split: (inputs[n::4], targets[n::4]) for n, split in enumerate(SPLITS)}

    def batches(split):
        yield from zip(*(t.split(7) for t in splits[split]), strict=True)

    given, drawn = task(data=splits), task(data=batches)
    assert given.fingerprint == drawn.fingerprint
    for split in SPLITS:
        assert torch.equal(given.examples(split).inputs, splits[split][0])
        assert torch.equal(drawn.examples(split).targets, splits[split][1])


def test_everything_that_a_score_depends_on_is_in_the_fingerprint():
    inputs, targets = data()
    others = [
        task(network=lambda: nn.Linear(2, 2, bias=False)),
        task(data=(inputs * 2, targets)),
        task(batch_size=32),
        task(
            loss=lambda outputs, targets: nn.functional.cross_entropy(outputs, targets)
        ),
        task(quality=lambda loss: 1 / (1 + loss)),
    ]
    assert len({task().fingerprint, *(each.fingerprint for each in others)}) == 6


def test_a_fingerprint_does_not_depend_on_what_was_drawn_before():
    def network():
        return nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))

    torch.manual_seed(1)
    one = task(network=network)
    state = torch.get_rng_state()
    assert task(network=network).fingerprint == one.fingerprint
    assert torch.equal(torch.get_rng_state(), state)


def test_objects_that_are_called_are_told_apart():
    made = [
        task(loss=nn.CrossEntropyLoss(label_smoothing=smoothing))
        for smoothing in (0.1, 0.5)
    ]
    made += [
        task(loss=functools.partial(nn.functional.cross_entropy, label_smoothing=split))
        for split in (0.1, 0.5)
    ]
    assert len({each.fingerprint for each in made}) == 4


CALLABLES = """
import enum
import functools
import math
from dataclasses import dataclass, field
import torch
from torch import nn
from neuralopt import make_task

def mean(values): return values.mean()

Kind = enum.Enum("Kind", "ONE TWO")

@dataclass(frozen=True, slots=True)
class Settings:
    kind: Kind = Kind.ONE
    names: frozenset = frozenset({"one", "two", "three"})

class Loss:
    def __init__(self, power):
        self.reduce, self.power, self.settings = mean, power, Settings()
        self.shared = [object(), math.exp, {"weight": torch.arange(3.0)}]
        self.itself = self

    def __call__(self, outputs, targets):
        return self.reduce((outputs[:, 0] - targets).abs() ** self.power)

def loss_of(outputs, targets, reduce, by):
    return reduce(by(outputs, targets))

places = torch.linspace(-1, 1, 800).reshape(400, 2)
data = places, (places.sum(1) > 0.3).long()
losses = [
    functools.partial(loss_of, reduce=reduce, by=Loss(power))
    for power in (2, 3)
    for reduce in (mean, torch.mean)
]
losses += [Loss(2), Loss(3)]
network = lambda: nn.Linear(2, 2)
for loss in losses:
    print(make_task("line", network, data, loss=loss).fingerprint)
"""


def test_fingerprints_are_the_same_in_every_process(tmp_path):
    script = tmp_path / "callables.py"
    script.write_text(CALLABLES)
    printed = [
        subprocess.run(
            [sys.executable, script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert len(set(printed[0].split())) == 6


def test_a_network_with_dropout_is_trained_repeatably():
    def made():
        return task(network=lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2)))

    one, other = made(), made()
    assert one.fingerprint == other.fingerprint
    assert evaluate(["adam"], one, "smoke") == evaluate(["adam"], other, "smoke")


class Drawing(nn.Module):
    """Draws by a function of the user's."""

    def __init__(self, draw):
        super().__init__()
        self.layer, self.draw = nn.Linear(2, 2), draw

    def forward(self, inputs):
        return self.layer(inputs) * (1 + self.draw(self))


OWN = torch.Generator().manual_seed(3)


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda module: random.random(), "from Python's random"),
        (lambda module: numpy.random.rand(), "from NumPy"),  # noqa: NPY002  as users do
        (
            lambda module: torch.rand(1, generator=OWN),
            "different losses on one batch: draw random numbers from torch's default",
        ),
        (
            lambda module: 0 if module.training else torch.rand(1),
            "only when it is measured",
        ),
    ],
)
def test_random_numbers_that_no_engine_could_seed_are_refused(draw, says):
    with pytest.raises(ValueError, match=says):
        task(network=lambda: Drawing(draw))


def test_a_regression_has_its_own_quality():
    inputs, _ = data()
    fitted = make_task(
        "line",
        lambda: nn.Linear(2, 1),
        (inputs, inputs.sum(1, keepdim=True)),
        loss=nn.functional.mse_loss,
        metric=lambda outputs, targets: (outputs - targets).abs().max(),
        quality=lambda loss: 1 / (1 + math.sqrt(loss)),
    )
    good, bad = evaluate(["adam", "0 * g + 0.001"], fitted, "smoke")
    assert good.status == "scored"
    assert good.quality == pytest.approx(1 / (1 + math.sqrt(good.loss)))
    assert good.quality > bad.quality


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"data": {"training": data()}}, "no examples for validation"),
        ({"data": (data()[0], data()[1][:9])}, "targets"),
        ({"data": (data()[0][:50], data()[1][:50])}, "fewer than a batch of 64"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"loss": lambda outputs, targets: 1.0}, "loss gives 1.0: return a scalar"),
        ({"metric": lambda outputs, targets: outputs}, "metric gives"),
    ],
)
def test_what_makes_no_task_is_refused(more, says):
    with pytest.raises(ValueError, match=says):
        task(**more)


def test_a_quality_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"quality\(3.0\) is -2.0"):
        task(quality=lambda loss: 1 - loss).quality(3.0)


@pytest.mark.parametrize("name", ["rosenbrock", "ravine"])
def test_landscapes_are_walked_down(name):
    adam, away = evaluate(["adam", "-g"], name, "bello2017")
    assert adam.status == "scored"
    assert adam.quality > 0.6
    assert away.quality < adam.quality - 0.1
    with pytest.raises(ValueError, match="describe their network as layers"):
        choose_engine("native", load_task(name))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Path(name)


def test_a_search_names_it_by_import_path(here, capsys):
    arguments = ["budget=smoke", "searcher=uniform", "proposals=12", "batch=4"]
    arguments += ["evaluator.workers=1", "report=none", "verdict.candidates=1"]
    path = f"task={here}:made"
    said = typed(capsys, "search", path, *arguments, "run_dir=run")
    assert said.code == 0, said.err
    assert "on line, budget smoke" in said.out
    assert f"adam sgd {path}" in said.out
    refused = typed(capsys, "resume", "run")
    assert f"name it: {path}" in refused.complaint
    again = typed(capsys, "resume", "run", path, "verdict.seeds=2")
    assert again.code == 0, again.err
    compared = typed(
        capsys, "compare", "sgd", "adam", path, "budget=smoke", "verdict.seeds=2"
    )
    assert compared.code == 0, compared.err
    assert "On the test split of line" in compared.out


@pytest.mark.parametrize(
    ("attribute", "says"),
    [
        ("nothing", "has no attribute 'nothing'"),
        ("broken", "ZeroDivisionError: division by zero"),
        ("points", "is no task, it has no name"),
    ],
)
def test_what_is_not_a_task_is_reported_in_one_line(attribute, says, here, capsys):
    said = typed(capsys, "search", f"task={here}:{attribute}")
    assert says in said.complaint
    assert not (here.parent / "runs").exists()


def test_a_module_that_is_not_there_is_one_line(capsys):
    said = typed(capsys, "compare", "sgd", "task=no_such_module:task")
    assert "No module named 'no_such_module'" in said.complaint


MODEL = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: MODEL, "the same object at every training"),
        (lambda: nn.Sequential(MODEL, nn.Linear(2, 2)), "the same object at every"),
        (
            lambda: nn.utils.parametrizations.weight_norm(
                nn.Linear(2, 2 + next(WIDTHS))
            ),
            "is not the same at every training",
        ),
        (lambda: nn.Identity(), "depends on no parameter that could be trained"),
        (
            lambda: nn.Linear(2, 2).requires_grad_(requires_grad=False),
            "depends on no parameter that could be trained",
        ),
    ],
)
def test_a_network_that_could_not_be_trained_afresh_is_refused(network, message):
    with pytest.raises(ValueError, match=message) as told:
        task(network=network)
    assert "\n" not in str(told.value)
