"""Files that are not archives: the error is one line, and the file is untouched."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralopt.archive import Archive, ArchiveError
from tests.archive import builders


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("made") / "archive.sqlite"
    with Archive.create(path, builders.CONTEXT) as archive:
        builders.search(archive, 200, 200)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "archive.sqlite"
    path.write_bytes(content)
    return path


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ArchiveError) as refused:
        act()
    line = str(refused.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize(
    ("other", "words"),
    [
        (b"rule,quality\n" * 100, "not an archive"),
        (b"SQLite format 3\0", "not an archive"),
        (b"", "start it again"),
    ],
)
def test_other_files_are_rejected_and_unchanged(
    path: Path, other: bytes, words: str, writable: bool
):
    path.write_bytes(other)
    assert words in refusal(lambda: Archive.open(path, writable=writable))
    assert path.read_bytes() == other


def test_create_does_not_overwrite_other_files(path: Path):
    path.write_bytes(b"my thesis " * 1000)
    assert "not an archive" in refusal(lambda: Archive.create(path, {}))
    assert path.read_bytes() == b"my thesis " * 1000


@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize("kept", [600, 5000, 0.5, -1])
def test_a_cut_file_is_refused(path: Path, kept: float, writable: bool):
    size = path.stat().st_size
    end = size - 1 if kept == -1 else int(size * kept if kept < 1 else kept)
    os.truncate(path, end)
    line = refusal(lambda: Archive.open(path, writable=writable))
    assert "damaged" in line
    assert "restore a copy" in line


def test_a_file_damaged_inside_is_noticed_when_it_is_read(path: Path):
    data = bytearray(path.read_bytes())
    data[8 * 4096 :] = os.urandom(len(data) - 8 * 4096)
    path.write_bytes(data)
    with Archive.open(path) as archive:
        assert "damaged" in refusal(lambda: list(archive.proposals()))
    assert "damaged" in refusal(lambda: Archive.open(path, writable=True))


def test_a_row_that_was_edited_by_hand_is_named(path: Path):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE proposals SET curve = '[1,' WHERE number = 3")
    connection.commit()
    connection.close()
    with Archive.open(path) as archive:
        assert "proposal 3 is damaged" in refusal(lambda: list(archive.proposals()))


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("user_version = 99", "made by a newer neuralopt (schema 99"),
        ("application_id = 1", "a database, but not an archive"),
    ],
)
@pytest.mark.parametrize("writable", [False, True])
def test_other_schemas_are_refused(path: Path, mark: str, words: str, writable: bool):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA {mark}")
    connection.close()
    assert words in refusal(lambda: Archive.open(path, writable=writable))


def test_missing_files_and_places_are_named(tmp_path: Path):
    for writable in (False, True):
        missing = refusal(
            lambda writable=writable: Archive.open(tmp_path / "x", writable=writable)
        )
        assert "no such file" in missing
        in_run = refusal(
            lambda writable=writable: Archive.open(tmp_path, writable=writable)
        )
        assert "archive.sqlite: no such file" in in_run
    assert not (tmp_path / "x").exists()
    (tmp_path / "run" / "archive.sqlite").mkdir(parents=True)
    assert "is a directory" in refusal(lambda: Archive.open(tmp_path / "run"))
    nowhere = refusal(lambda: Archive.create(tmp_path / "no" / "x", {}))
    assert "its directory does not exist" in nowhere


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_directory_without_write_permission_is_named(path: Path):
    path.parent.chmod(0o500)
    try:
        made = refusal(lambda: Archive.create(path.with_name("new"), {}))
        assert "none can be made" in made
        assert "write permission" in refusal(lambda: Archive.open(path, writable=True))
        with Archive.open(path) as reader:
            assert len(reader) == 200
    finally:
        path.parent.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_place_where_nobody_can_write_is_named():
    line = refusal(lambda: Archive.create("/proc/archive.sqlite", {}))
    assert "none can be made" in line


def test_a_lock_that_is_not_released_is_named(path: Path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for writable in (False, True):
        line = refusal(
            lambda writable=writable: Archive.open(
                path, writable=writable, patience=0.0
            )
        )
        assert "locked by another process" in line
    other.close()


def test_a_closed_archive_says_so(path: Path):
    archive = Archive.open(path, writable=True)
    archive.close()
    archive.close()
    assert "already closed" in refusal(lambda: len(archive))
    assert "already closed" in refusal(lambda: archive.record([builders.asked(200)]))


def test_names_with_signs_of_a_uri_are_names(tmp_path: Path):
    path = tmp_path / "50% of #1?mode=ro&x y.sqlite"
    with Archive.create(path, {}) as archive:
        archive.record([builders.asked(0)])
    assert path.exists()
    with Archive.open(path) as reader:
        assert len(reader) == 1
