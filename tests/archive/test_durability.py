"""Durability: no committed proposal is lost when a process dies or a disk fills up."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from neuralopt.archive import Archive, ArchiveError, difference
from neuralopt.archive.finding_tables import FINDINGS as FINDING_TABLES
from tests.archive import builders

ROOT = Path(__file__).parents[2]
BATCH = 8
FINDINGS = ("replicates", "behaviours", "prunings", "shortlist")


def start_writer(
    path: Path, total: int, curve: int, steps: int = 0, pages: int = 0
) -> subprocess.Popen[str]:
    numbers = [str(n) for n in (total, BATCH, curve, steps, pages)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.archive.killed_writer", str(path), *numbers],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def said_nothing() -> dict[str, int]:
    return dict.fromkeys(("recorded", "decided", "checkpoint", *FINDINGS), 0)


def said(writer: subprocess.Popen[str]) -> dict[str, int]:
    """The last number of everything it said; a line that was cut short counts not."""
    assert writer.stdout is not None
    lines = writer.stdout.read().split("\n")[:-1]
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    return said_nothing() | {
        what: int(number) for what, number in map(str.split, lines)
    }


def assert_nothing_lost(path: Path, curve: int, last: dict[str, int]) -> None:
    """A prefix of the undisturbed search, whole batches, all that was said and more."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with Archive.open(path) as archive:
        assert len(archive) >= last["recorded"]
        assert len(archive) % BATCH == 0
        undecided = None
        for number, found in enumerate(archive.proposals()):
            wanted = builders.asked(number)
            if wanted.status == "pending" and undecided is None:
                if found.status == "pending":
                    undecided = number
                else:
                    wanted = builders.result(wanted, curve)
            assert repr(found) == repr(wanted)  # as text, NaN equals NaN
        decided = len(archive) if undecided is None else undecided
        assert decided % BATCH == 0
        assert decided >= last["decided"]
        noted = [execution.number for execution in archive.executions()]
        assert noted == [n for n in range(decided) if n % 10 != 9]
        checkpoint = archive.checkpoint()
        assert (checkpoint.told if checkpoint else 0) >= last["checkpoint"]
        assert checkpoint is None or checkpoint.state == b"s" * checkpoint.told
        assert_no_finding_lost(archive, last)


def assert_no_finding_lost(archive: Archive, last: dict[str, int]) -> None:
    """Each table has whole batches of what it should have, all that was said."""

    def found_to(found: list[int], said: int) -> None:
        end = max(found, default=-1) + 1
        assert found == [n for n in range(end) if n % 10 != 9]
        said = min(said, builders.FOUND)
        assert {n for n in range(said) if n % 10 != 9} <= set(found)

    replicates = archive.replicates()
    found_to([each.number for each in replicates[::2]], last["replicates"])
    proposals = {each.number: builders.asked(each.number) for each in replicates}
    wanted = [r for p in proposals.values() for r in builders.replicates(p)]
    assert repr(replicates) == repr(wanted)  # as text, NaN equals NaN
    behaviours, prunings = archive.behaviours(), archive.prunings()
    found_to([each.number for each in behaviours], last["behaviours"])
    found_to([each.number for each in prunings], last["prunings"])
    assert behaviours == [builders.behaviour(each.number) for each in behaviours]
    assert prunings == [builders.pruning(each.number) for each in prunings]
    places = archive.shortlist()
    assert sorted(places, key=lambda p: p.number) == [
        builders.place(n) for n in sorted(place.number for place in places)
    ]
    if last["shortlist"]:
        assert max(place.number for place in places) >= (
            min(last["shortlist"], builders.FOUND) - 4
        )


def assert_resumes_exactly(path: Path, curve: int) -> None:
    with Archive.open(path, writable=True) as archive:  # the dead writer's lease
        total = len(archive) + 20
        builders.search(archive, total, 2 * BATCH, curve)
        whole = path.with_name("undisturbed.sqlite")
        with Archive.create(whole, builders.CONTEXT) as undisturbed:
            builders.search(undisturbed, total, 3 * BATCH, curve)
            assert len(archive) == total
            assert difference(archive, undisturbed) is None


@pytest.mark.parametrize("steps", [10, 47, 90])
def test_a_writer_killed_inside_a_statement_loses_nothing(tmp_path: Path, steps: int):
    path = tmp_path / "archive.sqlite"
    writer = start_writer(path, total=400, curve=3, steps=steps)
    last = said(writer)
    assert_nothing_lost(path, 3, last)
    assert_resumes_exactly(path, 3)


def test_writers_killed_at_any_moment_lose_nothing(tmp_path: Path):
    path = tmp_path / "archive.sqlite"
    draw = Random(1)
    decided = 0
    for _ in range(6):  # each continues what the one before left
        writer = start_writer(path, total=10**6, curve=20)
        assert writer.stdout is not None
        writer.stdout.readline()  # it is writing from here on
        time.sleep(draw.uniform(0.0, 0.2))
        writer.kill()
        last = said(writer)
        assert_nothing_lost(path, 20, last)
        decided = max(decided, last["decided"])
    assert decided > 0
    assert_resumes_exactly(path, 20)


@pytest.mark.parametrize("steps", [30, 140])
def test_a_half_written_file_is_rolled_back_even_by_a_reader(
    tmp_path: Path, steps: int
):
    path = tmp_path / "archive.sqlite"
    writer = start_writer(path, total=400, curve=600, steps=steps, pages=2)
    last = said(writer)
    assert path.with_name("archive.sqlite-journal").stat().st_size > 0
    before = path.read_bytes()
    with Archive.open(path) as archive:
        assert len(archive) >= last["recorded"]
    assert path.read_bytes() != before  # the reader has repaired it
    assert_nothing_lost(path, 600, last)
    assert_resumes_exactly(path, 600)


def test_an_archive_can_be_created_after_a_kill_during_its_creation(tmp_path: Path):
    path = tmp_path / "archive.sqlite"
    assert said(start_writer(path, 40, 3, steps=1)) == said_nothing()
    with pytest.raises(ArchiveError, match="start it again"):
        Archive.open(path)
    with Archive.create(path, builders.CONTEXT) as archive:
        assert archive.context == builders.CONTEXT
        builders.search(archive, 20, BATCH)


def limit_pages(archive: Archive, pages: int) -> None:
    archive._file.page(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_loses_nothing_and_the_search_goes_on_when_space_returns(
    tmp_path: Path,
):
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        builders.search(archive, 100, BATCH)
        limit_pages(archive, 1)  # that is: not one more than there are now
        more = [builders.asked(n) for n in range(100, 1000)]
        with pytest.raises(ArchiveError, match="no space is left"):
            archive.record(more)
        assert len(archive) == 100
        assert archive.numbers_of([builders.asked(500).canonical]) == [None]
        with Archive.open(archive.path) as reader:
            assert difference(archive, reader) is None
        limit_pages(archive, 10**6)
        builders.search(archive, 1000, BATCH * 16)
        with Archive.create(tmp_path / "b.sqlite", {}) as undisturbed:
            builders.search(undisturbed, 1000, 1000)
            assert difference(archive, undisturbed) is None


def test_a_commit_that_finds_the_disk_full_leaves_all_pending(tmp_path: Path):
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        archive.record([builders.asked(n) for n in range(9)])
        limit_pages(archive, 1)
        results = [builders.result(p, curve=5000) for p in archive.proposals()]
        notes = [builders.execution(p) for p in results]
        with pytest.raises(ArchiveError, match="nothing older was lost"):
            archive.commit(results, notes)
        assert archive.counts()["pending"] == 9
        assert list(archive.executions()) == []
        limit_pages(archive, 10**6)
        archive.commit(results, notes)
        assert archive.counts()["pending"] == 0


def finding_writers(archive: Archive) -> dict[str, Callable[[], None]]:
    numbers = [p.number for p in archive.proposals() if p.status == "scored"]
    proposals = map(builders.asked, numbers)
    long = "g" * 4096
    return {
        "replicates": lambda: archive.save_replicates(
            [each for p in proposals for each in builders.replicates(p)]
        ),
        "shortlist": lambda: archive.save_shortlist(list(map(builders.place, numbers))),
        "behaviours": lambda: archive.save_behaviours(
            [replace(builders.behaviour(n), nearest=long) for n in numbers]
        ),
        "prunings": lambda: archive.save_prunings(
            [replace(builders.pruning(n), rule=long) for n in numbers]
        ),
    }


@pytest.mark.parametrize("table", FINDINGS)
def test_findings_that_meet_a_full_disk_are_kept_all_or_none(
    tmp_path: Path, table: str
):
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        archive.record([builders.asked(n) for n in range(900)])
        pending = list(archive.proposals("pending"))
        archive.commit([builders.result(p, curve=0) for p in pending])
        before = [archive.finding_rows(t) for t in FINDING_TABLES]
        write = finding_writers(archive)[table]
        limit_pages(archive, 1)
        with pytest.raises(ArchiveError, match="no space is left"):
            write()
        assert [archive.finding_rows(t) for t in FINDING_TABLES] == before
        limit_pages(archive, 10**6)
        finding_writers(archive)[table]()
        assert [archive.finding_rows(t) for t in FINDING_TABLES] != before


def test_a_clean_close_leaves_one_file(tmp_path: Path):
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        builders.search(archive, 20, BATCH)
    assert [file.name for file in tmp_path.iterdir()] == ["a.sqlite"]
