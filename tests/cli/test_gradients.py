"""The command gradients: tables, files, and bad input in a line."""

import json
from pathlib import Path

import pytest

import neuralopt
from neuralopt.tasks import TASKS
from tests.cli.cli_runner import files, typed

Capture = pytest.CaptureFixture[str]

SMALL = ("task.depth=2", "task.width=6", "--lr", "0.1", "--steps", "3")


def test_layers_are_printed_and_drawn(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "signals.svg"
    said = typed(capsys, "gradients", "sgd", "torch.SGD", *SMALL, "-o", str(file))
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0] == (
        "sgd, lr 0.1, on digits_mlp depth=2 width=6, measured up to step 2"
    )
    assert lines[-1] == f"Wrote {file}"
    one, _, other = said.out.partition("torch.SGD, lr 0.1, on ")
    tables = [
        [line for line in text.splitlines() if line.startswith("  ")]
        for text in (one, other)
    ]
    assert tables[0] == tables[1]  # both are plain gradient descent
    assert len(tables[0]) == 1 + 3 + 1 + 2 + 1
    assert file.read_text("utf-8").startswith("<?xml")


def test_json_is_what_python_finds(capsys: Capture) -> None:
    recipe = "task.recipe.clip_norm=0.1"
    said = typed(capsys, "gradients", "adam", *SMALL, recipe, "seed=3", "--json")
    assert said.code == 0, said.err
    data = json.loads(said.out)
    task = neuralopt.tasks.with_recipe(  # type: ignore[attr-defined]
        TASKS["digits_mlp"](depth=2, width=6), clip_norm=0.1
    )
    found = neuralopt.gradients("adam", task, lr=0.1, steps=3, seed=3, progress=False)
    assert data["histories"] == found.to_mapping()["histories"]
    assert data["task"] == "digits_mlp depth=2 width=6 clip_norm=0.1"


def test_a_rule_of_a_run_has_the_task_of_its_run(
    capsys: Capture, finished_run: Path
) -> None:
    before = files(finished_run)
    said = typed(
        capsys, "gradients", f"{finished_run}:best", "--lr", "0.01", "--steps", "2"
    )
    assert said.code == 0, said.err
    assert ", on digits, measured up to step 1" in said.out
    assert "As the run has it: " in said.err
    assert files(finished_run) == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sgdd"], "unknown rule 'sgdd': did you mean 'sgd'?"),
        (["seed=1"], "0 rules are named: name 1 to 6"),
        (["sgd", "--steps", "0"], "steps is 0: give 1 or more"),
        (["sgd", "--lr", "0"], "the learning rate 0 is not positive and finite"),
        (["sgd", "--lr", "nan"], "the learning rate nan is not positive"),
        (["sgd", "-o", "a.txt"], "-o a.txt: end the file's name in one of .png"),
        (["sgd", "-o", "nowhere/a.png"], "there is no folder nowhere, make it"),
        (["sgd", "task=suite"], "layers are those of one task, not of regression"),
        (["sgd", "task.activation=tan"], "task.options.activation is 'tan'"),
        (["sgd", "task.depht=3"], "unknown key 'depht' in task: did you mean 'depth'?"),
        (["sgd", "task.recipe.clip_value=-1"], "clip_value is -1.0: give 0 or more"),
        (["sgd", "task.recipe.schedule=cosin"], "did you mean 'cosine'"),
    ],
)
def test_bad_input_is_a_line(
    capsys: Capture, arguments: list[str], complaint: str
) -> None:
    said = typed(capsys, "gradients", *arguments)
    assert said.code == 2
    assert complaint in said.complaint
