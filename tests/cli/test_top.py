"""The command top: the best rules, grouped, as tables and as JSON."""

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from neuralopt.archive import Archive, Place
from neuralopt.language import size_of
from neuralopt.machine import straight_line
from neuralopt.report.rule_text import folded
from tests.cli.cli_runner import typed

Capture = pytest.CaptureFixture[str]


def test_top_ranks_the_best_first(capsys: Capture, finished_run: Path) -> None:
    said = typed(capsys, "top", str(finished_run), "-n", "7", "--ungrouped")
    assert (said.code, said.err) == (0, "")
    header, *rows = said.out.partition("\n\n")[0].splitlines()
    titles = header.split()
    assert titles[:6] == ["rank", "number", "quality", "lr", "size", "memory"]
    assert titles[-2:] == ["likeness", "rule"]  # smoke searches name rules too
    qualities = [float(row.split()[2]) for row in rows]
    assert len(rows) == 7
    assert qualities == sorted(qualities, reverse=True)


def test_top_all_json_has_every_proposal_in_order_as_standard_json(
    capsys: Capture, finished_run: Path
) -> None:
    said = typed(capsys, "top", str(finished_run), "--all", "--json")
    assert (said.code, said.err) == (0, "")
    found = [json.loads(line, parse_constant=_refuse) for line in said.out.splitlines()]
    assert [proposal["number"] for proposal in found] == list(range(192))
    keys = {"number", "decisions", "rule", "canonical", "status", "reason", "original"}
    keys |= {
        "quality",
        "lr",
        "loss",
        "accuracy",
        "screening",
        "curve",
        "tasks",
        "measured",
        "behaviour",
        "size",
        "memory",
        "pruned",
    }
    assert all(set(proposal) == keys for proposal in found)
    with Archive.open(finished_run / "archive.sqlite") as archive:
        for kept, printed in zip(archive.proposals(), found, strict=True):
            assert printed["rule"] == kept.rule
            assert printed["status"] == kept.status
            assert printed["quality"] == kept.quality
            assert printed["lr"] == kept.lr
    assert any(None in proposal["screening"] for proposal in found)  # infinite losses


def test_top_json_alone_prints_the_best(capsys: Capture, finished_run: Path) -> None:
    said = typed(capsys, "top", str(finished_run), "--json", "-n", "3")
    found = [json.loads(line) for line in said.out.splitlines()]
    with Archive.open(finished_run / "archive.sqlite") as archive:
        best = archive.best(3)
    assert [proposal["number"] for proposal in found] == [p.number for p in best]


def test_top_groups_disguises_and_counts_groups(
    capsys: Capture, named_run: Path
) -> None:
    with Archive.open(named_run) as archive:
        best = archive.best(6)
    said = typed(capsys, "top", str(named_run), "-n", "3")
    rows = said.out.splitlines()[1:4]
    shown = [int(row.split()[1]) for row in rows]
    assert shown == [best[0].number, best[1].number, best[4].number]
    assert " = sgd " in rows[0]
    assert rows[0].split("  ")[-1].strip() == folded(best[0].canonical)
    assert " +2 " in rows[1]
    assert " = signum " in rows[1]
    assert said.out.count("Size is nodes") == 1
    said = typed(capsys, "top", str(named_run), "-n", "6", "--ungrouped")
    shown = [int(row.split()[1]) for row in said.out.splitlines()[1:7]]
    assert shown == [each.number for each in best]


def test_top_groups_within_each_run_and_explains_once(
    capsys: Capture, named_run: Path, finished_run: Path
) -> None:
    other = named_run.parent / "other"
    shutil.copytree(named_run, other)
    said = typed(capsys, "top", str(named_run), str(other), "-n", "4")
    rows = said.out.splitlines()[1:5]
    assert [row.split()[1] for row in rows] == [str(named_run), str(other)] * 2
    assert [" +2 " in row for row in rows] == [False, False, True, True]
    file = other / "archive.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE context SET value = 'x' WHERE key = 'budget'")
    said = typed(capsys, "top", str(named_run), str(other), "-n", "4")
    assert said.out.count("in a table of their own") == 1
    assert said.out.count("Size is nodes") == 1


def test_top_json_has_what_was_found_out(capsys: Capture, named_run: Path) -> None:
    said = typed(capsys, "top", str(named_run), "--json", "-n", "4")
    found = [json.loads(line) for line in said.out.splitlines()]
    with Archive.open(named_run) as archive:
        best = archive.best(4)
    assert [each["number"] for each in found] == [each.number for each in best]
    assert found[0]["behaviour"] == {
        "nearest": "adam",
        "similarity": 0.934,
        "equal": False,
        "families": ["random"],
        "leader": best[0].number,
    }
    assert found[1]["behaviour"]["leader"] == min(each.number for each in best[1:])
    pruned = found[0]["pruned"]
    assert (pruned["rule"], pruned["size"], pruned["memory"]) == ("g", 1, 0)
    assert (pruned["difference"], pruned["low"], pruned["margin"]) == (
        -0.001,
        -0.005,
        0.01,
    )
    assert found[1]["pruned"] is None
    sizes = [size_of(each.expression) for each in best]
    assert [each["size"] for each in found] == sizes
    states = [len(straight_line(each.expression).states) for each in best]
    assert [each["memory"] for each in found] == states


def test_top_front_is_smallest_first_and_has_no_rule_that_another_dominates(
    capsys: Capture, finished_run: Path
) -> None:
    said = typed(capsys, "top", str(finished_run), "--front", "--json")
    found = [json.loads(line) for line in said.out.splitlines()]
    sizes = [each["size"] for each in found]
    qualities = [each["quality"] for each in found]
    assert sizes == sorted(set(sizes))
    assert qualities == sorted(set(qualities))
    with Archive.open(finished_run) as archive:
        everything = [
            (size_of(each.expression), each.quality or 0.0)
            for each in archive.best_by_score(192)
        ]
    for size, quality in zip(sizes, qualities, strict=True):
        assert max(q for s, q in everything if s <= size) == quality
    assert max(q for _, q in everything) == qualities[-1]
    said = typed(capsys, "top", str(finished_run), "--front", "-n", "1")
    assert int(said.out.splitlines()[1].split()[1]) == found[0]["number"]


def test_measured_rules_are_the_best_wherever_rules_are_named(
    capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    with Archive.open(run, writable=True) as archive:
        a, b, c, d = archive.best(4)
        archive.save_shortlist(
            [
                Place(a.number, 0.01, 0.005, 0.015, 3, member=False),
                Place(c.number, 0.125, 0.1, 0.15, 5),
                Place(d.number, 0.25, 0.2, 0.3, 10),
            ]
        )
    said = typed(capsys, "top", str(run), "-n", "4", "--ungrouped")
    header, *rows = said.out.splitlines()[:5]
    assert header.split()[2:6] == ["mean", "95%", "interval", "one"]
    shown = [(int(row.split()[1]), row.split()[2]) for row in rows]
    assert shown == [
        (d.number, "0.2500"),
        (c.number, "0.1250"),
        (a.number, "0.0100"),
        (b.number, "-"),
    ]
    assert "0.2000..0.3000" in rows[0]
    assert f"{d.quality:.4f}" in rows[0]
    found = [
        json.loads(line)
        for line in typed(capsys, "top", str(run), "--json").out.splitlines()
    ]
    assert [each["number"] for each in found[:4]] == [number for number, _ in shown]
    assert found[0]["measured"] == {
        "mean": 0.25,
        "low": 0.2,
        "high": 0.3,
        "replicates": 10,
        "member": True,
    }
    assert found[3]["measured"] is None
    said = typed(capsys, "show", f"{run}:best")
    words = "0.2500, 0.2000 to 0.3000, on 10 fresh replicates"
    assert f"mean      {words}\n" in said.out
    assert f"Mean quality {words}." in said.out
    assert f"proposal {d.number} of run" in said.out
    both = typed(capsys, "top", str(finished_run), str(run), "-n", "3", "--ungrouped")
    numbers = [int(row.split()[2]) for row in both.out.splitlines()[1:4]]
    assert numbers == [d.number, c.number, a.number]


def test_top_all_as_a_table_tells_every_status(
    capsys: Capture, finished_run: Path
) -> None:
    said = typed(capsys, "top", str(finished_run), "--all")
    rows = said.out.splitlines()[1:]
    assert [int(row.split()[1]) for row in rows] == list(range(192))
    assert {row.split()[2] for row in rows} >= {"scored", "diverged", "rejected"}


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not standard JSON")
