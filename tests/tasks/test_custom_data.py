"""Data of custom tasks: every accepted kind, and the errors for other data."""

import logging
import random

import numpy
import pytest
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from neuralopt import make_task
from neuralopt.tasks import SPLITS, custom_sources

COUNT = 400
INPUTS = torch.linspace(-1, 1, 2 * COUNT).reshape(COUNT, 2)
TARGETS = (INPUTS.sum(1) > 0.3).long()
QUARTERS = {split: (INPUTS[n::4], TARGETS[n::4]) for n, split in enumerate(SPLITS)}


class Items(Dataset):
    """A map-style dataset of (input, target) as a function makes them."""

    def __init__(self, item=lambda x, y: (x, int(y)), pair=(INPUTS, TARGETS)):
        self.item, self.pair = item, pair

    def __len__(self):
        return len(self.pair[0])

    def __getitem__(self, number):
        inputs, targets = self.pair
        return self.item(inputs[number], targets[number])


class Stream(IterableDataset):
    def __iter__(self):
        return zip(INPUTS, TARGETS, strict=True)


def task(data, **more):
    return make_task("line", lambda: nn.Linear(2, 2), data, **more)


def doubled(batch):
    inputs, targets = torch.utils.data.default_collate(batch)
    return 2 * inputs, targets


WHOLE = TensorDataset(INPUTS, TARGETS)


@pytest.mark.parametrize(
    "data",
    [
        [INPUTS, TARGETS],
        WHOLE,
        Items(),
        Items(lambda x, y: (x.numpy(), y.numpy())),
        Items(lambda x, y: [x, y]),
        DataLoader(WHOLE, batch_size=7),
        DataLoader(WHOLE, batch_size=64, shuffle=True, drop_last=True),
        DataLoader(Items(), batch_size=7, shuffle=True),
        DataLoader(Stream(), batch_size=9),
        DataLoader(WHOLE, sampler=SubsetRandomSampler(range(COUNT))),
        lambda: (INPUTS, TARGETS),
        lambda: DataLoader(WHOLE, batch_size=50, shuffle=True),
        lambda: zip(INPUTS.split(9), TARGETS.split(9), strict=True),
        lambda folder="somewhere": WHOLE,
    ],
)
def test_data_of_every_kind_make_the_same_task(data):
    assert task(data).fingerprint == task((INPUTS, TARGETS)).fingerprint


@pytest.mark.parametrize(
    "data",
    [
        {split: TensorDataset(*pair) for split, pair in QUARTERS.items()},
        {split: Items(pair=pair) for split, pair in QUARTERS.items()},
        {
            split: DataLoader(TensorDataset(*pair), 8, shuffle=True)
            for split, pair in QUARTERS.items()
        },
        {split: Subset(WHOLE, range(n, COUNT, 4)) for n, split in enumerate(SPLITS)},
        QUARTERS.__getitem__,
        lambda split: TensorDataset(*QUARTERS[split]),
        lambda split="training": DataLoader(TensorDataset(*QUARTERS[split])),
        lambda folder="somewhere", *, split="training": QUARTERS[split],
        lambda: QUARTERS,
    ],
)
def test_data_in_splits_of_every_kind_make_the_same_task(data):
    assert task(data).fingerprint == task(QUARTERS).fingerprint


def test_a_loaders_own_collate_function_is_used():
    for shuffle in (False, True):
        data = DataLoader(WHOLE, 7, shuffle=shuffle, collate_fn=doubled)
        assert task(data).fingerprint == task((2 * INPUTS, TARGETS)).fingerprint


def test_what_a_sampler_draws_in_a_split_is_drawn_alike_every_time():
    def drawn(split):
        sampler = WeightedRandomSampler([1.0] * (COUNT // 4), 300)
        return DataLoader(TensorDataset(*QUARTERS[split]), 8, sampler=sampler)

    torch.manual_seed(1)
    state = torch.get_rng_state()
    one = task(drawn)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert task(drawn).fingerprint == one.fingerprint
    for split in SPLITS:
        rows = {tuple(row) for row in one.examples(split).inputs.tolist()}
        assert len(one.examples(split)) == 300
        assert rows < {tuple(row) for row in QUARTERS[split][0].tolist()}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: torch.rand(1),
        lambda: torch.tensor([random.random()]),
        lambda: torch.from_numpy(numpy.random.rand(1)).float(),  # noqa: NPY002  as users
    ],
)
def test_what_a_dataset_draws_is_drawn_alike_every_time(draw):
    noisy = Items(lambda x, y: (x + draw(), y))
    states = random.getstate(), str(numpy.random.get_state())  # noqa: NPY002
    made = task(noisy)
    assert (random.getstate(), str(numpy.random.get_state())) == states  # noqa: NPY002
    draw()
    assert task(noisy).fingerprint == made.fingerprint
    steps = (made.examples("test").inputs - made.examples("test").inputs[0]).unique()
    assert len(steps) > 40


def test_a_dataset_with_a_generator_of_its_own_is_refused():
    own = numpy.random.default_rng(3)
    for data in (
        Items(lambda x, y: (x + own.random(), y)),
        Items(lambda x, y: (x, own.random())),
    ):
        with pytest.raises(ValueError, match=r"data\[0\] is another one at each read"):
            task(data)


@pytest.mark.parametrize(
    ("sampler", "count"),
    [
        (None, COUNT),
        (RandomSampler(WHOLE), COUNT),
        (RandomSampler(range(200)), 200),
        (SequentialSampler(range(200)), 200),
        (SubsetRandomSampler(torch.arange(0, COUNT, 2)), 200),
    ],
)
@pytest.mark.parametrize("collate", [None, doubled])
def test_a_loader_that_shuffles_or_restricts_is_divided(sampler, count, collate):
    batches = BatchSampler(sampler or RandomSampler(WHOLE), 8, drop_last=False)
    for data in (
        DataLoader(WHOLE, 8, sampler=sampler, collate_fn=collate),
        DataLoader(WHOLE, batch_sampler=batches, collate_fn=collate),
    ):
        made = task(data, batch_size=16)
        rows = torch.cat([made.examples(split).inputs for split in SPLITS])
        assert len(rows) == count
        assert len({tuple(row) for row in rows.tolist()}) == count


class InBlocks(Sampler):
    def __iter__(self):
        return iter(range(COUNT))


@pytest.mark.parametrize(
    ("sampler", "kind"),
    [
        (WeightedRandomSampler([1.0] * COUNT, COUNT), "WeightedRandomSampler"),
        (RandomSampler(WHOLE, replacement=True), "RandomSampler"),
        (RandomSampler(WHOLE, num_samples=40), "RandomSampler"),
        (RandomSampler(WHOLE, num_samples=COUNT + 1), "RandomSampler"),
        (SubsetRandomSampler([*range(COUNT), 3]), "SubsetRandomSampler"),
        (SubsetRandomSampler([*range(COUNT), -1]), "SubsetRandomSampler"),
        (InBlocks(), "InBlocks"),
    ],
)
def test_no_loader_that_may_repeat_an_example_is_divided(sampler, kind):
    batches = BatchSampler(sampler, 8, drop_last=False)
    for data in (
        DataLoader(WHOLE, 8, sampler=sampler),
        DataLoader(WHOLE, batch_sampler=batches),
        lambda: DataLoader(WHOLE, None, sampler=sampler),
    ):
        with pytest.raises(ValueError, match=f"with a {kind}, which may draw") as told:
            task(data)
        assert "give its Dataset, or data in splits" in str(told.value)
        assert "\n" not in str(told.value)


def test_no_loader_with_batches_of_its_own_kind_is_divided():
    class Batches(BatchSampler):
        pass

    own = Batches(SequentialSampler(WHOLE), 8, drop_last=False)
    with pytest.raises(ValueError, match="with a Batches, which may draw"):
        task(DataLoader(WHOLE, batch_sampler=own))


def test_short_floats_are_widened_and_gradients_left_behind():
    made = task((INPUTS.bfloat16().requires_grad_(), TARGETS))
    inputs = made.examples("training").inputs
    assert inputs.dtype == torch.float32
    assert not inputs.requires_grad


def test_values_as_targets_become_one_tensor():
    made = make_task(
        "line",
        lambda: nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)),
        Items(lambda x, y: (x, float(y))),
        loss=nn.functional.mse_loss,
        metric=nn.functional.l1_loss,
    )
    assert made.examples("test").targets.dtype == torch.float32
    assert made.examples("test").targets.shape == (40,)


def test_reading_for_long_is_told(monkeypatch, caplog):
    monkeypatch.setattr(custom_sources, "PATIENCE_SECONDS", 0.0)
    with caplog.at_level(logging.WARNING, "neuralopt"):
        task(Items())
        task(DataLoader(Stream(), batch_size=9))
    assert caplog.messages == [
        "task line: data: read 1 of 400 examples",
        "task line: data: read 9 examples",
    ]


def with_nan():
    inputs = INPUTS.clone()
    inputs[[17, 40], 1] = torch.nan
    return inputs


def ragged(x, y):
    return x[: 1 + int(y)], y


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "task line: data is None: give a pair of tensors (inputs, targets), a"),
        ("digits.csv", "task line: data is 'digits.csv': give a pair of tensors"),
        (INPUTS, "data is a float32 tensor (400, 2): give a pair of tensors"),
        (INPUTS.numpy(), "data is a NumPy array (400, 2) (torch.from_numpy makes"),
        ((INPUTS.numpy(), TARGETS), "(a NumPy array (400, 2) (torch.from_numpy"),
        ((INPUTS, TARGETS[:9]), "task line: data: 400 inputs, 9 targets"),
        ((INPUTS[:0], TARGETS[:0]), "task line: data is empty"),
        ((INPUTS[:4], TARGETS[:4]), "4 examples are too few to be divided"),
        (
            (with_nan(), TARGETS),
            "inputs hold NaN in 2 examples, the first is number",
        ),
        ((INPUTS.to_sparse(), TARGETS), "inputs are a sparse float32 tensor (400, 2)"),
        ((INPUTS.cfloat(), TARGETS), "inputs are a complex64 tensor (400, 2): give"),
        ((INPUTS, TARGETS.int()), "training has targets of int32, but the loss cross"),
        ((INPUTS, TARGETS.float()), "training has targets of float32, but the loss"),
        ((INPUTS, TARGETS + 5), "training holds the class 5, but the network has 2"),
        (
            (INPUTS.double().long(), TARGETS),
            "the network fails on a batch of int64 (64, 2), int64 (64,): RuntimeError",
        ),
        ({"training": (INPUTS, TARGETS)}, "there are no examples for validation: give"),
        ({**QUARTERS, "val": WHOLE}, "unknown split 'val': known: training, valid"),
        ({**QUARTERS, "tests": WHOLE}, "unknown split 'tests': did you mean 'test'?"),
        ({**QUARTERS, "test": 3}, "task line: data['test'] is 3: give a pair"),
        (Stream(), "data is a Stream, which has no length: give a DataLoader of it"),
        (Items(lambda x, y: {"x": x, "y": y}), "data[0] is a dict of x, y: items are"),
        (
            Items(lambda x, y: (x, y, y)),
            "items are (input, target), tensors or num",
        ),
        (Items(lambda x, y: ("a", y)), "data[0] is ('a', a int64 tensor ()): items"),
        (Items(ragged), "is a float32 tensor (2), that of item 0 is a float32 tensor"),
        (Items(pair=([], [])), "task line: data is empty: there are no examples"),
        (lambda: iter([]), "task line: data() is empty: there are no examples in it"),
        (lambda: [INPUTS, INPUTS, INPUTS], "batch 0 is a float32 tensor (400, 2): bat"),
        (
            lambda: [(INPUTS, TARGETS), (INPUTS[:, :1], TARGETS)],
            "batch 1 is (a float32 tensor (400, 1), a int64 tensor (400)), batch 0 is",
        ),
        (
            lambda split, folder: WHOLE,
            "data is a function of split, folder: let it",
        ),
        (lambda split: None, "task line: data['training'] is None: give a pair of"),
        (lambda: numpy.ones(3), "task line: data() is a NumPy array (3,)"),
    ],
)
def test_invalid_data_is_reported_in_one_line(data, says):
    with pytest.raises(ValueError) as told:  # noqa: PT011  the message is tested below
        task(data)
    assert says in str(told.value)
    assert str(told.value).startswith("task line: ")
    assert "\n" not in str(told.value)


def test_an_error_of_the_users_own_function_is_theirs():
    with pytest.raises(ZeroDivisionError):
        task(lambda: 1 / 0)


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (nn.Linear(2, 2), "network is a module, Linear: give a function that makes a"),
        (3, "network is 3: give a function"),
        (lambda: 3, "network() gives 3, not an nn.Module"),
        (lambda: nn.LazyLinear(2), "parameter weight has no shape yet: replace lazy"),
        (
            lambda: nn.Linear(2, 2, device="meta"),
            "parameter weight is on meta: make it on the CPU",
        ),
        (
            lambda: nn.Linear(2, 2, dtype=torch.complex64),
            "parameter weight is complex: use two real parameters",
        ),
        (
            lambda: with_parameter(torch.ones(3, dtype=torch.int64)),
            "parameter 0.extra is int64: use register_buffer",
        ),
        (
            lambda: nn.Sequential(nn.Linear(2, 2), Looking(), nn.Linear(4, 2)),
            "parameter 1.table.weight gets a sparse gradient, which no engine supports",
        ),
        (
            lambda: nn.Linear(3, 2),
            "the network fails on a batch of float32 (64, 2), int64 (64,): Runtime",
        ),
    ],
)
def test_a_network_that_no_engine_supports_is_refused_in_one_line(network, says):
    with pytest.raises(ValueError) as told:  # noqa: PT011  the message is tested below
        make_task("line", network, (INPUTS, TARGETS))
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def with_parameter(tensor):
    network = nn.Sequential(nn.Linear(2, 2))
    network[0].extra = nn.Parameter(tensor, requires_grad=False)
    return network


class Looking(nn.Module):
    """Adds two features from a table whose gradient is sparse."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(2, 2, sparse=True)

    def forward(self, inputs):
        return torch.cat([inputs, self.table((inputs[:, 0] > 0).long())], 1)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"loss": lambda outputs, targets: 1 / 0}, "the loss fails on a batch of"),
        ({"metric": lambda outputs, targets: 1 / 0}, "the metric fails on a batch of"),
    ],
)
def test_a_loss_or_metric_that_breaks_is_said_in_one_line(more, says):
    with pytest.raises(ValueError, match=says) as told:
        task((INPUTS, TARGETS), **more)
    assert "\n" not in str(told.value)
