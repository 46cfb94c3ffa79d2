"""Tasks with data and recipes, and several tasks at once, from the command line."""

import contextlib
import io
import json
import shutil
import signal
import sqlite3
from pathlib import Path

import pytest
import torch

from neuralopt.archive import Archive, difference
from neuralopt.cli import main
from neuralopt.tasks import load_task
from tests.cli.cli_runner import SMALL, ended, start, typed
from tests.tasks.cifar10_builders import write

Capture = pytest.CaptureFixture[str]
TINY = (
    *("experiment=smoke", "report=none", "evaluator.workers=1"),
    *("proposals=8", "batch=4", "evaluator.batch=2", "space=bello2017"),
)
NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def context(run: Path) -> dict[str, str]:
    with Archive.open(run / "archive.sqlite") as archive:
        return dict(archive.context)


def same(run: Path, other: Path) -> bool:
    with (
        Archive.open(run / "archive.sqlite") as ours,
        Archive.open(other / "archive.sqlite") as theirs,
    ):
        return difference(ours, theirs) is None


# --------------------------------------------------------------------- several tasks

SEVERAL = (*SMALL, "task=digits+ravine", "proposals=96")


def test_several_tasks_are_searched_and_go_on_with_the_same_adam(
    capsys: Capture, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    more = ("verdict.candidates=1", "verdict.baselines=[sgd]", "verdict.seeds=2")
    said = typed(capsys, "search", *SEVERAL, *more, f"run_dir={whole}")
    assert said.code == 0, said.err
    assert "on digits+ravine, budget smoke" in said.out
    assert "Adam, the reference of every rule's quality: digits 0." in said.out
    assert "On the selection split of digits+ravine:" in said.out
    assert "split of ravine:" not in said.out
    each = typed(capsys, "verdict", str(whole), "--tasks").out
    assert each.count("Means are of the quality") == 1
    for name in ("digits+ravine", "digits", "ravine"):
        assert f"On the selection split of {name}:" in each
    assert "adam sgd\n" in said.out
    kept = json.loads(context(whole)["adam"])
    assert list(kept) == ["digits", "ravine"]

    process = start("search", *SEVERAL, f"run_dir={cut}")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("told ")
    process.send_signal(signal.SIGKILL)
    ended(process)
    resumed = typed(capsys, "resume", str(cut))
    assert resumed.code == 0, resumed.err
    assert context(cut)["adam"] == context(whole)["adam"]
    assert same(cut, whole)

    said = typed(capsys, "show", f"{whole}:best")
    assert said.code == 0
    assert "status    scored\n" in said.out
    assert "tasks     digits 0." in said.out
    assert "; ravine 0." in said.out
    said = typed(capsys, "top", str(whole), "--json", "-n", "1")
    (best,) = map(json.loads, said.out.splitlines())
    assert [each["task"] for each in best["tasks"]] == ["digits", "ravine"]
    shares = [
        each["quality"] / (each["quality"] + kept[each["task"]])
        for each in best["tasks"]
    ]
    assert best["quality"] == pytest.approx(sum(shares) / 2)
    said = typed(capsys, "export", f"{whole}:best", "-o", str(tmp_path / "found.py"))
    assert said.code == 0, said.err


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short search over two tasks, to be copied."""
    run = tmp_path_factory.mktemp("small") / "run"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(["search", *SEVERAL, "proposals=16", f"run_dir={run}"]) == 0, said
    return run


@pytest.mark.parametrize("value", [None, "nonsense", '{"digits": 0.5}', '{"digits":0}'])
def test_an_archive_that_lost_adam_is_not_gone_on_with(
    capsys: Capture, small_run: Path, tmp_path: Path, value: str | None
) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    database = sqlite3.connect(run / "archive.sqlite")
    with database:
        if value is None:
            database.execute("DELETE FROM context WHERE key = 'adam'")
        else:
            database.execute(
                "UPDATE context SET value = ? WHERE key = 'adam'", (value,)
            )
    database.close()
    said = typed(capsys, "resume", str(run))
    assert "does not say what Adam's qualities were" in said.complaint


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_several_tasks_on_ray_end_in_the_same_archive(
    capsys: Capture, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    said = typed(capsys, "search", *SEVERAL, f"run_dir={here}")
    assert said.code == 0, said.err
    ray = ("evaluator=ray", "evaluator.address=local", "evaluator.workers=2")
    said = ended(start("search", *SEVERAL, *ray, f"run_dir={there}"))
    assert said.code == 0, said.err
    assert same(here, there)


# ------------------------------------------------------------------------------ data


@pytest.mark.parametrize(
    "kind", ["python archive", "binary archive", "python folder", "binary folder"]
)
def test_a_search_over_cifar10_in_each_form(
    capsys: Capture, tmp_path: Path, kind: str
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    path = write(data, kind, images_per_batch=60)
    task = ("task=cifar10_conv", f"task.path={path}")
    said = typed(capsys, "search", *TINY, *task, f"run_dir={run}")
    assert said.code == 0, said.err
    assert "on cifar10_conv" in said.out
    compared = typed(capsys, "compare", f"{run}:0", "verdict.seeds=1")
    named = f"As the run has it: task=cifar10_conv task.path={path} budget=smoke"
    assert named in compared.out, compared.err
    counts = said.out.rpartition("8 proposals: ")[2]
    assert "scored" in counts
    assert "failed" not in counts

    moved = tmp_path / "elsewhere"
    shutil.move(data, moved)
    gone = typed(capsys, "resume", str(run), "proposals=16")
    assert "proposals makes another search" in gone.complaint
    load_task.cache_clear()  # as a new process would
    gone = typed(capsys, "resume", str(run))
    assert str(path) in gone.complaint
    there = moved / Path(path).relative_to(data)
    said = typed(capsys, "resume", str(run), f"task.path={there}")
    assert said.code == 0, said.err
    other = tmp_path / "other"
    other.mkdir()
    changed = write(other, kind, images_per_batch=60, seed=1)
    said = typed(capsys, "resume", str(run), f"task.path={changed}")
    assert "was made with task fingerprint" in said.complaint


def test_data_that_are_not_there_are_asked_for(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said = typed(capsys, "search", "task=cifar10_conv", f"run_dir={tmp_path / 'run'}")
    for word in ("task.path=", "task.download=true", "https://"):
        assert word in said.complaint
    assert not (tmp_path / "run").exists()
    said = typed(capsys, "search", "task=digits", "task.path=x")
    assert said.complaint == "task.options.path is not an option of digits: it has none"


# --------------------------------------------------------------------------- recipes


def test_a_recipe_makes_another_search(capsys: Capture, tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = ("task.recipe.clip_norm=0.5", "task.recipe.schedule=cosine")
    said = typed(capsys, "search", *TINY, *recipe, f"run_dir={run}")
    assert said.code == 0, said.err
    assert "engine stacked" in said.out
    assert "the native engine supports only reparametrize" in said.out
    compared = typed(capsys, "compare", f"{run}:best", "verdict.seeds=1")
    given = "task=digits task.recipe.clip_norm=0.5 task.recipe.schedule=cosine"
    assert f"As the run has it: {given}" in compared.out
    plain = typed(capsys, "search", *TINY, f"run_dir={tmp_path / 'plain'}")
    assert plain.code == 0, plain.err
    prints = [context(p)["task fingerprint"] for p in (run, tmp_path / "plain")]
    assert prints[0] != prints[1]
    again = typed(capsys, "search", *TINY, f"run_dir={run}", "resume=auto")
    assert "holds a search with another task" in again.complaint


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("schedule=cosin", "schedule: unknown schedule 'cosin': did you mean 'cosine'"),
        (
            "schedule=2*g",
            "task.recipe.schedule: the schedule 2 * g is not one number a",
        ),
        ("schedule=", "task.recipe.schedule: a rule can't be empty"),
        ("clip_norm=-1", "task.recipe.clip_norm is -1.0: give 0 or more"),
        ("warmup=2", "task.recipe.warmup is 2.0: give a share of the training"),
        ("weight_decay=inf", "task.recipe.weight_decay is inf: give 0 or more"),
        ("batch_growth=0.5", "task.recipe.batch_growth is 0.5: give 1 or more"),
        ("batch_milestones=0.6 0.3", "batch_milestones is '0.6 0.3': give rising"),
        ("batch_milestones=0.5 x", "batch_milestones is '0.5 x': give rising shares"),
    ],
)
def test_a_wrong_recipe_is_one_line(
    capsys: Capture, tmp_path: Path, override: str, message: str
) -> None:
    run = tmp_path / "run"
    said = typed(capsys, "search", f"task.recipe.{override}", f"run_dir={run}")
    assert message in said.complaint
    assert not run.exists()


# ----------------------------------------------------------------- device, precision


@NO_GPU
@pytest.mark.parametrize("command", ["search", "compare"])
def test_a_missing_gpu_is_one_line(
    capsys: Capture, tmp_path: Path, command: str
) -> None:
    rules = ("adam", "sgd") if command == "compare" else (f"run_dir={tmp_path / 'r'}",)
    said = typed(capsys, command, *rules, "evaluator.device=cuda")
    assert "evaluator.device is cuda, but torch" in said.complaint
    assert said.complaint.endswith("use evaluator.device=cpu")
    assert not said.out
    said = typed(capsys, command, *rules, "evaluator.device=cuda:999")
    assert "unknown evaluator.device 'cuda:999': give cpu, cuda or" in said.complaint
    assert not (tmp_path / "r").exists()


@NO_GPU
@pytest.mark.ray
@pytest.mark.timeout(300)
def test_workers_without_a_gpu_are_one_line(capsys: Capture, tmp_path: Path) -> None:
    ray = ("evaluator=ray", "evaluator.address=local", "evaluator.workers=1")
    arguments = (*TINY, *ray, "evaluator.device=cuda", f"run_dir={tmp_path / 'r'}")
    said = ended(start("search", *arguments))
    assert said.code != 0
    assert "evaluator.device is cuda, but torch" in said.err
    assert "Traceback" not in said.err


def test_precision_makes_another_search(capsys: Capture, tmp_path: Path) -> None:
    bfloat16 = "evaluator.precision=bfloat16"
    said = typed(capsys, "search", *TINY, bfloat16, f"run_dir={tmp_path}")
    assert said.code == 0, said.err
    assert "the native engine does not support bfloat16 on cpu" in said.out
    said = typed(capsys, "resume", str(tmp_path), "evaluator.precision=float32")
    assert "evaluator.precision makes another search" in said.complaint
    said = typed(capsys, "resume", str(tmp_path), "evaluator.device=cuda")
    assert "evaluator.device makes another search" in said.complaint
    said = typed(capsys, "resume", str(tmp_path), "evaluator=in_process")
    assert said.code == 0, said.err
    said = typed(capsys, "search", "evaluator.precision=float61")
    assert "unknown evaluator.precision 'float61': did you mean" in said.complaint


@pytest.mark.parametrize("folder", ["it's (b) [c], {e}: f=g", "~h"])
def test_a_path_is_taken_as_it_is(capsys: Capture, tmp_path: Path, folder: str) -> None:
    data = tmp_path / folder
    data.mkdir()
    path = write(data, "binary folder", images_per_batch=60)
    run = tmp_path / "runs" / folder
    task = ("task=cifar10_conv", f"task.path={path}")
    said = typed(capsys, "search", *TINY, *task, "proposals=4", f"run_dir={run}")
    assert said.code == 0, said.err
    assert (run / "archive.sqlite").exists()


@pytest.mark.parametrize("text", ["(1-progress)**2", "min(1, (t+1)/10)", "exp(-t/T)"])
def test_a_schedule_is_typed_as_a_rule_is(capsys: Capture, text: str) -> None:
    recipe = (f"task.recipe.schedule={text}", "task.recipe.warmup=0.1")
    small = ("budget=smoke", "verdict.seeds=1", "evaluator.workers=1")
    said = typed(capsys, "compare", "sgd", *small, *recipe)
    assert said.code == 0, said.err


def test_a_rate_can_not_be_tried_on_less_than_a_batch(
    capsys: Capture, tmp_path: Path
) -> None:
    few = "budget.screening_examples=10"
    said = typed(capsys, "search", few, "task=digits", f"run_dir={tmp_path / 'run'}")
    assert said.complaint == (
        "budget.screening_examples is 10: give at least 64, a batch of digits, or 0 "
        "for all"
    )
    assert not (tmp_path / "run").exists()


BREAKING = """
import torch, neuralopt
from torch import nn

def loss(outputs, targets):
    if len(targets) == 37:  # the validation part
        raise KeyError("boom\\nsecond line")
    return nn.functional.cross_entropy(outputs, targets)

data = torch.randn(250, 4), torch.arange(250) % 3
parts = {"training": slice(0, 160), "validation": slice(160, 197),
         "selection": slice(197, 225), "test": slice(225, 250)}
parts = {name: (data[0][part], data[1][part]) for name, part in parts.items()}
network = lambda: nn.Linear(4, 3)
task = neuralopt.make_task("boom", network, parts, batch_size=16, loss=loss)
"""


def test_a_task_that_breaks_is_one_line_and_the_reason_is_shown(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "breaking.py").write_text(BREAKING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    task = "task=breaking:task"
    said = typed(capsys, "compare", "adam", task, "budget=smoke")
    assert "task boom: training breaks: KeyError: 'boom" in said.err
    assert "internal error" not in said.err
    assert said.err.count("\n") == 1
    said = typed(capsys, "search", *TINY, task, "run_dir=run")
    assert said.code == 0, said.err
    assert "The first that failed is #" in said.out
    assert "KeyError: 'boom" in said.out
    assert "No rule was scored. All of them:  neuralopt top run --all" in said.out
    assert ":best" not in said.out
