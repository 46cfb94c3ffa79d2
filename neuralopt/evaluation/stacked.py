"""The stacked engine: many children as the rows of one matrix.

Knows how to train a population of fully connected networks with batched products, each
rule's program applied to its own rows; refuses to know budgets and scores.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch

from neuralopt.evaluation.engine import (
    Child,
    Outcome,
    TorchOptimizer,
    batch_order,
    curve_of,
    diverged_outcome,
    initial_parameters,
    steps_per_epoch,
)
from neuralopt.one_thread import one_thread
from neuralopt.optimizer import Program, compile_rule
from neuralopt.optimizer.draws import draw
from neuralopt.tasks import Mlp, Part, Task

CHUNK = 112
"""Children in one matrix: enough to pay for the calls, few enough for the cache."""

SWEEP = 8
"""Steps between removals of children that have diverged."""

ALIGNMENT = 64
"""Elements; the length of a row is a multiple of it. Some of torch's kernels (pow and
exp2 among them) round differently at the end of a tensor and beside unusual values, in
units of a vector register: a row that fills whole registers never notices the others.
"""

DRAWS_BYTES = 64 * 2**20
"""Memory for random numbers: all rules meet the same ones, so they are kept."""


class StackedEngine:
    """Trains rules x learning rates x replicates as one population.

    Raises ValueError for a task whose network is not an Mlp.
    """

    name = "stacked"

    def __init__(
        self, task: Task, seed: int, dtype: torch.dtype = torch.float32
    ) -> None:
        if not isinstance(task.layers, Mlp):
            raise ValueError(
                f"the stacked engine trains fully connected networks, which the task "
                f"{task.name!r} has not: use evaluator.engine=serial"
            )
        self.task, self.seed, self.dtype = task, seed, dtype
        self.layers = task.layers
        row = torch.zeros(row_length(task.layers), dtype=dtype)
        kept = max(16, DRAWS_BYTES // (row.numel() * row.element_size()))

        @lru_cache(maxsize=kept)
        def draws(kind: str, replicate: int, step: int, stream: int) -> torch.Tensor:
            return draw(kind, (seed, replicate, step, stream), row)

        self.draws = draws

    def train(
        self, children: Sequence[Child], epochs: int, parts: Sequence[Part]
    ) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(children)
        with one_thread():
            for numbers in self._chunks(children):
                population = _Population(
                    self, [children[number] for number in numbers], epochs
                )
                results = population.train(parts)
                for number, outcome in zip(numbers, results, strict=True):
                    outcomes[number] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _chunks(self, children: Sequence[Child]) -> list[list[int]]:
        """Numbers of children that train together: of one replicate, so that they
        meet the same batches, and each rule's side by side.
        """
        replicates: dict[int, dict[object, list[int]]] = {}
        for number, child in enumerate(children):
            if isinstance(child.rule, TorchOptimizer):
                raise ValueError(
                    f"the stacked engine can't train {child.rule}: use serial"
                )
            rules = replicates.setdefault(child.replicate, {})
            rules.setdefault(child.rule, []).append(number)
        chunks: list[list[int]] = []
        for rules in replicates.values():
            chunk: list[int] = []
            for numbers in rules.values():
                if chunk and len(chunk) + len(numbers) > CHUNK:
                    chunks.append(chunk)
                    chunk = []
                chunk = chunk + numbers
            chunks.append(chunk)
        return chunks


@dataclass(slots=True)
class _Group:
    """The rows of one rule: where they are, and what the rule remembers."""

    program: Program
    rows: slice
    rates: torch.Tensor  # (rows, 1)
    states: tuple[torch.Tensor, ...]  # each (rows, n)


@dataclass(slots=True)
class _Population:
    """Children of one replicate in training; row i is child `alive[i]`."""

    engine: StackedEngine
    children: Sequence[Child]
    epochs: int
    weights: torch.Tensor = field(init=False)  # (rows, n)
    gradients: torch.Tensor = field(init=False)  # (rows, n)
    alive: torch.Tensor = field(init=False)  # numbers of children, (rows,)
    groups: list[_Group] = field(init=False)
    losses: torch.Tensor = field(init=False)  # (steps, children), NaN where not run

    @torch.no_grad()
    def train(self, parts: Sequence[Part]) -> list[Outcome]:
        task, seed = self.engine.task, self.engine.seed
        replicate = self.children[0].replicate
        examples = task.examples("training")
        inputs = examples.inputs.to(self.engine.dtype)
        per_epoch = steps_per_epoch(task)
        self._start(replicate, per_epoch)
        for epoch in range(self.epochs):
            order = batch_order(task, seed, replicate, epoch)
            for batch, chosen in enumerate(order):
                step = epoch * per_epoch + batch
                losses = batched_gradients(
                    self.engine.layers,
                    self.weights,
                    inputs[chosen],
                    examples.targets[chosen],
                    self.gradients,
                )
                self.losses[step, self.alive] = losses
                if step % SWEEP == 0 or step + 1 == len(self.losses):
                    self._remove_diverged(step)
                    if not len(self.alive):
                        return self._outcomes(parts)
                self._update(step, replicate)
        return self._outcomes(parts)

    def _start(self, replicate: int, per_epoch: int) -> None:
        engine = self.engine
        network = initial_parameters(engine.task, engine.seed, replicate)
        flat = torch.nn.utils.parameters_to_vector(network.parameters())
        count = len(self.children)
        self.weights = torch.zeros(count, row_length(engine.layers), dtype=engine.dtype)
        self.weights[:, : len(flat)] = flat
        self.gradients = torch.zeros_like(self.weights)
        self.alive = torch.arange(count)
        self.losses = torch.full(
            (self.epochs * per_epoch, count), math.nan, dtype=engine.dtype
        )
        self.groups = []
        start = 0
        while start < count:
            rule, stop = self.children[start].rule, start
            while stop < count and self.children[stop].rule == rule:
                stop += 1
            assert not isinstance(rule, TorchOptimizer)
            program = compile_rule(rule)
            rates = [[child.learning_rate] for child in self.children[start:stop]]
            rows = slice(start, stop)
            self.groups.append(
                _Group(
                    program,
                    rows,
                    torch.tensor(rates, dtype=engine.dtype),
                    program.initial_states(self.weights[rows]),
                )
            )
            start = stop

    def _update(self, step: int, replicate: int) -> None:
        total = len(self.losses)
        for group in self.groups:
            w, g = self.weights[group.rows], self.gradients[group.rows]

            def draws(kind: str, stream: int, w: torch.Tensor = w) -> torch.Tensor:
                return self.engine.draws(kind, replicate, step, stream).expand_as(w)

            value, group.states = group.program.step(
                g, w, group.program.clock(step, total), group.states, draws
            )
            w.sub_(group.rates * value)

    def _remove_diverged(self, step: int) -> None:
        """Drop rows with a non-finite loss since the last sweep, and their states."""
        since = self.losses[max(0, step - SWEEP + 1) : step + 1][:, self.alive]
        finite = since.isfinite().all(0)
        if finite.all():
            return
        keep = finite.nonzero().squeeze(1)
        groups: list[_Group] = []
        start = 0
        for group in self.groups:
            mask = finite[group.rows]
            kept = int(mask.sum())
            if kept:
                states = group.states
                if kept < len(mask):
                    states = tuple(state[mask] for state in states)
                rows = slice(start, start + kept)
                groups.append(_Group(group.program, rows, group.rates[mask], states))
                start += kept
        self.groups = groups
        self.weights, self.alive = self.weights[keep], self.alive[keep]
        self.gradients = self.gradients[keep]

    def _outcomes(self, parts: Sequence[Part]) -> list[Outcome]:
        columns = self.losses.T.tolist()
        outcomes = [diverged_outcome(losses, parts) for losses in columns]
        if not len(self.alive):
            return outcomes
        used = self.weights[:, : parameter_count(self.engine.layers)]
        finite = used.isfinite().all(1).tolist()
        results = [self._measure(part) for part in parts]
        for row, number in enumerate(self.alive.tolist()):
            losses = tuple(loss[row] for loss, _ in results)
            if finite[row] and all(math.isfinite(loss) for loss in losses):
                outcomes[number] = Outcome(
                    False,
                    losses,
                    tuple(accuracy[row] for _, accuracy in results),
                    curve_of(columns[number]),
                )
        return outcomes

    def _measure(self, part: Part) -> tuple[list[float], list[float]]:
        """Loss and accuracy of each row on a held-out part."""
        examples = self.engine.task.examples(part)
        inputs = examples.inputs.to(self.engine.dtype)
        outputs = batched_forward(self.engine.layers, self.weights, inputs)[-1]
        right = (outputs.argmax(-1) == examples.targets).double().mean(1)
        losses, _ = cross_entropy(outputs, examples.targets)
        return losses.tolist(), right.tolist()


def batched_forward(
    layers: Mlp, weights: torch.Tensor, inputs: torch.Tensor
) -> list[torch.Tensor]:
    """Inputs of every layer and the outputs of the last.

    weights: (rows, n). inputs: (batch, width), shared by all rows. Returns tensors
    (rows, batch, width).
    """
    rows = len(weights)
    values = [inputs.expand(rows, *inputs.shape)]
    for index, (weight, bias) in enumerate(layer_views(layers, weights)):
        if index:
            values[-1] = ACTIVATE[layers.activation](values[-1])
        values.append(torch.baddbmm(bias.unsqueeze(1), values[-1], weight.mT))
    return values


def batched_gradients(
    layers: Mlp,
    weights: torch.Tensor,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    gradients: torch.Tensor,
) -> torch.Tensor:
    """Write the gradients of all rows, (rows, n); return their losses, (rows,)."""
    values = batched_forward(layers, weights, inputs)
    outputs = values.pop()
    batch = len(targets)
    losses, delta = cross_entropy(outputs, targets)
    delta[:, torch.arange(batch), targets] -= 1.0
    delta /= batch
    views = layer_views(layers, gradients)
    for index in reversed(range(len(views))):
        weight_gradient, bias_gradient = views[index]
        torch.bmm(delta.mT, values[index], out=weight_gradient)
        torch.sum(delta, 1, out=bias_gradient)
        if index:
            weight = layer_views(layers, weights)[index][0]
            delta = torch.bmm(delta, weight)
            delta *= SLOPE[layers.activation](values[index])
    return losses


def cross_entropy(
    outputs: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss of each row, (rows,), and probabilities, as outputs.

    outputs: (rows, batch, classes). Their greatest is taken away first: many rules push
    all outputs the same way, and the loss would lose its digits to what they share.
    """
    shifted = outputs - outputs.amax(-1, keepdim=True)
    chosen = shifted[:, torch.arange(len(targets)), targets]
    probabilities = shifted.exp_()
    total = probabilities.sum(-1, keepdim=True)
    losses = (total.log().squeeze(-1) - chosen).mean(1)
    return losses, probabilities.div_(total)


def parameter_count(layers: Mlp) -> int:
    """Weights and biases of all layers."""
    pairs = itertools.pairwise(layers.widths)
    return sum((inputs + 1) * outputs for inputs, outputs in pairs)


def row_length(layers: Mlp) -> int:
    """Elements of a row: the parameters, and padding that nothing reads."""
    return -(-parameter_count(layers) // ALIGNMENT) * ALIGNMENT


def layer_views(
    layers: Mlp, flat: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Each layer's (rows, out, in) and (rows, out) within (rows, n)."""
    views = []
    start = 0
    for inputs, outputs in zip(layers.widths, layers.widths[1:], strict=False):
        middle, stop = start + inputs * outputs, start + (inputs + 1) * outputs
        weight = flat[:, start:middle].view(len(flat), outputs, inputs)
        views.append((weight, flat[:, middle:stop]))
        start = stop
    return views


Elementwise = Callable[[torch.Tensor], torch.Tensor]
ACTIVATE: dict[str, Elementwise] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
SLOPE: dict[str, Elementwise] = {  # of an activation, by its value
    "relu": lambda value: (value > 0).to(value.dtype),
    "tanh": lambda value: 1 - value * value,
    "sigmoid": lambda value: value * (1 - value),
}
