"""Every space of the registry: rows, masks, rules and back."""

import numpy as np
import pytest

from neuralopt.language import parse, render, simplify
from neuralopt.spaces import SPACES, Space, load

every = pytest.mark.parametrize("name", SPACES)
COUNT = 200


@pytest.fixture
def space(name: str) -> Space:
    return load(name)


@pytest.fixture
def rows(space: Space) -> np.ndarray:
    return space.sample(COUNT, np.random.default_rng(0))


@every
def test_samples_are_valid_and_follow_from_the_generator(
    name: str, space: Space, rows: np.ndarray
) -> None:
    assert space.name == name
    assert rows.shape == (COUNT, len(space.choices))
    assert rows.dtype == np.int64
    assert all(space.valid(row) for row in rows)
    assert len(np.unique(rows, axis=0)) > COUNT // 2
    again = space.sample(COUNT, np.random.default_rng(0))
    other = space.sample(COUNT, np.random.default_rng(1))
    assert np.array_equal(rows, again)
    assert not np.array_equal(rows, other)
    assert 0 < space.size <= space.raw_size


@every
def test_masks_allow_what_rows_contain_and_forbid_what_is_invalid(
    space: Space, rows: np.ndarray
) -> None:
    for decision, choices in enumerate(space.choices):
        masks = space.masks(rows[:, :decision])
        assert masks.shape == (COUNT, choices)
        assert masks.dtype == np.bool_
        assert masks[np.arange(COUNT), rows[:, decision]].all()
        assert masks.any(axis=1).all()
    last = len(space.choices) - 1
    masks = space.masks(rows[:, :last])
    for row, allowed in zip(rows[:40], masks, strict=False):
        for choice in range(space.choices[last]):
            changed = row.copy()
            changed[last] = choice
            assert space.valid(changed) == allowed[choice]


@every
def test_mutants_are_valid_others_and_leave_the_row_as_it_was(
    space: Space, rows: np.ndarray
) -> None:
    rng = np.random.default_rng(2)
    for row in rows[:50]:
        before = row.copy()
        mutant = space.mutate(row, rng)
        assert np.array_equal(row, before)
        assert space.valid(mutant)
        assert not np.array_equal(mutant, row)


@every
def test_rules_read_back_from_their_texts(space: Space, rows: np.ndarray) -> None:
    found = space.decode_all(rows)
    for row, rule in zip(rows, found, strict=True):
        assert rule is not None
        assert rule == space.decode(row)
        assert parse(str(rule)) == rule
        canonical = simplify(rule)
        assert simplify(canonical) == canonical
        # Abbreviations stand for canonical forms too: they read as what is written.
        assert simplify(parse(render(canonical))) == canonical


@every
def test_rows_that_rules_are_encoded_as_decode_to_the_same_rule(
    space: Space, rows: np.ndarray
) -> None:
    found = 0
    for rule in space.decode_all(rows[:25]):
        assert rule is not None
        try:
            row = space.encode(rule)
        except ValueError:
            continue  # encode may miss what is reached by detours
        found += 1
        assert space.valid(row)
        assert simplify(space.decode(row)) == simplify(rule)
    assert found > 12
