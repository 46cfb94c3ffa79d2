"""What a page says of one run, read from its archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neuralopt.archive import Archive, VerdictRecord
from neuralopt.report.html.charts.front import shown_places
from neuralopt.report.html.pictures import Picture
from neuralopt.verdict.comparison import Comparison
from neuralopt.verdict.records import latest, restored
from neuralopt.views.figures.behaviour import behaviour_map
from neuralopt.views.run_view import RunView, read_run

BEST = 200
"""Rules of the leaderboard."""

EVERY = 10**9
"""More proposals than an archive has: counts and sums are of all of them."""


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """The verdict on one part of an objective.

    Attributes:
        record: as the archive holds it.
        comparison: ranks, intervals and verdicts.
    """

    record: VerdictRecord
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run, as a page needs it.

    Attributes:
        run: the run directory as it was named.
        view: what was found.
        texts: canonical text of the rules that are shown, by number of the proposal.
        judged: the newest verdict, that of the whole objective first; empty for none.
        measurements: trainings on fresh replicates, for the shortlist.
        commands: that search again in the same way; empty where that isn't known.
        versions: of what made the page.
        pictures: by section: ``cards``, ``lineage`` and ``preferences``; those that are
            missing have no section.
    """

    run: str
    view: RunView
    texts: Mapping[int, str]
    judged: tuple[JudgedPart, ...]
    measurements: int
    commands: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, Sequence[Picture]] = field(default_factory=dict)

    @property
    def verdicts(self) -> dict[int, str]:
        """The verdict on each proposal that was compared, by number."""
        if not self.judged:
            return {}
        return {
            int(row.name[1:]): row.verdict
            for row in self.judged[0].comparison.rows
            if row.name[:1] == "#" and row.name[1:].isdigit()
        }

    @property
    def seconds(self) -> float:
        """Seconds of the search, pauses left out."""
        return float(self.view.attempts.elapsed.max(initial=0.0))


def read_report(
    run: str,
    archive: Archive,
    best: int = BEST,
    commands: Sequence[str] = (),
    versions: Mapping[str, str] | None = None,
    pictures: Mapping[str, Sequence[Picture]] | None = None,
) -> RunReport:
    """Read what a page says of one run.

    Args:
        run: the run directory, as it is to be named.
        archive: of the run.
        best: rules of the leaderboard, at most.
        commands: that search again in the same way.
        versions: of what made the page.
        pictures: see `RunReport`.

    Returns:
        The report.
    """
    view = read_run(archive, run, best, kept=EVERY)
    cells = behaviour_map(view, most=None)
    numbers = {
        *view.proposals.number[shown_places(view)].tolist(),
        *cells.number[cells.count > 0].tolist(),
        *(each.number for each in view.rediscoveries),
        *view.best_scores.number.tolist(),
        *view.best_means.number.tolist(),
    }
    judged = []
    for record in latest(archive):
        found, baselines = restored(record)
        (split,) = found.scores
        judged.append(JudgedPart(record, found.comparison(split, baselines)))
    return RunReport(
        run,
        view,
        archive.texts(sorted(numbers)),
        tuple(judged),
        sum(archive.replicate_counts().values()),
        tuple(commands),
        dict(versions or {}),
        dict(pictures or {}),
    )
