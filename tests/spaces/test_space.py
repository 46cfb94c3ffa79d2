"""Spaces built from plain data: which data they reject, and what their rows mean."""

import dataclasses
import pickle

import numpy as np
import pytest

from neuralopt.language import parse, simplify
from neuralopt.spaces import SPACES, Constraints, Space, load

PLAIN = {
    "operands": ["g", "m", 1],
    "unary": ["x", "sign(x)", "exp(x)"],
    "binary": ["x + y", "x * y", "x / (y + 1e-8)", "x"],
    "groups": 2,
    "constraints": {"every_group_used": True, "not_final": ["x + y"]},
}
SHIPPED = ("bello2017", "modern", "sign_agreement", "temporal")


@pytest.fixture
def space() -> Space:
    return Space.from_mapping("plain", PLAIN)


def test_a_row_means_binary_of_unaries_of_operands(space):
    row = np.array([0, 1, 1, 1, 1, 3, 0, 2, 0, 1])
    assert space.valid(row)
    assert space.decode(row) == parse("exp(sign(g) * sign(m)) * g")


def test_keep_left_leaves_its_right_side_out(space):
    row = np.array([0, 1, 0, 2, 3, 1, 3, 0, 0, 2])
    assert space.decode(row) == parse("m / (g + 1e-8)")


def test_keep_left_does_not_use_a_result_on_its_right(space):
    ignored = np.array([0, 1, 0, 0, 1, 1, 3, 0, 0, 3])
    assert not space.valid(ignored)
    with pytest.raises(ValueError, match=r"'plain'.* row \[0, 1.* is not valid"):
        space.decode(ignored)
    mask = space.masks(ignored[None, :9])[0]
    assert mask.tolist() == [False, True, True, False]


def test_operands_may_hold_folds_that_a_fold_template_keeps_apart():
    space = Space(
        "folds", ("g", "fold(0.5 * s + g)"), ("x", "fold(0.9 * s + x)"), ("x",), 1
    )
    rule = space.decode(np.array([1, 0, 1, 0, 0]))
    assert rule == parse("fold(0.9 * s + fold(0.5 * s + g))")


def test_constraints_are_off_when_a_mapping_says_so():
    flags = {"distinct_operands": False, "every_group_used": False}
    free = Space.from_mapping("free", {**PLAIN, "constraints": flags})
    assert free.size == free.raw_size


def test_a_space_is_a_value(space):
    again = Space.from_mapping("plain", {**PLAIN, "name": "plain"})
    assert space == again
    assert hash(space) == hash(again)
    assert pickle.loads(pickle.dumps(space)).size == space.size
    with pytest.raises(dataclasses.FrozenInstanceError):
        space.groups = 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unray": ["x"]}, "unknown key 'unray'; did you mean 'unary'?"),
        ({"colour": 1}, "unknown key 'colour'; use name, operands,"),
        ({"groups": None}, "groups is None; it must be a whole number"),
        ({"groups": True}, "groups is True; it must be a whole number"),
        ({"groups": 0}, "groups is 0; a rule needs at least 1"),
        ({"groups": 17}, "groups is 17; the most is 16"),
        ({"groups": 16}, "16 groups make rules of up to"),
        ({"name": "other"}, "name is 'other'; make it 'plain' or leave it out"),
        ({"operands": []}, "operands is empty; list at least one"),
        ({"operands": "g"}, "operands is 'g'; it must be a list"),
        ({"operands": ["g", True]}, "operands: True is not a rule text; put it in"),
        ({"operands": ["g"]}, "distinct_operands needs 2 operands and there is 1"),
        ({"operands": ["g", "sgn(g)"]}, "'sgn(g)': unknown name 'sgn': did you mean"),
        ({"operands": ["g", "x"]}, "operands: 'x': unknown name 'x'"),
        ({"operands": ["g", "1 * g"]}, "'1 * g' and 'g' are the same; remove one"),
        ({"operands": ["m", "ema(g, 0.9)"]}, "are the same; remove one"),
        ({"unary": ["x", "x + y"]}, "unary: 'x + y': unknown name 'y'"),
        ({"unary": ["x", "exp(g)"]}, "unary: 'exp(g)' ignores x; write it as a"),
        ({"unary": ["clip(g, x)"]}, "'clip(g, x)' makes c of clip vary from element"),
        ({"binary": ["y"]}, "binary: 'y' ignores x"),
        ({"binary": ["x + y", "y + x"]}, "'y + x' and 'x + y' are the same"),
        ({"constraints": ["x"]}, "['x'] is not a mapping"),
        ({"constraints": {"distinct": True}}, "did you mean 'distinct_operands'?"),
        ({"constraints": {"reuse_previous": 1}}, "reuse_previous is 1; it must be"),
        ({"constraints": {"not_final": ["x+y"]}}, "'x+y' is not one of the binary"),
        ({"constraints": {"not_final": PLAIN["binary"]}}, "excludes every binary"),
    ],
)
def test_a_wrong_mapping_is_refused_in_one_line(change, message):
    with pytest.raises(ValueError, match=r"^space 'plain': ") as error:
        Space.from_mapping("plain", {**PLAIN, **change})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["operands", "unary", "binary", "groups"])
def test_a_missing_key_is_named(key):
    rest = {other: value for other, value in PLAIN.items() if other != key}
    with pytest.raises(ValueError, match=f"'{key}' is missing; a space needs operands"):
        Space.from_mapping("plain", rest)


def test_shipped_spaces_are_read_by_name():
    assert set(SPACES) >= set(SHIPPED)
    assert len(SPACES) == len(list(SPACES))
    assert load("bello2017") is SPACES["bello2017"]
    assert "bello" not in SPACES
    with pytest.raises(ValueError, match=r"no space 'bello'; choose one of bello2017,"):
        load("bello")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_rows_are_valid_rules_of_the_language(name):
    space = load(name)
    assert space.name == name
    rng = np.random.default_rng(0)
    rows = space.sample(300, rng)
    assert len(np.unique(rows, axis=0)) == 300
    for row in rows:
        rule = space.decode(row)
        assert parse(str(rule)) == rule
        assert parse(str(simplify(rule))) == simplify(rule)
        assert space.valid(space.mutate(row, rng))


def test_bello2017_has_the_papers_counts_and_constraints():
    space = load("bello2017")
    assert (len(space.operands), len(space.unary), len(space.binary)) == (17, 12, 6)
    assert space.constraints == Constraints(True, True, True, ("x + y",))
    for groups, rows in [(1, 2.5e5), (2, 7.0e10), (3, 2.2e16), (4, 7.5e21)]:
        resized = dataclasses.replace(space, groups=groups)
        assert resized.raw_size == pytest.approx(rows, rel=0.02)
        assert 0 < resized.size < resized.raw_size


def test_sign_agreement_adds_two_to_the_x_and_three_decays():
    paper, wider = load("bello2017"), load("sign_agreement")
    assert set(wider.operands) - set(paper.operands) == {"ld", "cd", "rd"}
    assert set(wider.unary) - set(paper.unary) == {"exp2(x)"}
    assert set(paper.operands) < set(wider.operands)
    assert wider.binary == paper.binary


@pytest.mark.parametrize("name", SPACES)
def test_rows_decoded_together_equal_those_decoded_one_by_one(name):
    space, rng = SPACES[name], np.random.default_rng(8)
    rows = space.sample(200, rng)
    wrong = rng.integers(-1, 40, rows.shape)
    mixed = np.concatenate([rows, wrong, rng.permuted(rows, axis=1)])
    found = space.decode_all(mixed)
    for row, expression in zip(mixed, found, strict=True):
        if space.valid(row):
            assert expression == space.decode(row)
        else:
            assert expression is None
    assert all(found[:200])
    assert not all(found[200:])


@pytest.mark.parametrize("block", [1, 7, 4096])
@pytest.mark.parametrize("reuse", [False, True])
def test_rows_are_all_valid_rows_in_order(block, reuse):
    constraints = {"reuse_previous": reuse, "not_final": ["x + y"]}
    plain = {**PLAIN, "operands": ["g", "m"], "unary": ["x", "exp(x)"]}
    plain["binary"] = ["x + y", "x / (y + 1e-8)", "x"]
    space = Space.from_mapping("tiny", {**plain, "constraints": constraints})
    blocks = list(space.rows(block))
    assert max(map(len, blocks)) <= block
    rows = np.concatenate(blocks)
    assert rows.dtype == np.int64
    assert len(rows) == space.size
    # The oracle: all rows without any constraint, in order, and those that decode.
    everything = np.indices(space.choices).reshape(len(space.choices), -1).T
    decoded = space.decode_all(everything)
    valid = [rule is not None for rule in decoded]
    np.testing.assert_array_equal(rows, everything[valid])


@pytest.mark.parametrize("name", SHIPPED)
def test_one_group_of_a_shipped_space_is_enumerated(name):
    space = dataclasses.replace(load(name), groups=1)
    rows = np.concatenate(list(space.rows()))
    assert len(rows) == len(np.unique(rows, axis=0)) == space.size
    assert all(rule is not None for rule in space.decode_all(rows[::97]))


def test_one_group_has_rows_that_are_equally_likely():
    space = dataclasses.replace(load("bello2017"), groups=1)
    chances = set()
    for row in np.concatenate(list(space.rows()))[::997]:
        choices = [space.masks(row[None, :k]).sum() for k in range(len(row))]
        chances.add(int(np.prod(choices)))
    assert chances == {space.size}


def test_the_first_rows_of_a_large_space_are_there_at_once():
    space = load("bello2017")
    first = next(space.rows(100))
    assert len(first) <= 100
    assert all(space.valid(row) for row in first)
    with pytest.raises(ValueError, match="block is 0; give 1 or more"):
        space.rows(0)


def test_a_cell_is_the_operands_that_a_rule_reads_and_its_size() -> None:
    space = Space(
        "cells",
        ("g", "m", "sign(g)", "0.1 * w", "0.01 * w", "2"),
        ("x", "exp(x)", "sqrt(x)"),
        ("x", "x + y", "x * y"),
        2,
    )

    def cell(text: str) -> tuple[int, int]:
        operands, size = space.describe(space.encode(text)[None])[0].tolist()
        return operands, size

    assert cell("g + m")[0] == cell("m * exp(g)")[0]
    assert cell("g + m")[0] == cell("g")[0] | cell("m")[0]
    # sign(g) is an operand of its own, not a rule that reads g.
    assert cell("m + sign(g)")[0] == cell("m")[0] | cell("sign(g)")[0]
    assert cell("sign(g)")[0] & cell("g")[0] == 0
    # Factors and constants tell no rules apart.
    assert cell("g + 0.1 * w")[0] == cell("g + 0.01 * w")[0]
    assert cell("g + 2")[0] == cell("g")[0]
    assert cell("g")[1] < cell("m * exp(g + m)")[1]
