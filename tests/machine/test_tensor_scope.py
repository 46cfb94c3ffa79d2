"""Rules of tensor scope: one meaning in the interpreter, the table, torch and kernels.

The interpreter is an independent one that walks the rule's tree with numpy.
"""

import random

import numpy as np
import pytest
import torch

from neuralopt.language import parse, simplify
from neuralopt.language.primitives import KINDS, WHOLE
from neuralopt.language.tensors import matrix_shape
from neuralopt.machine import straight_line
from neuralopt.machine.extents import extents, for_kind
from neuralopt.machine.probe import Probe, kernel_values, scalar_values
from neuralopt.optimizer import compile_rule
from neuralopt.optimizer.draws import draw
from tests.oracle.interpreter import Interpreter
from tests.oracle.random_rules import RuleGenerator

STEPS, RUNS, ELEMENTS, TOTAL_STEPS, SEED = 4, 4, 12, 9, 2

NAMED = (
    *("norm(g) * sign(m)", "g / (rms(g) + 1e-8)", "g - mean(g)", "g / maximum(abs(g))"),
    *("rows(g ** 2) * columns(g)", "ema(rows(g), 0.5) * g", "orthogonalize(m, 3)"),
    *("cosine(g, previous(g)) * g", "where(g * m > 0, g, -m)", "where(g <= w, g, w)"),
    *("fan_out * g + fan_in", "loss * g", "ema(loss, 0.5) - loss + g", "norm(2) * g"),
    *("where(matrix, orthogonalize(m), adam)", "where(vector, m, where(head, v, g))"),
    *("norm(update) * g + update", "fold(0.5 * s + rms(s) + g)", "previous(norm(g))"),
    *("norm(rows(g)) * w", "rows(columns(g)) + g", "where(embedding, loss, t) * g"),
    *("maximum(maximum(g) - g)", "mean(orthogonalize(w)) * g", "where(head, g / 0, g)"),
)


def random_texts(count):
    generator, rng = RuleGenerator(5, tensors=True), random.Random(5)
    found = []
    while len(found) < count:
        text = generator.text(generator.rule(rng.randint(3, 24)))
        try:
            rule = parse(text)
        except ValueError:  # a limit of the language
            continue
        # Bits of draws depend on their place; a cosine of a large number on all digits.
        if simplify(rule).contains(*WHOLE) and not rule.contains(
            "drop", "noise", "cos"
        ):
            found.append(text)
    return found


TEXTS = (*NAMED, *random_texts(150))


@pytest.fixture(scope="module")
def probe():
    rng = np.random.default_rng(0)
    gradients = rng.normal(0, 0.5, (STEPS, RUNS, ELEMENTS))
    return Probe(gradients, rng.normal(size=ELEMENTS), SEED, TOTAL_STEPS)


def interpreted(probe, text):
    """Values of the rule as it is written, (steps, runs, elements)."""
    found = np.empty(probe.gradients.shape)
    for run, place in enumerate(probe.places):
        shape = place.height, place.width
        rule = Interpreter(parse(text), total_steps=TOTAL_STEPS, kind=place.kind)
        w = probe.weights.reshape(shape)
        for step, loss in enumerate(probe.losses):
            g = probe.gradients[step, run].reshape(shape)
            found[step, run] = rule.step(g, w, loss).ravel()
    return found


def torch_values(probe, rule):
    found = np.empty(probe.gradients.shape)
    for run, place in enumerate(probe.places):
        program = compile_rule(rule, place.kind)
        shape = place.height, place.width
        w = torch.tensor(probe.weights).view(shape)
        states = program.initial_states(w)
        for step, loss in enumerate(probe.losses):
            g = torch.tensor(probe.gradients[step, run]).view(shape)
            given = [w.new_full((1, 1), loss)] * program.needs_loss
            clock = program.clock(step, TOTAL_STEPS)
            value, states = program.step(g, w, clock, states, None, *given)
            assert value.shape == g.shape
            found[step, run] = value.numpy().ravel()
    return found


def near(found, expected):
    """Whether values are equal to rounding, up to where the expected ones overflow."""
    fine = np.isfinite(expected) & (np.abs(expected) < 1e100)
    scale = np.abs(expected[fine]).max(initial=0.0)
    return np.allclose(found[fine], expected[fine], rtol=1e-7, atol=1e-9 * scale)


quiet = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")


@quiet
@pytest.mark.parametrize("form", ["scalar", "torch", "kernel"])
def test_rules_mean_what_the_interpreter_says(form, probe):
    rules = [simplify(parse(text)) for text in TEXTS]
    if form == "kernel":
        pytest.importorskip("numba")
        values = list(kernel_values(probe, rules))
    elif form == "torch":
        values = [torch_values(probe, rule) for rule in rules]
    else:
        values = [scalar_values(probe, straight_line(rule)) for rule in rules]
    pairs = zip(TEXTS, values, strict=True)
    wrong = [text for text, found in pairs if not near(found, interpreted(probe, text))]
    # A sign, a comparison or a quotient may turn on the last bit of a sum.
    assert len(wrong) <= len(TEXTS) // 50, wrong
    assert not set(wrong) & set(NAMED)


def test_a_probe_has_parameters_of_every_kind(probe):
    assert [place.kind for place in probe.places] == list(KINDS)
    shapes = {(place.height, place.width) for place in probe.places}
    assert shapes == {(3, 4), (12, 1)}


def test_the_matrix_of_a_vector_is_a_column():
    # So that factored second moments of a vector are the second moments themselves.
    assert matrix_shape((5,)) == (5, 1)
    rule = simplify(parse("rows(g ** 2) * columns(g ** 2) / mean(g ** 2)"))
    program, g = compile_rule(rule, "vector"), torch.randn(5, 1, dtype=torch.float64)
    value, _ = program.step(g, g, program.clock(0, None), (), None)
    torch.testing.assert_close(value, g**2)


def test_states_take_the_memory_that_they_vary_over():
    text = "ema(rows(g), 0.9) + ema(columns(g), 0.9) + ema(norm(g), 0.9) + m"
    program = compile_rule(parse(text))
    shapes = {state.shape for state in program.initial_states(torch.zeros(3, 4))}
    assert shapes == {(3, 1), (1, 4), (1, 1), (3, 4)}


def test_a_state_that_grows_has_the_extent_of_its_value():
    code = straight_line(simplify(parse("fold(s * rows(g) + columns(g))")))
    assert extents(code)[code.states[0]] == "element"


def test_a_rule_for_one_kind_has_only_its_own_states_and_draws():
    code = straight_line(
        simplify(parse("where(matrix, drop(m, 0.1), noise(1) * adam)"))
    )
    matrix, vector = for_kind(code, "matrix"), for_kind(code, "vector")
    assert len(code.states) == 2
    assert (len(matrix.states), len(vector.states)) == (1, 2)
    # Streams keep the numbers that they have in the whole rule.
    whole = {each.operation: each.index for each in code.draws}
    assert [(each.operation, each.index) for each in matrix.draws] == [
        ("drop", whole["drop"])
    ]
    assert [(each.operation, each.index) for each in vector.draws] == [
        ("noise", whole["noise"])
    ]


def test_a_rule_that_does_not_tell_kinds_apart_stays_as_it_is():
    code = straight_line(simplify(parse("norm(g) * m")))
    assert for_kind(code, "vector") is code


def test_an_unknown_kind_is_named():
    code = straight_line(parse("g"))
    with pytest.raises(ValueError, match="unknown kind of parameter 'bias': use one"):
        for_kind(code, "bias")


def test_random_bits_are_those_of_the_whole_rule():
    rule = simplify(parse("where(matrix, noise(2), drop(g, 0.5))"))
    g = torch.ones(3, 4, dtype=torch.float64)

    def bits(kind, stream):
        return draw(kind, (0, 0, 0, stream), g)

    for kind in ("matrix", "vector"):
        program = compile_rule(rule, kind)
        value, _ = program.step(g, g, (), (), bits)
        streams = dict(program.draws)
        expected = (
            2 * bits("normal", streams["normal"])
            if kind == "matrix"
            else torch.where(bits("uniform", streams["uniform"]) < 0.5, 0.0, g)
        )
        assert torch.equal(value, expected)
    assert compile_rule(rule, "matrix").draws != compile_rule(rule, "vector").draws
