"""Run the stages of a promotion with any function that measures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neuralopt.promotion.deciding import Contender, Standing, decide
from neuralopt.promotion.plan import PromotionPlan


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a contender's trainings on one replicate gave.

    Attributes:
        qualities: on the validation split of each part of the stage; () if a training
            broke.
        seconds: of a worker.
    """

    qualities: tuple[float, ...]
    seconds: float = 0.0


Request = tuple[str, int]
"""A contender's name and a replicate."""

Measure = Callable[[int, Sequence[Request]], Sequence[Measurement]]
"""Measures the requests of a stage, which is given by its place, in their order."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """A stage that was run.

    Attributes:
        parts: names of its parts: tasks, and tasks after further horizons.
        standings: of its contenders, the highest mean first.
        measurements: contenders times replicates.
        trainings: children that were trained.
        steps: optimizer steps, those that divergence saved included.
        seconds: of workers, summed.
    """

    parts: tuple[str, ...]
    standings: tuple[Standing, ...]
    measurements: int
    trainings: int
    steps: int
    seconds: float

    @property
    def seeds(self) -> int:
        """Replicates of each contender."""
        return self.measurements // len(self.standings)

    @property
    def rules(self) -> list[Standing]:
        """Standings without the baselines'."""
        return [each for each in self.standings if not each.contender.baseline]


@dataclass(frozen=True, slots=True)
class StageCost:
    """What a measurement of a stage costs.

    Attributes:
        parts: names of the parts.
        trainings: children of one measurement.
        steps: optimizer steps of one measurement.
    """

    parts: tuple[str, ...]
    trainings: int
    steps: int


def promote(
    plan: PromotionPlan,
    contenders: Sequence[Contender],
    measure: Measure,
    cost: Callable[[int], StageCost],
    told: Callable[[StageResult], None] = lambda result: None,
) -> list[StageResult]:
    """Take contenders through the stages of a plan.

    The stages end early if no rule is left. All of the result follows from the plan,
    the contenders and what `measure` returns, seconds apart.

    Args:
        plan: stages and tests.
        contenders: with the plan's baselines, the reference first among these.
        measure: called once a stage.
        cost: parts and cost of a stage, by its place.
        told: called with each stage once it is decided.

    Returns:
        The stages that were run.

    Raises:
        ValueError: every contender is a baseline, or the reference can't be one.
    """
    if all(each.baseline for each in contenders):
        raise ValueError("there is no rule to promote: name a run or a rule")
    names = [each.name for each in contenders]
    if len(set(names)) < len(names):
        raise ValueError("two contenders have one name: give each its own")
    results: list[StageResult] = []
    left = list(contenders)
    for stage in range(len(plan.stages)):
        replicates, price = plan.replicates(stage), cost(stage)
        # Contenders inside: a batch of one replicate is trained as one population.
        requests = [(each.name, replicate) for replicate in replicates for each in left]
        found = dict(zip(requests, measure(stage, requests), strict=True))
        qualities = {
            each.name: [found[each.name, n].qualities for n in replicates]
            for each in left
        }
        standings = decide(plan, stage, left, qualities, price.parts)
        results.append(
            StageResult(
                price.parts,
                tuple(standings),
                len(requests),
                price.trainings * len(requests),
                price.steps * len(requests),
                sum(each.seconds for each in found.values()),
            )
        )
        told(results[-1])
        going = {each.contender.name for each in standings if each.goes_on}
        left = [each for each in left if each.name in going]
        if all(each.baseline for each in left):
            break
    return results
