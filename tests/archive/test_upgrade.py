"""Archives of schema 1 are read as they are, and upgraded by their next writer.

``schema1/archive.sqlite`` was made by the last neuralopt that wrote schema 1: a search
of 12 proposals, ``experiment=smoke searcher=uniform``.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from neuralopt.archive import Archive, ArchiveError, Proposal, difference
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
