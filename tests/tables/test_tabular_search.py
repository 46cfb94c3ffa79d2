"""A search over a table is the search that trains, in a fraction of the time."""

import json
import time

import pytest

from experiments.table import build, page
from neuralopt import RULES, tables
from neuralopt.archive import Archive
from neuralopt.cli import main
from neuralopt.cli.build import build_search
from neuralopt.cli.config.compose import compose_settings
from neuralopt.evaluators import Request, TabularEvaluator
from neuralopt.language import parse
from neuralopt.scoring.score import Score
from tests.tables.builders import small_table

SMALL = [
    "space.operands=[g,m,v]",
    "space.unary=[x,'sqrt(x)','sign(x)']",
    "task=digits+digits_sigmoid",
    "budget=smoke",
    "budget.gates=[0.2,0.25]",
    "budget.gates_for=digits+digits_sigmoid",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory, module_patch):
    """A folder with the table of a small space for two seeds, and its results."""
    folder = tmp_path_factory.mktemp("table")
    few = {name: RULES[name] for name in ("sgd", "adam", "lion")}
    module_patch.setattr(build, "RULES", few)
    command = [*SMALL, "--seeds", "2", "--work", str(folder / "work")]
    assert build.main([*command, "--output", str(folder / "small.npz")]) == 0
    return folder


@pytest.fixture(scope="module")
def module_patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def table(built):
    return tables.load(built / "small.npz")


def searched(folder, *overrides):
    fixed = ["verdict.candidates=0", "report=none", "proposals=600", "space.groups=1"]
    asked = ["space=from_scratch", *SMALL, *fixed, f"run_dir={folder}", *overrides]
    assert main(["search", *asked]) == 0
    with Archive.open(folder) as archive:
        return {
            p.number: (p.canonical, p.status, p.quality, p.reason, p.original)
            for p in archive.proposals()
        }


def test_the_table_has_every_rule_of_the_space(table):
    space = build_search(compose_settings([*build.SPACE, *SMALL])).space
    assert table.rows.sum() == space.size
    assert all(rule in table for rule in ("g", "m", "sign(g)", "m / (sqrt(v) + 1e-8)"))
    assert len(table.metadata["references"]) == 2  # adam and lion
    statuses = {table.lookup(rule).status for rule in table.rules}
    assert statuses >= {"scored", "stopped", "rejected"}
    assert "adam" not in table


@pytest.mark.timeout(300)
@pytest.mark.parametrize("searcher", ["uniform", "evolution"])
def test_a_search_over_the_table_equals_one_that_trains(
    built, table, searcher, tmp_path
):
    trained = searched(tmp_path / "trained", f"searcher={searcher}", "seed=1")
    evaluator = ["evaluator=tabular", f"evaluator.table={built}/small.npz"]
    began = time.monotonic()
    asked = [f"searcher={searcher}", "seed=1", *evaluator, "evaluator.seed=1"]
    looked_up = searched(tmp_path / "tabular", *asked)
    assert time.monotonic() - began < 30
    assert looked_up == trained
    assert sum(status == "scored" for _, status, *_ in trained.values()) > 10


def test_a_tabular_search_continues_only_with_its_table(built, tmp_path, capsys):
    evaluator = ["evaluator=tabular", f"evaluator.table={built}/small.npz"]
    searched(tmp_path / "run", "searcher=uniform", *evaluator)
    assert main(["resume", str(tmp_path / "run"), "evaluator=in_process"]) == 2
    assert "was made with table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "remedy"),
    [
        ("space.groups=2", "space.groups=1"),
        ("task=digits", "task=digits+digits_sigmoid"),
        ("budget.epochs=2", "budget.epochs=1"),
        ("evaluator.seed=2", "no seed 2"),
    ],
)
def test_a_search_that_does_not_fit_says_what_to_change(
    built, tmp_path, capsys, override, remedy
):
    asked = ["space=from_scratch", *SMALL, "space.groups=1", "evaluator=tabular"]
    asked += [f"evaluator.table={built}/small.npz", f"run_dir={tmp_path}/run", override]
    assert main(["search", *asked]) == 2
    message = capsys.readouterr().err
    assert remedy in message
    assert message.count("\n") == 1


def answer(evaluator, rule, replicate=None):
    evaluator.submit([Request(3, parse(rule), replicate)])
    (done,) = evaluator.collect(0.0)
    assert done.key == (3, replicate)
    return done.score


def test_replicates_are_the_other_seeds_in_turn():
    table = small_table()
    first, second = TabularEvaluator(table), TabularEvaluator(table, seed=1)
    zero, one = table.lookup("g", 0), table.lookup("g", 1)
    assert answer(first, "g") == answer(second, "g", 500) == zero
    assert answer(second, "g") == answer(first, "g", 500) == one
    mean = TabularEvaluator(table, mean=True)
    assert answer(mean, "g").quality == pytest.approx(0.35)
    assert first.adam == {"digits": 0.8, "ravine": 0.2}


def test_no_measurement_repeats_a_seed_or_the_score_that_selected_a_rule():
    table = small_table()
    for evaluator, replicate, says in (
        (TabularEvaluator(table), 501, "has 1 other seeds"),
        (TabularEvaluator(table, seed=1), 750, "has 1 other seeds"),
        (TabularEvaluator(table, mean=True), 500, "has the mean"),
    ):
        score = answer(evaluator, "g", replicate)
        assert score.status == "failed"
        assert says in score.reason


def test_a_rule_that_the_table_lacks_fails_and_one_that_is_rejected_is():
    evaluator = TabularEvaluator(small_table())
    failed = answer(evaluator, "g ** 3")
    assert failed.status == "failed"
    assert "table small does not have the rule" in failed.reason
    assert answer(evaluator, "1").status == "rejected"


def test_an_interrupted_build_continues(built, tmp_path, capsys, module_patch):
    work = tmp_path / "work"
    work.mkdir()
    lines = (built / "work" / "seed0.jsonl").read_text().splitlines(keepends=True)
    (work / "seed0.jsonl").write_text("".join(lines[:-5]) + lines[-5][:20])
    command = [*SMALL, "--seeds", "1", "--work", str(work)]
    assert build.main([*command, "--output", str(tmp_path / "again.npz")]) == 0
    printed = capsys.readouterr().out
    assert f"seed 0 of 1: {len(lines) - 1} of {len(lines) - 1} scores" in printed
    once, again = tables.load(built / "small.npz"), tables.load(tmp_path / "again.npz")
    assert again.rules == once.rules
    assert (again.qualities[:, 0] == once.qualities[:, 0]).all()
    assert (again.part_qualities[:, :, 0] == once.part_qualities[:, :, 0]).sum() > 10
    other = [*command, "budget.epochs=2", "--output", str(tmp_path / "other.npz")]
    assert build.main(other) == 2
    assert "scores of another objective: remove it" in capsys.readouterr().err


def test_a_training_that_breaks_leaves_no_table(tmp_path, monkeypatch, capsys):
    class Broken(TabularEvaluator):
        def _score(self, rule, replicate):
            return Score("failed", reason="out of luck")

    monkeypatch.setattr(build.SearchParts, "evaluator", lambda _: Broken(small_table()))
    command = [*SMALL, "--seeds", "1", "--work", str(tmp_path)]
    assert build.main([*command, "--output", str(tmp_path / "t.npz")]) == 2
    assert "no score for seed 0" in capsys.readouterr().err
    assert not (tmp_path / "t.npz").exists()


def test_a_table_is_of_one_group(tmp_path, capsys):
    command = [*SMALL, "space.groups=2", "--work", str(tmp_path)]
    assert build.main([*command, "--output", str(tmp_path / "t.npz")]) == 2
    assert "space.groups is 2: the table is of one group" in capsys.readouterr().err


def test_the_page_and_the_picture_are_made(built, tmp_path):
    results = tmp_path / "results.json"
    command = ["--table", str(built / "small.npz"), "--folder", str(tmp_path)]
    assert page.main([*command, "--json", str(results)]) == 0
    text = (tmp_path / "README.md").read_text("utf-8")
    for title in page.SECTIONS:
        assert f"\n## {title}\n" in text
    assert "| signum |" in text
    assert "| lion |" in text
    assert "not in the space" in text
    assert (tmp_path / "scores.svg").read_text("utf-8").startswith("<svg")
    assert json.loads(results.read_text())["figures"]["rules"] > 50
