"""Networks that draw random numbers: repeatable, and the same in both engines."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from neuralopt import make_task
from neuralopt.engines import UnsupportedTaskError, choose_engine
from neuralopt.engines.engine import Child
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.randomness import seeded
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked import StackedEngine
from neuralopt.language import RULES, parse
from tests.engines.builders import some_digits

SPLITS = ("validation", "test")
ENGINES = [SerialEngine, StackedEngine]


class Block(nn.Module):
    """A transformer block with dropout in attention, feed-forward and residuals."""

    def __init__(self):
        super().__init__()
        self.enter, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.norm = nn.LayerNorm(8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2, batch_first=True)

    def forward(self, inputs):
        return self.head(self.norm(self.layer(self.enter(inputs))).mean(1))


class Noise(nn.Module):
    """Adds normal noise to its inputs in training."""

    def forward(self, inputs):
        return inputs + 0.3 * torch.randn_like(inputs) if self.training else inputs


class AlwaysNoise(nn.Module):
    """Adds noise when it is measured too."""

    def forward(self, inputs):
        return inputs + 0.3 * torch.randn_like(inputs)


class Checkpointed(nn.Module):
    """Runs its dropout again in the backward pass."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(5, 12), nn.Linear(12, 3)

    def forward(self, inputs):
        def hidden(values):
            return nn.functional.dropout(self.first(values).tanh(), 0.3, self.training)

        return self.last(checkpoint(hidden, inputs, use_reentrant=False))


class Recurrent(nn.Module):
    """Dropout between recurrent layers, which torch draws in C++."""

    def __init__(self):
        super().__init__()
        self.layer = nn.LSTM(6, 8, 2, dropout=0.3, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, inputs):
        return self.head(self.layer(inputs)[0][:, -1])


def dense(*middle):
    return nn.Sequential(nn.Linear(5, 12), *middle, nn.Linear(12, 3))


NETWORKS = {
    "dropout": (lambda: dense(nn.ReLU(), nn.Dropout(0.4)), (5,)),
    "rrelu": (lambda: dense(nn.RReLU()), (5,)),
    "alpha dropout": (lambda: dense(nn.SELU(), nn.AlphaDropout(0.2)), (5,)),
    "noise": (lambda: dense(nn.Tanh(), Noise()), (5,)),
    "always noise": (lambda: dense(nn.Tanh(), AlwaysNoise()), (5,)),
    "transformer": (Block, (4, 6)),
    "recurrent": (Recurrent, (4, 6)),
    "checkpointed": (Checkpointed, (5,)),
}


def task_of(name, **options):
    network, shape = NETWORKS[name]
    numbers = torch.Generator().manual_seed(7)
    inputs = torch.randn(160, *shape, generator=numbers)
    targets = torch.randint(0, 3, (160,), generator=numbers)
    return make_task(name, network, (inputs, targets), batch_size=16, **options)


def children_of(texts=("adam", "drop(g, 0.3)", "g / (g - g)")):
    rules = [RULES[text].expression if text in RULES else parse(text) for text in texts]
    return [Child(rule, 0.01, n) for rule in rules for n in (0, 1)]


def furthest(ours, theirs):
    """Greatest difference of all losses of two lists of outcomes."""
    pairs = []
    for one, other in zip(ours, theirs, strict=True):
        assert one.diverged == other.diverged
        pairs += zip(one.curve, other.curve, strict=True)
        if not one.diverged:
            pairs += zip(one.losses, other.losses, strict=True)
    return max(abs(a - b) for a, b in pairs)


@pytest.mark.parametrize("name", NETWORKS)
def test_both_engines_train_a_random_network_alike(name):
    task, children = task_of(name), children_of()
    oracle = SerialEngine(task, 3, torch.float64).train(children, 2, SPLITS)
    engine = StackedEngine(task, 3, torch.float64)
    assert engine.plan.method == "loop"
    assert engine.plan.reason == "the network draws random numbers"
    assert furthest(oracle, engine.train(children, 2, SPLITS)) < 1e-9
    assert any(not outcome.diverged for outcome in oracle)


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("name", NETWORKS)
def test_an_outcome_depends_on_its_child_only(name, make):
    task, children = task_of(name), children_of()
    outcomes = make(task, 0).train(children, 2, SPLITS)
    torch.rand(5)  # the state of torch's own generator does not matter
    numbers = random.Random(1).sample(range(len(children)), len(children))
    found = make(task, 0).train([children[n] for n in numbers], 2, SPLITS)
    assert found == [outcomes[n] for n in numbers]
    if make is StackedEngine:
        for population in (1, 2):
            engine = StackedEngine(task, 0, population=population)
            assert engine.train(children, 2, SPLITS) == outcomes


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("name", ["dropout", "transformer", "checkpointed"])
def test_threads_do_not_disturb_each_others_random_numbers(name, make):
    task, children = task_of(name), children_of(("adam", "g"))
    outcomes = make(task, 0).train(children, 2, SPLITS)
    engine = make(task, 0)
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda child: engine.train([child], 2, SPLITS)[0], children * 4)
        )
    assert found == outcomes * 4


@pytest.mark.parametrize("make", ENGINES)
def test_random_numbers_change_with_seed_and_replicate_and_act(make):
    quiet = make_task(
        "quiet",
        lambda: dense(nn.ReLU(), nn.Dropout(0.0)),
        (torch.ones(160, 5), torch.zeros(160, dtype=torch.int64)),
        batch_size=16,
    )
    task = make_task(
        "dropout",
        lambda: dense(nn.ReLU(), nn.Dropout(0.4)),
        (torch.ones(160, 5), torch.zeros(160, dtype=torch.int64)),
        batch_size=16,
    )
    still = Child(parse("0 * g"), 0.1, 0)
    (calm,) = make(quiet, 0).train([still], 1, SPLITS)
    (noisy,) = make(task, 0).train([still], 1, SPLITS)
    assert len(set(calm.curve)) == 1  # one input, weights that do not move
    assert len(set(noisy.curve)) == len(noisy.curve)  # every step draws anew
    assert noisy.losses == calm.losses  # and none when it is measured
    curves = {
        make(task, seed).train([Child(parse("0 * g"), 0.1, n)], 1, SPLITS)[0].curve
        for seed in (0, 1)
        for n in (0, 1)
    }
    assert len(curves) == 4


@pytest.mark.parametrize("make", ENGINES)
def test_all_rules_meet_the_same_random_numbers(make):
    first, *others = make(task_of("dropout"), 0).train(
        [Child(parse(text), 1e-30, 0) for text in ("g", "sign(g)", "noise(1)")],
        2,
        SPLITS,
    )
    assert others == [first, first]


@pytest.mark.parametrize("make", ENGINES)
def test_training_leaves_torchs_generator_as_it_was(make):
    task, children = task_of("dropout"), children_of(("g",))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    make(task, 0).train(children, 1, SPLITS)
    assert torch.equal(before, torch.get_rng_state())


def test_a_quiet_network_does_not_hold_the_lock(monkeypatch):
    # Its gradients are computed by as many threads as there are.
    entered = []

    class Lock:
        def __enter__(self):
            entered.append(threading.get_ident())

        def __exit__(self, *error):
            pass

    task = some_digits(training=256)
    engine = SerialEngine(task, 0)
    monkeypatch.setattr("neuralopt.engines.randomness._GENERATORS", Lock())
    engine.train([Child(parse("g"), 0.1, 0)], 3, SPLITS)
    assert len(entered) == 2  # first weights and first step, of 12
    del entered[:]
    StackedEngine(task, 0, method="loop").train([Child(parse("g"), 0.1, 0)], 3, SPLITS)
    assert len(entered) <= 4


def test_the_native_engine_does_not_support_a_random_network():
    with pytest.raises(UnsupportedTaskError, match="describe their network as layers"):
        choose_engine("native", task_of("dropout"))


def test_precisions_are_mixed_for_random_networks_too():
    task, children = task_of("dropout"), children_of(("adam",))
    mixed = Numerics.named("bfloat16")
    found = [
        make(task, 0, numerics=mixed).train(children, 1, SPLITS) for make in ENGINES
    ]
    assert furthest(*found) < 0.05


def test_seeding_says_whether_anything_was_drawn():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with seeded(1, 2) as drawn:
        assert not drawn()
        first = torch.rand(3)
        assert drawn()
    with seeded(1, 2):
        assert torch.equal(torch.rand(3), first)
    with seeded(1, 3):
        assert not torch.equal(torch.rand(3), first)
    with pytest.raises(RuntimeError), seeded(1, 2):
        torch.rand(3).view(2)
    assert torch.equal(before, torch.get_rng_state())


class FakeGenerator:
    """What `seeded` uses of a generator of a GPU."""

    def __init__(self):
        self.seed = torch.tensor([7])

    def get_state(self):
        return self.seed.clone()

    def set_state(self, state):
        self.seed = state

    def manual_seed(self, seed):
        self.seed = torch.tensor([seed])


@pytest.mark.parametrize(("device", "index"), [("cuda", 1), ("cuda:0", 0)])
def test_the_generator_of_the_gpu_is_seeded_and_restored(device, index, monkeypatch):
    made = (FakeGenerator(), FakeGenerator())
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "default_generators", made)
    with seeded(1, 2, device=device) as drawn:
        assert made[index].seed.item() == torch.initial_seed()
        assert made[1 - index].seed.item() == 7
        assert not drawn()
        made[index].seed += 1
        assert drawn()
    assert [each.seed.item() for each in made] == [7, 7]
