"""The stacked engine: many children as the rows of one matrix.

Knows how a population is trained: batches, recipes, who has diverged; refuses to know
how gradients and updates are computed, budgets and scores.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import chain

import torch

from neuralopt.evaluation.arithmetic import Arithmetic
from neuralopt.evaluation.choice import Choice, choose_way
from neuralopt.evaluation.engine import (
    Child,
    Outcome,
    Placed,
    TorchOptimizer,
    batch_order,
    curve_of,
    diverged_outcome,
    initial_parameters,
    rate_factors,
    steps_per_epoch,
)
from neuralopt.evaluation.rows import Rows
from neuralopt.evaluation.updates import Plan, Updates, updates_for
from neuralopt.evaluation.ways import WAYS, Setting, Way
from neuralopt.one_thread import one_thread
from neuralopt.optimizer.draws import draw
from neuralopt.tasks import Part, Task

SWEEP = 8
"""Steps between removals of children that have diverged."""

DRAWS_BYTES = 64 * 2**20
"""Memory for random numbers: all rules meet the same ones, so they are kept."""


class StackedEngine:
    """Trains rules x learning rates x replicates as one population.

    Any network: by products written by hand, by torch.func or one after another, as
    many at a time as suits it; `choose_way` says so, unless way, of WAYS, and
    population do. Raises ValueError if the task's recipe names no schedule.
    """

    name = "stacked"

    def __init__(
        self,
        task: Task,
        seed: int,
        dtype: torch.dtype = torch.float32,
        *,
        arithmetic: Arithmetic | None = None,
        way: str = "",
        population: int = 0,
    ) -> None:
        self.task, self.seed = task, seed
        self.arithmetic = arithmetic or Arithmetic(dtype)
        self.data = Placed(task, self.arithmetic)
        self._way, self._population = way, population
        self._choice: Choice | None = None
        self._lock = threading.Lock()
        rate_factors(task.recipe, 1)
        length = Rows(initial_parameters(task, seed, 0)).length
        row = torch.empty(length, dtype=self.arithmetic.dtype, device="meta")

        @lru_cache(maxsize=max(16, DRAWS_BYTES // max(1, row.nbytes)))
        def draws(replicate: int, kind: str, step: int, stream: int) -> torch.Tensor:
            like = torch.empty_like(row, device=self.arithmetic.device)
            return draw(kind, (seed, replicate, step, stream), like)

        self.draws = draws

    @property
    def choice(self) -> Choice:
        """How gradients are computed, and why."""
        with self._lock:
            if self._choice is None:
                self._choice = choose_way(self.task, self.arithmetic, self._way)
            return self._choice

    def train(
        self,
        children: Sequence[Child],
        epochs: int,
        parts: Sequence[Part],
        limit: int | None = None,
    ) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(children)
        for child in children:
            if isinstance(child.rule, TorchOptimizer):
                raise ValueError(
                    f"the stacked engine can't train {child.rule}: use serial"
                )
        if not children:
            return []
        with one_thread(), self.arithmetic.repeatable():
            choice = self.choice
            for numbers in self._chunks(children):
                population = _Population(
                    self,
                    choice,
                    [children[number] for number in numbers],
                    epochs,
                    limit,
                )
                results = population.train(parts)
                for number, outcome in zip(numbers, results, strict=True):
                    outcomes[number] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _chunks(self, children: Sequence[Child]) -> list[list[int]]:
        """Numbers of children that train together: of one replicate, so that they
        meet the same batches, and each rule's side by side.
        """
        size = self._population or self.choice.population
        replicates: dict[int, dict[object, list[int]]] = {}
        for number, child in enumerate(children):
            rules = replicates.setdefault(child.replicate, {})
            rules.setdefault(child.rule, []).append(number)
        return [
            ordered[start : start + size]
            for rules in replicates.values()
            for ordered in [list(chain.from_iterable(rules.values()))]
            for start in range(0, len(ordered), size)
        ]


@dataclass(slots=True)
class _Population:
    """Children of one replicate in training; row i is child `alive[i]`."""

    engine: StackedEngine
    choice: Choice
    children: Sequence[Child]
    epochs: int
    limit: int | None
    way: Way = field(init=False)
    weights: torch.Tensor = field(init=False)  # (rows, length)
    gradients: torch.Tensor = field(init=False)  # (rows, length)
    count: int = field(init=False)  # numbers of a row that are parameters
    alive: torch.Tensor = field(init=False)  # numbers of children, (rows,)
    updates: Updates = field(init=False)
    losses: torch.Tensor = field(init=False)  # (steps, children), NaN where not run
    factors: list[float] = field(init=False)  # of the learning rates, each step

    @torch.no_grad()
    def train(self, parts: Sequence[Part]) -> list[Outcome]:
        engine, replicate = self.engine, self.children[0].replicate
        examples = engine.data["training"]
        per_epoch = steps_per_epoch(engine.task, self.limit)
        self._start(replicate, per_epoch * self.epochs)
        for epoch in range(self.epochs):
            order = batch_order(engine.task, engine.seed, replicate, epoch, self.limit)
            order = order.to(engine.arithmetic.device)
            for batch, chosen in enumerate(order):
                step = epoch * per_epoch + batch
                self.losses[step, self.alive] = self.way.gradients(
                    self.weights,
                    examples.inputs[chosen],
                    examples.targets[chosen],
                    self.gradients,
                )
                if step % SWEEP == 0 or step + 1 == len(self.losses):
                    self._remove_diverged(step)
                    if not len(self.alive):
                        return self._outcomes(parts)
                self._update(step)
        return self._outcomes(parts)

    def _start(self, replicate: int, steps: int) -> None:
        engine, count = self.engine, len(self.children)
        arithmetic = engine.arithmetic
        setting = Setting.of(engine.task, arithmetic, engine.seed, replicate)
        self.weights = setting.rows.filled(setting.network, count)
        self.count = setting.rows.count
        setting = replace(setting, frozen=self.choice.frozen)
        self.way = WAYS[self.choice.way](setting, count)
        self.gradients = torch.zeros_like(self.weights)
        self.alive = torch.arange(count, device=arithmetic.device)
        self.losses = self.weights.new_full((steps, count), math.nan)
        self.factors = rate_factors(engine.task.recipe, steps)
        rules = [child.rule for child in self.children]
        plan = Plan(
            [rule for rule in rules if not isinstance(rule, TorchOptimizer)],
            [child.learning_rate for child in self.children],
            steps,
            (engine.seed, replicate),
            partial(engine.draws, replicate),
            engine.task.recipe.weight_decay,
        )
        self.updates = updates_for(plan, self.weights)

    def _update(self, step: int) -> None:
        clip_norm = self.engine.task.recipe.clip_norm
        for span in self.choice.frozen:
            self.gradients[:, span] = 0  # torch.func has some for frozen parameters too
        if clip_norm:
            norms = torch.linalg.vector_norm(self.gradients, dim=1, keepdim=True)
            # The small number is that of torch.nn.utils.clip_grad_norm_.
            self.gradients.mul_((clip_norm / (norms + 1e-6)).clamp_(max=1.0))
        frozen = [self.weights[:, span].clone() for span in self.choice.frozen]
        self.updates.step(self.weights, self.gradients, step, self.factors[step])
        for span, before in zip(self.choice.frozen, frozen, strict=True):
            self.weights[:, span] = before

    def _remove_diverged(self, step: int) -> None:
        """Drop rows with a non-finite loss since the last sweep."""
        since = self.losses[max(0, step - SWEEP + 1) : step + 1][:, self.alive]
        finite = since.isfinite().all(0)
        if finite.all():
            return
        keep = finite.nonzero().squeeze(1)
        self.weights, self.alive = self.weights[keep], self.alive[keep]
        self.gradients = self.gradients[keep]
        self.way.keep(keep)
        self.updates.keep(keep)

    def _outcomes(self, parts: Sequence[Part]) -> list[Outcome]:
        columns = self.losses.T.tolist()
        outcomes = [diverged_outcome(losses, parts) for losses in columns]
        if not len(self.alive):
            return outcomes
        finite = self.weights[:, : self.count].isfinite().all(1).tolist()
        data = self.engine.data
        results = [self.way.measure(self.weights, data[part]) for part in parts]
        for row, number in enumerate(self.alive.tolist()):
            measures = [of_part[row] for of_part in results]
            if finite[row] and all(math.isfinite(loss) for loss, _ in measures):
                outcomes[number] = Outcome(
                    False,
                    tuple(loss for loss, _ in measures),
                    tuple(accuracy for _, accuracy in measures),
                    curve_of(columns[number]),
                )
        return outcomes
