"""Overrides in all their forms: short options, the user's own files, lists, sweeps."""

import json
from pathlib import Path

import pytest

from neuralopt.archive import Archive
from neuralopt.cli.commands.compare import note_evaluator
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.saved import (
    described_overrides,
    inherit,
    settings_from_text,
    settings_text,
)
from neuralopt.cli.config.sweep import expand
from tests.cli.cli_runner import typed

Capture = pytest.CaptureFixture[str]

SPACE = """\
operands: [g, m, v]
unary: [x, -x, sqrt(x), sign(x)]
binary: [x + y, x * y, x / (y + 1e-8), x]
groups: 2
"""
TINY = ("budget=smoke", "shortlist.size=0", "proposals=16", "batch=8", "report=none")
QUIET = (*TINY, "searcher=uniform", "verdict.candidates=0", "evaluator.workers=1")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("task.path=/a=b.gz", "task.options.path=/a=b.gz"),
        ("evaluator.workers=3", "evaluator.options.workers=3"),
        ("searcher.patience=32", "searcher.options.patience=32"),
    ],
)
def test_an_option_may_be_named_in_short(short: str, long: str) -> None:
    assert compose_settings([short]) == compose_settings([long])
    assert compose_settings([short]) != compose_settings([])


def test_an_option_of_another_evaluator_is_named_with_those_there_are() -> None:
    says = "unknown key 'address' in evaluator.options: known: workers, batch"
    with pytest.raises(ValueError, match=says):
        compose_settings(["evaluator.address=auto"])
    asked = compose_settings(["evaluator=ray", "evaluator.address=auto"])
    assert asked.evaluator.options["address"] == "auto"


@pytest.mark.parametrize(
    ("typed", "added"),
    [
        ("space.operands+=[abs(g), min(g, m)]", ["abs(g)", "min(g, m)"]),
        ("space.operands+=tanh(g)", ["tanh(g)"]),
        ("space.operands+=['2 * g']", ["2 * g"]),
        ("space.operands+=[]", []),
    ],
)
def test_a_list_is_extended_without_typing_it_again(
    typed: str, added: list[str]
) -> None:
    before = compose_settings([]).space["operands"]
    assert compose_settings([typed]).space["operands"] == [*before, *added]


def test_numbers_extend_lists_of_numbers() -> None:
    rates = compose_settings(["budget=smoke", "budget.learning_rates+=[1, 1e1]"])
    assert rates.budget.learning_rates == (1e-3, 1e-2, 1e-1, 1.0, 10.0)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("proposals+=3", r"proposals is not a list: \+= extends lists"),
        ("space.operandz+=g", r"space\.operandz is not a list"),
        ("spase.operands+=g", r"unknown key 'spase\.operands'"),
        ("budget.learning_rates+=[fast]", "fast"),
        ("space=nowhere/mine.yaml", r"space=nowhere/mine\.yaml: there is no such file"),
    ],
)
def test_what_can_not_be_extended_or_read_is_one_line(typed: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        compose_settings([typed])


def test_a_file_of_ones_own_is_a_space(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SPACE)
    run = tmp_path / "run"
    said = typed(
        capsys, "search", *QUIET, f"space={tmp_path}/mine.yaml", f"run_dir={run}"
    )
    assert said.code == 0, said.err
    assert "Searching mine (" in said.out
    (tmp_path / "mine.yaml").unlink()  # the archive keeps the space itself
    assert typed(capsys, "resume", str(run)).code == 0


def test_a_folder_of_ones_own_has_groups(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "mine.yaml").write_text(f"name: mine\n{SPACE}")
    (tmp_path / "budget").mkdir()
    (tmp_path / "budget" / "quick.yaml").write_text(
        "name: quick\nlearning_rates: [0.01]\nscreening_epochs: 1\nepochs: 1\n"
    )
    asked = ("space=mine", "budget=quick", "--config-dir", str(tmp_path))
    said = typed(capsys, "search", *asked, "--show")
    assert said.code == 0, said.err
    assert "name: mine" in said.out
    assert "name: quick" in said.out
    said = typed(capsys, "search", "space=mine", "--show")
    assert "unknown space 'mine'" in said.complaint
    said = typed(capsys, "search", "--config-dir", str(tmp_path / "nowhere"))
    assert "there is no such folder" in said.complaint


# ----------------------------------------------------------------------------- sweeps


def test_a_sweep_runs_one_search_for_each_combination(
    capsys: Capture, tmp_path: Path
) -> None:
    sweep = ("-m", "seed=0,1", "searcher=uniform,evolution", f"run_dir={tmp_path}")
    said = typed(capsys, "search", *QUIET[:-3], *QUIET[-2:], *sweep)
    assert said.code == 0, said.err
    names = {
        f"seed={seed},searcher={searcher}"
        for seed in (0, 1)
        for searcher in ("uniform", "evolution")
    }
    assert {path.name for path in tmp_path.iterdir()} == names
    assert "[4/4] seed=1,searcher=evolution" in said.out
    for name in names:
        with Archive.open(tmp_path / name / "archive.sqlite") as archive:
            settings = settings_from_text(archive.context["configuration"])
        assert f"seed={settings.seed},searcher={settings.searcher.name}" == name
    larger = (sweep[0], "seed=2,0,1", *sweep[2:])
    refused = typed(capsys, "search", *QUIET[:-3], *QUIET[-2:], *larger)
    assert (refused.code, refused.out) == (2, "")
    assert "4 of the 6 runs hold a search" in refused.complaint
    assert {path.name for path in tmp_path.iterdir()} == names
    again = typed(capsys, "search", *QUIET[:-3], *QUIET[-2:], *sweep, "resume=auto")
    assert again.code == 0, again.err
    assert again.out.count("Continuing ") == 4
    runs = [str(path) for path in sorted(tmp_path.iterdir())]
    listed = typed(capsys, "top", *runs, "-n", "9")
    assert (listed.code, listed.err) == (0, "")
    header, *rows = listed.out.partition("\n\n")[0].splitlines()
    assert header.split()[:3] == ["rank", "run", "number"]
    assert len(rows) == 9
    qualities = [float(row.split()[3]) for row in rows]
    assert qualities == sorted(qualities, reverse=True)
    assert len({row.split()[1] for row in rows}) > 1
    lines = typed(capsys, "top", *runs, "--all", "-n", "3", "--json").out.splitlines()
    assert [json.loads(line)["run"] for line in lines] == [
        run for run in runs for _ in range(3)
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-m", "seed=0"], "-m needs an override that names several values"),
        (["seed=0,1"], "give -m to run a search for each"),
        (["-m", "seed=0,1", "searcher=unifrm,evolution"], "unknown searcher 'unifrm'"),
        (["-m", "seed=0,many"], "seed has the wrong type"),
    ],
)
def test_a_wrong_sweep_is_one_line_and_starts_nothing(
    arguments: list[str], says: str, capsys: Capture, tmp_path: Path
) -> None:
    said = typed(capsys, "search", *TINY, *arguments, f"run_dir={tmp_path / 'runs'}")
    assert said.code == 2
    assert says in said.complaint
    assert list(tmp_path.iterdir()) == []


def test_the_folders_of_a_sweep_hold_rules(capsys: Capture, tmp_path: Path) -> None:
    run = tmp_path / "seed=0,searcher=uniform"
    assert typed(capsys, "search", *QUIET, f"run_dir={run}").code == 0
    said = typed(capsys, "compare", f"{run}:best", "sgd", "verdict.seeds=1")
    assert said.code == 0, said.err
    assert "As the run has it: budget=smoke" in said.out


def test_files_of_a_group_are_swept_by_a_pattern() -> None:
    runs = expand(["searcher=glob(*ol*)"])
    assert [run.name for run in runs] == [
        "searcher=controller",
        "searcher=controller_paper",
        "searcher=evolution",
    ]


def test_a_range_is_swept_too() -> None:
    assert [run.overrides for run in expand(["seed=range(2)", "batch=8"])] == [
        ("seed=0", "batch=8"),
        ("seed=1", "batch=8"),
    ]


# -------------------------------------------------------------------- saved settings


def test_settings_of_the_first_version_are_read() -> None:
    settings = compose_settings(["evaluator=ray", "evaluator.cpus=2"])
    kept = json.loads(settings_text(settings))
    kept["task"] |= {"path": "/data", "download": None, "depth": None, "width": None}
    del kept["task"]["options"]
    kept["evaluator"] |= kept["evaluator"].pop("options")
    read = settings_from_text(json.dumps(kept))
    assert read.task.options == {"path": "/data"}
    assert read.evaluator == settings.evaluator
    kept["evaluator"]["name"] = "in_process"
    options = settings_from_text(json.dumps(kept)).evaluator.options
    assert options == {"workers": 0, "batch": 0}


@pytest.mark.parametrize("text", ["", "[]", "3", '{"task": 3}', '{"sed": 1}', "{"])
def test_unreadable_settings_are_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="configuration can't be read: ") as caught:
        settings_from_text(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["task=char_lm", "task.recipe.clip_norm=1", "budget=long", "budget.epochs=3"],
        ["task=cifar10_conv", "task.path=/a b/c.gz", "task.recipe.schedule=(1-t/T)**2"],
        ["task=digits+ravine", "budget=smoke", "budget.learning_rates=[0.1, 1]"],
    ],
)
def test_a_run_is_scored_again_as_it_was(overrides: list[str]) -> None:
    kept, asked = compose_settings(overrides), compose_settings([])
    described = inherit(asked, kept, [])
    assert (asked.task, asked.budget) == (kept.task, kept.budget)
    assert described == described_overrides(kept)
    again = compose_settings(described)
    assert (again.task, again.budget) == (kept.task, kept.budget)


def test_what_is_typed_goes_before_what_the_run_has() -> None:
    kept = compose_settings(["task.recipe.clip_norm=1", "budget=long"])
    typed = ["task.recipe.warmup=0.1", "budget.epochs=3"]
    asked = compose_settings(typed)
    inherit(asked, kept, typed)
    assert asked.task.recipe["clip_norm"] == 1
    assert asked.task.recipe["warmup"] == 0.1
    assert (asked.budget.name, asked.budget.epochs) == ("long", 3)
    typed = ["task=ravine", "budget=smoke"]
    asked = compose_settings(typed)
    assert inherit(asked, kept, typed) == []
    assert (asked.task.name, asked.budget.name) == ("ravine", "smoke")


@pytest.mark.parametrize("hidden", ["${oc.env:HOME}", "\\u0024{oc.env:HOME}"])
def test_a_saved_configuration_resolves_nothing_of_this_machine(hidden: str) -> None:
    text = settings_text(compose_settings(["task=digits"])).replace(
        '"digits"', f'"{hidden}"'
    )
    assert hidden in text
    with pytest.raises(ValueError, match=r"it holds \$\{"):
        settings_from_text(text)


def test_a_saved_configuration_fetches_nothing() -> None:
    settings = compose_settings(["task=cifar10_conv", "task.download=true"])
    assert settings.task.options == {"download": True}
    assert settings_from_text(settings_text(settings)).task.options == {}


def test_a_search_from_before_the_shortlist_goes_on_without_one() -> None:
    settings = compose_settings(["searcher=uniform"])
    assert settings_from_text(settings_text(settings)).shortlist.size == 20
    kept = json.loads(settings_text(settings))
    del kept["shortlist"]
    assert settings_from_text(json.dumps(kept)).shortlist.size == 0


def test_a_comparison_says_that_an_evaluator_has_no_effect(capsys: Capture) -> None:
    note_evaluator(compose_settings(["evaluator=tabular"]))
    note_evaluator(compose_settings([]))
    assert capsys.readouterr().err == (
        "evaluator=tabular has no effect here: comparisons train in this process\n"
    )
