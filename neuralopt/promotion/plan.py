"""The plan of a promotion: its stages, and the replicates that each has to itself."""

import math
from dataclasses import dataclass

from neuralopt.scoring.replicates import FIRST_PROMOTION_REPLICATE

STAGE_REPLICATES = 10_000
"""Replicates that are set apart for each stage, more than anyone trains."""

FEWEST_SEEDS = 3
"""Of a stage: paired differences need a standard error."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a promotion.

    Attributes:
        tasks: names of tasks and groups, joined by ``+``.
        seeds: fresh initial weights and data orders that every rule is trained on.
        share: of the rules, the best of which go on at most; baselines always do.
    """

    tasks: str
    seeds: int
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class PromotionPlan:
    """How rules are promoted.

    Attributes:
        stages: one after the other; each has replicates of its own.
        baselines: names of rules. The first one is the reference: a quality q on the
            validation split of a part counts as q / (q + r), where r is the reference's
            mean there.
        confidence: that the best of all contenders is not stopped by a test, if only
            the tests stop rules.

    Raises:
        ValueError: there is no stage or no baseline, or a number is out of range.
    """

    stages: tuple[Stage, ...]
    baselines: tuple[str, ...]
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("promotion.stages is empty: give one stage or more")
        if not self.baselines:
            raise ValueError(
                "promotion.baselines is empty: give one or more, as in [adamw]"
            )
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError("promotion.baselines names a rule twice: name each once")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(
                f"promotion.confidence is {self.confidence:g}: give a probability "
                "from 0.5 to below 1, such as 0.95"
            )
        for number, stage in enumerate(self.stages):
            where = f"promotion.stages[{number}]"
            if not FEWEST_SEEDS <= stage.seeds <= STAGE_REPLICATES:
                raise ValueError(
                    f"{where}.seeds is {stage.seeds}: give from {FEWEST_SEEDS} to "
                    f"{STAGE_REPLICATES}"
                )
            if not 0 < stage.share <= 1:
                raise ValueError(
                    f"{where}.share is {stage.share:g}: give a share above 0, at most 1"
                )

    def replicates(self, stage: int) -> range:
        """Return the replicates of a stage, which no other stage has.

        Args:
            stage: its place, from 0.
        """
        first = FIRST_PROMOTION_REPLICATE + STAGE_REPLICATES * stage
        return range(first, first + self.stages[stage].seeds)

    def tail(self, contenders: int) -> float:
        """Return the one-sided level of each test of a stage.

        Bonferroni: all tests of all stages that could stop the best contender have
        1 - confidence together.

        Args:
            contenders: that are compared in the stage, baselines included.
        """
        return (1 - self.confidence) / len(self.stages) / max(1, contenders - 1)

    def most(self, stage: int, rules: int) -> int:
        """Return how many rules go on at most.

        Args:
            stage: its place, from 0.
            rules: in the stage, without baselines.
        """
        return math.ceil(self.stages[stage].share * rules)
