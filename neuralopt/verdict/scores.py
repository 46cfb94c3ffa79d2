"""Hold scores of candidates on the same fresh seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuralopt.scoring.score import Score
from neuralopt.verdict.comparison import Comparison, compare

if TYPE_CHECKING:
    from neuralopt.tasks import Split  # loads torch, which reading a verdict needs not


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Scores of candidates on the same fresh seeds.

    Attributes:
        task: its name.
        budget: its name.
        seeds: how many.
        scores: ``scores[split][name]`` holds one Score a seed.
        failed: why further candidates have no scores, by name.
    """

    task: str
    budget: str
    seeds: int
    scores: Mapping["Split", Mapping[str, tuple[Score, ...]]]
    failed: Mapping[str, str] = field(default_factory=dict)

    def comparison(
        self, split: "Split", baselines: Sequence[str] | None = None
    ) -> Comparison:
        """Return ranks, intervals and verdicts on a split.

        Args:
            split: one of those measured.
            baselines: candidates from which the reference is chosen, as the one of the
                best mean; all candidates if None.

        Returns:
            The candidates, best first.
        """
        names = list(self.scores[split])
        scores = [self.scores[split][name] for name in names]
        return compare(
            names,
            [[score.quality for score in row] for row in scores],
            losses=[
                [math.inf if score.loss is None else score.loss for score in row]
                for row in scores
            ],
            baselines=baselines,
            failed=self.failed,
        )

    def curves(self, split: "Split") -> dict[str, tuple[float, ...]]:
        """Return the training loss along the long run of each one's first seed.

        Args:
            split: one of those measured.

        Returns:
            Losses in the order of time, by name of the candidate.
        """
        return {name: row[0].curve for name, row in self.scores[split].items()}
