"""Read the verdict that a search ended with from its archive."""

from collections.abc import Mapping, Sequence
from typing import cast

from neuralopt.archive import Archive, VerdictRecord
from neuralopt.verdict.comparison import Comparison
from neuralopt.verdict.scores import Benchmark


def latest(archive: Archive) -> list[VerdictRecord]:
    """Return the records of the newest verdict, one for each part and split.

    Args:
        archive: of a search.

    Returns:
        Records that were made at one time, that of the whole objective first; empty
        if there is no verdict.
    """
    return newest(archive.verdicts())


def newest(records: Sequence[VerdictRecord]) -> list[VerdictRecord]:
    """Return the records of the newest of several verdicts.

    Args:
        records: of a search, oldest first.

    Returns:
        As `latest`.
    """
    return [each for each in records if each.made == records[-1].made]


def restored(record: VerdictRecord) -> tuple[Benchmark, Sequence[str] | None]:
    """Return a stored verdict as a benchmark of one split, and its baselines.

    Args:
        record: as the archive holds it.

    Returns:
        (benchmark, baselines); baselines are None where all candidates are.
    """
    scores = cast("Mapping[str, tuple[object, ...]]", record.scores)
    found = Benchmark(
        record.task,
        record.budget,
        len(record.seeds),
        {record.split: scores},  # type: ignore[dict-item]  # a split by its name
    )
    return found, record.baselines


def compared(record: VerdictRecord) -> Comparison:
    """Return ranks, intervals and verdicts of a stored verdict.

    Args:
        record: as the archive holds it.

    Returns:
        The candidates, best first.
    """
    found, baselines = restored(record)
    (split,) = found.scores
    return found.comparison(split, baselines)
