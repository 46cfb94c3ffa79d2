"""Archives on disks without file locks: only the lease keeps writers apart."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from neuralopt.archive import Archive, ArchiveError, difference
from tests.archive import builders


@pytest.fixture(params=[errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def lockless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "lockf", refuse)


@pytest.mark.usefixtures("lockless")
def test_a_search_is_written_read_and_continued(tmp_path: Path) -> None:
    path, usual = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    with Archive.create(path, builders.CONTEXT) as archive:
        builders.search(archive, 40, 8)
        with Archive.open(path) as reader:  # beside the writer
            assert len(reader) == 40
        with pytest.raises(ArchiveError, match="which is this process"):
            Archive.open(path, writable=True)
    with Archive.open(path, writable=True) as archive:
        assert len(archive) == 40
    with Archive.create(usual, builders.CONTEXT) as archive:
        builders.search(archive, 40, 8)
    with Archive.open(path) as ours, Archive.open(usual) as theirs:
        assert difference(ours, theirs) is None


@pytest.mark.usefixtures("lockless")
def test_a_reader_does_not_touch_the_journal_of_a_running_transaction(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.sqlite"
    with Archive.create(path, builders.CONTEXT) as archive:
        builders.search(archive, 24, 8)
        with archive._file.writing() as connection:
            connection.execute("PRAGMA cache_spill = 1")
            connection.execute("UPDATE proposals SET reason = 'changed'")
            journal = Path(f"{path}-journal").read_bytes()
            assert journal
            with Archive.open(path) as reader:
                assert len(reader) == 24
            assert Path(f"{path}-journal").read_bytes() == journal
        assert archive.proposal(3).reason == "changed"


def test_a_disk_with_locks_is_used_with_locks(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with Archive.create(path, builders.CONTEXT) as archive:
        builders.search(archive, 8, 8)
        with archive._file.writing(), pytest.raises(ArchiveError, match="locked"):
            Archive.open(path, writable=True, patience=0.1)
