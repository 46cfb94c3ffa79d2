"""Searchers that learn find better rules than random search, and keep exploring."""

from typing import Any

import numpy as np
import pytest
import torch

from neuralopt.searchers import SEARCHERS, ControllerSearcher, Searcher
from neuralopt.searchers.searcher import Rows
from tests.searchers.toy_space import ToySpace, share_of

SPACE = ToySpace((7, 6, 8, 6, 7, 6, 8, 6, 7, 6))  # about 3e7 valid rows
DIAGNOSTICS = {
    "mean_reward",
    "baseline",
    "entropy",
    "entropy_weight",
    "approximate_kl",
    "clip_fraction",
    "gradient_norm",
    "loss",
}


# A policy without what keeps it from settling.
ALONE: dict[str, Any] = {
    "redraws": 0,
    "evolved": 0.0,
    "queue": 0,
    "sharing": 0.0,
    "hidden": 50,
}


def hidden_row(seed: int) -> Rows:
    row: Rows = SPACE.sample(1, np.random.default_rng([seed, 7]))[0]
    return row


def search(searcher: Searcher, hidden: Rows, rules: int, lag: int = 0) -> np.ndarray:
    """Rewards of the counting problem, in the order told; ``lag`` asks stay open."""
    rewards, waiting = [], []
    for _ in range(rules // 16):
        waiting.append(searcher.ask(16))
        if len(waiting) > lag:
            rows = waiting.pop(0)
            rewards.append(share_of(hidden, rows))
            searcher.tell(rows, rewards[-1])
    return np.concatenate(rewards)


@pytest.mark.parametrize(
    ("kind", "options", "lag"),
    [
        ("evolution", {"population": 50}, 0),
        ("evolution", {"population": 50}, 3),
        ("controller", {}, 0),
        ("controller", {"quantile": 0.8, "batch": 64, "entropy_decay": 0.9}, 0),
        ("controller", ALONE | {"batch": 32, "epochs": 4}, 0),
        ("controller", {"hidden": 40}, 3),
        ("controller", {"advantage": "rank", "hidden": 40}, 0),
        (
            "controller",
            {
                "algorithm": "reinforce",
                "advantage": "raw",
                "batch": 8,
                "entropy_weight": 0.0015,
                "entropy_floor": 0.0,
                "sharing": 0.0,
                "hidden": 40,
            },
            0,
        ),
    ],
)
def test_learning_beats_chance_at_the_same_number_of_rules(
    kind: str, options: dict[str, Any], lag: int
) -> None:
    for seed in range(2):
        hidden = hidden_row(seed)
        chance = search(SEARCHERS["uniform"](SPACE, seed), hidden, 960)
        learnt = search(SEARCHERS[kind](SPACE, seed, **options), hidden, 960, lag)
        assert learnt[-200:].mean() > chance.mean() + 0.15
        assert learnt.max() > chance.max()


def rule_of(row: Rows) -> tuple[int, ...]:
    """The last four decisions have no effect where the first is 0.

    A thousand rows are one rule there: entropy can't tell that a searcher settled.
    """
    return tuple(row[:-4].tolist() if row[0] == 0 else row.tolist())


class DisguisedSpace(ToySpace):
    def canonical(self, rows: Rows) -> list[str]:
        return [str(rule_of(row)) for row in rows]


DISGUISED = DisguisedSpace(SPACE.choices)


def quality(rule: tuple[int, ...]) -> float:
    """As in a real search: nine in ten score 0, a few more do in the disguised part."""
    luck = np.random.default_rng([*rule, len(rule)]).random(2)
    scores = luck[0] < (0.3 if rule[0] == 0 else 0.1)
    return 0.3 + 0.6 * float(luck[1]) if scores else 0.0


def late_in_a_search(searcher: Searcher) -> tuple[float, float]:
    """Share of rules never seen before and mean quality, of 320 rows after 2,000."""
    seen: set[tuple[int, ...]] = set()
    new, qualities = [], []
    for _ in range(2320 // 16):
        rows = searcher.ask(16)
        rules = [rule_of(row) for row in rows]
        told = [quality(rule) for rule in rules]
        searcher.tell(rows, told)
        qualities += told
        for rule in rules:
            new.append(rule not in seen)
            seen.add(rule)
    return float(np.mean(new[2000:])), float(np.mean(qualities[2000:]))


@pytest.mark.parametrize(
    ("kind", "space", "alone"),
    [
        ("controller", DISGUISED, ALONE | {"batch": 32, "epochs": 4}),
        (
            "evolution",
            SPACE,
            {"sharing": 0.0, "redraws": 0, "crossover": 0.0, "more": 0.0},
        ),
    ],
    ids=["controller", "evolution"],
)
def test_a_searcher_does_not_settle_on_one_rule(
    kind: str, space: ToySpace, alone: dict[str, Any]
) -> None:
    new, mean = late_in_a_search(SEARCHERS[kind](space, 0))
    _, chance = late_in_a_search(SEARCHERS["uniform"](space, 0))
    lonely, _ = late_in_a_search(SEARCHERS[kind](space, 0, **alone))
    assert new > 0.2
    assert new > 1.5 * lonely
    assert mean > 1.5 * chance


def test_the_entropy_floor_holds() -> None:
    """A reward that shouts for one row, and nothing but the floor against it."""
    hidden = hidden_row(0)
    entropies = []
    for floor in (0.0, 6.0):
        searcher = ControllerSearcher(
            SPACE,
            0,
            entropy_weight=0.0,
            entropy_floor=floor,
            batch=32,
            epochs=4,
            **ALONE,
        )
        search(searcher, hidden, 1200)
        rows = searcher.ask(64)
        told = searcher.tell(rows, share_of(hidden, rows))
        entropies.append(told["entropy"] * len(SPACE.choices))
    assert entropies[0] < 3
    assert entropies[1] > 4


def test_diagnostics_are_always_there_and_finite() -> None:
    searcher = ControllerSearcher(SPACE, 0, batch=20, hidden=16)
    for count, reward in ((0, 0.5), (4, np.nan), (4, 0.5), (40, 0.5), (4, np.nan)):
        told = searcher.tell(searcher.ask(count), np.full(count, reward))
        assert set(told) == DIAGNOSTICS
        assert all(type(v) is float and np.isfinite(v) for v in told.values())
    assert told["mean_reward"] == 0.5
    assert told["gradient_norm"] > 0


def test_entropy_is_in_nats_a_decision() -> None:
    """Without masks, a new controller is close to uniform: log(choices) each."""

    class Free(ToySpace):
        def masks(self, prefixes: Rows) -> np.ndarray:
            shape = len(prefixes), self.choices[prefixes.shape[1]]
            return np.ones(shape, dtype=np.bool_)

    searcher = ControllerSearcher(Free((8, 8, 4)), 0)
    told = searcher.tell(searcher.ask(8), np.zeros(8))
    expected = (2 * np.log(8) + np.log(4)) / 3
    assert told["entropy"] == pytest.approx(expected, rel=0.03)


def test_results_wait_until_a_batch_is_full() -> None:
    searcher = ControllerSearcher(SPACE, 0, batch=16, evolved=0.0, hidden=16)
    fresh = ControllerSearcher(
        SPACE, 0, batch=16, evolved=0.0, hidden=16
    ).controller.positions
    for count, learnt in ((10, False), (5, False), (0, False), (1, True)):
        rows = searcher.ask(count)
        searcher.tell(rows, share_of(hidden_row(0), rows))
        assert torch.equal(searcher.controller.positions, fresh) != learnt


@pytest.mark.parametrize(
    "options",
    [{"tournament": 0}, {"tournament": 200}, {"fresh": 1.1}, {"sharing": -1.0}],
)
def test_evolution_refuses_options_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        SEARCHERS["evolution"](SPACE, 0, **options)


def test_the_oldest_member_dies_however_good() -> None:
    searcher = SEARCHERS["evolution"](SPACE, 0, population=4, tournament=2)
    first = searcher.tell(searcher.ask(4), [0.9, 0.1, 0.1, 0.1])
    assert first["population_best"] == 0.9
    assert searcher.tell(searcher.ask(1), [0.2])["population_best"] == 0.2
