"""Checks of searchers: seeds, saved states, open asks and what results teach."""

import copy
import io
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from neuralopt.digests import rule_digest
from neuralopt.origin import KINDS, KeepsOrigins
from neuralopt.searchers import Searcher
from tests.searchers.toy_space import ToySpace, share_of

SPACE = ToySpace()
HIDDEN = np.array([1, 2, 5, 3, 4, 2])
OTHER_HIDDEN = np.array([4, 0, 2, 1, 0, 3])

Make = Callable[[int], Searcher]
"""Makes a searcher of ``SPACE`` from a seed."""


def drive(
    searcher: Searcher, asks: int, count: int = 16, hidden: np.ndarray = HIDDEN
) -> np.ndarray:
    """Ask and tell at once, ``asks`` times; return all rows."""
    proposed = []
    for _ in range(asks):
        rows = searcher.ask(count)
        searcher.tell(rows, share_of(hidden, rows))
        proposed.append(rows)
    return np.concatenate(proposed)


def through_torch(state: dict[str, Any]) -> dict[str, Any]:
    """The state as ``torch.load`` reads it from a file, weights only."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return loaded


def exactly(state: Any) -> Any:
    """The same with lists for tensors: text would round them."""
    if isinstance(state, torch.Tensor):
        return state.tolist()
    if isinstance(state, dict):
        return {key: exactly(value) for key, value in state.items()}
    return state


def check_rows(make: Make) -> None:
    """Rows are valid and of the promised shape and type."""
    searcher = make(0)
    for count in (1, 7, 40):
        rows = searcher.ask(count)
        assert rows.shape == (count, len(SPACE.choices))
        assert rows.dtype == np.int64
        assert all(SPACE.valid(row) for row in rows)
        searcher.tell(rows, share_of(HIDDEN, rows))
    assert all(SPACE.valid(row) for row in drive(searcher, 10))


def check_seed(make: Make) -> None:
    """The same seed proposes the same, another one does not."""
    first, second, other = (drive(make(seed), 8) for seed in (3, 3, 4))
    assert np.array_equal(first, second), "one seed makes two searches"
    assert not np.array_equal(first, other), "the seed changes nothing"


def check_global_random_state(make: Make) -> None:
    """The global generators of torch, numpy and Python are neither read nor moved."""
    expected = drive(make(0), 8)
    torch.manual_seed(123)
    np.random.seed(123)  # noqa: NPY002 - the global generator is what is tested
    random.seed(123)
    before = _global_states()
    assert np.array_equal(drive(make(0), 8), expected)
    for one, other in zip(before, _global_states(), strict=True):
        assert np.array_equal(one, other)


def _global_states() -> tuple[Any, ...]:
    numpys = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - as above
    return (
        torch.get_rng_state().numpy(),
        numpys["key"].copy(),
        numpys["pos"],
        random.getstate()[1],
    )


def check_saved_state(make: Make) -> None:
    """Saved and loaded it continues exactly, with asks that are open."""
    searcher = make(0)
    drive(searcher, 6, count=11)  # leaves results that wait for a full batch
    open_asks = [searcher.ask(5), searcher.ask(8)]
    state = searcher.state_dict()
    twin = make(99)
    twin.load_state_dict(through_torch(state))
    for rows in open_asks:
        rewards = share_of(HIDDEN, rows)
        assert searcher.tell(rows, rewards) == twin.tell(rows, rewards)
    expected = drive(searcher, 6)
    assert np.array_equal(drive(twin, 6), expected), "a loaded state does not go on"
    # The snapshot stayed one while both went on.
    third = make(0)
    third.load_state_dict(state)
    for rows in open_asks:
        third.tell(rows, share_of(HIDDEN, rows))
    assert np.array_equal(drive(third, 6), expected), "a snapshot changed"


def check_state_before_any_ask(make: Make) -> None:
    """A state can be saved before anything was asked."""
    twin = make(5)
    twin.load_state_dict(through_torch(make(0).state_dict()))
    assert np.array_equal(drive(twin, 4), drive(make(0), 4))


def check_loading_changes_no_state(make: Make) -> None:
    """Loading, and going on, leave the loaded dictionary as it was."""
    searcher = make(0)
    drive(searcher, 4)
    state = through_torch(searcher.state_dict())
    before = str(copy.deepcopy(state))
    searcher.load_state_dict(state)
    drive(searcher, 4)
    assert str(state) == before


def check_learning(make: Make, learns: bool) -> None:
    """What is told changes what is asked if the searcher learns, else it does not."""
    one, other = make(0), make(0)
    first, second = drive(one, 12), drive(other, 12, hidden=OTHER_HIDDEN)
    assert np.array_equal(first[:16], second[:16]), "proposed before any result"
    assert np.array_equal(first, second) == (not learns)


def check_nan_teaches_nothing(make: Make) -> None:
    """Rows without result leave no trace but the random numbers they used."""
    told, untold = make(0), make(0)
    for searcher, reward in ((told, np.nan), (untold, None)):
        rows = searcher.ask(30)
        if reward is not None:
            diagnostics = searcher.tell(rows, np.full(30, reward))
            assert all(np.isfinite(value) for value in diagnostics.values())
    # `untold` still waits for its first ask: what both propose next must agree.
    assert np.array_equal(told.ask(30), untold.ask(30))


def check_nan_among_results(make: Make, learns: bool) -> None:
    """The rows with results count, and those without are not taken for failures."""
    searchers = make(0), make(0)
    for searcher, filler in zip(searchers, (np.nan, 0.0), strict=True):
        rows = searcher.ask(40)
        rewards = share_of(HIDDEN, rows)
        rewards[::2] = filler
        searcher.tell(rows, rewards)
        drive(searcher, 4)
    assert all(
        np.isfinite(v) for v in searchers[0].tell(searchers[0].ask(0), []).values()
    )
    searchers[1].tell(searchers[1].ask(0), [])
    same = str(searchers[0].state_dict()) == str(searchers[1].state_dict())
    assert same == (not learns), "a NaN is not a reward of 0"


def check_several_open_asks(make: Make) -> None:
    """Several asks may be open, and the same search follows each time."""

    def run() -> np.ndarray:
        searcher = make(0)
        asks = [searcher.ask(6) for _ in range(5)]
        for _ in range(8):
            rows = asks.pop(0)
            searcher.tell(rows, share_of(HIDDEN, rows))
            asks.append(searcher.ask(6))
        return np.concatenate(asks)

    rows = run()
    assert all(SPACE.valid(row) for row in rows)
    assert np.array_equal(rows, run())


def check_arrays_stay_the_callers(make: Make) -> None:
    """The arrays of ask and tell are not written, and not read afterwards."""
    searcher, twin = make(0), make(0)
    for _ in range(5):
        rows, same = searcher.ask(12), twin.ask(12)
        rewards = share_of(HIDDEN, rows)
        rows_before, rewards_before = rows.copy(), rewards.copy()
        rows.flags.writeable = rewards.flags.writeable = False
        searcher.tell(rows, rewards)
        assert np.array_equal(rows, rows_before)
        assert np.array_equal(rewards, rewards_before)
        twin.tell(same, rewards)
        same[:] = 0  # after the tell the array may be used for anything
    assert np.array_equal(searcher.ask(12), twin.ask(12))


def check_number_of_threads(make: Make) -> None:
    """The number of torch's threads changes neither rows nor state."""
    results = []
    for threads in (1, 2):
        with torch_threads(threads):
            searcher = make(0)
            rows = drive(searcher, 2, count=20)
            results.append((rows, exactly(searcher.state_dict())))
    assert np.array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


PROBLEMS = {
    "nothing open": "call ask first",
    "other row": "told row 2 is",
    "order of rows": "in the order asked",
    "order of asks": "in the order asked",
    "too few rows": "whole",
    "too few rewards": "one reward for each row",
    "too large": "reward 3 is 1.5, outside",
    "negative": "reward 3 is -0.1, outside",
    "infinite": "reward 3 is inf, outside",
}
"""A wrong tell -> words of the error."""


def check_wrong_tell(make: Make, problem: str) -> None:
    """A wrong tell is refused in one line and changes nothing."""
    words = PROBLEMS[problem]
    searcher, twin = make(0), make(0)
    if problem == "nothing open":
        with pytest.raises(ValueError, match=words) as caught:
            searcher.tell(np.empty((0, len(SPACE.choices))), [])
        assert "\n" not in str(caught.value)
        return
    first, second = searcher.ask(6), searcher.ask(6)
    rewards = share_of(HIDDEN, first)
    right = first.copy(), rewards.copy()
    rows = first.copy()
    match problem:
        case "other row":
            rows[2, 0] = (rows[2, 0] + 1) % SPACE.choices[0]
        case "order of rows":
            rows = rows[::-1]
        case "order of asks":
            rows = second
        case "too few rows":
            rows, rewards = rows[:5], rewards[:5]
        case "too few rewards":
            rewards = rewards[:5]
        case "too large":
            rewards[3] = 1.5
        case "negative":
            rewards[3] = -0.1
        case "infinite":
            rewards[3] = np.inf
    with pytest.raises(ValueError, match=words) as caught:
        searcher.tell(rows, rewards)
    assert "\n" not in str(caught.value)
    searcher.tell(*right)
    searcher.tell(second, share_of(HIDDEN, second))
    for rows in (twin.ask(6), twin.ask(6)):
        twin.tell(rows, share_of(HIDDEN, rows))
    assert np.array_equal(drive(searcher, 6), drive(twin, 6))


def check_empty_ask(make: Make) -> None:
    """An ask of no rows is told in its turn."""
    searcher = make(0)
    rows, later = searcher.ask(0), searcher.ask(3)
    assert rows.shape == (0, len(SPACE.choices))
    assert rows.dtype == np.int64
    with pytest.raises(ValueError, match="in the order asked"):
        searcher.tell(later, np.zeros(3))
    searcher.tell(rows, [])
    searcher.tell(later, np.zeros(3))


def check_origins(make: Make) -> None:
    """Each row of an ask has an origin, whose parents were told or enqueued before."""
    searcher = make(0)
    assert isinstance(searcher, KeepsOrigins), "it does not say where rows come from"
    given = SPACE.sample(2, np.random.default_rng(5))
    searcher.enqueue(given)
    known = set(rules_of(given))
    for count in (9, 0, *[12] * 12):
        rows = searcher.ask(count)
        origins = searcher.origins()
        assert len(origins) == count
        for origin in origins:
            assert origin.kind in KINDS
            assert len(origin.parents) <= 2
            assert known.issuperset(origin.parents)
            assert bool(origin.parents) == (origin.kind in CHILDREN)
        if count == 9:
            assert [each.kind for each in origins[:2]] == ["enqueued"] * 2
        searcher.tell(rows, share_of(HIDDEN, rows))
        known |= set(rules_of(rows))
    twin = make(1)
    twin.load_state_dict(through_torch(searcher.state_dict()))
    assert np.array_equal(twin.ask(8), searcher.ask(8))
    assert twin.origins() == searcher.origins(), "a saved state loses the parents"


CHILDREN = {"mutation", "rearrangement", "crossover", "kick"}


def rules_of(rows: np.ndarray) -> list[int]:
    return [rule_digest(text) for text in SPACE.canonical(rows)]


def check_changed_rows(make: Make) -> None:
    """Rows changed between ask and tell are noticed."""
    searcher = make(0)
    rows = searcher.ask(4)
    rows[0, 0] = (rows[0, 0] + 1) % SPACE.choices[0]
    with pytest.raises(ValueError, match="told row 0"):
        searcher.tell(rows, np.zeros(4))


def check_enqueued_rows(make: Make) -> None:
    """Enqueued rows come first, are told like others, and are part of a saved state."""
    given = SPACE.sample(7, np.random.default_rng(5))
    searcher = make(0)
    searcher.enqueue(given[:4])
    searcher.enqueue(given[4:])
    given_by_caller, given = given, given.copy()
    given_by_caller[:] = 0
    first = searcher.ask(3)
    assert np.array_equal(first, given[:3])
    twin = make(1)
    twin.load_state_dict(through_torch(searcher.state_dict()))
    rest = searcher.ask(9)
    assert np.array_equal(rest[:4], given[3:])
    assert all(SPACE.valid(row) for row in rest)
    assert np.array_equal(twin.ask(9), rest)
    for rows in (first, rest):
        rewards = share_of(HIDDEN, rows)
        assert searcher.tell(rows, rewards) == twin.tell(rows, rewards)
    assert np.array_equal(drive(searcher, 6), drive(twin, 6))
    wrong = given[0].copy()
    wrong[0] = SPACE.choices[0]
    with pytest.raises(ValueError, match="is not valid in this space"):
        searcher.enqueue(wrong[None])


def check_strange_states(make: Make, *strangers: Searcher) -> None:
    """States of other searchers, and what is not a state, are refused."""
    for stranger in strangers:
        with pytest.raises(ValueError, match="saved searcher state has"):
            make(0).load_state_dict(stranger.state_dict())
    with pytest.raises(ValueError, match="saved searcher state has no"):
        make(0).load_state_dict({})
