"""The command explain."""

import json
from pathlib import Path

import pytest

from tests.cli.cli_runner import Said, files, typed

Capture = pytest.CaptureFixture[str]

SMALL = (
    "budget=smoke",
    "budget.learning_rates=[0.01]",
    "verdict.seeds=2",
    "evaluator.workers=1",
    "--parts",
    "1",
)


def test_without_trainings_it_says_what_needs_none(capsys: Capture) -> None:
    said = typed(capsys, "explain", "momentum", "--quick")
    assert said.code == 0, said.err
    assert "rate x curvature < 3.8 (spectral radius 1)" in said.out
    assert "updates times c ** 1, exactly" in said.out
    assert "What each part contributes" not in said.out


def test_a_rule_of_a_run_is_trained_as_its_run_scores(
    capsys: Capture, finished_run: Path
) -> None:
    before = files(finished_run)
    options = ("verdict.seeds=2", "evaluator.workers=1", "--parts", "1", "--json")
    said = typed(capsys, "explain", f"{finished_run}:best", *options)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["ablation"]["budget"] == "smoke"
    assert found["ablation"]["seeds"] == 2
    assert found["name"].startswith("#")
    assert files(finished_run) == before


def test_several_tasks_and_a_page(capsys: Capture, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    said = typed(
        capsys,
        "explain",
        "sgd",
        "--on",
        "digits",
        "regression",
        *SMALL,
        "-o",
        str(page),
    )
    assert said.code == 0, said.err
    text = page.read_text("utf-8")
    assert "digits+regression, budget smoke" in text
    assert text.count("<img") == 1
    assert "http" not in text.split("base64,")[0]


@pytest.mark.parametrize("ending", ["md", "svg"])
def test_other_files(capsys: Capture, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"found.{ending}"
    said = typed(capsys, "explain", "sgd", "--quick", "-o", str(file))
    assert said.out == f"Wrote {file}\n"
    begins = {"md": "# sgd\n", "svg": "<?xml"}
    assert file.read_text("utf-8").startswith(begins[ending])


BAD = (
    (("noise(0.1)",), "noise(0.1) can't be explained: does not use g"),
    (("torch.Adam",), "torch.Adam can't be explained: only rules of the language"),
    (("adam", "sgd"), "2 rules are named: name one to explain"),
    (("budget=smoke",), "0 rules are named: name one to explain"),
    (("sgdd",), "unknown rule 'sgdd': did you mean 'sgd'?"),
    (("sgd", "--parts", "0"), "--parts is 0: give 1 or more"),
    (("sgd", "-o", "found.txt"), "found.txt names no kind of file: end it in one of"),
    (("sgd", "-o", "no/a.png"), "no/a.png can't be written: make the folder no, or"),
    (("sgd", "verdict.seeds=0"), "verdict.seeds is 0: give 1"),
    (("sgd", "verdict.seeds=101"), "verdict.seeds is 101: give 1 to 100"),
    (("sgd", "--on", "digit"), "unknown task 'digit'"),
)


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_one_line(
    capsys: Capture, arguments: tuple[str, ...], message: str
) -> None:
    said: Said = typed(capsys, "explain", *arguments)
    assert said.code == 2
    assert said.complaint.startswith(message)
