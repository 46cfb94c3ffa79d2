"""Behaviour, screening and anatomy of rules of tensor scope."""

import numpy as np
import pytest

from neuralopt.anatomy.invariances import invariances_of
from neuralopt.anatomy.quadratics import stability_of
from neuralopt.anatomy.sentences import input_facts, stability_facts
from neuralopt.behaviour.likeness import likenesses
from neuralopt.behaviour.naming import name
from neuralopt.behaviour.probes import updates
from neuralopt.language import parse
from neuralopt.scoring.probes import rejection, rejections


@pytest.mark.parametrize("kind", ["matrix", "vector", "embedding", "head"])
def test_a_rule_that_differs_for_one_kind_is_told_apart(kind: str) -> None:
    assert not name(parse(f"where({kind}, m, g)")).equal
    assert name(parse(f"where({kind}, g * 2, g + g)")).equal


def test_sizes_of_a_matrix_differ() -> None:
    one, other = updates([parse("fan_in * g"), parse("fan_out * g")], compiled=False)
    one, other = one.reshape(48, 2, 9, 4), other.reshape(48, 2, 9, 4)
    for sequence, sizes in enumerate([(9, 4), (1, 36), (9, 4), (9, 4), (9, 4)]):
        fan_in, fan_out = sizes
        found = one[:, :, sequence] * fan_out, other[:, :, sequence] * fan_in
        assert np.allclose(*found, rtol=1e-12)


def test_kernels_show_the_same_kinds() -> None:
    pytest.importorskip("numba")
    rules = [parse("g"), parse("where(head, rows(g), columns(m))"), parse("norm(w)*g")]
    found, expected = updates(rules), updates(rules, compiled=False)
    assert np.allclose(found, expected, rtol=1e-9)


FAMILIES = {
    "norm(g) * sign(m)": {"sign-like"},
    "-fold(0.5 * s - g / rms(g))": {"scale-invariant"},
    "g / (sqrt(ema(rows(g ** 2), 0.999)) + 1e-8)": {"scale-invariant"},
    "where(embedding, 2 * sign(g), sign(g))": {"scale-invariant"},
    "orthogonalize(-g) + 0.1 * w": {"scale-invariant", "weight decay"},
    "norm(w) * sign(g)": {"sign-like", "scale-invariant"},
}


@pytest.mark.parametrize("text", FAMILIES)
def test_families_are_those_of_every_kind(text: str) -> None:
    (found,) = likenesses([parse(text)])
    assert set(found.families) - {"with memory", "weights"} == FAMILIES[text]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("where(embedding, g / 0, g)", "is not finite"),
        ("where(head, 1, 2) + 0 * g", "does not depend on the gradient"),
        ("0 * norm(g)", "is constant"),
        ("where(head, g, 1)", ""),
        ("norm(g) * sign(m)", ""),
    ],
)
def test_screening_looks_at_every_kind(text: str, reason: str) -> None:
    rule = parse(text)
    assert rejection(rule) == reason
    assert rejections([parse("g"), rule, parse("0 * g")])[:2] == ["", reason]


def test_the_loss_scales_with_the_gradients() -> None:
    found = invariances_of(parse("loss * g / norm(g) ** 2"))
    assert (found.loss.power, found.stretched.power, found.sign) == (0, 0, "odd")
    assert invariances_of(parse("loss * g")).loss.power == 2
    assert invariances_of(parse("norm(g) * g + 0.01 * w")).decay == 0.01


def test_an_invariance_holds_for_every_kind_or_not_at_all() -> None:
    assert invariances_of(parse("where(head, sign(g), g)")).loss.power is None
    facts = dict(input_facts(invariances_of(parse("norm(g) * g"))))
    assert "tensor scope" in facts["scope"]


def test_stable_rates_of_known_steps() -> None:
    # w loses lr / 2 of itself at each of Polyak's steps on a bowl.
    polyak = stability_of(parse("loss * g / norm(g) ** 2"))
    assert polyak.theory is None
    assert polyak.rate == pytest.approx(4, rel=1e-3)
    facts = dict(stability_facts(polyak, tensor_scope=True))
    assert facts["parameter"] == "both variables are one matrix of one row"
