"""What a searcher prefers over time: asking, recording, counting, drawing."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import neuralopt
from neuralopt.archive import Archive
from neuralopt.evaluators.evaluator import Workers
from neuralopt.observer import Progress
from neuralopt.searchers import ControllerSearcher, make_searcher
from neuralopt.searchers.growing import Growing
from neuralopt.searchers.preferences import preferences_of
from neuralopt.spaces.registry import load
from neuralopt.views.card import store as stores
from neuralopt.views.card.measurements import Measurements, TaskMeasurement
from neuralopt.views.decision_names import decisions_of
from neuralopt.views.preference_history import (
    PreferenceHistory,
    best_history,
    policy_history,
    run_history,
)
from neuralopt.views.preference_recorder import FILE, PreferenceRecorder
from neuralopt.views.preferences import SHOWN_CHOICES, preferences_figure, shown_choices
from tests.cli.cli_runner import typed
from tests.searchers.toy_space import ToySpace

SPACE = load("from_scratch")


def trained(space: ToySpace, tells: int = 6) -> ControllerSearcher:
    searcher = ControllerSearcher(space, 0, batch=16)
    for _ in range(tells):
        rows = searcher.ask(16)
        searcher.tell(rows, (rows[:, 0] == 2) * 0.9)
    return searcher


def test_preferences_are_the_sums_of_the_probabilities_of_rows() -> None:
    space = ToySpace((3, 3, 4))
    searcher = trained(space)
    rows = np.array([row for row in np.ndindex(3, 3, 4) if space.valid(np.array(row))])
    weights = np.exp(searcher.log_probabilities(rows))
    assert weights.sum() == pytest.approx(1, abs=1e-4)
    found = preferences_of(searcher)
    assert [len(each) for each in found] == [3, 3, 4]
    for place, shares in enumerate(found):
        exact = np.bincount(rows[:, place], weights, minlength=len(shares))
        # The first decision is exact; the others are means over rows that were drawn.
        np.testing.assert_allclose(shares, exact, atol=0.12 if place else 1e-5)
        assert shares.sum() == pytest.approx(1)


def test_asking_for_preferences_changes_nothing() -> None:
    space, asked, other = ToySpace(), trained(ToySpace()), trained(ToySpace())
    before = preferences_of(asked)
    again = preferences_of(asked)
    assert all(np.array_equal(a, b) for a, b in zip(before, again, strict=True))
    np.testing.assert_array_equal(asked.ask(40), other.ask(40))
    assert asked.state_dict()["rng"] == other.state_dict()["rng"]
    assert space.choices == asked.controller.choices


def test_searchers_without_preferences_have_none() -> None:
    assert preferences_of(make_searcher("uniform", SPACE, 0)) == []
    growing = make_searcher("hill_climbing", SPACE, 0, grow=True)
    assert isinstance(growing, Growing)
    assert preferences_of(growing) == []


def test_of_growing_searchers_the_largest_is_asked() -> None:
    growing = make_searcher("controller", SPACE, 0, grow=True)
    assert isinstance(growing, Growing)
    found, last = preferences_of(growing), preferences_of(growing.searchers[-1])
    assert [len(each) for each in found] == list(SPACE.choices)
    assert all(np.array_equal(a, b) for a, b in zip(found, last, strict=True))


def progress(told: int, found: list[np.ndarray] | None = None) -> Progress:
    workers = Workers(0, 0, 0, 0, 0)
    shares = [np.array([1 / told, 1 - 1 / told])] if found is None else found
    done = Progress(told, 1000, {}, (), (), {}, 0.0, 0, workers)
    return replace(done, preferences=lambda: shares)


def told_in(path: Path) -> list[int]:
    return [json.loads(line)["told"] for line in path.read_text().splitlines()]


def record(path: Path, start: int, end: int, limit: int = 8) -> None:
    recorder = PreferenceRecorder(path, limit)
    recorder.start(10_000, start)
    for told in range(start + 10, end + 10, 10):
        recorder.batch(progress(told))
    recorder.close()


def test_snapshots_are_thinned_evenly(tmp_path: Path) -> None:
    path = tmp_path / FILE
    record(path, 0, 4000)
    told = told_in(path)
    assert 4 <= len(told) <= 8
    gaps = np.diff(told)
    assert gaps.max() <= 1.2 * gaps[1:].min()
    assert json.loads(path.read_text().splitlines()[-1])["probabilities"] == [
        [round(1 / told[-1], 4), round(1 - 1 / told[-1], 4)]
    ]


@pytest.mark.parametrize("resumed", [0, 30, 500, 2010])
def test_resuming_doubles_nothing(resumed: int, tmp_path: Path) -> None:
    record(tmp_path / "whole", 0, 4000)
    record(tmp_path / "parts", 0, 2010)
    with (tmp_path / "parts").open("ab") as file:
        file.write(b'\xff{"told":2020,"probab')  # cut by a kill
    record(tmp_path / "parts", resumed, 4000)
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    assert parts.read_bytes() == whole.read_bytes()


def test_the_first_snapshot_after_a_kill_has_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / FILE
    record(path, 0, 30)
    path.write_bytes(path.read_bytes()[:-5])
    record(path, 30, 50)
    assert told_in(path) == [10, 20, 40, 50]


def test_a_recorder_of_less_than_two_snapshots_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="limit is 1: keep 2 snapshots or more"):
        PreferenceRecorder(tmp_path / FILE, 1)


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    record(tmp_path / "none" / FILE, 0, 200)
    assert not (tmp_path / "none").exists()


def test_nothing_is_written_for_a_searcher_without_preferences(tmp_path: Path) -> None:
    recorder = PreferenceRecorder(tmp_path / FILE)
    recorder.start(100, 0)
    recorder.batch(progress(10, []))
    assert not (tmp_path / FILE).exists()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    neuralopt.search(
        "from_scratch",
        "controller",
        proposals=160,
        batch=16,
        task="regression",
        budget="smoke",
        run_dir=folder,
        progress=False,
        overrides=["report=none", "evaluator.workers=1", "searcher.batch=16"],
    )
    return folder


def space_of(run: Path) -> dict[str, object]:
    with Archive.open(run / "archive.sqlite") as archive:
        found: dict[str, object] = json.loads(archive.context["configuration"])["space"]
    return found


def test_a_search_records_its_policy(run: Path) -> None:
    history = policy_history(run / FILE, space_of(run))
    assert history.told.tolist() == list(range(16, 161, 16))
    for decision, shares in zip(history.decisions, history.shares, strict=True):
        assert shares.shape == (10, len(decision.choices))
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=2e-3)
    with pytest.raises(ValueError, match="of another space: delete the file"):
        policy_history(run / FILE, load("temporal").to_mapping())
    assert not len(policy_history(run / "none", space_of(run)).told)


def test_frequencies_among_the_best_are_those_of_a_recount(run: Path) -> None:
    with Archive.open(run / "archive.sqlite") as archive:
        history = best_history(archive, space_of(run), best=5, moments=4)
        everything = list(archive.proposals())
    assert history.told.tolist() == [40, 80, 120, 160]
    for moment, told in enumerate(history.told):
        scored = [each for each in everything[:told] if each.status == "scored"]
        scored.sort(key=lambda each: (-(each.quality or 0.0), each.number))
        rows = [each.decisions for each in scored[:5]]
        for place, shares in enumerate(history.shares):
            counts = Counter(row[place] for row in rows)
            expected = [counts[c] / len(rows) for c in range(shares.shape[1])]
            assert shares[moment].tolist() == pytest.approx(expected)


def test_a_run_without_a_policy_has_a_history_of_its_best(
    run: Path, tmp_path: Path
) -> None:
    with Archive.open(run / "archive.sqlite") as archive:
        assert run_history(archive, run).source == "policy"
        assert run_history(archive, tmp_path).source == "best"
    with (
        Archive.create(tmp_path, {}) as empty,
        pytest.raises(ValueError, match="which space was searched"),
    ):
        run_history(empty, tmp_path)


def test_decisions_and_choices_have_names_that_a_reader_knows() -> None:
    decisions = decisions_of(SPACE.to_mapping())
    assert [len(each.choices) for each in decisions] == list(SPACE.choices)
    assert decisions[0].name == "operand 1 of group 1"
    assert decisions[8].name == "function of operand 2 of group 2"
    assert decisions[6].choices[-1] == "result of group 1"
    assert decisions[9].choices == SPACE.binary
    with pytest.raises(ValueError, match="space"):
        decisions_of({"name": "nothing"})


def history_of(*rows: list[float]) -> PreferenceHistory:
    decisions = decisions_of(SPACE.to_mapping())[:1]
    choices = tuple(f"c{n}" for n in range(len(rows[0])))
    told = np.arange(1, len(rows) + 1) * 10
    decision = replace(decisions[0], choices=choices)
    return PreferenceHistory("policy", told, (decision,), (np.array(rows),))


def test_entropy_is_a_share_of_that_of_a_uniform_choice() -> None:
    history = history_of([0.25] * 4, [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0])
    np.testing.assert_allclose(history.entropies, [[1.0, 0.0, 0.5]])


def test_rare_choices_share_a_row() -> None:
    count = SHOWN_CHOICES + 4
    shares = np.full((2, count), 0.01)
    shares[0, 3], shares[1, count - 1] = 0.7, 0.6
    names, rows = shown_choices(tuple(f"c{n}" for n in range(count)), shares)
    assert len(names) == SHOWN_CHOICES + 1
    assert {"c3", f"c{count - 1}"} <= set(names)
    assert names[-1] == "4 others"
    np.testing.assert_allclose(rows.sum(axis=1), 1.0)


def test_the_picture_has_a_map_for_each_decision(run: Path) -> None:
    history = policy_history(run / FILE, space_of(run))
    figure = preferences_figure(history)
    maps = [axes for axes in figure.axes if axes.collections and axes.get_title()]
    assert [axes.get_title().lower() for axes in maps] == [
        each.kind for each in history.decisions
    ]
    entropies = [axes for axes in figure.axes if axes.get_title() == "Entropy"]
    drawn = [line.get_ydata() for axes in entropies for line in axes.lines]
    np.testing.assert_allclose(np.array(drawn), history.entropies)
    drawn_map = maps[-1].collections[0].get_array()
    np.testing.assert_allclose(np.asarray(drawn_map).T, history.shares[-1])


def test_a_picture_of_nothing_is_refused_in_a_line(run: Path) -> None:
    history = policy_history(run / "none", space_of(run))
    with pytest.raises(ValueError, match=r"no snapshot of preferences: draw .* later$"):
        preferences_figure(history)


def test_the_card_of_a_found_rule_is_kept_with_its_run(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fan = (0.1, 1.0), ((0.5,), (0.4,))
    curves, ends, diverged = ((2.0, 1.0),), (1.0,), (False,)
    task = TaskMeasurement("regression", *fan, 1, 1, curves, ends, diverged, (0.5,))
    stub = Measurements("g", (task,), None)
    monkeypatch.setattr(stores, "measure", lambda *_: stub)
    picture = tmp_path / "card.svg"
    said = typed(capsys, "show", f"{run}:best", "--card", str(picture))
    assert said.code == 0, said.err
    assert picture.read_text("utf-8").startswith("<?xml")
    with Archive.open(run / "archive.sqlite") as archive:
        (best,) = archive.best(1)
    kept = json.loads((run / "cards" / f"{best.number}.json").read_text())
    assert kept["tasks"][0]["task"] == "regression"
