"""The command prune."""

import json
from pathlib import Path

import pytest

from tests.cli.cli_runner import Said, files, typed

Capture = pytest.CaptureFixture[str]

NOISY = "g - clip(log(noise(0.1)), 0.001)"
SMALL = ("budget=smoke", "evaluator.workers=1", "--replicates", "4")


def test_a_rule_is_shown_before_and_after(capsys: Capture) -> None:
    said = typed(capsys, "prune", NOISY, "g", *SMALL)
    assert said.code == 0, said.err
    (row,) = [row for row in said.out.splitlines() if NOISY in row]
    assert row.split()[:3] == ["7", "->", "1"]
    assert row.endswith("  g")
    assert "as it is" in said.out
    assert "on 4 paired replicates" in " ".join(said.out.split())


def test_rules_of_a_run_are_pruned_as_the_run_scores(
    capsys: Capture, finished_run: Path
) -> None:
    before = files(finished_run)
    said = typed(capsys, "prune", f"{finished_run}:top2", "--json", "--replicates", "4")
    assert said.code == 0, said.err
    assert "budget smoke" in said.err
    found = json.loads(said.out)
    assert len(found) == 2
    for each in found:
        assert each["name"].startswith("#")
        assert each["pruned_size"] <= each["size"]
        assert bool(each["steps"]) == (each["pruned"] != each["rule"])
        assert each["low"] > -each["margin"]
        assert each["replicates"] == (4 if each["steps"] else 0)
    assert files(finished_run) == before


def test_several_tasks_are_one_quality(capsys: Capture) -> None:
    said = typed(capsys, "prune", "0.5 * g", "task=digits+ravine", "--json", *SMALL)
    assert said.code == 0, said.err
    (found,) = json.loads(said.out)
    assert found["pruned"] in ("g", "0.5 * g")
    assert found["trainings"] >= 2


BAD = (
    (("noise(0.1)",), "noise(0.1) can't be pruned: does not use g"),
    (("torch.Adam",), "torch.Adam can't be pruned: only rules of the language can"),
    (("budget=smoke",), "name at least one rule to prune"),
    (("g", "--margin", "0"), "margin is 0: give a quality between 0 and 1"),
    (("g", "--margin", "wide"), "argument --margin: invalid float value: 'wide'"),
    (("g", "--replicates", "2"), "replicates is 2: give 4 or more"),
    (("g", "--replicates", "x"), "argument --replicates: invalid int value: 'x'"),
    (("sgdd",), "unknown rule 'sgdd': did you mean 'sgd'?"),
    (("g", "budget=smok"), "unknown budget 'smok': did you mean 'smoke'?"),
    (("g", "task=digts"), "unknown task 'digts': did you mean 'digits'?"),
    (("nowhere:best",), "nowhere is not a run directory"),
    ((), "the following arguments are required: RULE"),
)


@pytest.mark.parametrize(("arguments", "complaint"), BAD)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], complaint: str, capsys: Capture
) -> None:
    said: Said = typed(capsys, "prune", *arguments)
    assert said.code == 2
    assert complaint in said.complaint
    assert said.out == ""
