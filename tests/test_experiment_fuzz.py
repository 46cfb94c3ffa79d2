"""The fuzzer: its walk is right, it draws the whole table, and it finds faults."""

import random

import numpy as np
import pytest

from experiments.fuzz import checks, comparing
from experiments.fuzz.random_rules import RuleTexts
from experiments.fuzz.walking import Walker
from neuralopt.language import PRIMITIVES, parse, simplify
from tests.oracle.interpreter import run
from tests.oracle.random_rules import RuleGenerator


def test_the_walk_is_that_of_the_oracle() -> None:
    rng, generator, compared = random.Random(0), RuleGenerator(0), 0
    for _ in range(150):
        rule = parse(generator.text(generator.rule(rng.randint(1, 20))))
        if rule.contains(*checks.DRAWING, *checks.WIDE):
            continue
        case = checks.case_for(rng)
        found = comparing.walk(rule, case, still=True)
        arrays = [np.array(row) for row in case.gradients]
        weights = [np.array(case.start)] * len(arrays)
        expected = run(rule, arrays, weights, total_steps=comparing.TOTAL_STEPS)
        told = comparing.difference(
            rule, case, found, [row.tolist() for row in expected], still=True
        )
        assert not told, f"{rule}: {told}"
        compared += 1
    assert compared > 100


def test_random_texts_use_every_operation_of_the_table() -> None:
    texts, seen, read = RuleTexts(random.Random(1)), set(), 0
    for _ in range(2_000):
        try:
            rule = parse(texts.text())
        except ValueError:
            continue
        seen |= {node.primitive for node in rule.walk()}
        read += 1
    assert seen == set(PRIMITIVES)
    assert read > 1_500


FAULTS = {
    "g * w": "g * w * (1 + 1e-6)",
    "ema(g, 0.9)": "trace(g, 0.9)",
    "(-1 - g ** 2) ** 5": "(-1 - g ** 2) ** 5 * (1 + 1e-6)",
    "sign(g)": "tanh(1000 * g)",
    "exp(g) - w": "exp(g) + w",
    "previous(g)": "g",
    "fold(0.5 * s + g)": "fold(0.4 * s + g)",
    "cos(t * g)": "cos(t + g)",
    "drop(g, 0.5)": "drop(g, 0.6)",
}
"""Rules, and what a faulty engine makes of them."""


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_found_and_rounding_is_not(text: str) -> None:
    rule, fault = simplify(parse(text)), simplify(parse(FAULTS[text]))
    rng, found = random.Random(2), 0
    for _ in range(20):
        case = checks.case_for(rng)
        path = comparing.walk(rule, case)
        noisy = comparing.walk(rule, case, noise=random.Random(3))
        assert not comparing.difference(rule, case, path, noisy)
        wrong = comparing.walk(fault, case)
        found += bool(comparing.difference(rule, case, path, wrong))
    assert found > 10


def test_a_comparison_that_rounding_decides_is_no_fault() -> None:
    rule = simplify(parse("1 < cosine(g, g)"))
    other = simplify(parse("1 < cosine(g, g) * (1 + 1e-15)"))
    rng, differing = random.Random(5), 0
    for _ in range(20):
        case = checks.case_for(rng)
        expected = comparing.walk(rule, case)
        found = comparing.walk(other, case)
        assert not comparing.difference(rule, case, expected, found)
        differing += expected != found
    assert differing > 10


def test_streams_of_random_bits_are_numbered_as_engines_number_them() -> None:
    case = checks.case_for(random.Random(4))
    text = "drop(fold(drop(s + g, 0.5)), 0.5) + noise(1) * drop(g, 0.5)"
    assert checks.check_optimizer(parse(text), case) == "compared"
    walker = Walker(simplify(parse(text)), case.shape, 0, comparing.TOTAL_STEPS)
    walker.step(case.gradients[0], case.start, 1.0)
    assert len(walker.streams) == 4
