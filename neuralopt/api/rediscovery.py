"""Ask from Python what known optimizers searches trained."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from neuralopt.cli.commands.rediscover import Asked, measure
from neuralopt.report.tables import Table
from neuralopt.report.tables.rediscovery import rediscovery_table
from neuralopt.verdict.rediscovery.summary import RunHistory, TargetSummary


@dataclasses.dataclass(frozen=True, slots=True)
class RediscoveryResult:
    """What `rediscover` found. It prints as a table, in a terminal and in a notebook.

    Attributes:
        runs: what each run found, and when.
        targets: what is known of each known optimizer over all runs.
    """

    runs: tuple[RunHistory, ...]
    targets: tuple[TargetSummary, ...]

    def __iter__(self) -> Iterator[TargetSummary]:
        return iter(self.targets)

    def __getitem__(self, target: str) -> TargetSummary:
        """The summary of the target of this name; KeyError if there is none."""
        return {each.name: each for each in self.targets}[target]

    def table(self) -> Table:
        """Return a row for each target."""
        return rediscovery_table(self.targets, len(self.runs))

    def __str__(self) -> str:
        return self.table().text()

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def rediscover(
    runs: str | Path | Sequence[str | Path],
    *,
    targets: Sequence[str] = (),
    within: int = 0,
    sample: int = 300,
    uniform: str | Path = "",
    rows: int = 2000,
    progress: bool = True,
) -> RediscoveryResult:
    """Say when searches first trained each of the known optimizers.

    Args:
        runs: the run directory of a search, or several that differ in their seeds
            only.
        targets: names of known optimizers, such as ``adam``; all by default.
        within: evaluations that count; 0 for all.
        sample: uniformly sampled rows that targets are compared with, which are
            trained; 0 for none.
        uniform: a run of the uniform searcher to compare with instead.
        rows: drawn to estimate the probability of a target; 0 for no estimate.
        progress: whether to show progress on standard error.

    Raises:
        ValueError: a folder holds no archive, runs are not of one setting, or a name
            or a number is wrong.

    Example:
        >>> import tempfile
        >>> from neuralopt import search
        >>> run = tempfile.mkdtemp() + "/run"
        >>> found = search(
        ...     "from_scratch", searcher="evolution", task="digits", budget="smoke",
        ...     proposals=64, run_dir=run, progress=False,
        ... )
        >>> result = rediscover([run], sample=0, rows=0)
        >>> result["lion"].in_space
        False
    """
    asked = Asked(tuple(targets), within, sample, str(uniform), rows)
    several = [runs] if isinstance(runs, str | Path) else runs
    histories, found = measure([str(run) for run in several], asked, progress)
    return RediscoveryResult(tuple(histories), tuple(found))
