"""The canonical form is a fixed point and never changes a finite value.

Equality is that of float64 (0.0 == -0.0); where the original is infinite or NaN, the
canonical form may be anything. Noise and drops meet the same bits in both forms: their
draws are a function of the node's canonical text.
"""

import random

import numpy as np
import pytest

from neuralopt.language import Expression, parse, simplify
from tests.oracle.interpreter import RANDOM, Array, draws_by_text, run
from tests.oracle.random_rules import (
    CONTEXTS,
    IDENTITIES,
    RuleGenerator,
    fill,
)

STEPS = 4
TOTAL_STEPS = 3  # one less than the steps run: progress reaches 1 and stays there
SPECIAL = (
    *(0.0, -0.0, 0.0, 1.0, 1.0, -1.0, 0.5, -2.0, 3.0, 0.1, -0.3, 2.0, 7.25, -100.0),
    *(1e-8, -1e-8, 1e-4, 1e-160, -1e-160, 5e-324, -5e-324, 1e-310),
    *(1e8, -1e8, 1e155, -1e155, 1e300, -1e308, 1.7976931348623157e308, 709.0),
)


def text_of_draw(node: Expression) -> str:
    return str(simplify(node))


def streams(seed: int) -> tuple[list[Array], list[Array]]:
    """Gradients and parameters of a few steps: every special number meets others."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(2):
        rows = [rng.sample(SPECIAL, 16) for _ in range(STEPS)]
        for row in rows[1:]:  # some elements stay put, as a zero gradient does
            row[:5] = rows[0][:5]
        pairs.append([np.array(row) for row in rows])
    return pairs[0], pairs[1]


def complaint(expression: Expression, seed: int) -> str | None:
    """What is wrong with this expression's canonical form, None if nothing is."""
    canonical = simplify(expression)
    if canonical != expression:
        changed = changed_value(expression, canonical, seed)
        if changed:
            return changed
    again = simplify(canonical)
    if again != canonical:
        return f"not idempotent: {expression} -> {canonical} -> {again}"
    if len(draws_in(canonical)) > len(draws_in(expression)):
        return f"one draw became two: {expression} -> {canonical}"
    return None


def draws_in(expression: Expression) -> set[Expression]:
    """The different random parts: equal ones are one draw."""
    return {node for node in expression.walk() if node.primitive in RANDOM}


def changed_value(before: Expression, after: Expression, seed: int) -> str | None:
    """Where a finite value of `before` is not that of `after`, None if nowhere."""
    gradients, weights = streams(seed)
    values, canonical_values = (
        run(
            form,
            gradients,
            weights,
            total_steps=TOTAL_STEPS,
            draw=draws_by_text(text_of_draw),
        )
        for form in (before, after)
    )
    for t in range(STEPS):
        wrong = np.isfinite(values[t]) & (values[t] != canonical_values[t])
        if wrong.any():
            i = int(np.argmax(wrong))
            met = zip(gradients[: t + 1], weights[: t + 1], strict=True)
            history = [(float(g[i]), float(w[i])) for g, w in met]
            return (
                f"{before} -> {after}: at t={t} {float(values[t][i])!r} became "
                f"{float(canonical_values[t][i])!r}, with (g, w) = {history}, "
                f"T={TOTAL_STEPS}"
            )
    return None


def smallest_complaint(expression: Expression, seed: int) -> str | None:
    """The complaint about the smallest part of this expression that has one."""
    found = complaint(expression, seed)
    if found is None:
        return None
    for part in sorted(expression.walk(), key=lambda node: node.size):
        if part.size < expression.size and not has_free_s(part):
            smaller = complaint(part, seed)
            if smaller is not None:
                return f"{smaller}; met in {expression}"
    return found


def has_free_s(expression: Expression) -> bool:
    if expression.primitive == "fold":
        return False
    return expression.primitive == "s" or any(map(has_free_s, expression.arguments))


def report(complaints: list[str]) -> str:
    shortest = sorted(complaints, key=len)[:12]
    return "\n".join(
        [
            f"{len(complaints)} rules have a wrong canonical form, for example:",
            *shortest,
        ]
    )


def check_random_rules(chunk: int, count: int) -> None:
    generator = RuleGenerator(seed=chunk)
    complaints = []
    changed = 0
    for i in range(count):
        expression = parse(generator.text(generator.rule()))
        changed += simplify(expression) != expression
        found = smallest_complaint(expression, seed=count * chunk + i)
        if found is not None:
            complaints.append(found)
    assert not complaints, report(complaints)
    assert changed > count / 10, "the rules are too plain to test anything"


@pytest.mark.parametrize("chunk", range(10))
def test_canonical_form_is_fixed_and_keeps_every_finite_value(chunk: int) -> None:
    check_random_rules(chunk, count=2_100)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("chunk", range(100, 104))
def test_canonical_form_is_fixed_and_keeps_finite_values_of_many_rules(
    chunk: int,
) -> None:
    check_random_rules(chunk, count=10_500)


PARTS = ("g", "w", "g - g", "exp(-g)", "previous(g)", "1 / g", "w * t")


@pytest.mark.parametrize("context", CONTEXTS)
def test_tempting_identities_change_nothing_in_any_context(context: str) -> None:
    rng = random.Random(context)
    complaints = []
    for seed, identity in enumerate(IDENTITIES):
        for x, y in (("g", "w"), rng.sample(PARTS, 2)):
            expression = parse(fill(context, X=fill(identity, X=x, Y=y)))
            found = complaint(expression, seed)
            if found is not None:
                complaints.append(found)
    assert not complaints, report(complaints)


def test_the_streams_meet_every_special_number() -> None:
    met = {float(x) for seed in range(20) for g in streams(seed)[0] for x in g}
    assert met == set(SPECIAL)
