"""Score rules on all parts of an objective, and stop most of them early.

A part is a task and a length of training. The parts are all tasks after the budget's
`epochs`, in their order, then all tasks after each of its horizons. A rule is scored on
each part by itself, and its share of Adam is

    q / (q + a)

where q is the rule's quality there and a is Adam's, under the same budget and seed.

Gates stop a rule as soon as the mean of its shares so far is below a threshold: the
first gate uses the quality after the screening of the first task, before its rate is
refined, and the next ones the parts that are done. Whether a rule is stopped depends on
the rule alone.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from neuralopt.evaluators.scorer import TaskScorer
from neuralopt.language import RULES, Expression
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Screening, Trial, refine, screen, train_long
from neuralopt.scoring.score import Score
from neuralopt.tasks import group_of

ADAM = RULES["adam"].expression


def part_names(tasks: Sequence[str], budget: Budget) -> tuple[str, ...]:
    """Return the names of an objective's parts, such as ``digits`` and ``digits@20``.

    Args:
        tasks: names of the tasks.
        budget: gives the horizons, whose epochs stand after the ``@``.

    Returns:
        One name for each part, in the order of `Score.tasks`.
    """
    further = (f"{task}@{epochs}" for epochs in budget.horizons for task in tasks)
    return (*tasks, *further)


def is_relative(tasks: int, budget: Budget) -> bool:
    """Return whether qualities are shares of Adam's: of several parts, or with gates.

    Args:
        tasks: how many the objective has.
        budget: gives horizons and gates.
    """
    return tasks > 1 or bool(budget.horizons or budget.gates)


def fitted(budget: Budget, tasks: Sequence[str]) -> Budget:
    """Return a budget without gates that were chosen on other tasks.

    Args:
        budget: with or without gates.
        tasks: names of the tasks, in their order.

    Raises:
        ValueError: there are more gates than places for them.
    """
    if budget.gates_for and budget.gates_for not in (group_of(tasks), "+".join(tasks)):
        return budget.without_gates()
    parts = len(part_names(tasks, budget))
    if not budget.gates_for and len(budget.gates) > parts:
        raise ValueError(
            f"budget.gates has {len(budget.gates)} gates: give {parts} or fewer, the "
            "first for the screening and one for each part except the last"
        )
    return budget


def share(quality: float, adam: float) -> float:
    """Return q / (q + a): 0.5 for a rule that is as good as Adam, in [0, 1].

    Args:
        quality: of a rule on a part.
        adam: Adam's quality on the same part.
    """
    return quality / (quality + adam) if quality else 0.0


@dataclass(slots=True)
class ObjectiveScorer:
    """A `Scorer` of all parts of an objective.

    Its scores hold one score for each part that was trained; see `combine`.

    Attributes:
        scorers: one for each task, under the same budget.
    """

    scorers: tuple[TaskScorer, ...]
    _adam: tuple[float, ...] = field(default=(), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __call__(
        self, rules: Sequence[Expression], replicate: int | None = None, /
    ) -> list[Score]:
        budget = self.scorers[0].budget
        searched = tuple(range(budget.replicates))
        replicates = searched if replicate is None else (replicate,)
        runs = [_Run(Trial(rule, replicates)) for rule in rules]
        gated = replicate is None and any(budget.gates)
        self._train(runs, self._references() if gated else ())
        return [run.score() for run in runs]

    @property
    def steps_per_rule(self) -> int:
        """Optimizer steps of a rule that no gate stops."""
        return sum(scorer.steps_per_rule for scorer in self.scorers)

    def _references(self) -> tuple[float, ...]:
        """Return Adam's quality after the first screening and on each part."""
        with self._lock:  # once for all threads
            if not self._adam:
                searched = tuple(range(self.scorers[0].budget.replicates))
                adam = _Run(Trial(ADAM, searched))
                self._train([adam], ())
                parts = [score.quality for score in adam.parts]
                self._adam = (adam.screened, *parts)
            return self._adam

    def _train(self, runs: Sequence["_Run"], references: tuple[float, ...]) -> None:
        """Train runs on all parts, those that no gate stops.

        Args:
            runs: one for each rule.
            references: Adam's qualities for the gates; empty for no gates.
        """
        first, gates = self.scorers[0], self.scorers[0].budget.gates
        for scorer in self.scorers:
            self._choose_rates(scorer, _open(runs), references)
            self._train_part(scorer, scorer.budget.epochs, runs)
            _close(runs, references, gates)
        for epochs in first.budget.horizons:
            for scorer in self.scorers:
                self._train_part(scorer, epochs, runs)
                _close(runs, references, gates)

    def _choose_rates(
        self, scorer: TaskScorer, runs: Sequence["_Run"], references: tuple[float, ...]
    ) -> None:
        """Screen runs on a task and refine their rates; the first gate is between."""
        task, budget, engine = scorer.task, scorer.budget, scorer.engine
        trials = [run.trial for run in runs]
        for run, found in zip(runs, screen(engine, task, budget, trials), strict=True):
            run.screenings[task.name] = found
        if scorer is self.scorers[0]:
            for run in runs:
                loss = min(run.screenings[task.name].losses)
                run.screened = task.quality(loss) if math.isfinite(loss) else 0.0
                if references and share(run.screened, references[0]) < budget.gates[0]:
                    run.stop(f"after the screening of {task.name}")
        left = _open(runs)
        trials = [run.trial for run in left]
        rough = [run.screenings[task.name] for run in left]
        for run, found in zip(
            left, refine(engine, task, budget, trials, rough), strict=True
        ):
            run.screenings[task.name] = found

    def _train_part(
        self, scorer: TaskScorer, epochs: int, runs: Sequence["_Run"]
    ) -> None:
        left, task = _open(runs), scorer.task
        trials = [run.trial for run in left]
        screenings = [run.screenings[task.name] for run in left]
        scores = train_long(scorer.engine, task, epochs, trials, screenings)
        for run, found in zip(left, scores, strict=True):
            run.parts.append(found["validation"])


@dataclass(slots=True)
class _Run:
    """A rule on its way through the parts.

    Attributes:
        trial: rule and replicates.
        screenings: by name of the task.
        screened: quality after the screening of the first task.
        parts: scores so far.
        reason: why a gate stopped it; empty if none did.
    """

    trial: Trial
    screenings: dict[str, Screening] = field(default_factory=dict)
    screened: float = 0.0
    parts: list[Score] = field(default_factory=list)
    reason: str = ""

    def stop(self, reason: str) -> None:
        """Stop here; Adam, by whom all others are judged, goes on."""
        if self.trial.rule != ADAM:
            self.reason = reason

    def score(self) -> Score:
        if not self.reason:
            return Score("scored", tasks=tuple(self.parts))
        if self.parts:
            return Score("stopped", reason=self.reason, tasks=tuple(self.parts))
        (screening,) = self.screenings.values()
        only = Score(
            "stopped" if screening.rate is not None else "diverged",
            self.screened,
            screening.rate,
            reason="at every rate" if screening.rate is None else self.reason,
            screening=screening.losses,
        )
        return Score("stopped", reason=self.reason, tasks=(only,))


def _open(runs: Sequence[_Run]) -> list[_Run]:
    return [run for run in runs if not run.reason]


def _close(
    runs: Sequence[_Run], references: tuple[float, ...], gates: Sequence[float]
) -> None:
    """Stop the runs that are below the gate after their last part."""
    for run in _open(runs):
        done = len(run.parts)
        if references and done < len(gates) and done < len(references) - 1:
            shares = [
                share(score.quality, adam)
                for score, adam in zip(run.parts, references[1:], strict=False)
            ]
            if fmean(shares) < gates[done]:
                run.stop(f"after {done} of {len(references) - 1} parts")
