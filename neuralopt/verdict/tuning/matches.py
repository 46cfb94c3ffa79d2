"""The verdict on tuned contenders: fresh paired seeds, at several horizons."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import geometric_mean

from neuralopt.engines.engine import Outcome
from neuralopt.scoring.replicates import FIRST_VERDICT_REPLICATE
from neuralopt.tasks import Split, Task
from neuralopt.verdict.comparison import Comparison, compare
from neuralopt.verdict.trainings import Failure, Training
from neuralopt.verdict.tuning.contender import Contender
from neuralopt.verdict.tuning.setting import Setting
from neuralopt.verdict.tuning.tune import Train

Qualities = Mapping[str, tuple[float, ...]]
"""One quality a seed, by name of the contender; 0 where the training diverged."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What contenders are compared with, chosen before anything is trained.

    Attributes:
        names: the reference; or several, of which the best by mean is taken, which the
            verdicts are corrected for.
    """

    names: tuple[str, ...]


def reference_of(names: Sequence[str], baselines: Sequence[str]) -> Reference:
    """Return the reference: ``adamw`` if it takes part, else ``adam``, else baselines.

    Args:
        names: of the contenders.
        baselines: that the settings name; those among the contenders count, or else
            all contenders.
    """
    for name in ("adamw", "adam"):
        if name in names:
            return Reference((name,))
    known = tuple(name for name in names if name in baselines)
    return Reference(known or tuple(names))


@dataclass(frozen=True, slots=True)
class Match:
    """Contenders on one task at one horizon, or on all tasks at once.

    Attributes:
        task: its name.
        horizon: length of the trainings, as a multiple of those that were tuned.
        epochs: of the trainings.
        qualities: by split.
        failures: the error of each contender whose training raised one.
        reference: what contenders are compared with.
        losses: final losses on the selection split, one a seed, by name.
        curves: losses on the selection split along the trainings, one curve a seed, by
            name; empty where they were not measured.
        along: optimizer steps that the curves are of.
    """

    task: str
    horizon: int
    epochs: int
    qualities: Mapping[Split, Qualities]
    failures: Mapping[str, str]
    reference: Reference
    losses: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    curves: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    along: tuple[int, ...] = ()

    def comparison(self, split: Split) -> Comparison | None:
        """Return ranks, intervals and verdicts of the contenders.

        Args:
            split: one of those measured.

        Returns:
            The contenders, best first, and those that failed to run; None if all did.
        """
        found = self.qualities[split]
        if not found:
            return None
        names = list(found)
        usable = [name for name in self.reference.names if name in found]
        return compare(
            names,
            list(found.values()),
            baselines=usable or names,
            failed=self.failures,
        )


def verdict_trainings(
    chosen: Iterable[tuple[Contender, Setting]],
    task: Task,
    epochs: int,
    seeds: int,
    along: tuple[int, ...] = (),
) -> dict[str, list[Training]]:
    """Return the trainings that judge contenders: the same fresh seeds for all.

    Args:
        chosen: contenders and their settings.
        task: whose recipe has neither decay, schedule nor warm-up.
        epochs: of the trainings.
        seeds: fresh replicates.
        along: optimizer steps after which trainings are measured too.

    Returns:
        Trainings by name of the contender, one for each seed.
    """
    replicates = range(FIRST_VERDICT_REPLICATE, FIRST_VERDICT_REPLICATE + seeds)
    return {
        contender.name: [
            replace(contender.training(task, setting, replicate, epochs), along=along)
            for replicate in replicates
        ]
        for contender, setting in chosen
    }


def play(
    jobs: Mapping[str, Sequence[Training]],
    splits: Sequence[Split],
    train: Train,
) -> tuple[dict[str, list[Outcome]], dict[str, str]]:
    """Train contenders.

    Args:
        jobs: trainings by name of the contender.
        splits: that the trainings are measured on.
        train: `Trainings.train`.

    Returns:
        (outcomes by name, one a training; errors of the contenders that failed).
    """
    outcomes = iter(train([each for some in jobs.values() for each in some], splits))
    ended = {name: [next(outcomes) for _ in some] for name, some in jobs.items()}
    failures: dict[str, str] = {}
    trained: dict[str, list[Outcome]] = {}
    for name, some in ended.items():
        broken = [each.reason for each in some if isinstance(each, Failure)]
        if broken:
            failures[name] = broken[0]
        else:
            trained[name] = [each for each in some if isinstance(each, Outcome)]
    return trained, failures


def qualities_of(
    trained: Mapping[str, Sequence[Outcome]], task: Task, splits: Sequence[Split]
) -> dict[Split, dict[str, tuple[float, ...]]]:
    """Return the qualities of outcomes.

    Args:
        trained: outcomes by name of the contender.
        task: gives the quality of a loss.
        splits: that the outcomes are of.

    Returns:
        Qualities by split and name; 0 where a training diverged.
    """
    return {
        split: {
            name: tuple(
                0.0 if each.diverged else task.quality(each.losses[place])
                for each in some
            )
            for name, some in trained.items()
        }
        for place, split in enumerate(splits)
    }


def flips(first: Comparison, last: Comparison) -> list[tuple[str, str]]:
    """Return the pairs of contenders whose order by mean differs.

    Args:
        first: at the shorter horizon.
        last: of the same contenders, at the longer one.

    Returns:
        (better at first, better at last) for each pair, the best of the first before
        others. Neither order need be shown by the test.
    """
    means = {row.name: row.mean for row in last.rows}
    names = [row for row in first.rows if row.name in means]
    return [
        (one.name, other.name)
        for one, other in combinations(names, 2)
        if one.mean > other.mean and means[one.name] < means[other.name]
    ]


def over_tasks(matches: Sequence[Match], split: Split) -> dict[str, tuple[float, ...]]:
    """Return the geometric mean over tasks of each contender's qualities, by seed.

    Args:
        matches: one for each task, on the same seeds.
        split: one of those measured.

    Returns:
        Qualities of the contenders that failed on no task.
    """
    failed = {name for match in matches for name in match.failures}
    names = [name for name in matches[0].qualities[split] if name not in failed]
    return {
        name: tuple(
            geometric_mean(seed) if min(seed) > 0 else 0.0
            for seed in zip(
                *(match.qualities[split][name] for match in matches), strict=True
            )
        )
        for name in names
    }
