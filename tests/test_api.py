"""Searches and comparisons from Python: by name, by object, and resumed."""

import inspect
from pathlib import Path

import pytest

import neuralopt
from neuralopt import Archive, Budget, Space
from neuralopt.archive import difference
from neuralopt.cli.config.compose import compose_settings
from neuralopt.evaluators import InProcessEvaluator, ScoringPlan
from neuralopt.searchers import UniformSearcher
from neuralopt.spaces import SPACES
from neuralopt.tasks import GROUPS, load_task
from tests.cli.cli_runner import typed

Capture = pytest.CaptureFixture[str]

BUDGET = Budget("short", (1e-2, 1e-1), 1, 1)
SMALL = {"proposals": 24, "batch": 8, "budget": "smoke", "progress": False}
NO_REPORT = ("report=none", "evaluator.workers=1")


def small_space() -> Space:
    return Space("small", ("g", "m", "v"), ("x", "sqrt(x)"), ("x + y", "x"), 1)


def test_a_search_by_name_is_the_one_of_the_command_line(
    capsys: Capture, tmp_path: Path
) -> None:
    found = neuralopt.search(
        "bello2017",
        searcher="evolution",
        run_dir=tmp_path / "python",
        overrides=["report=none"],
        **SMALL,  # type: ignore[arg-type]
    )
    assert len(found) == 24
    said = typed(
        capsys,
        *("search", "space=bello2017", "searcher=evolution", "budget=smoke"),
        *("proposals=24", "batch=8", "report=none", "verdict.candidates=0"),
        f"run_dir={tmp_path / 'typed'}",
    )
    assert said.code == 0, said.err
    with Archive.open(tmp_path / "typed" / "archive.sqlite") as other:
        assert difference(found, other) is None
    found.close()
    shown = typed(capsys, "top", str(tmp_path / "python"), "-n", "1")
    assert shown.code == 0


def test_objects_are_as_good_as_names(tmp_path: Path) -> None:
    space = small_space()
    found = neuralopt.search(
        space,
        UniformSearcher(space, 3),
        task=load_task("digits"),
        budget=BUDGET,
        proposals=12,
        batch=6,
        seed=3,
        run_dir=tmp_path / "run",
        overrides=NO_REPORT,
        progress=False,
    )
    assert {p.status for p in found.proposals()} <= {"scored", "duplicate", "rejected"}
    assert found.context["space"] == "small"
    assert found.context["budget"] == "short"


def test_a_search_may_write_into_an_archive_of_the_callers(tmp_path: Path) -> None:
    plan = ScoringPlan(load_task("digits"), BUDGET, "native", 0)
    evaluator = InProcessEvaluator(plan.scorer())
    with Archive.create(tmp_path / "archive.sqlite", {}) as archive:
        found = neuralopt.search(
            SPACES["bello2017"],
            UniformSearcher(SPACES["bello2017"]),
            evaluator,
            archive,
            proposals=8,
            batch=4,
        )
        assert found is archive
        assert len(archive) == 8
    evaluator.close()


def test_a_search_is_continued_where_it_is_asked_for(tmp_path: Path) -> None:
    again = {**SMALL, "run_dir": tmp_path, "overrides": NO_REPORT}
    neuralopt.search(searcher="uniform", **again)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give resume='auto' to continue it"):
        neuralopt.search(searcher="uniform", **again)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="holds a search with another seed"):
        neuralopt.search(
            searcher="uniform",
            resume="auto",
            seed=1,
            **again,  # type: ignore[arg-type]
        )
    found = neuralopt.search(
        searcher="uniform",
        resume="auto",
        **again,  # type: ignore[arg-type]
    )
    assert len(found) == 24


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"space": "belo2017"}, "unknown space 'belo2017': did you mean 'bello2017'"),
        ({"searcher": "evolve"}, "unknown searcher 'evolve'"),
        ({"task": "digts"}, "unknown task 'digts'"),
        ({"proposals": 0}, "proposals is 0: give 1 or more"),
        ({"overrides": ["lagg=3"]}, "unknown key 'lagg'"),
        ({"overrides": ["seed=5"]}, "give the argument seed="),
        ({"overrides": ["task.name=ravine"]}, "give the argument task="),
        (
            {"task": load_task("digits"), "overrides": ["task.path=x"]},
            "has no effect on a task that is an object",
        ),
        ({"evaluator": InProcessEvaluator(lambda rules: [])}, "give archive="),
    ],
)
def test_a_wrong_argument_is_one_line(
    wrong: dict[str, object], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        neuralopt.search(**{**SMALL, "run_dir": tmp_path / "run", **wrong})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_comparison_takes_names_texts_objects_and_torch() -> None:
    adam = neuralopt.RULES["adam"]
    result = neuralopt.compare(
        ["lion", "g * sign(m)", "torch.Adam", adam],
        budget="smoke",
        seeds=2,
        splits=("selection",),
        progress=False,
    )
    rows = {row.name: row for row in result.comparison("selection").rows}
    assert set(rows) == {"lion", "g * sign(m)", "torch.Adam", "adam"}
    assert rows["adam"].mean == pytest.approx(rows["torch.Adam"].mean, abs=1e-5)
    assert "On the selection split of suite:" in str(result)
    assert "split of digits:" not in str(result)
    assert "lion" in str(result)
    assert [each.task for each in result] == ["suite", *GROUPS["suite"]]
    assert result["digits"].seeds == 2
    assert rows["adam"].mean == pytest.approx(0.5, abs=0.02)


def test_candidates_may_be_given_names() -> None:
    named = {"mine": "g * sign(m)", "theirs": neuralopt.parse("g")}
    result = neuralopt.compare(named, budget="smoke", seeds=1, progress=False)
    names = {row.name for row in result.comparison("test").rows}
    assert names == {"mine", "theirs"}


@pytest.mark.parametrize(
    ("rules", "says"),
    [([], "name at least one rule"), ("adam", "give a list of rules")],
)
def test_a_comparison_of_nothing_is_one_line(rules: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        neuralopt.compare(rules)  # type: ignore[arg-type]


def test_both_front_doors_describe_a_space_alike() -> None:
    for name, space in SPACES.items():
        assert Space.from_mapping(name, space.to_mapping()) == space


def test_both_front_doors_have_the_same_defaults() -> None:
    settings = compose_settings([])
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(neuralopt.search).parameters.items()
    }
    for name in ("proposals", "batch", "lag", "seed", "resume"):
        assert defaults[name] == getattr(settings, name), name
    for name in ("task", "budget", "searcher", "evaluator"):
        assert defaults[name] == getattr(settings, name).name, name
    assert defaults["space"] == settings.space["name"]


def test_equal_numbers_of_two_runs_are_two_rules(tmp_path: Path) -> None:
    for seed in (0, 1):
        neuralopt.search(
            "bello2017",
            "uniform",
            seed=seed,
            run_dir=tmp_path / f"seed={seed}",
            overrides=NO_REPORT,
            **SMALL,  # type: ignore[arg-type]
        ).close()
    found = [
        next(Archive.open(tmp_path / f"seed={seed}").proposals("scored"))
        for seed in (0, 1)
    ]
    rules = [f"{tmp_path}/seed={n}:{p.number}" for n, p in enumerate(found)]
    result = neuralopt.compare(
        [*rules, "sgd"], seeds=1, splits=("test",), progress=False
    )
    assert len(result.comparison("test").rows) == 3
    assert result.benchmarks[0].budget == "smoke"  # the runs' own
