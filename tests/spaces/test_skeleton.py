"""Masks, sizes, sampling and mutation, compared with an independent enumeration."""

import itertools
import time
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import chisquare

from neuralopt.spaces.skeleton import Skeleton
from neuralopt.spaces.variation import Variation

SHAPES = {
    "one group": {"operands": 3, "unary": 2, "reads_right": (True, False), "groups": 1},
    "one operand": {"operands": 1, "unary": 2, "reads_right": (True,), "groups": 2},
    "keep left": {"operands": 2, "unary": 1, "reads_right": (True, False), "groups": 3},
    "only keep left": {"operands": 2, "unary": 2, "reads_right": (False,), "groups": 2},
    "four groups": {"operands": 2, "unary": 1, "reads_right": (True,), "groups": 4},
    "ends on keep left": {
        "operands": 2,
        "unary": 1,
        "reads_right": (True, False),
        "may_end": (False, True),
        "groups": 3,
    },
    "ends on a pair": {
        "operands": 2,
        "unary": 1,
        "reads_right": (True, False, True),
        "may_end": (True, False, False),
        "groups": 2,
    },
}
FLAGS = ("distinct_operands", "reuse_previous", "every_group_used")


def skeletons() -> list[object]:
    cases = []
    for (name, shape), flags in itertools.product(
        SHAPES.items(), itertools.product((False, True), repeat=3)
    ):
        constraints = dict(zip(FLAGS, flags, strict=True))
        if constraints["distinct_operands"] and shape["operands"] == 1:
            continue
        chosen = [flag for flag in FLAGS if constraints[flag]]
        skeleton = Skeleton(
            **{"may_end": (True,) * len(shape["reads_right"]), **shape, **constraints}
        )
        cases.append(
            pytest.param(skeleton, id=f"{name}: {', '.join(chosen) or 'free'}")
        )
    return cases


def meets_constraints(skeleton: Skeleton, row: Sequence[int]) -> bool:
    """The constraints as they are worded, looked at from the whole row."""
    reached = {skeleton.operands + skeleton.groups - 1}
    for group in reversed(range(skeleton.groups)):
        left, right, _, _, binary = row[5 * group : 5 * group + 5]
        read = {left, right} if skeleton.reads_right[binary] else {left}
        if skeleton.distinct_operands and left == right:
            return False
        if group == skeleton.groups - 1 and not skeleton.may_end[binary]:
            return False
        previous = skeleton.operands + group - 1
        if skeleton.reuse_previous and group > 0 and previous not in read:
            return False
        if skeleton.operands + group in reached:
            reached |= read
        elif skeleton.every_group_used:
            return False
    return True


def valid_rows(skeleton: Skeleton) -> list[tuple[int, ...]]:
    every = itertools.product(*map(range, skeleton.choices))
    return [row for row in every if meets_constraints(skeleton, row)]


@pytest.mark.parametrize("skeleton", skeletons())
def test_size_counts_the_valid_rows(skeleton):
    assert skeleton.size == len(valid_rows(skeleton)) > 0


@pytest.mark.parametrize("skeleton", skeletons())
def test_masks_allow_exactly_the_beginnings_of_valid_rows(skeleton):
    rows = valid_rows(skeleton)
    for k in range(len(skeleton.choices)):
        following: dict[tuple[int, ...], set[int]] = {}
        for row in rows:
            following.setdefault(row[:k], set()).add(row[k])
        prefixes = np.array(list(following), dtype=np.int64)
        masks = skeleton.masks(prefixes)
        assert masks.shape == (len(following), skeleton.choices[k])
        for mask, expected in zip(masks, following.values(), strict=True):
            assert set(np.flatnonzero(mask).tolist()) == expected


@pytest.mark.parametrize("skeleton", skeletons())
def test_samples_and_mutants_are_valid(skeleton):
    rng = np.random.default_rng(0)
    rows = skeleton.sample(200, rng)
    assert all(meets_constraints(skeleton, row) for row in rows.tolist())
    for row in rows[:20]:
        before = row.copy()
        mutant = Variation(skeleton).mutate(row, rng)
        assert (row == before).all()
        assert (mutant != row).any()
        assert meets_constraints(skeleton, mutant.tolist())


@pytest.mark.parametrize(
    ("groups", "rows"), [(1, 2.5e5), (2, 7.0e10), (3, 2.2e16), (4, 7.5e21)]
)
def test_raw_size_is_the_papers(groups, rows):
    paper = Skeleton(17, 12, (True,) * 5 + (False,), (True,) * 6, groups)
    counted = 1
    for group in range(groups):
        counted *= (17 + group) ** 2 * 12**2 * 6
    assert paper.raw_size == counted
    assert paper.raw_size == pytest.approx(rows, rel=0.02)


def test_each_decision_is_uniform_over_its_allowed_choices():
    skeleton = Skeleton(2, 1, (True, False), (True, True), groups=2)
    rows = valid_rows(skeleton)
    probability = {}
    for row in rows:
        followers = [
            {other[k] for other in rows if other[:k] == row[:k]}
            for k in range(len(row))
        ]
        probability[row] = np.prod([1 / len(choices) for choices in followers])
    count = 20_000
    drawn = skeleton.sample(count, np.random.default_rng(1)).tolist()
    observed = dict.fromkeys(rows, 0)
    for row in map(tuple, drawn):
        observed[row] += 1
    expected = [probability[row] * count for row in rows]
    assert chisquare(list(observed.values()), expected).pvalue > 1e-3


def test_samples_depend_only_on_the_generator():
    skeleton = Skeleton(4, 3, (True, False), (True, True), groups=3)
    first, again, other = (
        skeleton.sample(50, np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    assert first.dtype == np.int64
    assert (first == again).all()
    assert (first != other).any()


def test_a_mutation_keeps_what_comes_before_it_and_what_it_allows():
    skeleton = Skeleton(6, 4, (True, True), (True, True), 2, reuse_previous=True)
    rng = np.random.default_rng(2)
    changes = [
        int((Variation(skeleton).mutate(row, rng) != row).sum())
        for row in skeleton.sample(500, rng)
    ]
    # Only a change of the second group's operands can force another decision.
    assert min(changes) == 1
    assert max(changes) == 2
    assert np.mean(np.array(changes) == 1) > 0.8


def test_mutation_reaches_every_row():
    skeleton = Skeleton(2, 1, (True, False), (False, True), groups=3)
    rng = np.random.default_rng(3)
    row = skeleton.sample(1, rng)[0]
    reached = set()
    for _ in range(3000):
        row = Variation(skeleton).mutate(row, rng)
        reached.add(tuple(row.tolist()))
    assert len(reached) == skeleton.size


def test_the_only_row_mutates_to_itself():
    lonely = Skeleton(1, 1, (True,), (True,), groups=1, distinct_operands=False)
    assert lonely.size == 1
    row = np.zeros(5, dtype=np.int64)
    assert (Variation(lonely).mutate(row, np.random.default_rng(0)) == row).all()


def test_valid_refuses_what_is_not_a_row():
    skeleton = Skeleton(3, 2, (True,), (True,), groups=1)
    assert skeleton.valid(np.array([0, 1, 1, 1, 0]))
    assert not skeleton.valid(np.array([0, 0, 1, 1, 0]))
    assert not skeleton.valid(np.array([0, 1, 2, 1, 0]))
    assert not skeleton.valid(np.array([0, -1, 1, 1, 0]))
    assert not skeleton.valid(np.array([0.0, 1.0, 1.0, 1.0, 0.0]))
    assert not skeleton.valid(np.array([0, 1, 1, 1]))
    with pytest.raises(ValueError, match=r"row \[0, 0, 1, 1, 0\] is not valid"):
        Variation(skeleton).mutate(np.array([0, 0, 1, 1, 0]), np.random.default_rng(0))


@pytest.mark.parametrize("shape", [(5,), (2, 5)])
def test_masks_refuse_prefixes_without_a_next_decision(shape):
    skeleton = Skeleton(3, 2, (True,), (True,), groups=1)
    with pytest.raises(ValueError, match=r"k < 5"):
        skeleton.masks(np.zeros(shape, dtype=np.int64))


def test_a_laptop_samples_faster_than_a_search_can_ask():
    paper = Skeleton(17, 12, (True,) * 5 + (False,), (True,) * 6, groups=4)
    start = time.perf_counter()
    paper.sample(20_000, np.random.default_rng(0))
    rows_per_second = 20_000 / (time.perf_counter() - start)
    # Some 180,000 on one idle core; the bound leaves room for a busy one.
    assert rows_per_second > 20_000


@pytest.mark.parametrize("skeleton", skeletons())
def test_rearranged_and_mixed_rows_are_valid(skeleton):
    rng = np.random.default_rng(4)
    vary = Variation(skeleton)
    rows = skeleton.sample(60, rng)
    for one, other in zip(rows, rows[::-1], strict=True):
        before = one.copy()
        for child in (vary.rearrange(one, rng), vary.crossover(one, other, rng)):
            assert meets_constraints(skeleton, child.tolist())
        assert (one == before).all()


def test_a_rearranged_row_swaps_its_sides():
    skeleton = Skeleton(4, 3, (True,), (True,), groups=1)
    child = Variation(skeleton).rearrange(
        np.array([2, 1, 0, 2, 0]), np.random.default_rng(0)
    )
    assert child.tolist() == [1, 2, 2, 0, 0]
