"""Measurements of rule cards, where they are kept, and the picture."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from neuralopt.archive import Proposal
from neuralopt.archive.ranking import RankedRule
from neuralopt.archive.records import Place, PruningRecord
from neuralopt.engines import Child, Numerics
from neuralopt.engines.numerics import CPU_FLOAT32
from neuralopt.engines.serial import SerialEngine
from neuralopt.language import RULES, parse, simplify
from neuralopt.report.tensorboard.run_pictures import draw_cards
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import steps_of_trial
from neuralopt.scoring.replicates import FIRST_CARD_REPLICATE
from neuralopt.scoring.score import Score
from neuralopt.tasks import Task, load_task
from neuralopt.views.card import store as stores
from neuralopt.views.card.card import Card, card_of_proposal, card_of_rule
from neuralopt.views.card.figure import card_figure
from neuralopt.views.card.measure import SEEDS, fan_rates, measure, work_of_card
from neuralopt.views.card.measurements import Measurements, TaskMeasurement
from neuralopt.views.card.ravine import RATES, START, STEPS, best_path, height
from neuralopt.views.card.store import CardStore
from neuralopt.views.run_view import RunView
from tests.cli.cli_runner import typed
from tests.views.drawing import renderer_of

BUDGET = Budget("two", (0.01, 0.1), 1, 1, horizons=(2,))


@dataclass(frozen=True)
class Parts:
    """Fulfils `measure.Scoring`."""

    tasks: tuple[Task, ...]
    budget: Budget = BUDGET
    numerics: Numerics = CPU_FLOAT32
    engine: str = "auto"
    seed: int = 0
    threads: int = 2


@pytest.fixture(scope="module")
def scoring() -> Parts:
    return Parts((load_task("regression"), load_task("rare_features")))


@pytest.fixture(scope="module")
def measured(scoring: Parts) -> Measurements:
    return measure(RULES["momentum"].expression, scoring)


@pytest.fixture(scope="module")
def cards(scoring: Parts, tmp_path_factory: pytest.TempPathFactory) -> CardStore:
    return CardStore(tmp_path_factory.mktemp("run") / "cards", scoring)


def ranked(number: int = 7, rule: str = "sign(g)") -> RankedRule:
    score = Score("scored", 0.6, 0.1)
    proposal = Proposal(number, (1,), rule, rule, score=score)
    return RankedRule(proposal, Place(number, 0.6, 0.55, 0.65, 4))


def test_the_fan_reaches_a_decade_beyond_the_budget() -> None:
    assert fan_rates(BUDGET) == pytest.approx(
        (0.001, 0.00316228, 0.01, 0.0316228, 0.1, 0.316228, 1.0), rel=1e-5
    )
    assert len(fan_rates(replace(BUDGET, learning_rates=(1e-9, 1e9)))) == 17


def test_fans_and_long_trainings_are_those_of_another_engine(
    scoring: Parts, measured: Measurements
) -> None:
    rule = simplify(RULES["momentum"].expression)
    for task, found in zip(scoring.tasks, measured.tasks, strict=True):
        engine = SerialEngine(task, 0)
        place, seed = 3, FIRST_CARD_REPLICATE + 1
        (short,) = engine.train(
            [Child(rule, found.rates[place], seed)], 1, ("validation",)
        )
        (long,) = engine.train([Child(rule, found.rate, seed)], 2, ("validation",))
        assert found.task == task.name
        quality = task.quality(short.losses[0])
        assert found.fan[place][1] == pytest.approx(quality, abs=1e-3)
        assert found.qualities[1] == pytest.approx(
            task.quality(long.losses[0]), abs=1e-3
        )
        assert found.curves[1] == pytest.approx(long.curve, rel=1e-2)
        assert (found.epochs, found.long_epochs) == (1, 2)
        assert {len(each) for each in found.fan} == {SEEDS} == {len(found.curves)}
        assert (found.ends, found.diverged) == ((2.0,) * SEEDS, (False,) * SEEDS)


def test_the_work_of_a_card_is_counted_in_steps(scoring: Parts) -> None:
    one = steps_of_trial(scoring.tasks[0], replace(BUDGET, horizons=()), 1)
    epoch = one // 3  # two screenings and a training, all of one epoch
    whole, card = 5 * epoch, SEEDS * (7 + 2) * epoch
    assert work_of_card(Parts(scoring.tasks[:1])) == pytest.approx(card / whole)


def test_the_good_region_is_interpolated() -> None:
    rates, means = (0.1, 1.0, 10.0, 100.0), (0.0, 1.0, 0.95, 0.45)
    fan = tuple((mean - 0.01, mean + 0.01) for mean in means)
    found = TaskMeasurement("t", rates, fan, 1, 1, (), (), (), ())
    assert found.good_rates is not None
    low, high = found.good_rates
    assert found.rate == 1.0
    assert np.log10(low) == pytest.approx(-0.1)
    assert np.log10(high) == pytest.approx(1.1)
    assert found.good_decades == pytest.approx(1.2)


def test_where_everything_diverges_nothing_is_good() -> None:
    fan = (0.1, 1.0), ((0.0,), (0.0,))
    found = TaskMeasurement("t", *fan, 1, 1, ((),), (0.0,), (True,), (0.0,))
    assert found.rate == 0.1
    assert found.quality == 0.0
    assert found.good_rates is None
    assert found.good_decades == 0.0


def test_the_path_of_gradient_descent_is_known_in_closed_form() -> None:
    path = best_path(parse("g"))
    assert path is not None
    assert len(path.points) == STEPS + 1
    factors = np.array([1 - path.rate, 1 - 20 * path.rate])
    expected = np.array(START) * factors ** np.arange(STEPS + 1)[:, None]
    np.testing.assert_allclose(path.points, expected, atol=1e-12)
    ends = {
        rate: height(*(np.array(START) * [(1 - rate) ** 55, (1 - 20 * rate) ** 55]))
        for rate in RATES
        if 20 * rate < 2
    }
    assert path.rate == min(ends, key=lambda rate: ends[rate])


def test_a_rule_that_climbs_has_no_better_path_than_the_smallest_rate() -> None:
    path = best_path(parse("-g"))
    assert path is not None
    assert path.rate == RATES[0]
    assert best_path(parse("1e10 * g")) is None


def test_measurements_survive_json(measured: Measurements) -> None:
    kept = json.loads(json.dumps(measured.to_mapping()))
    assert Measurements.from_mapping(kept) == measured


def test_measurements_are_kept_and_read(
    cards: CardStore, monkeypatch: pytest.MonkeyPatch, scoring: Parts
) -> None:
    made = cards.card(ranked())
    folder = Path(cards._folder or "")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["7.json", "baseline-adam.json", "baseline-momentum.json"]
    monkeypatch.setattr(stores, "measure", lambda *_: pytest.fail("measured again"))
    assert CardStore(folder, scoring).card(ranked()) == made
    assert set(made.baselines) == {"adam", "momentum"}
    assert CardStore(folder, scoring).missing(ranked()) == 0
    assert CardStore(folder, scoring).card(ranked(), train=False) == made
    new = CardStore(None, scoring)
    assert (new.missing(ranked()), new.work) == (3, work_of_card(scoring))
    assert new.card(ranked(), train=False).note == "Not measured"


def test_cards_that_are_kept_are_drawn_without_time(
    cards: CardStore, scoring: Parts
) -> None:
    cards.card(ranked())
    assert cards.missing(ranked()) == 0
    assert cards.missing(ranked(8)) == 1
    folder = Path(cards._folder or "").parent
    view = SimpleNamespace(
        leaderboard=(ranked(8), ranked()), folder=folder, charged=100
    )
    drawn = draw_cards(cast("RunView", view), scoring, seconds=0.0)
    assert [tag for tag, _ in drawn] == ["cards/2"]


@pytest.mark.parametrize("change", ["rule", "budget", "task", "damage"])
def test_another_rule_budget_or_task_is_measured_anew(
    change: str, cards: CardStore, scoring: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards.card(ranked())
    folder = Path(cards._folder or "")
    kept = (folder / "7.json").read_text()
    rule, other = "sign(g)", scoring
    if change == "rule":
        rule = "sign(w)"
    elif change == "budget":
        other = replace(scoring, budget=replace(BUDGET, epochs=1, horizons=(3,)))
    elif change == "task":
        other = replace(scoring, tasks=scoring.tasks[:1])
    else:
        (folder / "7.json").write_text(kept[: len(kept) // 2])
    asked: list[str] = []

    def stub(rule: object, _: object) -> Measurements:
        asked.append(str(rule))
        return Measurements(str(rule), (), None)

    monkeypatch.setattr(stores, "measure", stub)
    store = CardStore(folder, other)
    store._baselines = dict.fromkeys(("adam", "momentum"), Measurements("g", (), None))
    store.card(ranked(rule=rule))
    assert asked == [rule]
    (folder / "7.json").write_text(kept)


def test_a_folder_that_cannot_be_written_and_a_broken_task_make_cards(
    tmp_path: Path, scoring: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cards").write_text("a file, not a folder")
    nothing = Measurements("sign(g)", (), None)
    monkeypatch.setattr(stores, "measure", lambda *_: nothing)
    card = CardStore(tmp_path / "cards", scoring).card(ranked())
    assert card.measurements == nothing

    def breaks(*_: object) -> Measurements:
        raise ValueError("task digits: training breaks: no memory")

    monkeypatch.setattr(stores, "measure", breaks)
    card = CardStore(None, scoring).card(ranked())
    assert card.measurements is None
    assert card.note == "Not measured: task digits: training breaks: no memory"
    card_figure(card)


def test_the_card_of_a_pruned_proposal_is_that_of_its_plain_form() -> None:
    full = ranked(rule="sign(g + 0.0001 * w)")
    pruned = replace(full, pruning=PruningRecord(7, "sign(g)", 0.01, 0.0, -0.001, 8))
    assert card_of_proposal(pruned).title == "Rule 7, pruned"
    assert str(card_of_proposal(pruned).rule) == "sign(g)"
    assert card_of_proposal(full).size > card_of_proposal(pruned).size == 2
    with pytest.raises(ValueError, match="proposal 7 has no rule"):
        card_of_proposal(RankedRule(Proposal(7, (), "", "")))


def texts(card: Card, **options: str) -> list[str]:
    figure = card_figure(card, **options)
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [axes.get_title(), axes.get_xlabel()]
    return found


def test_the_picture_says_what_was_measured(cards: CardStore) -> None:
    card = cards.card(ranked())
    said = texts(card)
    assert "Rule 7" in said
    assert "= signsgd" in said
    assert "quality 0.600 (0.550 to 0.650)   size 2   memory 0   rate 0.1" in said
    assert "epochs of rare_features" in said
    assert "epochs of regression" in texts(card, task="regression")
    assert "Quality on each task after 2 epochs" in said
    with pytest.raises(
        ValueError, match=r"no task 'digits'.*regression, rare_features"
    ):
        card_figure(card, task="digits")


def test_lines_of_the_picture_hold_the_measurements(cards: CardStore) -> None:
    card = cards.card(ranked())
    assert card.measurements is not None
    figure = card_figure(card)
    (fan,) = (a for a in figure.axes if a.get_xlabel().startswith("learning rate"))
    drawn = {tuple(np.asarray(line.get_ydata())) for line in fan.lines}
    own = card.measurements.tasks[-1]
    assert own.means in drawn
    assert {card.baselines[name].tasks[-1].means for name in card.baselines} <= drawn


def test_a_card_without_measurements_has_a_formula_and_a_tree() -> None:
    figure = card_figure(card_of_rule("nesterov", RULES["nesterov"].expression))
    assert len(figure.axes) == 2


def test_a_rule_that_always_diverges_has_a_card() -> None:
    fan = (0.1, 1.0, 10.0), ((0.0,) * 3,) * 3
    curves, ends, diverged = ((3.0, 9.0),) * 3, (0.5,) * 3, (True,) * 3
    task = TaskMeasurement("digits", *fan, 1, 2, curves, ends, diverged, (0.0,) * 3)
    card = card_of_rule("nothing", parse("1e30 * w"))
    card = replace(card, measurements=Measurements("w", (task,), None))
    said = texts(card)
    assert "It leaves the ravine" in said
    assert "Quality: no learning rate works" in said
    (axes,) = (a for a in card_figure(card).axes if a.get_title() == "Training loss")
    drawn = [tuple(np.asarray(line.get_xdata())) for line in axes.lines]
    assert drawn == [(0.125, 0.375)] * 3  # no mean, and not over all epochs


LONG = "clip(ema(g * sign(m), 0.9), 0.001) / (sqrt(v) + 0.0001)"


@pytest.mark.parametrize("title", ["", LONG, "Rule 123456, pruned"])
def test_text_does_not_reach_over_the_edge_of_the_picture(
    title: str, cards: CardStore
) -> None:
    card = cards.card(ranked())
    if title:
        likeness, note = "0.93 like adam_uncorrected", "Not measured: " + 9 * "because "
        card = replace(
            card, title=title, likeness=likeness, note=note, measurements=None
        )
    figure = card_figure(card)
    renderer = renderer_of(figure)
    figure.draw(renderer)
    boxes = [text.get_window_extent(renderer) for text in figure.texts]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.x1 <= 900
        assert not any(box.overlaps(other) for other in boxes[:number])
    for axes in figure.axes:
        drawn = axes.get_tightbbox(renderer)
        assert drawn is None or (drawn.x0 >= 0 and drawn.x1 <= 900)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_command_draws_the_same_card_twice(
    kind: str,
    tmp_path: Path,
    measured: Measurements,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stores, "measure", lambda *_: measured)
    one, two = (tmp_path / f"{number}.{kind}" for number in (1, 2))
    for file in (one, two):
        said = typed(capsys, "show", "g * sign(m)", "--card", str(file))
        assert said.code == 0, said.err
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


@pytest.mark.parametrize(
    ("name", "why"),
    [("card.txt", "end it in one of .png"), ("none/card.png", "No such file")],
)
def test_bad_names_of_pictures_are_one_line(
    name: str,
    why: str,
    tmp_path: Path,
    measured: Measurements,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stores, "measure", lambda *_: measured)
    said = typed(capsys, "show", "g", "--card", str(tmp_path / name))
    assert why in said.complaint


def test_loading_pictures_of_rules_loads_neither_torch_nor_matplotlib() -> None:
    code = (
        "import sys; import neuralopt.views.card.figure, neuralopt.views.preferences; "
        "assert not {'matplotlib', 'torch'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
