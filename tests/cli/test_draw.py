"""The command draw: files that it writes, and bad input in a line."""

from pathlib import Path

import pytest

from tests.cli.cli_runner import typed


def test_a_picture_of_several_rules(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, finished_run: Path
) -> None:
    file = tmp_path / "paths.svg"
    rules = ("adam", "g * sign(m)", f"{finished_run}:best", "torch.Adam", "newton")
    said = typed(capsys, "draw", *rules, "--lr", "0.1", "--steps=5", "-o", str(file))
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("adam, lr 0.1: ")
    assert lines[3].startswith("torch.Adam, lr 0.1: ")
    assert lines[0].split(": ")[1] == lines[3].split(": ")[1]
    assert lines[4].startswith("newton: 0 at (0, 0), 1 step from (-10, 1); 2 values, ")
    assert lines[5] == f"Wrote {file}"
    assert file.read_text("utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--on", "rosenbrok"], "unknown landscape 'rosenbrok': did you mean"),
        (["-o", "a.jpg"], "-o a.jpg: unknown file type '.jpg': give a file that ends"),
        (["-o", "a"], "unknown file type 'without an ending'"),
        (["-o", "nowhere/a.png"], "there is no folder nowhere, make it"),
        (["--animate"], "an animation needs a file that ends in .gif"),
        (["--lr", "fast"], "--lr fast: give numbers, joined by commas"),
        (["--lr=-1"], "the learning rate -1 is not positive and finite"),
        (["--lr", "inf"], "the learning rate inf is not positive and finite"),
        (["--steps", "0"], "steps is 0: give 1 or more"),
        (["--start", "1"], "start 1 is not a point of ravine: give 2 finite numbers"),
        (["--start", "1,nan"], "start 1,nan is not a point of ravine"),
        (["--start", "1e7,0"], "start 1e+07,0 is too far away: give numbers between"),
        (["--task", "digits"], "task is for slices only: draw on slice"),
        (["--plane", "paths"], "plane is for slices only"),
        (["--on", "slice", "--plane", "pca"], "unknown plane 'pca': give random or"),
        (["--on", "slice", "--start", "1"], "start is not for slices"),
        (["--on", "slice", "--task", "digit"], "did you mean 'digits'?"),
        (["--on", "slice", "--task", "digits+regression"], "a slice needs one task"),
        (["newton", "--on", "slice"], "newton has no path on a slice"),
        (
            ["sgd", "--on", "slice", "--lr", "1e200", "--steps", "3"],
            "diverges on digits",
        ),
        (["exp(sgn(g))"], "did you mean 'sign'?"),
    ],
)
def test_bad_input_is_a_line(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    said = typed(capsys, "draw", "-o", "a.png", *arguments)
    assert complaint in said.complaint
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "a.png").mkdir()
    rest = ("--lr", "1", "--steps", "1", "-o", str(tmp_path / "a.png"))
    said = typed(capsys, "draw", "sgd", *rest)
    assert said.complaint == f"{tmp_path / 'a.png'}: Is a directory"
