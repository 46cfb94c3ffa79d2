"""What a search prints and keeps, its verdict, and resuming it."""

import json
from pathlib import Path

import pytest
import yaml

from neuralopt.archive import Archive
from tests.cli.cli_runner import SMALL, typed

Capture = pytest.CaptureFixture[str]


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


def test_a_pruned_search_goes_on_with_its_margin_only(
    capsys: Capture, finished_run: Path
) -> None:
    for key in ("pruning.margin=0.05", "pruning.replicates=6"):
        said = typed(capsys, "resume", str(finished_run), key)
        assert said.code == 2
        assert "makes another search" in said.complaint
        assert "pruning.candidates" in said.complaint
