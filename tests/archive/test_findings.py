"""What was found out about proposals: replicates, shortlist, behaviours, prunings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from neuralopt.archive import (
    Archive,
    ArchiveError,
    BehaviourRecord,
    Place,
    Proposal,
    PruningRecord,
    Replicate,
)
from neuralopt.scoring.score import Score

QUALITIES = (0.9, 0.5, 0.7, 0.6, 0.8)
TASK = Score("diverged", loss=inf, screening=(nan, inf), task="digits")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Five scored proposals, a rejected one and a pending one."""
    rows = [Proposal(n, (n,), f"{n + 0.5}", f"{n + 0.5}") for n in range(7)]
    with Archive.create(tmp_path / "archive.sqlite", {}) as made:
        made.record(rows)
        scores = [Score("scored", quality) for quality in QUALITIES]
        scores.append(Score("rejected", reason="why"))
        made.commit([replace(r, score=s) for r, s in zip(rows, scores, strict=False)])
        yield made


def place(number: int, mean: float, replicates: int = 3) -> Place:
    return Place(number, mean, mean - 0.05, mean + 0.05, replicates)


def test_replicates_come_back_by_number_and_replicate(archive: Archive):
    saved = [
        Replicate(3, 501, Score("scored", 0.25, 0.1, 1.5, curve=(1.0, 0.5))),
        Replicate(3, 500, Score("diverged", reason="every one", tasks=(TASK,))),
        Replicate(1, 500, Score("failed", reason="out of memory")),
    ]
    archive.save_replicates(saved[:2])
    archive.save_replicates(saved[2:])
    wanted = [saved[2], saved[1], saved[0]]
    with Archive.open(archive.path) as reader:
        assert repr(reader.replicates()) == repr(wanted)  # as text, NaN equals NaN
        assert repr(reader.replicates(3)) == repr(wanted[1:])
        assert reader.replicates(2) == []


def test_the_other_findings_come_back(archive: Archive):
    behaviours = [
        BehaviourRecord(4, "", -0.25, False, (), 2),
        BehaviourRecord(2, "adam", 1.0, True, ("sign-like", 'a "b"'), 2),
    ]
    prunings = [PruningRecord(1, "g", 0.01, -1e-3, -0.009, 5)]
    archive.save_behaviours(behaviours)
    archive.save_prunings(prunings)
    with Archive.open(archive.path) as reader:
        assert reader.behaviours() == behaviours[::-1]
        assert reader.behaviours([4, 3]) == behaviours[:1]
        assert reader.prunings() == prunings


def test_numbers_of_numpy_are_stored_as_numbers(archive: Archive):
    number, quality = np.int64(2), np.float64(0.5)
    archive.save_replicates([Replicate(number, number, Score("scored", quality))])
    archive.save_shortlist([Place(number, quality, quality, quality, number)])
    archive.save_prunings([PruningRecord(number, "g", *3 * [quality], number)])
    assert archive.replicates() == [Replicate(2, 2, Score("scored", 0.5))]
    assert archive.shortlist() == [Place(2, 0.5, 0.5, 0.5, 2)]


def test_the_shortlist_is_replaced_as_a_whole(archive: Archive):
    archive.save_shortlist([place(0, 0.3), place(1, 0.5), place(2, 0.5)])
    assert [each.number for each in archive.shortlist()] == [1, 2, 0]
    archive.save_shortlist([place(4, 0.2, 10)])
    assert archive.shortlist() == [place(4, 0.2, 10)]
    archive.save_shortlist([])
    assert archive.shortlist() == []


def test_the_best_are_the_shortlist_by_mean_and_then_the_others(archive: Archive):
    assert [p.number for p in archive.best()] == [0, 4, 2, 3, 1]
    archive.save_shortlist([place(3, 0.4), place(1, 0.6), place(0, 0.5)])
    for count in range(7):
        found = [p.number for p in archive.best(count)]
        assert found == [1, 0, 3, 4, 2][:count]
    assert [p.quality for p in archive.best(2)] == [0.5, 0.9]  # as the search was told
    assert [p.number for p in archive.best_by_score()] == [0, 4, 2, 3, 1]
    for best in (archive.best, archive.best_by_score):
        with pytest.raises(ValueError, match=r"^count is -1: give 0 or more$"):
            best(-1)


def test_those_that_were_measured_come_between(archive: Archive):
    left = replace(place(0, 0.7), member=False)
    archive.save_shortlist([left, place(3, 0.4), replace(place(2, 0.8), member=False)])
    assert [p.number for p in archive.best()] == [3, 2, 0, 4, 1]
    assert [p.number for p in archive.best(2)] == [3, 2]
    assert archive.shortlist() == [place(3, 0.4)]
    assert [p.number for p in archive.measured()] == [3, 2, 0]


def test_of_equal_means_the_better_score_comes_first(archive: Archive):
    archive.save_shortlist([place(n, 0.5) for n in range(5)])
    assert [p.number for p in archive.best()] == [0, 4, 2, 3, 1]


REPEATED = {
    "replicates": (
        Replicate(0, 500, Score("scored", 0.5, loss=nan, tasks=(TASK,))),
        Replicate(0, 500, Score("scored", 0.5)),
    ),
    "behaviours": (
        BehaviourRecord(0, "sgd", 0.5, True, ("a",), 0),
        BehaviourRecord(0, "sgd", 0.5, False, ("a",), 0),
    ),
    "prunings": (
        PruningRecord(0, "g", 0.01, 0.0, -0.01, 5),
        PruningRecord(0, "m", 0.01, 0.0, -0.01, 5),
    ),
}


@pytest.mark.parametrize("name", REPEATED)
def test_the_same_again_is_nothing_and_another_is_an_error(archive: Archive, name: str):
    first, other = REPEATED[name]
    save, read = getattr(archive, f"save_{name}"), getattr(archive, name)
    elsewhere = replace(first, number=1)  # type: ignore[type-var]
    save([first])
    save([first, elsewhere])
    assert repr(read()) == repr([first, elsewhere])
    with pytest.raises(ArchiveError, match="of proposal 0 is saved already"):
        save([replace(first, number=2), other])  # type: ignore[type-var]
    assert repr(read()) == repr([first, elsewhere])


def test_findings_of_what_is_not_there_are_an_error(archive: Archive):
    for name, (first, _) in REPEATED.items():
        save, read = getattr(archive, f"save_{name}"), getattr(archive, name)
        with pytest.raises(ArchiveError, match="there is no proposal 7"):
            save([first, replace(first, number=7)])  # type: ignore[type-var]
        assert read() == []
    archive.save_shortlist([place(0, 0.5)])
    for number in (5, 6):
        with pytest.raises(ArchiveError, match=f"proposal {number} is not scored"):
            archive.save_shortlist([place(1, 0.5), place(number, 0.5)])
    with pytest.raises(ArchiveError, match="no proposal 7"):
        archive.save_shortlist([place(7, 0.5)])
    with pytest.raises(ArchiveError, match="two places"):
        archive.save_shortlist([place(1, 0.5), place(1, 0.6)])
    assert archive.shortlist() == [place(0, 0.5)]


def test_a_reader_may_not_write_findings(archive: Archive):
    with Archive.open(archive.path) as reader:
        for name, (first, _) in REPEATED.items():
            with pytest.raises(ArchiveError, match="open for reading"):
                getattr(reader, f"save_{name}")([first])
        with pytest.raises(ArchiveError, match="open for reading"):
            reader.save_shortlist([])


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("replicates", "score", "{"),
        ("replicates", "score", "[]"),
        ("replicates", "score", '{"status":"pending"}'),
        ("replicates", "score", '{"status":"scored","quality":2}'),
        ("shortlist", "mean", "high"),
        ("shortlist", "mean", 0.9),
        ("shortlist", "replicates", 0),
        ("behaviours", "families", "{}"),
        ("behaviours", "nearest", b"adam"),
        ("behaviours", "leader", 5),
        ("behaviours", "equal", "yes"),
        ("prunings", "low", "-"),
        ("prunings", "difference", inf),
    ],
)
def test_a_damaged_finding_is_one_clear_error(
    archive: Archive, table: str, column: str, value: object
):
    archive.save_replicates([Replicate(0, 500, Score("scored", 0.5))])
    archive.save_shortlist([place(0, 0.5)])
    archive.save_behaviours([BehaviourRecord(0, "sgd", 0.5, True, ("a",), 0)])
    archive.save_prunings([PruningRecord(0, "g", 0.01, 0.0, -0.01, 5)])
    connection = sqlite3.connect(archive.path)
    connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
    connection.commit()
    connection.close()
    with Archive.open(archive.path) as reader:
        with pytest.raises(ArchiveError, match=r"is damaged .*restore a copy") as error:
            getattr(reader, table)()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Replicate(-1, 500, Score("scored", 0.5)),
        lambda: Replicate(1, -1, Score("scored", 0.5)),
        lambda: Replicate(1, 500, Score("scored", nan)),
        lambda: Replicate(1, 500, Score("duplicate")),
        lambda: Place(1, 0.5, 0.6, 0.7, 3),
        lambda: Place(1, nan, 0.0, 1.0, 3),
        lambda: Place(1, 0.5, 0.0, 1.1, 3),
        lambda: Place(1, 0.5, 0.4, 0.6, 0),
        lambda: BehaviourRecord(1, "", nan, False, (), 1),
        lambda: BehaviourRecord(1, "", 0.0, False, (), 2),
        lambda: PruningRecord(1, "g", 0.1, inf, 0.0, 3),
        lambda: PruningRecord(-1, "g", 0.1, 0.0, 0.0, 3),
    ],
)
def test_a_record_that_breaks_its_rules_is_a_value_error(make):
    with pytest.raises(ValueError, match=r"of proposal -?1"):
        make()
