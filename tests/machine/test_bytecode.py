"""Bytecode, run by a slow interpreter, compared with the torch program of the rule."""

import random

import numpy as np
import pytest
import torch

from neuralopt.language import RULES, parse, simplify
from neuralopt.language.primitives import PRIMITIVES, WHOLE
from neuralopt.machine.bytecode import (
    FIRST_STATE,
    GRADIENT,
    OPCODES,
    PARAMETER,
    bytecode_of,
)
from neuralopt.optimizer import compile_rule
from neuralopt.optimizer.draws import draw
from tests.oracle.random_rules import RuleGenerator

STEPS, ELEMENTS, RATE = 4, 6, 0.25
NAMES = {number: name for name, number in OPCODES.items()}

AWKWARD = (
    *("1", "t", "g", "w", "-w", "update", "g + update", "previous(update)"),
    *("previous(g)", "previous(w)", "previous(previous(g))", "previous(t)"),
    *("previous(previous(previous(w)))", "ema(ema(g, 0.9), 0.9)", "ema(1, 0.9)"),
    *("fold(s + g) * fold(s + g)", "fold(w)", "fold(-s)", "fold(g - previous(s))"),
    *("previous(g) + ema(previous(g), 0.5)", "previous(ema(g, 0.5))", "total(t)"),
    *("g ** 3 * g ** 2", "(g + w) ** 3", "0.5 ** g", "pow(g, t)", "t ** 3 * g"),
    *("g / 0 + 1 / (0 * g)", "g / -0.0 + w * 0.0", "drop(g, 0.5) - drop(g, 0.5)"),
    *("noise(0.1) + noise(0.2)", "drop(noise(1), 0.5)", "peak(g) - peak(w, 0.5)"),
    *("clip(g, progress)", "g % w", "min(g, 0) + max(0.1, g)", "sign(g) * cd"),
)


def torch_values(rule, gradients):
    """The parameter after every step, by the torch program, (steps, elements)."""
    program = compile_rule(rule)
    w = torch.linspace(-1, 1, ELEMENTS, dtype=torch.float64)
    states, found = program.initial_states(w), []
    for step, g in enumerate(gradients):
        value, states = program.step(
            torch.from_numpy(g),
            w,
            program.clock(step, STEPS),
            states,
            lambda kind, stream, step=step, w=w: draw(kind, (1, 2, step, stream), w),
        )
        w = w - RATE * value
        found.append(w.numpy())
    return np.array(found)


def element(name, arguments, step, stream):
    """An operation of the table on float64 tensors."""
    primitive = PRIMITIVES[name]
    tensors = [torch.from_numpy(argument.copy()) for argument in arguments]
    names = (parameter.name for parameter in primitive.parameters)
    values = dict(zip(names, tensors, strict=False))
    text = primitive.torch.format(**{name: name for name in values}, bits="bits")
    if primitive.draw:
        counters = (1, 2, step, stream)
        like = torch.zeros(ELEMENTS, dtype=torch.float64)
        values["bits"] = draw(primitive.draw, counters, like)
    return eval(text, {"torch": torch}, values).numpy()  # noqa: S307  our own table


def bytecode_values(rule, gradients):
    """As torch_values, by bytecode; memory that was never written is NaN."""
    code = bytecode_of(rule)
    table = code.table(STEPS)
    rows = np.zeros((FIRST_STATE + code.states, ELEMENTS))
    blocks = np.full((code.blocks, ELEMENTS), np.nan)
    rows[PARAMETER] = np.linspace(-1, 1, ELEMENTS)
    known = len(code.constants)
    blocks[:known] = np.array(code.constants)[:, None]
    found = []
    for step, g in enumerate(gradients):
        rows[GRADIENT] = g
        blocks[known : known + len(code.scalars)] = table[step][:, None]
        blocks[known + len(code.scalars) :] = np.nan
        for opcode, target, *operands, stream in code.code.tolist():
            places = [
                rows[n] if n >= 0 else blocks[-1 - n] for n in (target, *operands)
            ]
            name = NAMES[opcode]
            if name == "descend":
                places[0] -= RATE * places[1]
            elif name == "copy":
                places[0][:] = places[1]
            else:
                places[0][:] = element(name, places[1:], step, stream)
        found.append(rows[PARAMETER].copy())
    return np.array(found)


def same_values(rule):
    gradients = np.random.default_rng(0).normal(0, 0.5, (STEPS, ELEMENTS))
    expected, found = torch_values(rule, gradients), bytecode_values(rule, gradients)
    return np.allclose(found, expected, rtol=1e-12, atol=0, equal_nan=True)


IGNORED = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")


ELEMENTWISE = [name for name, rule in RULES.items() if rule.scope == "element"]
"""What the slow interpreter runs: `test_tensor_scope` has the others."""


@IGNORED
@pytest.mark.parametrize("text", [*AWKWARD, *ELEMENTWISE])
def test_bytecode_means_what_the_torch_program_means(text):
    rule = RULES[text].expression if text in RULES else parse(text)
    assert same_values(simplify(rule))


def random_expressions(count, seed):
    generator = RuleGenerator(seed)
    rng = random.Random(seed)
    found = []
    while len(found) < count:
        text = generator.text(generator.rule(rng.randint(3, 30)))
        try:
            found.append(simplify(parse(text)))
        except ValueError:  # a limit of the language
            continue
    return found


@IGNORED
def test_bytecode_of_random_rules_means_what_their_torch_programs_mean():
    others = [rule for rule in random_expressions(300, 0) if not same_values(rule)]
    # The cosine of a large number turns the last bit of it into anything.
    assert all(rule.contains("cos") for rule in others)
    assert len(others) < 5


def test_no_instruction_writes_what_it_reads():
    # A loop whose output overlaps its input could not be turned into vectors.
    arities = {name: PRIMITIVES[name].arity for name in OPCODES if name in PRIMITIVES}
    rules = [parse(text) for text in AWKWARD] + random_expressions(300, 1)
    for rule in rules:
        for opcode, target, *arguments, _ in bytecode_of(rule).code.tolist():
            name = NAMES[opcode]
            read = arguments[: arities.get(name, 1)]
            assert target not in read, rule


def test_blocks_are_used_again():
    code = bytecode_of(parse("tanh(exp(g + " * 15 + "w" + "))" * 15))
    assert len(code.code) > 40
    assert code.blocks <= 2


def test_what_nothing_depends_on_is_not_computed():
    code = bytecode_of(parse("g ** 2 + w ** 3"))
    assert code.constants == ()
    assert [NAMES[line[0]] for line in code.code.tolist()].count("power") == 0


def test_most_states_are_computed_right_where_they_stay():
    for text in ("m", "adam", "trace(g, 0.9)", "ema(m, 0.9) * m"):
        assert OPCODES["copy"] not in bytecode_of(parse(text)).code[:, 0]


def test_zeros_of_either_sign_are_two_constants():
    code = bytecode_of(parse("max(g, 0.0) + 1 / min(w, -0.0)"))
    signs = {str(value) for value in code.constants if value == 0}
    assert signs == {"0.0", "-0.0"}


def test_scalars_are_those_of_the_torch_program():
    rule = parse("g * cd(2) * rd(3) + debiased(g, 0.9 + 0.05 * progress)")
    program, code = compile_rule(rule), bytecode_of(rule)
    table = code.table(7)
    for step in range(7):
        expected = set(program.clock(step, 7))
        assert set(table[step].tolist()) <= expected


def test_every_primitive_can_be_run():
    for name, primitive in PRIMITIVES.items():
        core = primitive.torch != ""
        assert bool(primitive.kernel) == (core and name not in WHOLE), name
        assert (name in OPCODES) == (core or name in WHOLE), name


def test_scalars_that_share_their_parts_are_placed_in_linear_time() -> None:
    """Each square reads the one before twice: as a tree this has 2 ** 50 leaves."""
    text = "t / T"
    for _ in range(50):
        text = f"({text}) ** 2"
    table = bytecode_of(parse(f"g * {text}")).table(4)
    assert table.shape == (4, 1)
    assert table[0, 0] == 0
