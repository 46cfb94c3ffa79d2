"""Tune contenders on a task, all together, and choose the setting of each."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from neuralopt.engines.engine import Outcome, training_steps
from neuralopt.scoring.replicates import FIRST_TUNING_REPLICATE
from neuralopt.tasks import Split, Task
from neuralopt.verdict.trainings import Failure, Training
from neuralopt.verdict.tuning.contender import Contender
from neuralopt.verdict.tuning.setting import Setting
from neuralopt.verdict.tuning.space import Space, design
from neuralopt.verdict.tuning.tuner import LEAST_TRIALS, Tuner

FINALISTS = 3
"""Settings of a contender that are trained again on fresh replicates."""

LEAST_FINAL_REPLICATES = 4

Train = Callable[[Sequence[Training], Sequence[Split]], list[Outcome | Failure]]
"""`Trainings.train`, or a function that takes and returns the same."""


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """How much every contender is tuned.

    Attributes:
        trials: settings that are tried.
        seeds: replicates that each is trained on.
        seed: of the design.

    Raises:
        ValueError: a number is too small.
    """

    trials: int = 40
    seeds: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"trials": LEAST_TRIALS, "seeds": 1}
        for name, lowest in least.items():
            if (value := getattr(self, name)) < lowest:
                raise ValueError(
                    f"verdict.tuning.{name} is {value}: give {lowest} or more"
                )

    @property
    def replicates(self) -> range:
        """The replicates that trials are trained on."""
        return range(FIRST_TUNING_REPLICATE, FIRST_TUNING_REPLICATE + self.seeds)

    @property
    def final_replicates(self) -> range:
        """The fresh replicates on which the best settings are trained again."""
        first = FIRST_TUNING_REPLICATE + self.seeds
        return range(first, first + max(LEAST_FINAL_REPLICATES, 2 * self.seeds))

    @property
    def trainings(self) -> int:
        """Trainings of one contender on one task."""
        finals = FINALISTS * len(self.final_replicates)
        return self.trials * self.seeds + finals


@dataclass(frozen=True, slots=True)
class Tuned:
    """How a contender was tuned on a task.

    Attributes:
        contender: what was tuned.
        setting: the best one; the plain one if the contender failed.
        loss: its mean validation loss on the fresh replicates, inf if one diverged.
        rate_is_interior: whether smaller and greater rates were tried, with all else
            the same, and are no better.
        interior: whether weight decay and dials are inside their ranges, by name.
        losses: of all trials, mean validation loss on the tuning replicates, in the
            order in which they were tried.
        trainings: that the tuning asked for.
        failure: the error of a training that stopped the tuning; "" for none.
    """

    contender: Contender
    setting: Setting
    loss: float
    rate_is_interior: bool
    interior: Mapping[str, bool]
    losses: Mapping[Setting, float]
    trainings: tuple[Training, ...]
    failure: str = ""


@dataclass(slots=True)
class _State:
    """The tuning of one contender while it lasts."""

    contender: Contender
    space: Space
    tuner: Tuner
    trainings: list[Training] = field(default_factory=list)
    failure: str = ""

    def tuned(self, finals: Mapping[Setting, float]) -> Tuned:
        plain = self.contender.plain
        best = min(finals, key=lambda each: (finals[each], each.rate), default=plain)
        return Tuned(
            self.contender,
            best,
            finals.get(best, math.inf),
            best in self.tuner.losses and self.tuner.is_interior(best),
            self.space.is_interior(best),
            dict(self.tuner.losses),
            tuple(self.trainings),
            self.failure,
        )


def tune(
    contenders: Sequence[Contender],
    task: Task,
    epochs: int,
    plan: TuningPlan,
    train: Train,
) -> dict[str, Tuned]:
    """Tune contenders on a task: the same trials, over the same space.

    The loss of a trial is the mean validation loss over the tuning replicates. The best
    three settings of each contender are trained again on fresh replicates, and the one
    with the least mean loss there is chosen: the best of many trials is partly luck.

    Args:
        contenders: with names of their own.
        task: whose recipe has neither decay, schedule nor warm-up.
        epochs: of each training.
        plan: trials and replicates.
        train: `Trainings.train`.

    Returns:
        What each contender was tuned to, by name. One whose training raises an error is
        tuned no further and does not stop the others.
    """
    points = design(plan.trials, plan.seed)
    steps = training_steps(task, epochs)
    states = []
    for contender in contenders:
        space = Space(contender.dials, steps)
        tuner = Tuner(contender.plain, space, points, plan.trials)
        states.append(_State(contender, space, tuner))

    def measured(
        asked: Iterable[tuple[_State, Sequence[Setting]]], replicates: range
    ) -> list[list[float]]:
        """Mean losses of the settings of each state; none where a training fails."""
        pairs, jobs = list(asked), []
        for state, settings in pairs:
            new = [
                state.contender.training(task, setting, replicate, epochs)
                for setting in settings
                for replicate in replicates
            ]
            state.trainings += new
            jobs += new
        outcomes = iter(train(jobs, ("validation",)))
        found: list[list[float]] = []
        for state, settings in pairs:
            means = []
            for _ in settings:
                losses = []
                for _ in replicates:
                    outcome = next(outcomes)
                    if isinstance(outcome, Failure):
                        state.failure = outcome.reason
                    else:
                        losses.append(outcome.losses[0])
                means.append(math.fsum(losses) / len(replicates))
            found.append(means)
        return found

    while asking := [
        state for state in states if state.tuner.ask() and not state.failure
    ]:
        asked = [(state, state.tuner.ask()) for state in asking]
        for state, losses in zip(asking, measured(asked, plan.replicates), strict=True):
            if not state.failure:
                state.tuner.tell(losses)
    ended = [state for state in states if not state.failure]
    finalists = [(state, state.tuner.best(FINALISTS)) for state in ended]
    finals: dict[str, dict[Setting, float]] = {}
    for (state, settings), losses in zip(
        finalists, measured(finalists, plan.final_replicates), strict=True
    ):
        if not state.failure:
            finals[state.contender.name] = dict(zip(settings, losses, strict=True))
    return {
        state.contender.name: state.tuned(finals.get(state.contender.name, {}))
        for state in states
    }
