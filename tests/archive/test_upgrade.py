"""Archives of older schemas are read as they are, and upgraded by their next writer.

``schema1/archive.sqlite`` and ``schema2/archive.sqlite`` were made by the last
neuralopt that wrote these schemas: searches of 12 proposals, ``experiment=smoke
searcher=uniform``; that of schema 2 ended with a verdict.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from neuralopt.archive import (
    Archive,
    ArchiveError,
    Place,
    Proposal,
    Replicate,
    difference,
)
from neuralopt.archive import schema as schema_module
from neuralopt.scoring.score import Score

OLD = Path(__file__).parent / "schema1" / "archive.sqlite"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copy(OLD, tmp_path / "archive.sqlite"))


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(found)


def test_reading_changes_nothing(old: Path):
    before = old.read_bytes()
    assert version(old) == 1
    with Archive.open(old) as reader:
        assert len(reader) == 12
        assert reader.counts()["scored"] == 7
        (best,) = reader.best(1)
        assert best.score is not None
        assert (best.number, best.status, best.lr) == (1, "scored", 0.001)
        assert len(best.score.screening) == 3
        assert all(p.score.tasks == () for p in reader.proposals() if p.score)
        assert reader.find(best.canonical) == best
        assert reader.verdicts() == []
        assert reader.checkpoint() is not None
    assert old.read_bytes() == before


def test_a_writer_upgrades_and_goes_on(old: Path):
    with Archive.open(old, writable=True) as archive:
        task = Score("scored", 0.5, 0.1, task="digits")
        archive.record([Proposal(12, (1,), "g", "g (new)")])
        scored = Score("scored", 0.5, tasks=(task,))
        archive.commit([Proposal(12, (1,), "g", "g (new)", score=scored)])
        assert archive.proposal(12).score == scored
        assert archive.verdicts() == []
    assert version(old) == schema_module.SCHEMA_VERSION
    with Archive.open(old) as reader, Archive.open(OLD) as original:
        found = difference(reader, original)
        assert found == f"{old} has proposal 12, {OLD} ends before it"
        assert list(reader)[:12] == list(original)
    with Archive.open(old, writable=True) as again:
        assert len(again) == 13


def test_an_upgrade_that_is_interrupted_leaves_the_file_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
):
    upgrade = schema_module.upgrade

    def interrupted(connection: sqlite3.Connection) -> None:
        upgrade(connection)
        raise KeyboardInterrupt

    monkeypatch.setattr("neuralopt.archive.database.upgrade", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Archive.open(old, writable=True)
    monkeypatch.undo()
    assert version(old) == 1
    connection = sqlite3.connect(old)
    names = [row[1] for row in connection.execute("PRAGMA table_info(proposals)")]
    connection.close()
    assert "tasks" not in names
    with Archive.open(old, writable=True) as archive:
        assert len(archive) == 12
    assert version(old) == schema_module.SCHEMA_VERSION


def test_a_reader_goes_on_while_a_writer_upgrades(old: Path):
    with Archive.open(old) as reader:
        before = list(reader)
        with Archive.open(old, writable=True):
            assert list(reader) == before


def test_a_held_archive_is_not_upgraded(old: Path):
    connection = sqlite3.connect(old)
    lease = ("another host", 1, "", 1e12)  # of the future: its holder may be alive
    connection.execute("INSERT INTO lease VALUES (?, ?, ?, ?)", lease)
    connection.commit()
    connection.close()
    with pytest.raises(ArchiveError, match="is writing it"):
        Archive.open(old, writable=True)
    assert version(old) == 1


def test_a_missing_column_is_added_for_any_version(old: Path):
    # So that a new measurement needs no new version: see serialization.MEASURED.
    with Archive.open(old, writable=True):
        pass
    connection = sqlite3.connect(old)
    connection.execute("ALTER TABLE proposals DROP COLUMN tasks")
    connection.commit()
    connection.close()
    with Archive.open(old) as reader:
        assert len(list(reader)) == 12
    with Archive.open(old, writable=True) as archive:
        archive.record([Proposal(12, (1,), "g", "g (new)")])
        assert len(list(archive)) == 13


@pytest.fixture(params=["schema1", "schema2"])
def older(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    source = Path(__file__).parent / request.param / "archive.sqlite"
    return Path(shutil.copy(source, tmp_path / "archive.sqlite"))


def declarations(path: Path) -> set[str]:
    """What the file declares, without the quotes that a renamed table gets."""
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    texts = {sql.replace('"', "") for (sql,) in found}
    connection.close()
    return texts


def test_an_older_archive_has_no_findings_and_is_not_changed_by_reading(older: Path):
    before = older.read_bytes()
    with Archive.open(older) as reader:
        assert len(list(reader)) == 12
        assert reader.best(12) == reader.best_by_score(12) != []
        assert reader.replicates() == reader.replicates(0) == []
        assert reader.shortlist() == reader.behaviours() == reader.prunings() == []
        assert reader.behaviours([0]) == []
        assert reader.counts()["stopped"] == 0
    assert older.read_bytes() == before


def test_an_upgraded_archive_declares_what_a_new_one_does(older: Path, tmp_path: Path):
    new = tmp_path / "new.sqlite"
    Archive.create(new, {}).close()
    with Archive.open(older) as reader:
        before = list(reader.rows()), reader.verdicts(), list(reader.executions())
        checkpoint = reader.checkpoint()
    with Archive.open(older, writable=True) as archive:
        after = list(archive.rows()), archive.verdicts(), list(archive.executions())
        assert (after, archive.checkpoint()) == (before, checkpoint)
    assert declarations(older) == declarations(new)
    Archive.open(older, writable=True).close()
    assert declarations(older) == declarations(new)


def test_an_upgraded_archive_holds_what_the_schema_added(older: Path):
    with Archive.open(older, writable=True) as archive:
        scored = archive.best(1)[0].number
        archive.record([Proposal(12, (1,), "g", "g (new)")])
        stopped = Score("stopped", 0.25, reason="after digits")
        archive.commit([Proposal(12, (1,), "g", "g (new)", score=stopped)])
        archive.save_replicates([Replicate(12, 500, stopped)])
        archive.save_shortlist([Place(scored, 0.5, 0.4, 0.6, 5)])
    with Archive.open(older) as reader:
        assert reader.proposal(12).score == stopped
        assert reader.proposal(12).quality == 0.25
        assert 12 not in [proposal.number for proposal in reader.best(20)]
        assert reader.counts()["stopped"] == 1
        assert reader.replicates(12) == [Replicate(12, 500, stopped)]
        assert reader.shortlist() == [Place(scored, 0.5, 0.4, 0.6, 5)]


KILLED_UPGRADE = """
import os, signal, sqlite3, sys
import neuralopt.archive.database as database
from neuralopt.archive import Archive
connect, left = database.connect, int(sys.argv[2])
def counting(*arguments):
    connection = connect(*arguments)
    def count_down():
        global left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0
    connection.set_progress_handler(count_down, 20)
    connection.execute("PRAGMA cache_size = 2")
    connection.execute("PRAGMA cache_spill = 1")
    return connection
database.connect = counting
Archive.open(sys.argv[1], writable=True).close()
"""


@pytest.mark.parametrize("steps", [30, 60, 90, 115])
def test_a_kill_during_the_upgrade_leaves_the_old_archive_or_the_new_one(
    older: Path, steps: int
):
    with Archive.open(older) as reader:
        before, old_version = list(reader.rows()), version(older)
    command = [sys.executable, "-c", KILLED_UPGRADE, str(older), str(steps)]
    root = str(Path(__file__).parents[2])
    killed = subprocess.run(command, env=os.environ | {"PYTHONPATH": root}, check=False)
    assert killed.returncode == -signal.SIGKILL
    with Archive.open(older) as reader:
        assert list(reader.rows()) == before
    assert version(older) in (old_version, schema_module.SCHEMA_VERSION)
    with Archive.open(older, writable=True) as archive:
        assert list(archive.rows()) == before
        assert archive.best(1)
    assert version(older) == schema_module.SCHEMA_VERSION
