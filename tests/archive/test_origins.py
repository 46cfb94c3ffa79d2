"""Where proposals came from, as the archive keeps it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from neuralopt.archive import Archive, ArchiveError, OriginRecord, Proposal, difference
from neuralopt.archive import schema as schema_module
from neuralopt.digests import rule_digest

ORIGINS = [
    OriginRecord(0, "random"),
    OriginRecord(1, "mutation", 0),
    OriginRecord(2, "crossover", 1, 0),
]


def proposals(count: int) -> list[Proposal]:
    return [Proposal(n, (n,), f"g * {n}.5", f"g * {n}.5") for n in range(count)]


def made(path: Path, origins: list[OriginRecord]) -> Path:
    with Archive.create(path, {}) as archive:
        archive.record(proposals(3), origins)
    return path


def test_origins_come_back_with_their_parents(tmp_path: Path):
    with Archive.open(made(tmp_path / "a.sqlite", ORIGINS)) as reader:
        assert reader.origins() == ORIGINS
        assert reader.origins([2, 0, 7]) == [ORIGINS[0], ORIGINS[2]]
        assert [each.parents for each in reader.origins()] == [(), (0,), (1, 0)]


def test_some_proposals_may_have_none(tmp_path: Path):
    with Archive.open(made(tmp_path / "a.sqlite", ORIGINS[1:2])) as reader:
        assert reader.origins() == ORIGINS[1:2]


def test_an_origin_is_recorded_with_its_proposal_or_not_at_all(tmp_path: Path):
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        with pytest.raises(ArchiveError, match="the origin of proposal 5 is not"):
            archive.record(proposals(3), [OriginRecord(5, "random")])
        with pytest.raises(ArchiveError, match="the next proposal to record is 0"):
            archive.record(proposals(3)[1:], ORIGINS[1:])
        assert len(archive) == 0
        assert archive.origins() == []


def test_numbers_of_rules_are_found_by_their_digests(tmp_path: Path):
    path = made(tmp_path / "a.sqlite", ORIGINS)
    known, unknown = rule_digest("g * 1.5"), rule_digest("m")
    with Archive.open(path, writable=True) as archive:
        archive.record([Proposal(3, (3,), "g * 1.5", "g * 1.5", original=1)])
        assert archive.numbers_of_digests([unknown, known]) == {known: 1}
    with Archive.open(path) as reader, pytest.raises(ArchiveError, match="for reading"):
        reader.numbers_of_digests([known])


def test_archives_with_other_origins_differ(tmp_path: Path):
    paths = made(tmp_path / "a.sqlite", ORIGINS), made(tmp_path / "b.sqlite", [])
    with Archive.open(paths[0]) as one, Archive.open(paths[1]) as other:
        assert difference(one, one) is None
        found = difference(one, other)
    assert found == f"{paths[0]} has the origin of proposal 0, {paths[1]} has none"


@pytest.mark.parametrize("schema", ["schema1", "schema2", "before origins"])
def test_an_older_archive_has_none_until_more_is_proposed(tmp_path: Path, schema: str):
    path = tmp_path / "archive.sqlite"
    if schema == "before origins":
        made(path, [])
        connection = sqlite3.connect(path)
        connection.execute("DROP TABLE origins")
        connection.commit()
        connection.close()
    else:
        shutil.copy(Path(__file__).parent / schema / "archive.sqlite", path)
    before = path.read_bytes()
    with Archive.open(path) as reader:
        count = len(reader)
        assert reader.origins() == reader.origins([0]) == []
    assert path.read_bytes() == before
    new = OriginRecord(count, "mutation", 0)
    with Archive.open(path, writable=True) as archive:
        assert archive.origins() == []
        archive.record([Proposal(count, (9,), "m * 7.0", "m * 7.0")], [new])
    with Archive.open(path) as reader:
        assert reader.origins() == [new]
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    assert version == schema_module.SCHEMA_VERSION


@pytest.mark.parametrize(
    "values", [(0, ""), (3, "mutation", 3), (3, "crossover", -1), (3, "kick", None, 1)]
)
def test_an_origin_that_can_not_be_is_a_value_error(values: tuple):
    with pytest.raises(ValueError, match=f"origin of proposal {values[0]}"):
        OriginRecord(*values)
