"""Every task of the registry, and checks of tasks: data, network, loss and quality."""

import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from neuralopt.tasks import SPLITS, TASKS, Examples, Task
from tests.tasks.cifar10_builders import write

Make = Callable[[], Task]

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "cifar10_resnet": {"depth": 10, "width": 1},
}
"""Options that make a task small."""

WITHOUT_EXAMPLES = frozenset({"ravine", "rosenbrock"})
"""Tasks whose network ignores its inputs: all splits are the same."""

RATES = (0.1, 1e-2, 1e-3, 1e-4, 1.0)
"""Learning rates of SGD; the first that lowers the loss is enough."""

LOSSES = (0.0, 1e-3, 0.1, 0.7, 2.3, 10.0, 100.0, 1e6, math.inf)


def maker(name: str, folder: Path) -> Make:
    """A function that makes the task anew; the user's data are made in the folder."""
    options = dict(OPTIONS.get(name, {}))
    if name.startswith("cifar10"):
        copy = folder / "cifar-10-binary.tar.gz"
        if not copy.exists():
            assert write(folder, "binary archive", images_per_batch=40) == copy
        options["path"] = str(copy)
    return lambda: TASKS[name](**options)


def check_deterministic(make: Make) -> None:
    """Two loads make the same tensors, and name and fingerprint."""
    one, other = make(), make()
    assert one is not other
    assert one.name == other.name
    assert one.fingerprint == other.fingerprint, "the fingerprint changes"
    for split in SPLITS:
        for first, second in zip(
            _tensors(one.examples(split)), _tensors(other.examples(split)), strict=True
        ):
            assert first.dtype == second.dtype
            assert torch.equal(first, second), f"{split} changes"
        again = one.examples(split)
        assert torch.equal(again.inputs, one.examples(split).inputs)


def check_data(task: Task) -> None:
    """Splits are not empty and finite, and the training split holds a batch."""
    for split in SPLITS:
        examples = task.examples(split)
        assert len(examples) == len(examples.inputs) > 0
        for tensor in _tensors(examples):
            if tensor.is_floating_point():
                assert tensor.isfinite().all(), f"{split} is not finite"
            else:
                assert tensor.dtype == torch.int64, f"{split} is {tensor.dtype}"
    assert 1 <= task.batch_size <= len(task.examples("training"))


def check_splits_disjoint(task: Task) -> None:
    """No example (input with its target) is in two splits."""
    found = {split: _examples_of(task.examples(split)) for split in SPLITS}
    for one, other in itertools.combinations(SPLITS, 2):
        shared = found[one] & found[other]
        assert not shared, f"{len(shared)} examples are in {one} and in {other}"


def _examples_of(examples: Examples) -> set[bytes]:
    return {
        x.numpy().tobytes() + y.numpy().tobytes()
        for x, y in zip(*_tensors(examples), strict=True)
    }


def check_network(task: Task) -> None:
    """A network follows from torch's generator alone, and training draws nothing."""
    made = []
    with torch.random.fork_rng(devices=[]):
        for seed in (0, 0, 1):
            torch.manual_seed(seed)
            made.append(task.network())
        one, same, other = (list(each.parameters()) for each in made)
        assert all(map(torch.equal, one, same)), "one seed makes two networks"
        assert not all(map(torch.equal, one, other)), "the seed changes nothing"
        assert not {p.data_ptr() for p in one} & {p.data_ptr() for p in same}
        assert all(p.isfinite().all() and p.dtype == torch.float32 for p in one)
        if task.layers is not None:
            shapes = [p.shape for p in task.layers.network().parameters()]
            assert shapes == [p.shape for p in one], "layers are another network"
        before = torch.get_rng_state()
        _loss(task, made[0], 0).backward()
        assert torch.equal(before, torch.get_rng_state()), "training draws numbers"


def check_learnable(task: Task, steps: int = 8) -> None:
    """Plain SGD lowers the training loss at one of RATES, measures being sensible."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = task.network()
    start = {name: each.clone() for name, each in network.state_dict().items()}
    first = _loss(task, network, 0).item()
    assert math.isfinite(first)
    for rate in RATES:
        network.load_state_dict(start)
        last = _after_sgd(task, network, rate, steps)
        if last < first:
            break
    else:
        raise AssertionError(f"SGD never gets below a loss of {first}")
    network.eval()
    with torch.no_grad():
        examples = task.examples("validation")
        outputs = network(examples.inputs[:100])
        loss = task.loss(outputs, examples.targets[:100])
        accuracy = task.accuracy(outputs, examples.targets[:100])
    assert loss.ndim == accuracy.ndim == 0
    assert loss.isfinite()
    assert accuracy.isfinite()
    assert 0.0 < task.quality(loss.item()) < 1.0


def _after_sgd(task: Task, network: torch.nn.Module, rate: float, steps: int) -> float:
    optimizer = torch.optim.SGD(network.parameters(), rate)
    for step in range(steps):
        optimizer.zero_grad()
        _loss(task, network, step).backward()
        optimizer.step()
    return _loss(task, network, 0).item()


def _loss(task: Task, network: torch.nn.Module, step: int) -> torch.Tensor:
    examples, size = task.examples("training"), task.batch_size
    start = step % (len(examples) // size) * size
    chosen = slice(start, start + size)
    return task.loss(network(examples.inputs[chosen]), examples.targets[chosen])


def check_quality(task: Task) -> None:
    """Quality lies in [0, 1], falls as the loss rises, and is 0 for NaN."""
    qualities = [task.quality(loss) for loss in LOSSES]
    assert all(0.0 <= quality <= 1.0 for quality in qualities), qualities
    assert qualities == sorted(qualities, reverse=True), qualities
    assert qualities[0] > qualities[-1] == 0.0
    assert task.quality(math.nan) == 0.0


def _tensors(examples: Examples) -> tuple[torch.Tensor, torch.Tensor]:
    return examples.inputs, examples.targets
