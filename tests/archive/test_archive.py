"""The archive: what it stores, what it finds, and which changes it rejects."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from threading import Thread

import pytest

from neuralopt.archive import (
    Archive,
    ArchiveError,
    BehaviourRecord,
    Execution,
    Proposal,
    PruningRecord,
    VerdictRecord,
    flat,
)
from neuralopt.scoring.score import STATUSES, Score
from neuralopt.verdict.benchmark import Benchmark
from tests.archive import builders


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.create(tmp_path / "archive.sqlite", builders.CONTEXT) as made:
        yield made


def rule(number: int, text: str, original: int | None = None, **score) -> Proposal:
    """A proposal of one rule; score: fields of its Score, none for no score."""
    found = Score(**score) if score else None
    return Proposal(number, (number,), text, text, original, found)


def test_what_was_written_is_read_after_reopening(archive: Archive):
    builders.search(archive, 30, 10)
    written = [repr(proposal) for proposal in archive.proposals()]
    archive.close()
    with Archive.open(archive.path) as reader:
        assert [repr(proposal) for proposal in reader.proposals()] == written
        assert reader.context == builders.CONTEXT
        assert repr(reader.proposal(12)) == written[12]
        assert len(reader) == 30


def test_an_existing_archive_is_never_overwritten(archive: Archive):
    builders.search(archive, 10, 10)
    archive.close()
    before = archive.path.read_bytes()
    with pytest.raises(ArchiveError, match="exists already: resume"):
        Archive.create(archive.path, {})
    assert archive.path.read_bytes() == before


def test_numbers_continue_without_a_gap_or_nothing_is_recorded(archive: Archive):
    archive.record([rule(0, "g")])
    for wrong in ([0], [2], [1, 3], [1, 1]):
        with pytest.raises(ArchiveError, match="the next proposal to record is"):
            archive.record([rule(number, "m") for number in wrong])
        assert len(archive) == 1
        assert archive.numbers_of(["m"]) == [None]
    archive.record([rule(1, "m"), rule(2, "v")])
    assert len(archive) == 3


@pytest.mark.parametrize("status", STATUSES[1:])
def test_a_decided_proposal_never_changes(archive: Archive, status: str):
    duplicate = status == "duplicate"
    quality = 0.5 if status == "scored" else 0.0
    second = (
        rule(1, "m", original=0)
        if duplicate
        else rule(1, "m", status=status, quality=quality)
    )
    archive.record([rule(0, "g"), second])
    decided = archive.proposal(1)
    assert decided.status == status
    update = replace(decided, score=Score("scored", 0.9), original=None)
    good = rule(0, "g", status="rejected", reason="constant")
    with pytest.raises(ArchiveError, match=f"proposal 1 is {status} already"):
        archive.commit([good, update], [builders.execution(good)])
    assert archive.proposal(1) == decided
    assert archive.proposal(0).status == "pending"
    assert list(archive.executions()) == []


@pytest.mark.parametrize(
    ("update", "words"),
    [
        (rule(5, "g", status="rejected"), "no proposal 5"),
        (rule(0, "m", status="rejected"), "was recorded as 'g', not 'm'"),
        (
            replace(rule(0, "g", status="rejected"), decisions=(9,)),
            "was recorded as",
        ),
        (rule(0, "g"), "pending is not a result"),
        (rule(1, "m", original=0), "duplicate is not a result"),
    ],
)
def test_a_commit_of_something_else_is_refused(
    archive: Archive, update: Proposal, words: str
):
    archive.record([rule(0, "g"), rule(1, "m")])
    with pytest.raises(ArchiveError, match=words):
        archive.commit([update])
    assert archive.counts()["pending"] == 2


def test_one_commit_decides_a_proposal_once(archive: Archive):
    archive.record([rule(0, "g")])
    twice = [rule(0, "g", status="rejected"), rule(0, "g", status="failed")]
    with pytest.raises(ArchiveError, match="twice in one commit"):
        archive.commit(twice)
    assert archive.proposal(0).status == "pending"


def test_failed_attempts_are_executions_of_a_proposal_that_stays_pending(
    archive: Archive,
):
    archive.record([rule(0, "g")])
    lost = Execution(0, 1, "lost worker", 3.5, "node 2", 1.8e9)
    archive.commit([], [lost])
    assert archive.proposal(0) == rule(0, "g")
    scored = rule(0, "g", status="scored", quality=0.75, lr=0.1)
    again = replace(lost, attempt=2, outcome="scored")
    archive.commit([scored], [again])
    assert archive.proposal(0) == scored
    assert list(archive.executions()) == [lost, again]
    with pytest.raises(ArchiveError, match="attempt 2 of proposal 0 was noted before"):
        archive.commit([], [again])
    with pytest.raises(ArchiveError, match="no proposal 1"):
        archive.commit([], [replace(again, number=1)])


def test_best_orders_by_quality_then_loss_then_rate_then_number(archive: Archive):
    ranked = [
        {"quality": 1.0, "loss": nan, "lr": 1.0},
        {"quality": 0.5, "loss": -inf},
        {"quality": 0.5, "loss": 0.25, "lr": 0.125},
        {"quality": 0.5, "loss": 0.25, "lr": 0.5},
        {"quality": 0.5, "loss": 0.25, "lr": 0.5, "accuracy": 1.0},
        {"quality": 0.5, "loss": 0.25},
        {"quality": 0.5, "loss": inf, "lr": 0.125},
        {"quality": 0.5, "loss": nan, "lr": 0.125},
        {"quality": 0.5, "loss": None, "lr": 0.125},
        {"quality": 0.0, "loss": 0.0, "lr": 1.0},
    ]
    order = [3, 9, 0, 2, 5, 1, 8, 4, 7, 6]  # equal ones stay in order of number
    archive.record(
        [
            rule(i, "g", status="scored", **ranked[place])
            for i, place in enumerate(order)
        ]
    )
    others = [
        rule(10, "m", status="diverged", quality=1.0, loss=-1.0),
        rule(11, "m", original=10),
    ]
    archive.record(others)
    assert [order[p.number] for p in archive.best(100)] == list(range(10))
    assert [order[p.number] for p in archive.best(3)] == [0, 1, 2]
    assert archive.best(0) == []


def test_best_sorts_nothing_because_an_index_has(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    asked: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(archive._file, "page", lambda *query: asked.append(query) or [])
    archive.best_by_score(20)
    monkeypatch.undo()
    ((query, values),) = asked
    plan = archive._file.page(f"EXPLAIN QUERY PLAN {query}", values)
    assert "USING INDEX proposals_best (quality<?)" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_known_names_the_last_non_duplicate_and_survives_reopening(
    archive: Archive,
):
    proposals = [
        rule(0, "g"),
        rule(1, "m"),
        rule(2, "g", original=0),
        rule(3, "m", status="scored", quality=0.5),
        rule(4, ""),
    ]
    archive.record(proposals)
    texts, expected = ["m", "v", "g", ""], [3, None, 0, None]
    assert archive.numbers_of(texts) == expected
    archive.close()
    with Archive.open(archive.path, writable=True) as reopened:
        assert reopened.numbers_of(texts) == expected
        assert reopened.find("g") == proposals[0]
        assert reopened.find("v") is None
    with Archive.open(archive.path) as reader:
        assert [reader.find(text) for text in ("g", "m")] == [
            proposals[0],
            proposals[3],
        ]
        assert reader.find("v") is None
        assert reader.find("") is None
        with pytest.raises(ArchiveError, match=r"use find\(\)"):
            reader.numbers_of(["g"])


def test_counts_has_all_statuses(archive: Archive):
    assert archive.counts() == dict.fromkeys(STATUSES, 0)
    builders.search(archive, 40, 20)
    archive.record([builders.asked(40)])
    counts = archive.counts()
    assert list(counts) == list(STATUSES)
    assert sum(counts.values()) == 41
    assert counts["pending"] == 1
    assert counts["duplicate"] == 4


def test_pages_join_without_a_seam(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    builders.search(archive, 53, 53)
    notes = [
        builders.execution(archive.proposal(7), attempt) for attempt in range(2, 9)
    ]
    archive.commit([], notes)
    everything = [repr(p) for p in archive.proposals()]
    executions = list(archive.executions())
    monkeypatch.setattr("neuralopt.archive.reader.PAGE_ROWS", 3)
    assert [repr(p) for p in archive.proposals()] == everything
    assert [repr(p) for p in archive.proposals(start=5, stop=50)] == everything[5:50]
    assert [p.number for p in archive.proposals("duplicate")] == [9, 19, 29, 39, 49]
    assert [p.number for p in archive.proposals("duplicate", 10, 39)] == [19, 29]
    assert list(archive.executions()) == executions
    assert [e.attempt for e in archive.executions(7)] == list(range(1, 9))


def test_a_slow_reader_does_not_stop_the_writer(archive: Archive):
    builders.search(archive, 5000, 5000)
    archive.close()
    with (
        Archive.open(archive.path, writable=True, patience=0.0) as writer,
        Archive.open(archive.path) as reader,
    ):
        reading = reader.proposals()
        assert next(reading).number == 0
        writer.record([builders.asked(5000)])
        assert [p.number for p in reading] == list(range(1, 5001))


@pytest.mark.parametrize("writable", [False, True])
def test_wrong_questions_get_one_clear_line(archive: Archive, writable: bool):
    archive.record([rule(0, "g")])
    archive.close()
    with Archive.open(archive.path, writable=writable) as opened:
        with pytest.raises(ArchiveError, match="has no proposal 1: it holds 1"):
            opened.proposal(1)
        with pytest.raises(ArchiveError, match="has no proposal -1"):
            opened.proposal(-1)
        with pytest.raises(ArchiveError, match="unknown status 'done'"):
            opened.proposals("done")


def test_a_reader_writes_nothing(archive: Archive):
    archive.close()
    with Archive.open(archive.path) as reader:
        for write in (
            lambda: reader.record([rule(0, "g")]),
            lambda: reader.commit([], [Execution(0, 1, "a", 0.0, "b", 0.0)]),
            lambda: reader.save_checkpoint(0, 0, b""),
        ):
            with pytest.raises(ArchiveError, match="open it with writable=True"):
                write()
        assert len(reader) == 0


def test_the_newest_two_checkpoints_are_kept_and_a_damaged_one_is_passed_over(
    archive: Archive,
):
    assert archive.checkpoint() is None
    builders.search(archive, 6, 2)
    for told in (2, 4, 5):
        archive.save_checkpoint(6, told, bytes([told]) * 100_000)
    newest = archive.checkpoint()
    assert newest is not None
    assert (newest.asked, newest.told, newest.state) == (6, 5, b"\5" * 100_000)
    archive.close()
    connection = sqlite3.connect(archive.path)
    count = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
    assert count == (2,)
    connection.execute("UPDATE checkpoints SET state = x'00' WHERE told = 5")
    connection.commit()
    connection.close()
    with Archive.open(archive.path) as reader:
        older = reader.checkpoint()
        assert older is not None
        assert (older.told, older.state) == (4, b"\4" * 100_000)


@pytest.mark.parametrize(
    ("asked", "told", "words"),
    [
        (4, 0, "does not fit its 3 proposals"),
        (2, 3, "does not fit"),
        (3, -1, "does not fit"),
        (3, 2, "proposal 1 is pending"),
    ],
)
def test_a_checkpoint_that_could_not_be_replayed_is_refused(
    archive: Archive, asked: int, told: int, words: str
):
    archive.record([rule(0, "g", status="rejected"), rule(1, "m"), rule(2, "v")])
    archive.save_checkpoint(3, 1, b"good")
    with pytest.raises(ArchiveError, match=words):
        archive.save_checkpoint(asked, told, b"bad")
    kept = archive.checkpoint()
    assert kept is not None
    assert kept.state == b"good"


def test_a_checkpoint_is_never_unpickled(archive: Archive):
    state = b"cos\nsystem\n(S'exit 1'\ntR."  # runs a command where it is unpickled
    archive.save_checkpoint(0, 0, state)
    kept = archive.checkpoint()
    assert kept is not None
    assert kept.state == state


def test_threads_may_share_an_archive(archive: Archive):
    archive.record([builders.asked(n) for n in range(40)])
    waiting = list(archive.proposals("pending"))

    def decide(part: int) -> None:
        for proposal in waiting[part::2]:
            archive.commit([builders.result(proposal)])

    threads = [Thread(target=decide, args=(part,)) for part in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert archive.counts()["pending"] == 0


def test_a_run_directory_opens_the_archive_in_it(tmp_path: Path):
    with Archive.create(tmp_path, {}) as made:
        made.record([rule(0, "g")])
        assert made.path == tmp_path / "archive.sqlite"
    with Archive.open(tmp_path) as by_directory, Archive.open(made.path) as by_file:
        assert by_directory.path == by_file.path
        assert list(by_directory) == list(by_file.proposals()) == [rule(0, "g")]


def test_iterating_gives_all_proposals_in_order(archive: Archive):
    builders.search(archive, 30, 10)
    assert [proposal.number for proposal in archive] == list(range(30))
    assert "scored" in repr(archive)
    assert "writable" in repr(archive)
    assert str(archive.path) in repr(archive)
    archive.close()
    assert "already closed" in repr(archive)


def test_a_notebook_shows_the_ten_best_escaped(archive: Archive):
    texts = [f"<b>{number}</b>" for number in range(12)]
    archive.record(
        [
            rule(number, text, status="scored", quality=number / 12)
            for number, text in enumerate(texts)
        ]
    )
    shown = archive._repr_html_()
    assert shown.count("<tr>") == 11
    assert "&lt;b&gt;11&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;1&lt;/b&gt;" not in shown


def test_a_notebook_groups_disguises_and_names_them(archive: Archive):
    texts = ("g", "g * 2.5", "g - clip(g, 1e-05)", "exp(g)")
    archive.record(
        [
            rule(number, text, status="scored", quality=0.5 - number / 10)
            for number, text in enumerate(texts)
        ]
    )
    archive.save_behaviours(
        [BehaviourRecord(n, "sgd", 1.0, True, (), min(n, 1)) for n in range(3)]
    )
    archive.save_prunings([PruningRecord(1, "m", 0.01, 0.0, -0.005, 8)])
    shown = archive._repr_html_()
    assert shown.count("<tr>") == 4
    for text in ("= sgd", "+1", "pruned from", "m", "g * 2.5", "size", "memory"):
        assert f">{text}</t" in shown
    assert "clip" not in shown


def test_scores_of_tasks_are_kept_and_flattened(archive: Archive):
    tasks = (
        Score("scored", 0.6, 0.01, loss=inf, task="digits", curve=(1.0, nan)),
        Score("diverged", reason="at every rate", task="ravine"),
    )
    found = rule(0, "g", status="scored", quality=0.25, tasks=tasks)
    archive.record([found])
    assert repr(archive.proposal(0)) == repr(found)
    values = flat(archive.proposal(0))
    assert (values["rule"], values["status"], values["quality"]) == (
        "g",
        "scored",
        0.25,
    )
    assert [each["task"] for each in values["tasks"]] == ["digits", "ravine"]


def test_without_pandas_there_is_one_line(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ArchiveError, match="pip install pandas") as refused:
        archive.to_pandas()
    assert "\n" not in str(refused.value)


def test_pandas_gets_one_row_a_proposal(archive: Archive):
    pytest.importorskip("pandas")
    builders.search(archive, 30, 10)
    frame = archive.to_pandas()
    assert list(frame.columns) == list(flat(archive.proposal(0)))
    assert list(frame["number"]) == list(range(30))
    assert frame["status"].value_counts()["duplicate"] == 3


VERDICT = VerdictRecord(
    task="digits",
    split="selection",
    budget="smoke",
    seeds=(1000, 1001),
    scores={
        "#3": (Score("scored", 0.9, 0.1, 0.2), Score("scored", 0.8, 0.1, inf)),
        "adam": (Score("scored", 0.7, 0.01, 0.5), Score("diverged", reason="x")),
    },
    rules={"#3": "sign(m)"},
    baselines=("adam",),
    configuration="{}",
    made=1.8e9,
)


def test_verdicts_are_read_by_anybody_and_compared_without_training(archive: Archive):
    other = replace(VERDICT, split="test", baselines=None)
    archive.save_verdict([VERDICT, other])
    with Archive.open(archive.path) as reader:
        assert reader.verdicts() == [VERDICT, other]
        with pytest.raises(ArchiveError, match="open it with writable=True"):
            reader.save_verdict([VERDICT])
        (kept, _) = reader.verdicts()
    comparison = Benchmark(
        kept.task, kept.budget, len(kept.seeds), {"selection": kept.scores}
    ).comparison("selection", kept.baselines)
    assert comparison.reference == "adam"
    assert [row.name for row in comparison.rows] == ["#3", "adam"]


def test_a_damaged_verdict_is_one_line(archive: Archive):
    archive.save_verdict([VERDICT])
    archive.close()
    connection = sqlite3.connect(archive.path)
    connection.execute("UPDATE verdicts SET scores = '[1]'")
    connection.commit()
    connection.close()
    with (
        Archive.open(archive.path) as reader,
        pytest.raises(ArchiveError, match="a verdict is damaged"),
    ):
        reader.verdicts()
