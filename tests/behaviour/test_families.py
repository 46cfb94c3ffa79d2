"""Families of rules, by cases that have a property and cases that nearly have it."""

import pytest

from neuralopt.behaviour.families import FAMILIES
from neuralopt.behaviour.naming import name
from neuralopt.language import RULES, parse

HAVE = {
    "sign-like": [
        "sign(g)",
        "clip(sign(m), 0.001)",
        "sign(g) + sign(m)",
        "drop(sign(g), 0.3)",
        "sign(m) * (1 + t)",
        "sign(g + 0.1 * w)",
    ],
    "scale-invariant": [
        "sign(g)",
        "adam",
        "rmsprop",
        "g / (abs(m) + 1e-12)",
        "sign(g) * exp(sign(g) * sign(m))",
        "sign(g) + 0.1 * w",
        "drop(adam, 0.1)",
    ],
    "with memory": ["m", "g - 0.1 * update", "previous(g)", "fold(s + g)", "adam"],
    "weight decay": [
        "g + 1e-4 * w",
        "adam + 0.01 * w",
        "sign(m) + clip(0.1 * w, 1e-5)",
        "trace(g + 5e-4 * w, 0.9)",
        "sign(g + 0.1 * w)",
        "drop(m, 0.1) + 0.1 * w",
    ],
    "weights": ["g - 0.01 * w", "g * exp(w)", "g * abs(w) - w", "m * w"],
    "random": ["drop(g, 0.1)", "g + noise(0.01)"],
    "schedule": ["ld * g", "g * exp(rd * sign(g) * sign(m))", "g / T"],
}
HAVE_NOT = {
    "sign-like": ["g", "clip(g, 0.001)", "sign(m) + clip(g, 1e-4)", "g / 0", "0 * g"],
    "scale-invariant": [
        "g",
        "clip(g, 0.1)",
        "sign(g) + clip(g, 0.1)",
        "m / (sqrt(v) + 1e-3)",
        "sign(g + 0.1 * w)",
        "g / 0",
    ],
    "with memory": ["g", "sign(g) + w", "g * ld", "drop(g, 0.5)"],
    "weight decay": ["g", "g - 0.01 * w", "m * exp(1e-3 * w)", "g * w", "g + w**2"],
    "weights": ["g", "g + 1e-4 * w", "adam + 0.01 * w"],
    "random": ["g", "adam"],
    "schedule": ["g", "adam", "g * exp(-t)"],
}


@pytest.mark.parametrize(
    ("family", "text"), [(f, text) for f, texts in HAVE.items() for text in texts]
)
def test_a_rule_is_of_its_family(family: str, text: str) -> None:
    assert family in name(parse(text)).families


@pytest.mark.parametrize(
    ("family", "text"), [(f, text) for f, texts in HAVE_NOT.items() for text in texts]
)
def test_a_rule_is_not_of_another_family(family: str, text: str) -> None:
    assert family not in name(parse(text)).families


def test_every_family_is_tested_and_told_in_its_order() -> None:
    assert list(HAVE) == list(HAVE_NOT) == list(FAMILIES)
    found = name(parse("drop(sign(m), 0.5) * ld + 0.1 * w")).families
    assert found == tuple(family for family in FAMILIES if family in found)
    assert len(found) == 5


def test_the_classics_are_of_the_families_that_their_papers_say() -> None:
    families = {rule: name(RULES[rule].expression).families for rule in RULES}
    sign_like = {rule for rule, each in families.items() if "sign-like" in each}
    classics = {"signsgd", "signum", "lion", "sign_agreement"}
    assert sign_like == classics | {"cautious_lion", "mars_lion"}
    decaying = {rule for rule, each in families.items() if "weight decay" in each}
    classics = {"sgd_l2", "momentum_l2", "sgdw", "adam_l2", "adamw"}
    recent = {"lars", "lamb", "stableadamw", "cautious_adamw", "muon_adamw"}
    assert decaying == classics | recent
