"""Every command, run for real."""

import contextlib
import importlib.util
import json
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
import torch
import yaml

from neuralopt.archive import Archive, BehaviourRecord, Place, PruningRecord
from neuralopt.cli.arguments import COMMANDS
from neuralopt.language import parse, simplify, size_of
from neuralopt.machine import straight_line
from neuralopt.report.rule_text import folded
from neuralopt.tasks import GROUPS
from tests.cli.cli_runner import SMALL, ended, files, start, typed

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    said = typed(capsys, command, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: neuralopt {command} ")


def test_the_help_lists_every_command(capsys: Capture) -> None:
    said = typed(capsys, "--help")
    assert said.code == 0
    listed = [
        line.split()[0]
        for line in said.out.splitlines()
        if line[:4] == " " * 4 != line[1:5]
    ]
    assert sorted(word for word in listed if word in COMMANDS) == sorted(COMMANDS)


def test_a_search_names_the_commands_that_go_on_from_it(finished_run: Path) -> None:
    printed = (finished_run / "printed.txt").read_text()
    assert f"Writing to {finished_run}\n" in printed
    assert "192 proposals: " in printed
    for line in (
        f"neuralopt top {finished_run}\n",
        f"neuralopt show {finished_run}:best\n",
        f"neuralopt compare {finished_run}:top5 adam sgd\n",
        f"neuralopt export {finished_run}:best -o found.py\n",
    ):
        assert line in printed


def test_a_search_keeps_its_configuration_beside_its_archive(
    finished_run: Path,
) -> None:
    kept = yaml.safe_load((finished_run / "config.yaml").read_text())
    assert (kept["proposals"], kept["batch"], kept["seed"]) == (192, 16, 0)
    assert kept["budget"]["name"] == "smoke"
    assert kept["run_dir"] == str(finished_run)


def test_search_show_prints_the_configuration_and_runs_nothing(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = typed(
        capsys, "search", "--show", "searcher=evolution", "proposals=7", "run_dir=here"
    )
    assert (said.code, said.err) == (0, "")
    shown = yaml.safe_load(said.out)
    assert shown["proposals"] == 7
    assert shown["searcher"]["name"] == "evolution"
    assert shown["searcher"]["options"]["tournament"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_search_without_a_run_dir_writes_below_runs(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = typed(capsys, "search", *SMALL, "proposals=16", "searcher=uniform")
    assert said.code == 0, said.err
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.endswith("_bello2017_uniform")
    assert typed(capsys, "top", f"runs/{run.name}").code == 0


def test_a_search_with_tensorboard_says_how_to_watch_it(
    capsys: Capture, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    said = typed(
        capsys, "search", *SMALL, "proposals=16", "report=tensorboard", f"run_dir={run}"
    )
    assert said.code == 0, said.err
    assert f"tensorboard --logdir {run / 'tb'}" in said.out
    assert list((run / "tb").rglob("events.out.tfevents.*"))


def test_a_search_ends_with_its_best_rules_against_baselines(
    capsys: Capture, tmp_path: Path
) -> None:
    said = typed(
        capsys,
        "search",
        *SMALL,
        "proposals=32",
        "verdict.candidates=2",
        "verdict.seeds=2",
        "verdict.baselines=[sgd,adam]",
        f"run_dir={tmp_path / 'run'}",
    )
    assert said.code == 0, said.err
    assert "On the selection split of digits:" in said.out
    assert "On the test split" not in said.out
    table = said.out[said.out.index("On the selection split") :]
    with Archive.open(tmp_path / "run" / "archive.sqlite") as archive:
        names = [f"#{proposal.number}" for proposal in archive.best(2)]
    for name in (*names, "sgd", "adam"):
        assert f" {name} " in table


def test_resume_of_a_finished_search_changes_nothing(
    capsys: Capture, finished_run: Path
) -> None:
    with Archive.open(finished_run / "archive.sqlite") as archive:
        before = list(archive.rows()), list(archive.executions())
    said = typed(capsys, "resume", str(finished_run))
    assert said.code == 0, said.err
    assert f"Continuing {finished_run} at proposal 192; what" in said.out
    with Archive.open(finished_run / "archive.sqlite") as archive:
        assert (list(archive.rows()), list(archive.executions())) == before


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


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not standard JSON")


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


@pytest.fixture
def named_run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of a run, of whose four best rules the last three are alike."""
    run = shutil.copytree(finished_run, tmp_path / "named")
    file = run / "archive.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM behaviours")  # an archive never changes them
    with Archive.open(run, writable=True) as archive:
        first, *alike = (each.number for each in archive.best(4))
        leader = min(alike)
        archive.save_behaviours(
            [BehaviourRecord(first, "adam", 0.934, False, ("random",), first)]
            + [BehaviourRecord(n, "signum", 1.0, True, (), leader) for n in alike]
        )
        archive.save_prunings([PruningRecord(first, "g", 0.01, -0.001, -0.005, 8)])
    return run


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


def test_show_names_the_class_and_the_plainer_rule(
    capsys: Capture, named_run: Path
) -> None:
    with Archive.open(named_run) as archive:
        best = [each.number for each in archive.best(4)]
    first = min(best[1:])
    others = [number for number in best[1:] if number != first]
    said = typed(capsys, "show", f"{named_run}:{others[0]}").out
    line = f"behaves   = signum; and 2 more like it, the first is #{first}\n"
    assert line in said
    assert "\npruned " not in said
    assert "this is the first\n" in typed(capsys, "show", f"{named_run}:{first}").out
    said = typed(capsys, "show", f"{named_run}:{best[0]}").out
    assert "behaves   0.93 like adam; random\n" in said
    words = "-0.0010 of quality, at least -0.0050, on 8 paired replicates"
    assert f"pruned    to g  ({words})\n" in said


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


def test_a_search_measures_its_best_and_says_how_often(
    capsys: Capture, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    settings = [each for each in SMALL if not each.startswith("proposals")]
    options = ["shortlist.size=2", "shortlist.replicates=3", "shortlist.every=16"]
    said = typed(
        capsys, "search", *settings, "proposals=32", *options, f"run_dir={run}"
    )
    assert said.code == 0, said.err
    with Archive.open(run) as archive:
        counts = archive.replicate_counts()
        assert set(counts.values()) == {3}
        assert 2 <= len(counts) <= 12
        assert len(archive.shortlist()) == 2
        assert archive.best(1)[0].number == archive.shortlist()[0].number
        replicates = {each.replicate for each in archive.replicates()}
    assert replicates == {500, 501, 502}
    words = f"; {sum(counts.values())} measurements of the {len(counts)} best\n"
    assert words in said.out
    again = typed(capsys, "resume", str(run))
    assert again.code == 0, again.err
    with Archive.open(run) as archive:
        assert archive.replicate_counts() == counts


def test_top_all_as_a_table_tells_every_status(
    capsys: Capture, finished_run: Path
) -> None:
    said = typed(capsys, "top", str(finished_run), "--all")
    rows = said.out.splitlines()[1:]
    assert [int(row.split()[1]) for row in rows] == list(range(192))
    assert {row.split()[2] for row in rows} >= {"scored", "diverged", "rejected"}


def test_show_says_all_about_a_named_rule(capsys: Capture) -> None:
    said = typed(capsys, "show", "adam")
    assert (said.code, said.err) == (0, "")
    lines = dict(
        line.split(maxsplit=1) for line in said.out.partition("\n\n")[0].splitlines()
    )
    assert lines["rule"] == "adam"
    assert simplify(parse("adam")) == parse(lines["expanded"])
    assert "Kingma" in lines["origin"]
    assert lines["memory"] == "2 values per parameter"
    assert "def step(" not in said.out
    assert "def step(" in typed(capsys, "show", "adam", "--code").out


def test_show_says_why_a_search_would_reject_a_rule(capsys: Capture) -> None:
    said = typed(capsys, "show", "w * 0.1")
    assert said.code == 0
    assert "a search would reject it" in said.out


def test_show_names_what_a_rule_does(capsys: Capture) -> None:
    said = typed(capsys, "show", "2 * sign(m)")
    line = "behaves   = signum; sign-like; scale-invariant; with memory\n"
    assert line in said.out
    said = typed(capsys, "show", "drop(g, 0.1)", "--json")
    behaviour = json.loads(said.out)["behaviour"]
    assert behaviour.pop("similarity") == pytest.approx(0.97, abs=0.02)
    assert behaviour == {"nearest": "sgd", "equal": False, "families": ["random"]}


def test_show_takes_a_rule_that_begins_with_a_minus_after_two_dashes(
    capsys: Capture,
) -> None:
    assert "rule      -g\n" in typed(capsys, "show", "--", "-g").out


def test_show_of_every_proposal_of_a_run(capsys: Capture, finished_run: Path) -> None:
    with Archive.open(finished_run / "archive.sqlite") as archive:
        one_a_status = {proposal.status: proposal for proposal in archive.proposals()}
        best = archive.best(1)[0]
    assert {"scored", "diverged", "rejected"} <= set(one_a_status)
    for status, proposal in one_a_status.items():
        said = typed(capsys, "show", f"{finished_run}:{proposal.number}")
        assert said.code == 0, said.err
        assert f"\nexpanded  {proposal.canonical}\n" in said.out
        assert f"\nstatus    {status}" in said.out
        assert f"proposal {proposal.number} of run, task digits" in said.out
    said = typed(capsys, "show", f"{finished_run}:best")
    assert f"quality   {best.quality:.4f}\n" in said.out


def test_compare_ranks_names_texts_found_rules_and_torch_on_fresh_seeds(
    capsys: Capture, finished_run: Path
) -> None:
    sign_rule = "g * exp(sign(g) * sign(m))"
    said = typed(
        capsys,
        "compare",
        sign_rule,
        "adam",
        "torch.Adam",
        f"{finished_run}:best",
        "budget=smoke",
        "verdict.seeds=2",
        "evaluator.workers=1",
    )
    assert said.code == 0, said.err
    assert "Scoring 4 rules on 2 fresh seeds, budget smoke" in said.out
    _, selection, test = said.out.split("\nOn the ")
    assert selection.startswith("selection split of digits:")
    assert test.startswith("test split of digits:")
    for table in (selection, test):
        rows = [line.split() for line in table.splitlines() if line[:2].strip()]
        means = {
            name: row[1]
            for row in rows
            for name in ("adam", "torch.Adam")
            if name in row
        }
        assert means["adam"] == means["torch.Adam"]  # one rule, two implementations
        assert sign_rule in table


def test_compare_keeps_equal_numbers_of_two_runs_apart(
    capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    arguments = [*SMALL, "proposals=16", "seed=1", f"run_dir={other}"]
    assert typed(capsys, "search", *arguments).code == 0
    said = typed(
        capsys,
        "compare",
        f"{finished_run}:3",
        f"{other}:3",
        "budget=smoke",
        "verdict.seeds=2",
    )
    assert said.code == 0, said.err
    assert "Scoring 2 rules" in said.out
    assert f"{other}:#3" in said.out


def test_an_exported_rule_trains_without_neuralopt(
    capsys: Capture,
    finished_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adam, best = tmp_path / "adam.py", tmp_path / "best.py"
    said = typed(capsys, "export", "adam", "-o", str(adam))
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Wrote {adam}: ")
    arguments = ["-o", str(best), "--name", "Best", "--lr", "0.25"]
    assert typed(capsys, "export", f"{finished_run}:best", *arguments).code == 0
    assert "Found by a search: proposal" in best.read_text()
    for name in [name for name in sys.modules if name.startswith("neuralopt")]:
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]
    ours, theirs = (torch.full((3,), 2.0, requires_grad=True) for _ in range(2))
    pair = (
        (ours, _load(adam).Adam([ours], lr=0.1)),
        (theirs, torch.optim.Adam([theirs], lr=0.1)),
    )
    for parameter, optimizer in pair:
        for _ in range(30):
            optimizer.zero_grad()
            (parameter**2).sum().backward()
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert _load(best).Best([ours]).defaults["lr"] == 0.25


def _load(path: Path) -> "object":
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_rule_is_exported_for_optax(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "rule.py"
    arguments = ["-o", str(path), "--target", "optax"]
    said = typed(capsys, "export", "powersign_ld", *arguments)
    assert (said.code, said.err) == (0, "")
    assert "\ndef powersign_ld(learning_rate=0.1, weight" in path.read_text()
    assert typed(capsys, "export", "m", *arguments, "--name", "slow").code == 0
    assert "\ndef slow(learning_rate, weight" in path.read_text()


def test_an_export_may_be_written_again(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "rule.py"
    assert typed(capsys, "export", "g", "-o", str(path)).code == 0
    first = path.read_text()
    assert typed(capsys, "export", "m", "-o", str(path)).code == 0
    assert path.read_text() != first
    assert sorted(files(tmp_path)) == ["rule.py", "test_rule.py"]


def test_a_reader_that_leaves_early_hears_no_complaint(finished_run: Path) -> None:
    listing = start("top", str(finished_run), "--all", "--json")
    assert listing.stdout is not None
    assert json.loads(listing.stdout.readline())["number"] == 0
    listing.stdout.close()
    assert listing.stderr is not None
    with listing.stderr as errors:
        assert errors.read() == ""
    assert listing.wait(timeout=60) == 0


def test_a_full_disk_under_standard_output_is_one_line() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    with full.open("w") as stream:
        said = ended(start("show", "adam", stdout=stream.fileno()))
    assert "No space left" in said.complaint


def test_the_verdict_of_a_search_is_kept_and_shown_without_training(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    asked = ("verdict.candidates=2", "verdict.seeds=2", "verdict.baselines=[sgd]")
    searched = typed(capsys, "search", *SMALL, "proposals=32", *asked, f"run_dir={run}")
    assert searched.code == 0, searched.err
    table = searched.out.partition("On the selection split of digits:\n")[2]
    table = table.partition("\nWhat they do:")[0]

    def fail(*arguments: object, **named: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("neuralopt.cli.commands.compare.run_benchmark", fail)
    shown = typed(capsys, "verdict", str(run))
    assert (shown.code, shown.err) == (0, "")
    assert table in shown.out
    again = typed(capsys, "resume", str(run), *asked)
    assert again.code == 0, again.err
    assert table in again.out
    (found,) = json.loads(typed(capsys, "verdict", str(run), "--json").out)
    rows = found["splits"]["selection"]
    assert len(rows) == 3
    assert {len(row["qualities"]) for row in rows} == {2}
    best = next(row for row in rows if row["name"].startswith("#"))
    said = typed(capsys, "show", f"{run}:{best['name'][1:]}")
    assert f"mean {best['mean']:.4f}" in said.out
    assert f"neuralopt verdict {run}" in typed(capsys, "top", str(run)).out


def test_a_run_without_a_verdict_says_how_to_make_one(
    capsys: Capture, finished_run: Path
) -> None:
    said = typed(capsys, "verdict", str(finished_run))
    assert said.code == 2
    assert f"neuralopt compare {finished_run}:top5" in said.complaint


def test_a_comparison_is_printed_as_json(capsys: Capture) -> None:
    said = typed(
        capsys, "compare", "adam", "sgd", "budget=smoke", "verdict.seeds=2", "--json"
    )
    assert said.code == 0
    found, *parts = json.loads(said.out)
    assert (found["task"], found["budget"], found["seeds"]) == ("suite", "smoke", 2)
    assert [part["task"] for part in parts] == list(GROUPS["suite"])
    assert set(found["splits"]) == {"selection", "test"}
    assert {row["name"] for row in found["splits"]["test"]} == {"adam", "sgd"}


def test_a_rule_is_shown_as_json_with_its_rates(
    capsys: Capture, finished_run: Path
) -> None:
    facts = json.loads(typed(capsys, "show", f"{finished_run}:best", "--json").out)
    assert facts["status"] == "scored"
    assert [rate for rate, _ in facts["screening"]] == [1e-3, 1e-2, 1e-1]
    assert len(facts["curve"]) >= 2
    said = typed(capsys, "show", f"{finished_run}:best").out
    assert "\nrates " in said
    assert "\ncurve " in said


def test_the_best_rule_is_its_plain_form_and_its_number_what_was_proposed(
    capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "pruned"
    shutil.copytree(finished_run, run)
    with Archive.open(run, writable=True) as archive:
        best = archive.best(1)[0]
        number = best.number
        record = PruningRecord(number, "sign(g)", 0.01, 0.002, -0.004, 8)
        archive.save_prunings([record])
    for which, rule in (
        ("best", "sign(g)"),
        ("top1", "sign(g)"),
        (f"plain{number}", "sign(g)"),
        (str(number), best.canonical),
    ):
        facts = json.loads(typed(capsys, "show", f"{run}:{which}", "--json").out)
        assert facts["expanded"] == rule, which
    shown = typed(capsys, "show", f"{run}:best").out
    assert f"pruned    from {folded(best.canonical)}  (+0.0020" in shown
    assert "behaves   = signsgd" in shown
    assert (
        "pruned    to sign(g)  (+0.0020" in typed(capsys, "show", f"{run}:{number}").out
    )
    both = (f"{run}:best", f"{run}:{number}", "task=digits", "budget=smoke")
    said = typed(capsys, "compare", *both, "verdict.seeds=2")
    assert said.code == 0, said.err
    assert f"#{number} unpruned" in said.out


def test_a_pruned_search_goes_on_with_its_margin_only(
    capsys: Capture, finished_run: Path
) -> None:
    for key in ("pruning.margin=0.05", "pruning.replicates=6"):
        said = typed(capsys, "resume", str(finished_run), key)
        assert said.code == 2
        assert "makes another search" in said.complaint
        assert "pruning.candidates" in said.complaint
