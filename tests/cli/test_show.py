"""The command show: everything about a rule."""

import json
import shutil
from pathlib import Path

import pytest

from neuralopt.archive import Archive, PruningRecord
from neuralopt.language import parse, simplify
from neuralopt.report.rule_text import folded
from tests.cli.cli_runner import typed

Capture = pytest.CaptureFixture[str]


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
