"""The commands learn and distill, and learned optimizers among compared rules."""

import json
from pathlib import Path

import pytest
import torch

from tests.cli.cli_runner import typed

Capture = pytest.CaptureFixture[str]

SHORT = ("task=regression", "--horizon", "4", "--truncation", "2")
HERE = ("task=regression", "budget=smoke", "verdict.seeds=1", "evaluator.workers=1")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of two children, the second of which a second command trained."""
    from neuralopt.cli import main

    path = tmp_path_factory.mktemp("learned") / "one.pt"
    for children in ("1", "2"):
        assert main(["learn", *SHORT, "--children", children, "-o", str(path)]) == 0
    return path


def test_an_interrupted_command_is_continued(
    learned: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "whole.pt"
    said = typed(capsys, "learn", *SHORT, "--children", "2", "-o", str(path))
    assert said.code == 0, said.err
    assert "2 trainings of 4 steps on regression" in said.out
    assert f"neuralopt compare learned:{path} adam" in said.out
    one, other = (torch.load(each, weights_only=True) for each in (learned, path))
    assert one["curve"] == other["curve"]
    for name, weight in one["network"].items():
        assert torch.equal(weight, other["network"][name])


def test_it_is_compared_with_rules(learned: Path, capsys: Capture) -> None:
    name = f"learned:{learned}"
    said = typed(capsys, "compare", name, "sgd", *HERE, "--json")
    assert said.code == 0, said.err
    (found,) = json.loads(said.out)
    assert name in json.dumps(found)


def test_rules_that_imitate_it_are_searched(learned: Path, capsys: Capture) -> None:
    asked = ("distill", str(learned), "proposals=128", "--children", "1", "-n", "2")
    said = typed(capsys, *asked, "--json")
    assert said.code == 0, said.err
    assert "4 steps on regression" in said.err
    found = json.loads(said.out)
    assert len(found["found"]) == 2
    best = found["found"][0]
    assert best["fit"] >= found["found"][1]["fit"] - 1e-3
    assert 0 < best["fit"] <= 1
    assert len(found["named"]) == 3
    again = typed(capsys, *asked)
    assert best["rule"] in again.out
    assert "R^2 is the share" in again.out


def test_mistakes_are_one_line(learned: Path, tmp_path: Path, capsys: Capture) -> None:
    text, missing = tmp_path / "text.pt", tmp_path / "missing.pt"
    text.write_text("no network")
    out = ("-o", str(learned))
    for arguments, complaint in (
        (("learn", *SHORT, "seed=1", *out), f"{learned}: it was learned with seed 0"),
        (("learn", *SHORT, "-o", str(text)), "holds no learned optimizer"),
        (("learn", *SHORT, "--children", "0", *out), "--children is 0"),
        (("learn", "--horizon", "90", *out), "no multiple of 20"),
        (("learn", *SHORT, "-o", str(missing / "x")), "No such file"),
        (("learn", *SHORT, "task.recipe.clip_norm=1", *out), "leave out task.recipe"),
        (("compare", f"learned:{missing}", "sgd", *HERE), "No such file"),
        (("compare", f"learned:{text}", "sgd", *HERE), "holds no learned optimizer"),
        (("show", f"learned:{learned}"), "is a network and no rule"),
        (("distill", str(text)), "holds no learned optimizer"),
        (("distill", str(learned), "--steps", "0"), "--steps is 0"),
    ):
        said = typed(capsys, *arguments)
        assert complaint in said.complaint, arguments
