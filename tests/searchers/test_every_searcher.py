"""What every searcher promises, whatever it does inside."""

import copy
import io
import random
from typing import Any

import numpy as np
import pytest
import torch

from neuralopt.searchers import SEARCHERS, Searcher
from tests.searchers.toy_space import ToySpace, share_of

SPACE = ToySpace()
HIDDEN = np.array([1, 2, 5, 3, 4, 2])
# Small numbers, so that 200 results reach every branch: populations full, many updates.
MAKERS: dict[str, tuple[str, dict[str, Any]]] = {
    "uniform": ("uniform", {}),
    "evolution": ("evolution", {"population": 20, "tournament": 4}),
    "ppo": ("controller", {"batch": 12, "hidden": 16}),
    "reinforce": ("controller", {"batch": 5, "algorithm": "reinforce", "hidden": 16}),
    "rank": ("controller", {"advantage": "rank", "rank_window": 30, "hidden": 16}),
}
every = pytest.mark.parametrize("name", MAKERS)


def make(name: str, seed: int = 0) -> Searcher:
    kind, options = MAKERS[name]
    return SEARCHERS[kind](SPACE, seed, **options)


def drive(searcher: Searcher, asks: int, count: int = 16) -> np.ndarray:
    """Ask and tell at once, ``asks`` times; return all rows."""
    proposed = []
    for _ in range(asks):
        rows = searcher.ask(count)
        searcher.tell(rows, share_of(HIDDEN, rows))
        proposed.append(rows)
    return np.concatenate(proposed)


def through_torch(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return loaded


def test_every_registered_searcher_is_in_this_suite() -> None:
    assert {kind for kind, _ in MAKERS.values()} == set(SEARCHERS)


@every
def test_rows_are_valid_and_of_the_promised_shape_and_type(name: str) -> None:
    searcher = make(name)
    for count in (1, 7, 40):
        rows = searcher.ask(count)
        assert rows.shape == (count, len(SPACE.choices))
        assert rows.dtype == np.int64
        assert all(SPACE.valid(row) for row in rows)
        searcher.tell(rows, share_of(HIDDEN, rows))
    assert all(SPACE.valid(row) for row in drive(searcher, 10))


@every
def test_the_same_seed_proposes_the_same_and_another_seed_does_not(name: str) -> None:
    first, second, other = (drive(make(name, seed), 8) for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@every
def test_global_random_state_is_neither_read_nor_moved(name: str) -> None:
    expected = drive(make(name), 8)
    torch.manual_seed(123)
    np.random.seed(123)  # noqa: NPY002 - the global generator is what is tested
    random.seed(123)
    before = (
        torch.get_rng_state(),
        np.random.get_state(legacy=False)["state"]["key"].copy(),  # noqa: NPY002
        random.getstate(),
    )
    assert np.array_equal(drive(make(name), 8), expected)
    assert torch.equal(torch.get_rng_state(), before[0])
    after = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    assert np.array_equal(after, before[1])
    assert random.getstate() == before[2]


@every
def test_saved_and_loaded_it_continues_exactly_even_with_open_asks(name: str) -> None:
    searcher = make(name)
    drive(searcher, 6, count=11)  # leaves results that wait for a full batch
    open_asks = [searcher.ask(5), searcher.ask(8)]
    state = searcher.state_dict()
    twin = make(name, seed=99)
    twin.load_state_dict(through_torch(state))
    for rows in open_asks:
        rewards = share_of(HIDDEN, rows)
        assert searcher.tell(rows, rewards) == twin.tell(rows, rewards)
    expected = drive(searcher, 6)
    assert np.array_equal(drive(twin, 6), expected)
    # The snapshot stayed one while both went on.
    third = make(name)
    third.load_state_dict(state)
    for rows in open_asks:
        third.tell(rows, share_of(HIDDEN, rows))
    assert np.array_equal(drive(third, 6), expected)


@every
def test_a_state_can_be_saved_before_anything_was_asked(name: str) -> None:
    twin = make(name, seed=5)
    twin.load_state_dict(through_torch(make(name).state_dict()))
    assert np.array_equal(drive(twin, 4), drive(make(name), 4))


@every
def test_loading_leaves_the_state_untouched(name: str) -> None:
    searcher = make(name)
    drive(searcher, 4)
    state = through_torch(searcher.state_dict())
    before = str(copy.deepcopy(state))
    searcher.load_state_dict(state)
    drive(searcher, 4)
    assert str(state) == before


@every
def test_results_that_are_nan_teach_nothing(name: str) -> None:
    """Rows without result leave no trace but the random numbers they used."""
    told, untold = make(name), make(name)
    for searcher, reward in ((told, np.nan), (untold, None)):
        rows = searcher.ask(30)
        if reward is not None:
            diagnostics = searcher.tell(rows, np.full(30, reward))
            assert all(np.isfinite(value) for value in diagnostics.values())
    # `untold` still waits for its first ask: what both propose next must agree.
    assert np.array_equal(told.ask(30), untold.ask(30))


@every
def test_nan_among_results_is_skipped(name: str) -> None:
    """The rows with results count, whatever lies between them."""
    searchers = make(name), make(name)
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
    assert same == (name == "uniform"), "a NaN is not a reward of 0"


@every
def test_several_asks_may_be_open(name: str) -> None:
    def run() -> np.ndarray:
        searcher = make(name)
        asks = [searcher.ask(6) for _ in range(5)]
        for _ in range(8):
            rows = asks.pop(0)
            searcher.tell(rows, share_of(HIDDEN, rows))
            asks.append(searcher.ask(6))
        return np.concatenate(asks)

    rows = run()
    assert all(SPACE.valid(row) for row in rows)
    assert np.array_equal(rows, run())


@every
@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("nothing open", "call ask first"),
        ("other row", "told row 2 is"),
        ("order of rows", "in the order asked"),
        ("order of asks", "in the order asked"),
        ("too few rows", "whole"),
        ("too few rewards", "one reward for each row"),
        ("too large", "reward 3 is 1.5, outside"),
        ("negative", "reward 3 is -0.1, outside"),
        ("infinite", "reward 3 is inf, outside"),
    ],
)
def test_a_wrong_tell_is_refused_in_one_line_and_changes_nothing(
    name: str, problem: str, words: str
) -> None:
    searcher, twin = make(name), make(name)
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


@every
def test_an_ask_of_no_rows_is_told_in_its_turn(name: str) -> None:
    searcher = make(name)
    rows, later = searcher.ask(0), searcher.ask(3)
    assert rows.shape == (0, len(SPACE.choices))
    assert rows.dtype == np.int64
    with pytest.raises(ValueError, match="in the order asked"):
        searcher.tell(later, np.zeros(3))
    searcher.tell(rows, [])
    searcher.tell(later, np.zeros(3))


@every
@pytest.mark.parametrize("count", [-1, 2.5, "3"])
def test_a_count_that_is_none_is_refused(name: str, count: Any) -> None:
    with pytest.raises(ValueError, match="whole number"):
        make(name).ask(count)


@every
def test_arrays_of_the_caller_stay_theirs(name: str) -> None:
    searcher, twin = make(name), make(name)
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


@every
def test_rows_changed_between_ask_and_tell_are_noticed(name: str) -> None:
    searcher = make(name)
    rows = searcher.ask(4)
    rows[0, 0] = (rows[0, 0] + 1) % SPACE.choices[0]
    with pytest.raises(ValueError, match="told row 0"):
        searcher.tell(rows, np.zeros(4))


@every
def test_a_state_of_another_space_or_searcher_is_refused(name: str) -> None:
    kind, options = MAKERS[name]
    other_space = SEARCHERS[kind](ToySpace((5, 4, 6)), 0, **options)
    other_kind = make("uniform" if name != "uniform" else "evolution")
    for stranger in (other_space, other_kind):
        with pytest.raises(ValueError, match="saved searcher state has"):
            make(name).load_state_dict(stranger.state_dict())
    with pytest.raises(ValueError, match="saved searcher state has no"):
        make(name).load_state_dict({})


def exactly(state: Any) -> Any:
    """The same with lists for tensors: text would round them."""
    if isinstance(state, torch.Tensor):
        return state.tolist()
    if isinstance(state, dict):
        return {key: exactly(value) for key, value in state.items()}
    return state


@every
def test_the_number_of_threads_changes_nothing(name: str) -> None:
    kind, options = MAKERS[name]
    full_size = {key: value for key, value in options.items() if key != "hidden"}
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            searcher = SEARCHERS[kind](SPACE, 0, **full_size)
            rows = drive(searcher, 2, count=20)
            results.append((rows, exactly(searcher.state_dict())))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
