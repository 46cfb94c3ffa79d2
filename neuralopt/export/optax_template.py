"""Templates of a file that needs only jax and optax, and of its test."""

FILE = '''{header}
"""{name}:

{module_text}

{origin}
"""

{imports}


class {state_name}(NamedTuple):
    """Steps taken so far{remembered}."""

    count: jax.Array
{fields}

{functions}{source}

{own_signature}
    """Gradients become the value of the rule, element by element:

{text}

{latex}

{arguments_text}{reads_text}{types_text}{clock_text}    """
{check_total_steps}
    def init(params):
{zeros}        return {state_name}(jnp.zeros([], jnp.int32){zeros_argument})

    def update(updates, state, params=None):
{check_params}        leaves, tree = jax.tree.flatten(updates)
{before}        for index, leaf in enumerate(leaves):
            g = wide(leaf)
{arguments}            value, {kept} = step({step_arguments})
            leaves[index] = narrow(value, leaf)
{after}        count = optax.safe_increment(state.count)
{states}        return tree.unflatten(leaves), {state_name}(count{states_argument})

    return optax.GradientTransformation(init, update)


{signature}
    """w <- w - learning_rate * (rule + weight_decay * w).

    rule: that of scale_by_{name}.
    learning_rate: a number or an optax schedule.{lr_advice}
    weight_decay: decoupled; unless it is 0, give params to each update.
{arguments_text}{static_text}    """
    rule = scale_by_{name}({own_arguments})
    rate = optax.scale_by_learning_rate(learning_rate)
    if not isinstance(weight_decay, jax.Array) and weight_decay == 0:
        return optax.chain(rule, rate)
    return optax.chain(rule, optax.add_decayed_weights(weight_decay), rate)
'''

LR_ADVICE = " Try powers of ten around the default."

REMEMBERED = ", and what the rule remembers of each parameter"

TOTAL_STEPS_TEXT = "    total_steps: steps planned for this training.\n"

SEED_TEXT = """\
    seed: of the rule's own random bits; elements are numbered from leaf to leaf.
"""

READS_TEXT = """\
    The rule reads the parameters: give params to each update.
"""

TYPES_TEXT = """\
    Types stay as they are; float16 and bfloat16 are computed in float32.
"""

CLOCK_TEXT = """\
    What depends on the step is computed in float32 unless jax_enable_x64 is set:
    1 - 0.999 ** (t + 1) is then right to within 2e-5 in the first steps.
"""

STATIC_TEXT = """\
    Under optax.inject_hyperparams, name {names} in static_args.
"""

CHECK_TOTAL_STEPS = """\
    if not total_steps >= 1:
        raise ValueError(f"Invalid total_steps: {total_steps}, it must be >= 1")
"""

CHECK_PARAMS = """\
        if params is None:
            raise ValueError("this rule reads w: call update(updates, state, params)")
"""

ZEROS = """\
        zeros = [jax.tree.map(nothing, params) for _ in range({states})]
"""

# Lines before the loop over leaves, of it and after it, for a rule that reads w, ...
WEIGHTS = "        weights = tree.flatten_up_to(params)\n"
WEIGHT = "            w = wide(weights[index])\n"
NUMBERS = "        numbers = scalars({clock})\n"
MEMORIES = """\
        memories = [tree.flatten_up_to(memory) for memory in state[1:]]
"""
MEMORY = "            states = [wide(memory[index]) for memory in memories]\n"
REMEMBER = """\
            for memory, new in zip(memories, states):
                memory[index] = narrow(new, memory[index])
"""
STATES = "        states = map(tree.unflatten, memories)\n"
KEYS = """\
        keys = [stream_keys(seed, state.count, i) for i in range({streams})]
        start = 0
"""
ADVANCE = "            start += g.size\n"

WIDE = '''\
def wide(x):
    """Narrow floats as float32: in bfloat16 a decay of 0.999 would be 1."""
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"a leaf is of type {x.dtype}: give real floats only")
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
'''

NARROW = '''\
def narrow(x, like):
    """A result in the shape and type of what it replaces."""
    return jnp.broadcast_to(x, jnp.shape(like)).astype(jnp.result_type(like))
'''

NOTHING = '''\
def nothing(x):
    """What is remembered of a parameter before the first step."""
    return jnp.zeros_like(x, dtype=jnp.result_type(x))
'''

NUMBER = '''\
def number(x, g):
    """A number as an array of the type of g, infinite if it is too large for it."""
    if not isinstance(x, float):
        return x.astype(g.dtype)
    if abs(x) > float(jnp.finfo(g.dtype).max):
        x = math.copysign(math.inf, x)
    # A constant that XLA knows of it would divide by inexactly.
    return jax.lax.optimization_barrier(jnp.asarray(x, g.dtype))
'''

RANDOM = '''\
MASK32 = {mask!r}
MURMUR = {murmur!r}


def words(x):
    """An integer modulo 2**64 as its low and its high word, both uint32."""
    return jnp.uint32(x & MASK32), jnp.uint32(x >> 32 & MASK32)


def plus(x, y):
    """x + y modulo 2**64, of words."""
    low = x[0] + y[0]
    return low, x[1] + y[1] + (low < x[0]).astype(jnp.uint32)


def times(x, y):
    """x * y modulo 2**64, of words: JAX has no uint64 by default."""
    (a, b), (c, d) = [(word & 0xFFFF, word >> 16) for word in (x[0], y[0])]
    middle = (a * c >> 16) + (a * d & 0xFFFF) + (b * c & 0xFFFF)
    carry = b * d + (a * d >> 16) + (b * c >> 16) + (middle >> 16)
    return x[0] * y[0], carry + x[0] * y[1] + x[1] * y[0]


def mixed(x, shift):
    """x ^ x >> shift, of words, for a shift below 32."""
    low = x[0] >> shift | x[1] << (32 - shift)
    return x[0] ^ low, x[1] ^ (x[1] >> shift)


def counter_key(*counters):
    """Two words of uint32 for some words, by the finaliser of SplitMix64."""
    state = words(0)
    for counter in counters:
        state = plus(plus(state, counter), words(0x9E3779B97F4A7C15))
        state = times(mixed(state, 30), words(0xBF58476D1CE4E5B9))
        state = times(mixed(state, 27), words(0x94D049BB133111EB))
        state = mixed(state, 31)
    return state


def stream_keys(seed, step, stream):
    """Keys of a stream of random bits at a step, one for each of two lanes."""
    step = step.astype(jnp.uint32), jnp.uint32(0)
    counters = words(int(seed)), words(0), step, words(stream)
    return [counter_key(*counters, words(lane)) for lane in range(2)]


def uniform(key, start, g):
    """Multiples of 2**-24 in [0, 1), for elements from number start on."""
    word = jnp.arange(g.size, dtype=jnp.uint32) + jnp.uint32(start & MASK32)
    for half in key:
        word = word * jnp.uint32(0x{golden:X}) + half
        for shift, factor in MURMUR:
            word = (word ^ (word >> shift)) * jnp.uint32(factor)
        word = word ^ (word >> 16)
    return (word >> 8).astype(g.dtype).reshape(g.shape) * 2.0**-24


def draw(kind, keys, start, g):
    """Random numbers in the shape and type of g."""
    first = uniform(keys[0], start, g)
    if kind == "uniform":
        return first
    angle = 2.0 * math.pi * uniform(keys[1], start, g)
    return jnp.sqrt(-2.0 * jnp.log(first + 2.0**-25)) * jnp.cos(angle)
'''

TEST = '''{header}: the test of an export.
"""{class_name} takes the steps of neuralopt's own interpreter, in float64."""

import importlib.util
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

PATH = pathlib.Path(__file__).with_name({name})
STARTS, STEPS = {starts}, {steps}
GOLDEN = {{
{golden}
}}
"""Step -> weights after it."""


@pytest.fixture(autouse=True)
def float64():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def transformation():
    spec = importlib.util.spec_from_file_location("exported", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.{class_name}({rate}{options})


def gradient(step):
    """Small fractions of both signs, and now and then 0."""
    numbers = [((7 * step + 3 * i * i) % 11 - 5) / 8 for i in range(len(STARTS))]
    return jnp.array(numbers, dtype=jnp.float64)


def step_of(rule):
    @jax.jit
    def step(weight, state, gradient):
        updates, state = rule.update(gradient, state, weight)
        return optax.apply_updates(weight, updates), state

    return step


def test_the_trajectory_is_golden():
    rule = transformation()
    step, weight = step_of(rule), jnp.array(STARTS, dtype=jnp.float64)
    state = rule.init(weight)
    for number in range(1, STEPS + 1):
        weight, state = step(weight, state, gradient(number))
        if number in GOLDEN:
            expected = np.array(GOLDEN[number])
            np.testing.assert_allclose(weight, expected, rtol=1e-9, atol=1e-12)


def test_a_saved_state_goes_on_exactly(tmp_path):
    rule = transformation()
    step, weight = step_of(rule), jnp.array(STARTS, dtype=jnp.float64)
    state = rule.init(weight)
    for number in range(1, STEPS + 1):
        weight, state = step(weight, state, gradient(number))
        if number == STEPS // 2:
            np.savez(tmp_path / "state.npz", *jax.tree.leaves((weight, state)))
    with np.load(tmp_path / "state.npz") as file:
        leaves = [jnp.asarray(file[name]) for name in file.files]
    tree = jax.tree.structure((weight, state))
    other, state = jax.tree.unflatten(tree, leaves)
    again = step_of(transformation())
    for number in range(STEPS // 2 + 1, STEPS + 1):
        other, state = again(other, state, gradient(number))
    np.testing.assert_array_equal(weight, other)
'''
