"""The command promote."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from neuralopt.cli import main
from tests.cli.cli_runner import Said, files, typed

Capture = pytest.CaptureFixture[str]

STAGES = (
    "promotion.stages=[{tasks:diabetes,seeds:4,share:0.5},"
    "{tasks:diabetes+friedman,seeds:4}]"
)
SMALL = (
    "budget=smoke",
    "evaluator.workers=1",
    "promotion.baselines=[adamw,momentum]",
    STAGES,
)
RULES = ("sign(g)", "g * 1e-3", "rmsprop", "0.01 * w + adam")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("promote") / "made" / "promotion"


@pytest.fixture(scope="module")
def first(folder: Path) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["promote", *RULES, "--into", str(folder), *SMALL])
    return Said(code, out.getvalue(), err.getvalue())


def test_stages_are_shown_and_kept(first: Said, folder: Path) -> None:
    assert first.code == 0, first.err
    out = first.out
    assert "0.01 * w + adam is left out: it is adamw" in out
    assert "Stage 1 of 2: 3 rules on 1 part, 4 seeds; 2 go on" in out
    assert "Stage 2 of 2: 2 rules on 2 parts, 4 seeds; " in out
    assert "20 measurements, 80 trainings, 1,280 optimizer steps" in " ".join(
        out.split()
    )
    assert sorted(files(folder)) == [
        "funnel.png",
        "measurements.jsonl",
        "promotion.json",
    ]
    assert "q / (q + r) on the validation split" in " ".join(out.split())
    assert "on these tasks' validation splits" in " ".join(out.split())
    kept = json.loads((folder / "promotion.json").read_text())
    assert kept["split"] == "validation"
    one, two = kept["stages"]
    assert [each["parts"] for each in (one, two)] == [
        ["diabetes"],
        ["diabetes", "friedman"],
    ]
    assert {each["name"] for each in one["standings"] if each["baseline"]} == {
        "adamw",
        "momentum",
    }
    stopped = [each for each in one["standings"] if not each["goes_on"]]
    assert [each["reason"] != "" for each in stopped] == [True]
    assert two["measurements"] == 16
    lines = (folder / "measurements.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 20 + 16


def test_the_same_command_trains_nothing_again(
    first: Said, folder: Path, capsys: Capture
) -> None:
    before = files(folder)
    measured = folder / "measurements.jsonl"
    lines = measured.read_bytes().splitlines(keepends=True)
    again = typed(capsys, "promote", *RULES, "--into", str(folder), "--json", *SMALL)
    assert again.code == 0
    assert json.loads(again.out) == json.loads(before["promotion.json"])
    assert files(folder) == before
    # Half of it gone, as if it had been interrupted: the rest is measured again.
    measured.write_bytes(b"".join(lines[:20]) + lines[20][:30])
    again = typed(
        capsys, "promote", *RULES, "--into", str(folder), "--json", *SMALL[:1],
        "evaluator.workers=2", "evaluator.batch=3", *SMALL[2:],
    )  # fmt: skip
    assert without_seconds(again.out) == without_seconds(before["promotion.json"])


def without_seconds(text: str | bytes) -> object:
    found = json.loads(text)
    for stage in found["stages"]:
        assert stage.pop("seconds") >= 0
    return found


def test_another_promotion_does_not_write_into_the_folder(
    first: Said, folder: Path, capsys: Capture
) -> None:
    before = files(folder)
    for change, what in (("seed=1", "seed"), ("budget.epochs=2", "budget")):
        said = typed(capsys, "promote", *RULES, "--into", str(folder), *SMALL, change)
        assert f"a promotion that differs in its {what}" in said.complaint
    said = typed(capsys, "promote", "sign(g)", "--into", str(folder), *SMALL)
    assert "a promotion that differs in its rules" in said.complaint
    assert files(folder) == before


def test_a_runs_best_rules_are_promoted(
    finished_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    before = files(finished_run)
    said = typed(
        capsys, "promote", str(finished_run), "--into", str(tmp_path / "here"),
        "--json", "promotion.candidates=3", *SMALL[:3],
        "promotion.stages=[{tasks:diabetes,seeds:3}]",
    )  # fmt: skip
    assert said.code == 0, said.err
    (stage,) = json.loads(said.out)["stages"]
    names = [each["name"] for each in stage["standings"] if not each["baseline"]]
    assert len(names) == 3
    assert all(name.startswith("#") for name in names)
    assert files(finished_run) == before


BAD = (
    (("g", "budget=smoke"), "say by --into DIR where the results go"),
    (("budget=smoke", "--into", "x"), "name at least one run, or a rule"),
    (("adamw", "--into", "x"), "name at least one run, or a rule"),
    (("tests", "--into", "x"), "tests is not a run directory"),
    (("sgdd", "--into", "x"), "unknown rule 'sgdd': did you mean 'sgd'?"),
    (("noise(0.1)", "--into", "x"), "can't be promoted: does not use g"),
    (("g", "promotion.baselines=[adamm]", "--into", "x"), "did you mean 'adam'?"),
    (("g", "promotion.baselines=[]", "--into", "x"), "promotion.baselines is empty"),
    (("g", "promotion.stages=[]", "--into", "x"), "promotion.stages is empty"),
    (
        ("g", "promotion.stages=[{tasks:digts,seeds:5}]", "--into", "x"),
        "unknown task 'digts': did you mean 'digits'?",
    ),
    (
        ("g", "promotion.stages=[{tasks:digits,seeds:1}]", "--into", "x"),
        "promotion.stages[0].seeds is 1: give from 3",
    ),
    (("g", "promotion.confidence=2", "--into", "x"), "promotion.confidence is 2"),
    (("g", "promotion.candidates=0", "--into", "x"), "promotion.candidates is 0"),
    (("g", "evaluator=tabular", "--into", "x"), "evaluator=tabular trains nothing"),
)


@pytest.mark.parametrize(("arguments", "complaint"), BAD)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], complaint: str, capsys: Capture
) -> None:
    said = typed(capsys, "promote", *arguments)
    assert said.code == 2
    assert complaint in said.complaint
    assert said.out == ""
    assert not Path("x").exists()


def test_rules_of_two_runs_with_one_number_have_names_of_their_own(
    finished_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    other = tmp_path / "other"
    other.symlink_to(finished_run)
    best = typed(capsys, "top", str(finished_run), "--json", "-n", "2").out
    one, two = (json.loads(line)["number"] for line in best.splitlines())
    said = typed(
        capsys, "promote", f"{finished_run}:{one}", str(other), "--json",
        *SMALL[:2], "promotion.candidates=2", "promotion.baselines=[adamw]",
        "promotion.stages=[{tasks:diabetes,seeds:3}]", "--into", str(tmp_path / "here"),
    )  # fmt: skip
    assert said.code == 0, said.err
    (stage,) = json.loads(said.out)["stages"]
    names = {each["name"] for each in stage["standings"] if not each["baseline"]}
    assert names == {f"#{one}", f"{other}:#{two}"}
    assert f"{other}:#{one} is left out: it is #{one}" in said.err
