"""The command rediscover, on small searches."""

import json
from pathlib import Path

import pytest

from neuralopt import RediscoveryResult, rediscover
from neuralopt.cli.arguments.runs import REDISCOVER_HELP
from neuralopt.cli.commands.rediscover import KEPT_FILE
from neuralopt.verdict.rediscovery.targets import TARGETS
from tests.cli.cli_runner import typed

SMALL = (
    "space=from_scratch",
    "space.groups=1",
    "searcher=controller",  # which has probabilities
    "task=digits",
    "budget=smoke",
    "shortlist.size=0",
    "pruning.candidates=0",
    "verdict.candidates=0",
    "report=none",
    "proposals=192",
    "evaluator.workers=1",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Run directories of two seeds."""
    from neuralopt.cli import main

    folder = tmp_path_factory.mktemp("sweep") / "runs"
    assert main(["search", "-m", *SMALL, "seed=0,1", f"run_dir={folder}"]) == 0
    return [str(path) for path in sorted(folder.iterdir())]


def test_a_table_of_one_run_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], runs: list[str]
) -> None:
    said = typed(capsys, "rediscover", runs[0], "--sample", "20", "--rows", "0")
    assert said.code == 0
    assert "Not in the space: " in said.out
    assert "lion" in said.out.partition("Not in the space: ")[2].partition(".")[0]
    table = rediscover(runs[:1], sample=0, rows=0, progress=False).table()
    assert max(len(line) for line in table.text(80).splitlines()) <= 80
    kept = json.loads((Path(runs[0]) / KEPT_FILE).read_text())
    assert all(0 <= quality <= 1 for quality in kept.values())


def test_the_help_names_every_target() -> None:
    listed = REDISCOVER_HELP.partition("Targets: ")[2].partition(".")[0].split()
    assert listed == list(TARGETS)


def test_several_runs_are_counted(
    capsys: pytest.CaptureFixture[str], runs: list[str]
) -> None:
    said = typed(
        capsys, "rediscover", *runs, "--json", "--target", "signum", "--target", "adam",
        "--sample", "20", "--rows", "50",
    )  # fmt: skip
    found = json.loads(said.out)
    assert [each["seed"] for each in found["runs"]] == [0, 1]
    signum, adam = found["targets"]
    assert signum["name"] == "signum"
    assert signum["successes"]["behaviour"]["runs"] == 2
    hits = [each["found"]["signum"]["behaviour"] for each in found["runs"]]
    assert signum["successes"]["behaviour"]["found"] == sum(bool(hit) for hit in hits)
    assert adam["exact"]  # the space is that of a table
    assert adam["uniform"] == pytest.approx(17_092, abs=1)
    assert 0 <= adam["percentile"] <= 100
    assert all(run["gains"]["adam"] is not None for run in found["runs"])


def test_a_result_prints_from_python(runs: list[str]) -> None:
    result = rediscover(runs, targets=["signum"], sample=0, rows=0, progress=False)
    assert isinstance(result, RediscoveryResult)
    assert result["signum"].in_space
    assert [each.name for each in result] == ["signum"]
    assert "signum" in str(result)
    assert "<table" in result._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nowhere",), "nowhere is not a run directory"),
        (("{run}", "--target", "adm"), "unknown target 'adm'"),
        (("{run}", "--sample", "-1"), "sample is -1: give 0 or more"),
        (("{run}", "--uniform", "{run}"), "not by uniform"),
    ],
)
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str],
    runs: list[str],
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    texts = [text.format(run=runs[0]) for text in arguments]
    said = typed(capsys, "rediscover", *texts, "--rows", "0")
    assert complaint in said.complaint


def test_runs_of_different_settings_are_not_mixed(
    capsys: pytest.CaptureFixture[str], runs: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    typed(capsys, "search", *SMALL, "batch=32", f"run_dir={other}")
    said = typed(capsys, "rediscover", runs[0], str(other))
    assert "another batch" in said.complaint
