"""Read a search once, as arrays and short lists, for all its pictures and pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.archive.findings import FindingsKeeper
from neuralopt.archive.ranking import Findings, RankedRule, front, ranking
from neuralopt.archive.records import Place, VerdictRecord
from neuralopt.behaviour.families import FAMILIES
from neuralopt.scoring.score import STATUSES, Score
from neuralopt.views.baselines import Baseline, baselines_of
from neuralopt.views.best_curve import BestMeans, BestScores, best_means, best_scores
from neuralopt.views.columns import (
    Attempts,
    Floats,
    Proposals,
    read_attempts,
    read_behaviours,
    read_outcomes,
    read_sizes,
)

SHOWN_BEST = 50
"""Rules on a leaderboard, of those that behave alike the best."""

SIZES_READ = 1500
"""Rules whose sizes are read, which takes most of the time of reading."""

KEPT = 100_000
"""Proposals that are kept one by one; of more than these, a sample."""


@dataclass(frozen=True, slots=True)
class Rediscovered:
    """The first rule of a search that behaves like a named one.

    Attributes:
        name: of the named rule.
        number: of the proposal.
        charged: rules trained up to it, itself included.
        quality: that the search was told of it; NaN without a score.
        stopped: whether a gate stopped it, so that its quality is of some parts only.
    """

    name: str
    number: int
    charged: int
    quality: float
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class PartScores:
    """What the best rules scored on each part of an objective.

    Attributes:
        parts: names of the parts, in their order; empty for an objective of one.
        numbers: of the proposals, best first.
        quality: (proposals, parts); NaN where a rule has no score on a part.
        adam: Adam's qualities on the parts; NaN where they are not known.
    """

    parts: tuple[str, ...]
    numbers: tuple[int, ...]
    quality: Floats
    adam: Floats


@dataclass(frozen=True, slots=True)
class RunView:
    """What a search found so far.

    Attributes:
        name: of the run directory.
        context: what the scores depend on, as the archive keeps it.
        configuration: of the search; empty where the archive has none.
        total: proposals in the archive.
        charged: rules trained to a result: scored, stopped or diverged.
        counts: proposals of each status.
        reasons: proposals by reason, the most frequent first, of each status that has
            reasons; what follows a semicolon in a reason is left out.
        proposals: one by one; a sample of them if there are more than were asked for.
        names: of the named rules that `proposals.nearest` refers to.
        families: names of the families of behaviour, in the order of their bits.
        best_scores: the highest score so far, of all proposals.
        best_means: the best rule so far of those measured on fresh replicates.
        baselines: known optimizers with their qualities, best first.
        leaderboard: the best rules, of those that behave alike the best one.
        front: the Pareto front of quality and size of the rules whose sizes were read.
        rediscoveries: named rules that were found, in the order of finding.
        measured: places of measured rules, members of the shortlist first.
        parts: scores of the leaderboard on each part of the objective.
        attempts: to score a proposal, by all workers.
        verdicts: scores on fresh seeds, oldest first.
        path: of the archive's file.
    """

    name: str
    context: Mapping[str, str]
    configuration: Mapping[str, Any]
    total: int
    charged: int
    counts: Mapping[str, int]
    reasons: Mapping[str, Mapping[str, int]]
    proposals: Proposals
    names: tuple[str, ...]
    families: tuple[str, ...]
    best_scores: BestScores
    best_means: BestMeans
    baselines: tuple[Baseline, ...]
    leaderboard: tuple[RankedRule, ...]
    front: tuple[RankedRule, ...]
    rediscoveries: tuple[Rediscovered, ...]
    measured: tuple[Place, ...]
    parts: PartScores
    attempts: Attempts
    verdicts: tuple[VerdictRecord, ...]
    path: Path

    @property
    def folder(self) -> Path:
        """Where the archive's file is, and other files of the run."""
        return self.path.parent

    @property
    def is_sample(self) -> bool:
        """Whether `proposals` are a sample; everything else is of all of them."""
        return len(self.proposals) < self.total

    @property
    def sizes_read(self) -> int:
        """Scored rules whose sizes were read."""
        return int(np.count_nonzero(self.proposals.size))

    def sampled(self, limit: int) -> RunView:
        """Return the view with at most so many proposals and attempts, evenly spaced.

        Args:
            limit: how many of each.

        Returns:
            The view itself if it has no more. Those on the leaderboard and on the front
            are kept, and where they are few those whose sizes were read.
        """
        view = self
        if len(self.attempts) > limit:
            spaced = _evenly_spaced(len(self.attempts), limit)
            attempts = replace(
                self.attempts,
                number=self.attempts.number[spaced],
                worker=self.attempts.worker[spaced],
                seconds=self.attempts.seconds[spaced],
                elapsed=self.attempts.elapsed[spaced],
                lost=self.attempts.lost[spaced],
            )
            view = replace(view, attempts=attempts)
        if len(self.proposals) > limit:
            best = [rule.proposal.number for rule in (*self.leaderboard, *self.front)]
            shown = np.flatnonzero(np.isin(self.proposals.number, best))[:limit]
            sized = np.flatnonzero(self.proposals.size)
            if len(sized) <= limit // 10:  # too few to be missed among the others
                shown = np.union1d(shown, sized)
            spaced = _evenly_spaced(len(self.proposals), limit - len(shown))
            places = np.union1d(spaced, shown)
            view = replace(view, proposals=self.proposals.take(places))
        return view


def read_run(
    archive: FindingsKeeper,
    name: str = "",
    best: int = SHOWN_BEST,
    sizes: int = SIZES_READ,
    kept: int = KEPT,
) -> RunView:
    """Read a search from its archive.

    It takes about three seconds for 100,000 proposals, of which a writer is kept
    waiting for some milliseconds at a time.

    Args:
        archive: open for reading or writing.
        name: of the run; by default that of the folder of the archive.
        best: rules on the leaderboard.
        sizes: rules whose sizes are read.
        kept: proposals that are kept one by one; of more, an even sample is.

    Returns:
        The view; counts, curves and rankings are of all proposals.
    """
    everything = read_outcomes(archive)
    verdicts = archive.verdicts()
    # A writer may have added more since the outcomes were read.
    measured = [each for each in archive.measured() if each.number < len(everything)]
    everything, names = read_behaviours(archive, everything, tuple(FAMILIES))
    everything = read_sizes(archive, everything, sizes)
    rediscoveries = _first_of_named(everything, names, everything.equal)
    equal = everything.equal & everything.where("scored")
    scored = _first_of_named(everything, names, equal)
    leaderboard = ranking(archive, best)
    configuration = _configuration(archive.context)
    asked = configuration.get("verdict", {}).get("baselines", [])
    found = {each.name: each.quality for each in scored}
    counts = np.bincount(everything.status, minlength=len(STATUSES))
    view = RunView(
        name=name or archive.path.resolve().parent.name,
        context=archive.context,
        configuration=configuration,
        total=len(everything),
        charged=int(everything.charged[-1]) if len(everything) else 0,
        counts=dict(zip(STATUSES, counts.tolist(), strict=True)),
        reasons=_reasons(archive),
        proposals=everything,
        names=names,
        families=tuple(FAMILIES),
        best_scores=best_scores(everything),
        best_means=best_means(everything, measured),
        baselines=baselines_of(verdicts, asked, found, "adam" in archive.context),
        leaderboard=tuple(leaderboard),
        front=tuple(_front(archive, everything, measured)),
        rediscoveries=rediscoveries,
        measured=tuple(measured),
        parts=_part_scores(leaderboard, archive.context),
        attempts=read_attempts(archive),
        verdicts=tuple(verdicts),
        path=archive.path.resolve(),
    )
    return view.sampled(kept)


def _evenly_spaced(count: int, chosen: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, chosen).astype(np.int64))


def _configuration(context: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(context["configuration"])
    except (KeyError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _reasons(archive: FindingsKeeper) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (status, reason), count in archive.reasons().items():
        if short := reason.partition(";")[0]:
            some = found.setdefault(status, {})
            some[short] = some.get(short, 0) + count
    return {
        status: dict(sorted(some.items(), key=lambda each: (-each[1], each[0])))
        for status, some in found.items()
    }


def _first_of_named(
    proposals: Proposals, names: Sequence[str], equal: NDArray[np.bool_]
) -> tuple[Rediscovered, ...]:
    """The first of some proposals that are equal to each named rule."""
    stopped = proposals.where("stopped")
    found: dict[str, Rediscovered] = {}
    for place in np.flatnonzero(equal).tolist():
        name = names[int(proposals.nearest[place])]
        if name not in found:
            found[name] = Rediscovered(
                name,
                int(proposals.number[place]),
                int(proposals.charged[place]),
                float(proposals.quality[place]),
                bool(stopped[place]),
            )
    return tuple(found.values())


def _front(
    archive: FindingsKeeper, proposals: Proposals, measured: Sequence[Place]
) -> list[RankedRule]:
    """The front, of the few rules that can be on it: those better than all smaller."""
    places = np.flatnonzero(proposals.size)
    order = places[np.lexsort((proposals.size[places], -proposals.quality[places]))]
    smallest = np.minimum.accumulate(proposals.size[order].astype(np.int64))
    numbers = set(proposals.number[order[proposals.size[order] <= smallest]].tolist())
    # Their size may be another one after pruning, so they are asked again.
    numbers |= {place.number for place in measured}
    candidates = [archive.proposal(number) for number in sorted(numbers)]
    return front(Findings(archive).of_all(candidates))


def _part_scores(
    leaderboard: Sequence[RankedRule], context: Mapping[str, str]
) -> PartScores:
    numbers = tuple(rule.proposal.number for rule in leaderboard)
    try:
        adam = json.loads(context["adam"])
    except (KeyError, ValueError):
        return PartScores((), numbers, np.zeros((len(numbers), 0)), np.zeros(0))
    parts = tuple(map(str, adam))
    rows = [_qualities(rule.proposal.score, len(parts)) for rule in leaderboard]
    return PartScores(
        parts=parts,
        numbers=numbers,
        quality=np.array(rows, np.float64).reshape(len(rows), len(parts)),
        adam=np.array([adam[part] for part in parts], np.float64),
    )


def _qualities(score: Score | None, parts: int) -> list[float]:
    found = [] if score is None else [each.quality for each in score.tasks]
    return [*found, *[np.nan] * parts][:parts]
