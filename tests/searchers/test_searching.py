"""What each searcher but the controller does with new, known and bad rules."""

from typing import Any

import numpy as np
import pytest

from neuralopt.searchers import SEARCHERS
from neuralopt.searchers.searcher import Rows
from tests.searchers.installed import skip
from tests.searchers.toy_space import ToySpace, share_of

SMALL = ToySpace((4, 3, 4))
SPACE = ToySpace((7, 6, 8, 6, 7, 6, 8, 6, 7, 6))
TPE = pytest.param("tpe", marks=skip("tpe"))
NEW_ONLY = ["hill_climbing", "evolution", "quality_diversity", "tree_search"]


@pytest.mark.parametrize("kind", NEW_ONLY)
def test_a_small_space_is_proposed_whole_without_repetition(kind: str) -> None:
    searcher = SEARCHERS[kind](SMALL, 0, redraws=500)
    every = {row.tobytes() for row in SMALL.every_row()}
    proposed: list[bytes] = []
    while len(proposed) < len(every):
        rows = searcher.ask(1)
        searcher.tell(rows, share_of(np.array([1, 2, 3]), rows))
        proposed += [row.tobytes() for row in rows]
    assert set(proposed) == every
    # With nothing new left, an ask is answered still.
    assert all(SMALL.valid(row) for row in searcher.ask(3))


@pytest.mark.parametrize("kind", [*NEW_ONLY, TPE])
def test_results_lead_to_better_rows(kind: str) -> None:
    options: dict[str, Any] = {"startup": 50} if kind == "tpe" else {}
    hidden: Rows = SPACE.sample(1, np.random.default_rng(7))[0]
    rewards = []
    searcher = SEARCHERS[kind](SPACE, 0, **options)
    chance = share_of(hidden, SPACE.sample(1000, np.random.default_rng(1)))
    for _ in range(25):
        rows = searcher.ask(16)
        rewards.append(share_of(hidden, rows))
        searcher.tell(rows, rewards[-1])
    assert np.concatenate(rewards[-8:]).mean() > chance.mean() + 0.1


@pytest.mark.parametrize("sizes", [False, True])
def test_quality_diversity_keeps_the_best_of_each_cell(sizes: bool) -> None:
    options: dict[str, Any] = {"least": 0.3, "sizes": sizes}
    searcher = SEARCHERS["quality_diversity"](SMALL, 0, **options)
    rows = SMALL.every_row()
    searcher.enqueue(rows)
    rewards = np.linspace(0.0, 1.0, len(rows))
    told = searcher.tell(searcher.ask(len(rows)), rewards)
    best: dict[tuple[int, ...], float] = {}
    for described, reward in zip(SMALL.describe(rows).tolist(), rewards, strict=True):
        cell = tuple(described if sizes else described[:1])
        if reward >= 0.3:
            best[cell] = max(reward, best.get(cell, 0.0))
    assert told["cells"] == len(best)
    assert told["elites_mean"] == pytest.approx(np.mean(list(best.values())))


def test_hill_climbing_begins_again_after_its_patience() -> None:
    searcher = SEARCHERS["hill_climbing"](SPACE, 0, starts=4, patience=10)
    climbs = [
        searcher.tell(searcher.ask(4), np.full(4, 0.5))["climbs"] for _ in "12345"
    ]
    assert climbs == sorted(climbs)
    assert climbs[0] == 1
    assert climbs[-1] == 2


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        ("hill_climbing", "patience", 0),
        ("hill_climbing", "perturb", 1.5),
        ("evolution", "crossover", -0.1),
        ("evolution", "more", 1.0),
        ("evolution", "redraws", -1),
        ("quality_diversity", "beginning", 0),
        ("quality_diversity", "pressure", -1.0),
        ("tree_search", "maximum", 2.0),
        ("tree_search", "exploration", -1.0),
        ("tpe", "window", 1),
    ],
)
def test_options_out_of_range_are_refused(kind: str, option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{option} is {value}: give"):
        SEARCHERS[kind](SPACE, 0, **{option: value})
