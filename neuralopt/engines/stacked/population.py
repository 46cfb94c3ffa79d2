"""The stacked engine, which trains many children as the rows of one matrix."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import chain

import torch

from neuralopt.engines.engine import (
    Child,
    DeviceData,
    Outcome,
    TorchOptimizer,
    check_along,
    initial_parameters,
    outcome_of,
    rate_factors,
    training_order,
    training_steps,
)
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.parameters import ParameterLayout
from neuralopt.engines.stacked.gradients import (
    GRADIENT_METHODS,
    GradientMethod,
    NetworkSetup,
)
from neuralopt.engines.stacked.plan import ExecutionPlan, plan_execution
from neuralopt.engines.stacked.updates import Updates, UpdateSpec, updates_for
from neuralopt.engines.step_counter import StepCounter, current_counter
from neuralopt.one_thread import one_thread
from neuralopt.optimizer.draws import draw
from neuralopt.tasks import Split, Task

SWEEP = 8
"""Steps between removals of children that have diverged."""

DRAWS_BYTES = 64 * 2**20
"""Memory for random numbers: all rules meet the same ones, so they are kept."""


class StackedEngine:
    """Trains rules x learning rates x replicates as one population.

    It supports every network. `plan_execution` chooses how gradients are computed and
    how many children are trained at a time.

    Args:
        task: any task.
        seed: of initial weights, order of examples and random numbers.
        dtype: of float numbers, unless `numerics` is given.
        numerics: dtype, device and precision.
        method: a name of GRADIENT_METHODS; empty to choose one.
        population: children at a time; 0 to choose.

    Raises:
        ValueError: the task's recipe names an unknown schedule.
    """

    name = "stacked"

    def __init__(
        self,
        task: Task,
        seed: int,
        dtype: torch.dtype = torch.float32,
        *,
        numerics: Numerics | None = None,
        method: str = "",
        population: int = 0,
    ) -> None:
        self.task, self.seed = task, seed
        self.numerics = numerics or Numerics(dtype)
        self.data = DeviceData(task, self.numerics)
        self._method, self._population = method, population
        self._plan: ExecutionPlan | None = None
        self._lock = threading.Lock()
        rate_factors(task.recipe, 1)
        length = ParameterLayout(initial_parameters(task, seed, 0)).length
        row = torch.empty(length, dtype=self.numerics.dtype, device="meta")

        @lru_cache(maxsize=max(16, DRAWS_BYTES // max(1, row.nbytes)))
        def draws(replicate: int, kind: str, step: int, stream: int) -> torch.Tensor:
            like = torch.empty_like(row, device=self.numerics.device)
            return draw(kind, (seed, replicate, step, stream), like)

        self.draws = draws

    @property
    def plan(self) -> ExecutionPlan:
        """How gradients are computed, and why."""
        with self._lock:
            if self._plan is None:
                self._plan = plan_execution(self.task, self.numerics, self._method)
            return self._plan

    def train(
        self,
        children: Sequence[Child],
        epochs: int,
        splits: Sequence[Split],
        limit: int | None = None,
        along: Sequence[int] = (),
    ) -> list[Outcome]:
        """Train children in populations and measure them on held-out splits.

        See `Engine.train`.

        Raises:
            ValueError: a child's optimizer is one of torch.
        """
        check_along(along, training_steps(self.task, epochs, limit), splits)
        outcomes: list[Outcome | None] = [None] * len(children)
        for child in children:
            if isinstance(child.rule, TorchOptimizer):
                raise ValueError(
                    f"the stacked engine can't train {child.rule}: use serial"
                )
        if not children:
            return []
        with one_thread(), self.numerics.repeatable():
            plan, steps = self.plan, current_counter()
            for numbers in self._chunks(children):
                population = _Population(
                    self,
                    plan,
                    [children[number] for number in numbers],
                    epochs,
                    limit,
                    steps,
                )
                results = population.train(splits, along)
                for number, outcome in zip(numbers, results, strict=True):
                    outcomes[number] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _chunks(self, children: Sequence[Child]) -> list[list[int]]:
        """Divide children, given by their numbers, into populations.

        Those of a population have one replicate, so that they are given the same
        batches, and the children of one rule are adjacent.
        """
        size = self._population or self.plan.population
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
    plan: ExecutionPlan
    children: Sequence[Child]
    epochs: int
    limit: int | None
    steps: StepCounter
    method: GradientMethod = field(init=False)
    weights: torch.Tensor = field(init=False)  # (rows, length)
    gradients: torch.Tensor = field(init=False)  # (rows, length)
    count: int = field(init=False)  # numbers of a row that are parameters
    alive: torch.Tensor = field(init=False)  # numbers of children, (rows,)
    updates: Updates = field(init=False)
    losses: torch.Tensor = field(init=False)  # (steps, children), NaN where not run
    along: dict[int, list[float]] = field(init=False)  # of all children, after a step
    factors: list[float] = field(init=False)  # of the learning rates, each step
    scales: torch.Tensor | None = field(init=False)  # (length,), s of weights s * u

    @torch.no_grad()
    def train(self, splits: Sequence[Split], along: Sequence[int]) -> list[Outcome]:
        engine, replicate = self.engine, self.children[0].replicate
        examples = engine.data["training"]
        task, epochs, limit = engine.task, self.epochs, self.limit
        self._start(replicate, training_steps(task, epochs, limit))
        self.along = {step: [math.inf] * len(self.children) for step in along}
        step = 0
        for order, sizes in training_order(task, engine.seed, replicate, epochs, limit):
            for chosen in order.to(engine.numerics.device).split(sizes):
                if step in self.along:
                    self._measure_along(step, splits[0])
                self.losses[step, self.alive] = self.method.gradients(
                    self.weights,
                    examples.inputs[chosen],
                    examples.targets[chosen],
                    self.gradients,
                    step,
                )
                self.steps.add(len(self.children))
                if step % SWEEP == 0 or step + 1 == len(self.losses):
                    self._remove_diverged(step)
                    if not len(self.alive):
                        return self._outcomes(splits)
                self._update(step)
                step += 1
        return self._outcomes(splits)

    def _start(self, replicate: int, steps: int) -> None:
        engine, count = self.engine, len(self.children)
        numerics = engine.numerics
        setup = NetworkSetup.of(engine.task, numerics, engine.seed, replicate)
        self.weights = setup.rows.filled(setup.network, count)
        self.count = setup.rows.count
        scales = engine.task.recipe.scales(len(setup.rows.spans))
        self.scales = setup.rows.spread(scales, self.weights) if scales else None
        setup = replace(setup, frozen=self.plan.frozen, random=self.plan.random)
        self.method = GRADIENT_METHODS[self.plan.method](setup, count)
        self.gradients = torch.zeros_like(self.weights)
        self.alive = torch.arange(count, device=numerics.device)
        self.losses = self.weights.new_full((steps, count), math.nan)
        self.factors = rate_factors(engine.task.recipe, steps)
        rules = [child.rule for child in self.children]
        spec = UpdateSpec(
            [rule for rule in rules if not isinstance(rule, TorchOptimizer)],
            [child.learning_rate for child in self.children],
            steps,
            (engine.seed, replicate),
            partial(engine.draws, replicate),
            engine.task.recipe.weight_decay,
            setup.rows,
        )
        self.updates = updates_for(spec, self.weights)

    def _update(self, step: int) -> None:
        recipe = self.engine.task.recipe
        for span in self.plan.frozen:
            self.gradients[:, span] = 0  # torch.func gives frozen ones gradients too
        if self.scales is not None:  # rules see u and its gradient
            self.weights.div_(self.scales)
            self.gradients.mul_(self.scales)
        if recipe.clip_value:
            self.gradients.clamp_(-recipe.clip_value, recipe.clip_value)
        if recipe.clip_norm:
            norms = torch.linalg.vector_norm(self.gradients, dim=1, keepdim=True)
            # 1e-6 as in torch.nn.utils.clip_grad_norm_
            self.gradients.mul_((recipe.clip_norm / (norms + 1e-6)).clamp_(max=1.0))
        frozen = [self.weights[:, span].clone() for span in self.plan.frozen]
        losses = self.losses[step, self.alive]
        self.updates.step(
            self.weights, self.gradients, step, self.factors[step], losses
        )
        for span, before in zip(self.plan.frozen, frozen, strict=True):
            self.weights[:, span] = before
        if self.scales is not None:
            self.weights.mul_(self.scales)

    def _remove_diverged(self, step: int) -> None:
        """Drop rows with a non-finite loss since the last sweep."""
        since = self.losses[max(0, step - SWEEP + 1) : step + 1][:, self.alive]
        finite = since.isfinite().all(0)
        if finite.all():
            return
        keep = finite.nonzero().squeeze(1)
        self.weights, self.alive = self.weights[keep], self.alive[keep]
        self.gradients = self.gradients[keep]
        self.method.keep(keep)
        self.updates.keep(keep)

    def _measure_along(self, step: int, split: Split) -> None:
        measures = self.method.measure(self.weights, self.engine.data[split])
        for number, (loss, _) in zip(self.alive.tolist(), measures, strict=True):
            self.along[step][number] = loss

    def _outcomes(self, splits: Sequence[Split]) -> list[Outcome]:
        ends: dict[int, list[tuple[float, float]]] = {}
        if len(self.alive):
            finite = self.weights[:, : self.count].isfinite().all(1).tolist()
            data = self.engine.data
            results = [
                self.method.measure(self.weights, data[split]) for split in splits
            ]
            ends = {
                number: [of_split[row] for of_split in results]
                for row, number in enumerate(self.alive.tolist())
                if finite[row]
            }
        last = self.along.get(len(self.losses), [])
        outcomes = []
        for number, losses in enumerate(self.losses.T.tolist()):
            if last and number in ends:
                last[number] = ends[number][0][0]
            along = {step: values[number] for step, values in self.along.items()}
            outcomes.append(outcome_of(losses, splits, ends.get(number), along))
        return outcomes
