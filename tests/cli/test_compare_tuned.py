"""The command compare --tuned."""

import json
from pathlib import Path

import pytest

from neuralopt.cli.commands import tuned
from neuralopt.cli.commands.tuned import find_contenders, horizons_of, torch_rate
from neuralopt.language import RULES
from neuralopt.verdict.tuning.comparing import Setup
from tests.cli.cli_runner import typed

Capture = pytest.CaptureFixture[str]

QUICK = (
    *("compare", "--tuned", "adam", "g * exp(sign(g) * sign(m))", "torch.SGD"),
    *("task=digits", "budget=smoke", "verdict.tuning.trials=10", "--horizons", "1,2"),
    *("verdict.tuning.seeds=1", "verdict.seeds=4"),
)
"""A comparison of a second or two."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuned") / "folder"


def test_the_command_prints_every_table_and_keeps_its_trainings(
    folder: Path, capsys: Capture
) -> None:
    said = typed(capsys, *QUICK, "--into", str(folder))
    assert said.code == 0, said.err
    for title in (
        "Tuning 3 rules on digits, 10 trials each on 1 seed of 1 epoch; "
        "then 4 fresh seeds at 1 x, 2 x",
        "Tuned on digits:",
        "digits, 1 x the tuned length (1 epoch), selection split:",
        "digits, 2 x the tuned length (2 epochs), test split:",
        "digits, time to target:",
        "Untuned, one rate for all tasks: digits, test split:",
        "tuning of torch.SGD",
    ):
        assert title in said.out
    assert said.out.count("reference") >= 6
    assert sorted(path.name for path in folder.iterdir()) == [
        "comparison.json",
        "frozen.json",
        "trainings.jsonl",
    ]


def test_the_same_command_again_trains_nothing(folder: Path, capsys: Capture) -> None:
    kept = (folder / "trainings.jsonl").read_bytes()
    said = typed(capsys, *QUICK, "--into", str(folder), "--json")
    found = json.loads(said.out)
    assert (folder / "trainings.jsonl").read_bytes() == kept
    assert found["contenders"] == ["adam", "g * exp(sign(g) * sign(m))", "torch.SGD"]
    assert found["reference"] == ["adam"]
    assert (found["seeds"], found["horizons"]) == (4, [1, 2])
    (task,) = found["tasks"]
    rows = task["matches"][1]["splits"]["test"]
    assert {len(row["qualities"]) for row in rows} == {4}
    assert len(task["settings"]["torch.SGD"]["trials"]) == 10
    assert found["test_refused"] == ""
    assert json.loads((folder / "comparison.json").read_text()) == found
    assert task["time_to_target"]["steps"].keys() == {*found["contenders"]}


def test_other_contenders_are_not_measured_on_the_test_split(
    folder: Path, capsys: Capture
) -> None:
    frozen = (folder / "frozen.json").read_bytes()
    said = typed(capsys, *QUICK, "lion", "--into", str(folder))
    assert said.code == 0, said.err
    assert "test split:" not in said.out
    assert "frozen for the contenders adam," in " ".join(said.out.split())
    assert (folder / "frozen.json").read_bytes() == frozen


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("adam", "--into", "x"), "--into and --horizons belong to --tuned"),
        (("adam", "--horizons", "1"), "--into and --horizons belong to --tuned"),
        (("--tuned", "adam", "--horizons", "1,x"), "--horizons '1,x': give rising"),
        (("--tuned", "adam", "--horizons", "2,3"), "horizons are 2,3: give rising"),
        (
            ("--tuned", "adam", "verdict.tuning.trials=9"),
            "verdict.tuning.trials is 9: give 10 or more",
        ),
        (
            ("--tuned", "adam", "verdict.tuning.seeds=0"),
            "verdict.tuning.seeds is 0: give 1 or more",
        ),
        (("--tuned", "budget=smoke"), "name at least one rule to compare"),
        (("--tuned", "admw"), "unknown rule 'admw'"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], told: str, capsys: Capture
) -> None:
    said = typed(capsys, "compare", *arguments)
    assert said.code == 2
    assert told in said.complaint


def test_several_tasks_have_a_picture_of_times(tmp_path: Path, capsys: Capture) -> None:
    words = [each for each in QUICK if each not in ("torch.SGD", "task=digits")]
    said = typed(capsys, *words, "task=digits+regression", "--into", str(tmp_path))
    assert said.code == 0, said.err
    assert "Time to target over all tasks:" in said.out
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_of_something_else_is_refused(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "trainings.jsonl").write_text("mine\n")
    said = typed(capsys, *QUICK, "--into", str(tmp_path))
    assert said.code == 2
    assert "is not a file of trainings: name another folder" in said.complaint
    assert (tmp_path / "trainings.jsonl").read_text() == "mine\n"


def test_tuning_begins_at_rates_that_are_known(finished_run: Path) -> None:
    texts = ["lion", "sign(g) * w", "torch.Adadelta", f"{finished_run}:best"]
    lion, other, adadelta, found = find_contenders(texts)
    assert lion.plain.rate == RULES["lion"].lr
    assert other.plain.rate == 0.01
    assert adadelta.plain.rate == torch_rate("torch.Adadelta") == 1.0
    assert found.plain.rate in (0.001, 0.01, 0.1)


@pytest.mark.parametrize(
    ("given", "seeds"),
    [((), 12), (("verdict.seeds=3",), 3), (("verdict.seeds=9",), 9)],
)
def test_the_seeds_are_those_of_the_settings(
    given: tuple[str, ...], seeds: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    class AskedError(ValueError):
        pass

    def asked(setup: Setup, *_: object) -> None:
        raise AskedError(f"{setup.seeds} {setup.epochs} {setup.baselines[0]}")

    monkeypatch.setattr(tuned, "run_tuned", asked)
    words = ("compare", "--tuned", "adam", "task=digits", "budget=smoke", *given)
    assert typed(capsys, *words).complaint == f"{seeds} 1 sgd"


def test_horizons_are_whole_numbers() -> None:
    assert horizons_of("") == (1, 3, 8)
    assert horizons_of("1, 4") == (1, 4)
