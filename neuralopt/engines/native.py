"""The native engine, which trains whole children in compiled code and needs numba."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import key_word
from neuralopt.engines.engine import (
    Child,
    Outcome,
    TorchOptimizer,
    UnsupportedTaskError,
    batch_order,
    check_along,
    initial_parameters,
    outcome_of,
    steps_per_epoch,
)
from neuralopt.engines.numba_support import announce_compilation, load_kernels
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.parameters import ParameterLayout
from neuralopt.engines.step_counter import current_counter
from neuralopt.language import Expression
from neuralopt.machine.bytecode import Bytecode, bytecode_of
from neuralopt.tasks import ConvNet, Mlp, Split, Task
from neuralopt.tasks import Examples as TaskExamples

Floats = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]

CHILDREN = 16
"""Children of one call of a kernel: Ctrl-C and progress have to wait for its end."""

MEMORY_BYTES = 512 * 2**20
"""The most memory for batches that are kept in the order of their steps."""

EPOCH_BYTES = 512 * 2**20
"""The most memory for the batches of one epoch."""

DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


class NativeEngine:
    """Trains whole children in compiled code.

    Args:
        task: one whose network is given as layers.
        seed: of initial weights, order of examples and random numbers.
        dtype: of float numbers, unless `numerics` is given.
        workers: threads of every call of `train`.
        numerics: dtype, device and precision: float32 or float64 on the CPU.

    Raises:
        UnsupportedTaskError: the task's network is not given as layers, its recipe has
            more than a re-parametrisation, it needs too much memory, the numerics are
            others, or numba is not installed.
    """

    name = "native"

    def __init__(
        self,
        task: Task,
        seed: int,
        dtype: torch.dtype = torch.float32,
        workers: int = 1,
        *,
        numerics: Numerics | None = None,
    ) -> None:
        numerics = numerics or Numerics(dtype)
        dtype = numerics.dtype
        if not isinstance(task.layers, Mlp | ConvNet):
            raise UnsupportedTaskError(
                "the native engine supports only tasks that describe their network as "
                f"layers; {task.name!r} does not: use evaluator.engine=stacked"
            )
        if not replace(task.recipe, reparametrize=0.0).plain:
            raise UnsupportedTaskError(
                "of a training recipe the native engine supports only reparametrize; "
                f"the task {task.name!r} has more: use evaluator.engine=stacked"
            )
        if dtype not in DTYPES or numerics != Numerics(dtype):
            raise UnsupportedTaskError(
                f"the native engine does not support {numerics}: use "
                "evaluator.engine=stacked"
            )
        inputs = task.examples("training").inputs
        if (size := 2 * inputs.numel() * inputs.element_size()) > EPOCH_BYTES:
            raise UnsupportedTaskError(
                f"the native engine keeps an epoch of {task.name!r} in memory twice, "
                f"{size / 2**30:.1f} GiB: use evaluator.engine=stacked"
            )
        self.kernels = _kernels()
        self.task, self.seed, self.workers = task, seed, workers
        self.shape = _shape(self.kernels, task.layers)
        self.dtype = DTYPES[dtype]
        self.places = ParameterLayout(initial_parameters(task, seed, 0)).places
        self._replicates: dict[tuple[int, int], _Replicate] = {}
        self._held: dict[Split, _Groups] = {}
        self._lock = threading.Lock()

    def train(
        self,
        children: Sequence[Child],
        epochs: int,
        splits: Sequence[Split],
        limit: int | None = None,
        along: Sequence[int] = (),
    ) -> list[Outcome]:
        """Train children and measure them on held-out splits.

        See `Engine.train`.

        Raises:
            ValueError: a child's optimizer is one of torch.
        """
        outcomes: list[Outcome | None] = [None] * len(children)
        steps = epochs * steps_per_epoch(self.task, limit)
        check_along(along, steps, splits)
        if not children:
            return []
        rules, chosen = _rules(children)
        run = _Run(self, [bytecode_of(rule) for rule in rules], steps, splits, along)
        replicates: dict[int, list[int]] = {}
        for number, child in enumerate(children):
            replicates.setdefault(child.replicate, []).append(number)
        for replicate, numbers in replicates.items():
            rates = [children[number].learning_rate for number in numbers]
            with_data = self._replicate(replicate, epochs, limit)
            results = run.train(with_data, chosen[numbers], rates)
            for number, outcome in zip(numbers, results, strict=True):
                outcomes[number] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _replicate(self, number: int, epochs: int, limit: int | None) -> "_Replicate":
        """Return what a replicate's children share, for so many epochs or more."""
        key = number, steps_per_epoch(self.task, limit)
        with self._lock:
            found = self._replicates.get(key)
            if found is None or found.epochs < epochs:
                found = _Replicate(self, number, epochs, limit)
                self._replicates.pop(key, None)
                self._replicates[key] = found
                while (
                    len(self._replicates) > 1
                    and sum(each.bytes for each in self._replicates.values())
                    > MEMORY_BYTES
                ):
                    self._replicates.pop(next(iter(self._replicates)))
            return found

    def held(self, split: Split) -> "_Groups":
        """Return a held-out split in groups of a batch.

        Args:
            split: which one.

        Returns:
            The examples as the kernels take them, made once for each split.
        """
        with self._lock:
            if split not in self._held:
                examples = self.task.examples(split)
                order = np.arange(len(examples))
                self._held[split] = _groups(self, examples, order, rows=False)
            return self._held[split]


class _Groups:
    """Examples for the kernels; see `kernels.Examples`."""

    def __init__(
        self,
        columns: Floats,
        rows: Floats,
        targets: Integers,
        values: Floats,
        count: int,
    ) -> None:
        self.columns, self.rows, self.count = columns, rows, count
        self.targets, self.values = targets, values

    @property
    def bytes(self) -> int:
        arrays = self.columns, self.rows, self.targets, self.values
        return sum(array.nbytes for array in arrays)


def _groups(
    engine: NativeEngine, examples: TaskExamples, order: Integers, rows: bool
) -> _Groups:
    """Return examples in an order, in groups of a batch; the last is filled with zeros.

    Args:
        engine: gives the kernels, the batch size and the dtype.
        examples: of a split.
        order: int64 (examples,), numbers of the examples.
        rows: whether they are trained on, in whole batches.

    Returns:
        The examples as the kernels take them.
    """
    kernels = engine.kernels
    batch = engine.task.batch_size
    width = examples.inputs[0].numel()
    # Held-out groups may use the lanes that a batch leaves free.
    size = batch if rows else kernels.padded(batch)
    groups, lanes = -(-len(order) // size), kernels.padded(batch)
    flat = np.zeros((groups * size, width), engine.dtype)
    flat[: len(order)] = examples.inputs.numpy()[order].reshape(len(order), width)
    inputs = flat.reshape(groups, size, width)
    columns = kernels.aligned((groups, width, lanes), engine.dtype)
    columns[:, :, :size] = inputs.transpose(0, 2, 1)
    real = examples.targets.is_floating_point()
    asked = np.zeros(groups * size, engine.dtype if real else np.int64)
    asked[: len(order)] = examples.targets.numpy()[order]
    targets = np.zeros((groups, lanes), asked.dtype)
    targets[:, :size] = asked.reshape(groups, size)
    padded = kernels.aligned(
        (groups if rows else 0, size, kernels.padded(width)), engine.dtype
    )
    if rows:
        padded[:, :, :width] = inputs
    classes = np.zeros(targets.shape, np.int64) if real else targets
    values = targets if real else np.empty(0, engine.dtype)
    return _Groups(
        columns.ravel(), padded.ravel(), classes.ravel(), values.ravel(), len(order)
    )


class _Replicate:
    """What a replicate's children share: initial weights, their factors and batches."""

    def __init__(
        self, engine: NativeEngine, number: int, epochs: int, limit: int | None
    ) -> None:
        task, seed = engine.task, engine.seed
        self.epochs = epochs
        network = initial_parameters(task, seed, number)
        flat = torch.nn.utils.parameters_to_vector(network.parameters())
        self.initial = flat.detach().numpy().astype(engine.dtype)
        sizes = [weight.numel() for weight in network.parameters()]
        scales = task.recipe.scales(len(sizes))
        self.scales = np.repeat(scales, sizes if scales else 0).astype(engine.dtype)
        orders = [
            batch_order(task, seed, number, epoch, limit) for epoch in range(epochs)
        ]
        order = torch.cat(orders).flatten().numpy()
        self.batches = _groups(engine, task.examples("training"), order, rows=True)
        self.key = key_word(seed, number)

    @property
    def bytes(self) -> int:
        return self.batches.bytes


class _Run:
    """One call of `train`: rules and held-out splits as arrays for the kernels."""

    def __init__(
        self,
        engine: NativeEngine,
        codes: Sequence[Bytecode],
        steps: int,
        splits: Sequence[Split],
        along: Sequence[int],
    ) -> None:
        self.engine, self.steps, self.asked, self.along = engine, steps, splits, along
        inner = [step for step in along if step < steps]
        self.stops = np.array([*inner, steps], np.int64)
        kernels = engine.kernels
        rows = max(code.states + code.scratch for code in codes)
        blocks = max(code.blocks for code in codes)
        self.network, self.size = kernels.network_of(
            engine.shape, engine.task.batch_size, rows, blocks
        )
        self.rules = kernels.rules_of(codes, steps)
        held = [engine.held(split) for split in splits]
        self.splits = np.empty((len(splits), 2), np.int64)
        first = 0
        for number, split in enumerate(held):
            self.splits[number] = first, split.count
            first += len(split.targets) // self.network.lanes
        nothing = np.empty(0, engine.dtype)
        self.held = kernels.Examples(
            np.concatenate([nothing, *(split.columns for split in held)]),
            nothing,
            np.concatenate([np.empty(0, np.int64), *(split.targets for split in held)]),
            np.concatenate([nothing, *(split.values for split in held)]),
        )

    def train(
        self, replicate: _Replicate, chosen: Integers, rates: Sequence[float]
    ) -> list[Outcome]:
        """Train children of one replicate.

        Args:
            replicate: initial weights and batches.
            chosen: int64 (children,), number of each child's rule.
            rates: learning rate of each child.

        Returns:
            One outcome for each child, in the same order.
        """
        engine, count = self.engine, len(rates)
        losses = np.empty((count, self.steps))
        measures = np.empty((count, len(self.stops), len(self.asked), 2))
        finished = np.empty(count, np.bool_)
        batches, kernels = replicate.batches, engine.kernels
        data = kernels.Examples(
            batches.columns, batches.rows, batches.targets, batches.values
        )
        rates_of = np.array(rates, engine.dtype)
        counter = current_counter()  # asked here: the threads below do not see it

        def train_group(first: int) -> None:
            last = min(first + CHILDREN, count)
            kernels.train(
                kernels.aligned((self.size,), engine.dtype),
                self.network,
                data,
                self.held,
                self.splits,
                self.rules,
                replicate.initial,
                replicate.scales,
                replicate.key,
                chosen,
                rates_of,
                self.stops,
                losses,
                measures,
                finished,
                first,
                last,
                engine.places,
            )
            counter.add((last - first) * self.steps)

        with announce_compilation("the native engine", 15):
            _in_threads(train_group, range(0, count, CHILDREN), engine.workers)
        return [
            self._outcome(losses[child].tolist(), measures[child], bool(done))
            for child, done in enumerate(finished)
        ]

    def _outcome(
        self, losses: list[float], measures: Floats, finished: bool
    ) -> Outcome:
        ends = [(loss, accuracy) for loss, accuracy in measures[-1].tolist()]
        firsts = measures[: len(self.along), 0, 0].tolist() if self.along else []
        along = dict(zip(self.along, firsts, strict=True))
        return outcome_of(losses, self.asked, ends if finished else None, along)


def _kernels() -> Any:
    """Import the kernels late, since other engines work without numba."""
    try:
        return load_kernels()
    except ImportError as error:
        raise UnsupportedTaskError(
            f"the native engine needs numba ({error}): pip install numba, or use "
            "evaluator.engine=stacked"
        ) from None


def _shape(kernels: Any, layers: Mlp | ConvNet) -> Any:
    """Describe a network for the kernels."""
    options = layers.activation, layers.objective
    if isinstance(layers, Mlp):
        return kernels.Shape(layers.widths, *options)
    widths = (layers.features, *layers.widths)
    return kernels.Shape(widths, *options, layers.image, layers.convolutions)


def _rules(children: Sequence[Child]) -> tuple[list[Expression], Integers]:
    """Return the different rules, and the number of each child's rule."""
    numbers: dict[Expression, int] = {}
    chosen = []
    for child in children:
        if isinstance(child.rule, TorchOptimizer):
            raise ValueError(f"the native engine can't train {child.rule}: use serial")
        chosen.append(numbers.setdefault(child.rule, len(numbers)))
    return list(numbers), np.array(chosen, np.int64)


def _in_threads(task: Callable[[int], None], numbers: range, workers: int) -> None:
    if workers == 1 or len(numbers) <= 1:
        for number in numbers:
            task(number)
    else:
        with ThreadPoolExecutor(workers, "native") as pool:
            list(pool.map(task, numbers))
