"""Names of behaviours: of named rules, disguises and rules that only look alike."""

import pytest

from neuralopt.behaviour.description import Behaviour, describe
from neuralopt.behaviour.naming import name, named_rules, names
from neuralopt.language import RULES, Expression, parse, simplify
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES

# The same updates up to 1e-4, under a plainer name.
PLAINER = {"momentum_ema": "momentum", "found_1": "powersign"}


def named(text: str) -> str:
    return describe(name(parse(text)))


@pytest.mark.parametrize("rule", RULES)
def test_a_named_rule_has_its_name_or_a_plainer_one(rule: str) -> None:
    found = name(RULES[rule].expression)
    assert found.equal
    assert found.nearest == PLAINER.get(rule, rule)
    assert found.similarity == 1


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("clip(sign(m), 1e-3)", "signum"),
        ("sign(m) * exp(2)", "signum"),
        ("sign(trace(g, 0.9))", "signum"),
        ("clip(sign(m), 0.001) - clip(g**3, 1e-5)", "signum"),
        ("sign(m) - clip(g - drop(noise(0.1), 0.5), 1e-5)", "signum"),
        ("m + m", "momentum"),
        ("g * exp(1)", "sgd"),
        ("g - -g", "sgd"),
        ("clip(g, 10)", "sgd"),
        ("g / (sqrt(v) + 1e-9)", "rmsprop"),
        ("m / (sqrt(v) + 1e-9)", "adam_uncorrected"),
        ("3 * g + g * sign(g) * sign(m) * 3", "addsign"),
        ("exp(1) * sign(m) + sign(g) * exp(1)", "sign_agreement"),
        ("adam * 2 + 0.02 * w", "adamw"),
    ],
)
def test_a_disguise_is_seen_through(text: str, nearest: str) -> None:
    assert named(text) == f"= {nearest}"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("clip(g, 0.001)", "sgd"),
        ("clip(g, 0.1)", "sgd"),
        ("g - clip(log(noise(0.1)), 0.001)", "sgd"),
        ("g - clip(noise(0.1), 1e-4)", "sgd"),
        ("-g", "sgd"),
        ("g + 1e-4", "sgd"),
        ("drop(g, 0.1)", "sgd"),
        ("adam", "adam_uncorrected"),
        ("adamw", "adam"),
        ("rmsprop", "rmsprop_torch"),
        ("0.1*w + drop(sign(m), 0.5)", "signum"),
        # Not finite while there has been no gradient, as of a dead unit.
        ("m / sqrt(v)", "adam_uncorrected"),
        ("0.0001 / (clip(sign(m), 1e-5) + 1e-8)", "signum"),
    ],
)
def test_what_is_not_equal_is_not_called_so(text: str, other: str) -> None:
    expression = RULES[text].expression if text in RULES else parse(text)
    found = name(expression)
    assert not (found.equal and found.nearest == other)


@pytest.mark.parametrize(
    ("text", "nearest", "low"),
    [
        ("drop(sign(g), 0.3) + sign(m)", "sign_agreement", 0.9),
        ("g - clip(log(noise(0.1)), 0.001)", "sgd", 0.9),
        ("adam * exp(0.1 * sign(g) * sign(m))", "adam", 0.99),
        ("sign(ema(g, 0.95))", "signum", 0.8),
        ("m / sqrt(v)", "adam_uncorrected", 0.85),
        ("m / (sqrt(ema(g**2, 0.95)) + 1e-8)", "adam_uncorrected", 0.9),
    ],
)
def test_the_nearest_rule_is_the_expected_one(
    text: str, nearest: str, low: float
) -> None:
    found = name(parse(text))
    assert (found.nearest, found.equal) == (nearest, False)
    assert low <= found.similarity < 1


@pytest.mark.parametrize("text", ["g / 0", "0 * g", "log(g - g)"])
def test_a_rule_without_updates_has_no_name(text: str) -> None:
    found = name(parse(text))
    assert (found.nearest, found.similarity, found.equal) == ("", 0, False)
    assert describe(found) == "no update"


def some_rules() -> list[Expression]:
    return random_rules(SPACES["bello2017"], 150, seed=8)


def test_a_behaviour_does_not_depend_on_its_batch_or_on_kernels() -> None:
    rules = some_rules()
    together = names(rules)
    assert names(rules[::-1]) == together[::-1]
    assert [name(rule) for rule in rules[:20]] == together[:20]
    assert names([]) == []


def test_random_rules_are_as_similar_as_their_behaviour_says() -> None:
    found = names(some_rules())
    assert all(-1 <= each.similarity <= 1 for each in found)
    assert all(each.similarity > 0.999 for each in found if each.equal)
    assert len({each.nearest for each in found}) > 10


def test_a_behaviour_is_that_of_the_canonical_form() -> None:
    rules = some_rules()[:30]
    assert names(rules) == names([simplify(rule) for rule in rules])


def test_plain_rules_come_first() -> None:
    order = named_rules().names
    assert set(order) == set(RULES)
    assert order[:3] == ("adam", "rmsprop", "sgd") or order[:2] == ("rmsprop", "adam")
    assert order.index("momentum") < order.index("momentum_ema")
    assert order.index("powersign") < order.index("found_1")


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        (Behaviour("signum", 1.0, True), "= signum"),
        (Behaviour("adam", 0.9999, False), "0.99 like adam"),
        (Behaviour("adam", 0.58, False), "0.58 like adam"),
        (Behaviour("adam", 0.29, False), "unlike the named rules"),
        (Behaviour("adam", -0.1234, False), "unlike the named rules"),
        (Behaviour("", 0.0, False), "no update"),
    ],
)
def test_a_behaviour_is_told_in_a_few_words(behaviour: Behaviour, text: str) -> None:
    assert describe(behaviour) == text
