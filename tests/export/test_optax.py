"""Exported optax files: the same steps as RuleOptimizer's, with only jax and optax."""

import importlib.util
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

REASON = "optax is not installed: pip install 'neuralopt[optax]'"
optax = pytest.importorskip("optax", reason=REASON)

import jax  # noqa: E402  optax needs it
import jax.numpy as jnp  # noqa: E402

from neuralopt import RULES, RuleOptimizer, export_rule  # noqa: E402
from neuralopt.counter_hash import counter_key  # noqa: E402
from neuralopt.optimizer.draws import draw  # noqa: E402
from tests.engines.builders import random_rules  # noqa: E402
from tests.export.test_export import NOISY, random_expressions  # noqa: E402

ELEMENTWISE = {name: rule for name, rule in RULES.items() if rule.scope == "element"}
"""Rules that can be exported."""

pytestmark = pytest.mark.slow  # XLA compiles for a minute

SHAPES = ((), (0,), (5,), (3, 4), (2, 1, 3))
STEPS, RATE, DECAY, TOTAL_STEPS, SEED = 50, 1e-2, 0.01, 40, 3
EXTREME = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e4, -700.0, np.inf, -np.inf, np.nan)


@contextmanager
def wide_types(enabled: bool = True) -> Iterator[None]:
    """With or without jax_enable_x64, whatever it was."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", enabled)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


@pytest.fixture
def float64() -> Iterator[None]:
    with wide_types():
        yield


def module_of(rule: Any, path: Path) -> ModuleType:
    """The export of a rule, in which it is called `found`."""
    export_rule(rule, path, "found", lr=RATE, tests=False, target="optax")
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)  # noqa: S102
    return module


def made(module: ModuleType, name: str = "found", **options: Any) -> Any:
    """The transformation, with those of the options that it takes."""
    function = getattr(module, name)
    code = function.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    options = {"total_steps": TOTAL_STEPS, "seed": SEED} | options
    return function(**{key: options[key] for key in options if key in known})


def arrays(seed: int, dtype: Any, size: float = 1.0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.asarray(size * rng.standard_normal(s), dtype) for s in SHAPES]


def gradients_at(step: int, dtype: Any) -> list[np.ndarray]:
    return arrays(100 + step, dtype, 10.0 ** (step % 4 - 3))


def tree_of(leaves: list[Any]) -> dict[str, Any]:
    """A tree whose leaves are in the order of the list."""
    scalar, empty, *others = map(jnp.asarray, leaves)
    return {"a": scalar, "b": {"empty": empty, "rest": tuple(others)}}


def stepped(rule: Any, jit: bool = True) -> Any:
    def step(weights: Any, state: Any, gradients: Any) -> Any:
        updates, state = rule.update(gradients, state, weights)
        return optax.apply_updates(weights, updates), state

    return jax.jit(step) if jit else step


def check_equal_steps(
    rule: Any,
    path: Path,
    dtype: Any = np.float64,
    rtol: float = 1e-12,
    steps: int = STEPS,
) -> None:
    """The exported transformation and RuleOptimizer take the same steps."""
    theirs = made(module_of(rule, path), weight_decay=DECAY)
    weights = tree_of(arrays(1, dtype))
    state, step = theirs.init(weights), stepped(theirs)
    parameters = [torch.nn.Parameter(torch.tensor(each)) for each in arrays(1, dtype)]
    ours = RuleOptimizer(
        parameters, rule, RATE, DECAY, total_steps=TOTAL_STEPS, seed=SEED
    )
    for number in range(steps):
        gradients = gradients_at(number, dtype)
        weights, state = step(weights, state, tree_of(gradients))
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        ours.step()
        for mine, other in zip(parameters, jax.tree.leaves(weights), strict=True):
            assert other.dtype == dtype
            np.testing.assert_allclose(
                np.asarray(other),
                mine.detach().numpy(),
                rtol=rtol,
                atol=rtol,
                err_msg=f"step {number} of {rule}",
            )
    assert step._cache_size() == 1


# --------------------------------------------------------------------------- same steps


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_named_rules_take_the_same_steps(name: str, tmp_path: Path) -> None:
    check_equal_steps(RULES[name], tmp_path / "rule.py")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("space", ["bello2017", "sign_agreement", "temporal"])
def test_random_rules_of_a_space_take_the_same_steps(
    space: str, tmp_path: Path
) -> None:
    for rule in random_rules(space, 5):
        check_equal_steps(rule, tmp_path / "rule.py", rtol=1e-9)


@pytest.mark.parametrize("name", ["adam", "lion", "powersign_ld", "radam", "found_10"])
def test_float32_takes_about_the_same_steps(name: str, tmp_path: Path) -> None:
    with wide_types(False):
        check_equal_steps(RULES[name], tmp_path / "rule.py", np.float32, rtol=1e-4)


@pytest.mark.usefixtures("float64")
def test_extreme_numbers_give_the_same_values(tmp_path: Path) -> None:
    pairs = np.array([(x, y) for x in EXTREME for y in EXTREME])
    for text in (
        *("g + w", "g - w", "g * w", "g / w", "g % w", "-g", "1 / sign(g)"),
        *("sign(g)", "exp(g)", "exp2(g)", "cos(g)", "tanh(g)", "abs(g)", "log(g)"),
        *("sqrt(g)", "min(g, w)", "max(g, w)", "clip(g, 1)", "pow(g, 0.3)", "g ** 2"),
        *(
            "g ** 3",
            "g ** 1.5",
            "g ** 4",
            "1 / g",
            "2 ** g",
            "0.3 ** g",
            "drop(g, 0.5)",
        ),
        *("min(g, 1e300)", "max(1, g)", "clip(g, exp(t + 800))", "g * exp(999 + t)"),
        *("peak(g)", "g / (t / 0)", "sqrt(T) * g", "g % (0 * t)", "1", "t - 1"),
    ):
        rule = made(module_of(text, tmp_path / "rule.py"), "scale_by_found")
        gradient, weight = map(jnp.asarray, pairs.T)
        parameter = torch.nn.Parameter(torch.zeros(len(pairs), dtype=torch.float64))
        ours = RuleOptimizer([parameter], text, 1.0, total_steps=TOTAL_STEPS, seed=SEED)
        program = ours.program

        def bits(
            kind: str, stream: int, like: torch.Tensor = parameter
        ) -> torch.Tensor:
            return draw(kind, (SEED, 0, 0, stream), like)

        for jit in (False, True):
            update = jax.jit(rule.update) if jit else rule.update
            value, _ = update(gradient, rule.init(weight), weight)
            expected, _ = program.step(
                *(torch.tensor(column) for column in pairs.T.copy()),
                program.clock(0, TOTAL_STEPS),
                program.initial_states(parameter.detach()),
                bits,
            )
            wanted = torch.as_tensor(expected).expand(len(pairs)).numpy()
            np.testing.assert_allclose(value, wanted, rtol=1e-13, err_msg=text)
            if "min" not in text and "max" not in text and "peak" not in text:
                # Which of two zeros is the smaller one, nothing says.
                signs = np.signbit(value) == np.signbit(wanted)
                assert (signs | np.isnan(wanted)).all(), text


@pytest.mark.usefixtures("float64")
def test_division_of_numbers_is_exact(tmp_path: Path) -> None:
    w = jnp.ones(1)
    for steps in (3, 41, 49, 55, 1000):  # 49 * (1 / 49) is less than 1
        module = module_of("g * ld", tmp_path / "rule.py")
        rule = module.scale_by_found(total_steps=steps)
        state = rule.init(w)._replace(count=jnp.int32(steps))
        assert not jax.jit(rule.update)(w, state)[0].any()
    rule = made(module_of("g * (t / 49)", tmp_path / "rule.py"), "scale_by_found")
    update = jax.jit(rule.update)
    for step in range(200):
        state = rule.init(w)._replace(count=jnp.int32(step))
        assert update(w, state)[0] == step / 49


def test_steps_can_be_batched_and_differentiated(tmp_path: Path) -> None:
    text = "m / sqrt(T) * ld + 0.1 * w / 7 + drop(g, 0.1)"
    rule = made(module_of(text, tmp_path / "rule.py"))
    batch = jnp.asarray(np.random.default_rng(0).standard_normal((3, 4)), jnp.float32)

    def end(weights: Any) -> Any:
        state = rule.init(weights)
        for _ in range(3):
            weights, state = stepped(rule, jit=False)(weights, state, 2 * weights)
        return weights

    together = jax.vmap(end)(batch)
    for row, alone in zip(together, map(end, batch), strict=True):
        np.testing.assert_allclose(row, alone, rtol=1e-6)
    slope = jax.jit(jax.grad(lambda weights: end(weights).sum()))(batch[0])
    assert jnp.isfinite(slope).all()
    assert (slope > 0).all()


# -------------------------------------------------------------------------- random bits


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**63 + 12345, -7])
def test_keys_are_those_of_the_language(seed: int, tmp_path: Path) -> None:
    module = module_of(NOISY, tmp_path / "rule.py")
    keys = jax.jit(module.stream_keys, static_argnums=(0, 2))
    for step in (0, 1, 77, 2**31 - 1):
        for stream in (0, 5):
            lanes = [[int(w) for w in k] for k in keys(seed, jnp.int32(step), stream)]
            for lane, words in enumerate(lanes):
                assert tuple(words) == counter_key(seed, 0, step, stream, lane)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_random_numbers_are_those_of_the_language(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    module = module_of(NOISY, tmp_path / "rule.py")
    like = torch.zeros(40, 50, dtype=dtype)
    with wide_types(dtype == torch.float64):
        g = jnp.asarray(like.numpy())
        for step, start in ((0, 0), (9, 123), (10**6, 2**32 - 1000)):
            keys = module.stream_keys(SEED, jnp.int32(step), 1)
            mine = [
                draw(k, (SEED, 0, step, 1), like, start) for k in ("uniform", "normal")
            ]
            uniform, normal = (
                module.draw(k, keys, start, g) for k in ("uniform", "normal")
            )
            assert uniform.dtype == normal.dtype == g.dtype
            np.testing.assert_array_equal(uniform, mine[0].numpy())
            tolerance = 16 * torch.finfo(dtype).eps
            np.testing.assert_allclose(normal, mine[1].numpy(), tolerance, tolerance)


# ----------------------------------------------------------------- optax's own contract


@pytest.mark.parametrize("rule", ["adam", NOISY, "lion", "1", "total(update) + g"])
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_types_are_kept_and_nothing_is_compiled_twice(
    rule: str, dtype: Any, tmp_path: Path
) -> None:
    text = RULES.get(rule, rule)
    theirs = made(module_of(text, tmp_path / "rule.py"), weight_decay=DECAY)
    weights = jax.tree.map(lambda x: x.astype(dtype), tree_of(arrays(1, np.float32)))
    state, step = theirs.init(weights), stepped(theirs)
    kinds = jax.tree.map(lambda x: (x.dtype, x.weak_type), state)
    for _ in range(4):
        weights, state = step(weights, state, weights)
        assert jax.tree.map(lambda x: (x.dtype, x.weak_type), state) == kinds
    assert {leaf.dtype for leaf in jax.tree.leaves(weights)} == {jnp.dtype(dtype)}
    remembered = jax.tree.leaves(state)
    assert {leaf.dtype for leaf in remembered} <= {jnp.dtype(dtype), jnp.dtype("int32")}
    assert int(state[0].count) == 4
    assert step._cache_size() == 1


def test_narrow_floats_follow_float32(tmp_path: Path) -> None:
    # In bfloat16 itself 0.999 is 1, and the second moment would never decay.
    theirs = made(module_of("ema(g, 0.999)", tmp_path / "rule.py"), "scale_by_found")
    gradient = jnp.ones(3, jnp.bfloat16)
    state = theirs.init(gradient)
    for _ in range(50):
        value, state = theirs.update(gradient, state)
    assert value.dtype == jnp.bfloat16
    np.testing.assert_allclose(value.astype(float), 1 - 0.999**50, rtol=0.02)


@pytest.mark.parametrize("rule", ["adam", "powersign_cd", "found_8", NOISY])
def test_jit_scan_and_plain_steps_agree(rule: str, tmp_path: Path) -> None:
    theirs = made(module_of(RULES.get(rule, rule), tmp_path / "rule.py"))
    results = []
    gradients = [tree_of(gradients_at(step, np.float32)) for step in range(8)]
    for jit in (False, True):
        weights = tree_of(arrays(1, np.float32))
        state, step = theirs.init(weights), stepped(theirs, jit)
        for gradient in gradients:
            weights, state = step(weights, state, gradient)
        results.append(weights)

    def one(carry: Any, gradient: Any) -> Any:
        return stepped(theirs, jit=False)(*carry, gradient), None

    weights = tree_of(arrays(1, np.float32))
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *gradients)
    (weights, _), _ = jax.lax.scan(one, (weights, theirs.init(weights)), together)
    for other in (results[1], weights):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
            results[0],
            other,
        )


def test_adam_is_the_adam_of_optax(tmp_path: Path) -> None:
    pair = (made(module_of(RULES["adam"], tmp_path / "rule.py")), optax.adam(RATE))
    ends = []
    for rule in pair:
        weights = tree_of(arrays(1, np.float32))
        state, step = rule.init(weights), stepped(rule)
        for number in range(STEPS):
            gradients = tree_of(gradients_at(number, np.float32))
            weights, state = step(weights, state, gradients)
        ends.append(weights)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6), *ends)


def test_rates_may_be_schedules_and_be_injected(tmp_path: Path) -> None:
    module = module_of("g * ld", tmp_path / "rule.py")
    w = jnp.ones(2)
    rule = module.found(optax.linear_schedule(1.0, 0.0, 4), total_steps=4)
    injected = optax.inject_hyperparams(module.found, static_args="total_steps")
    other = injected(learning_rate=1.0, total_steps=4)
    state, its_state, step = rule.init(w), other.init(w), jax.jit(other.update)
    for number in range(4):
        value, state = rule.update(w, state, w)
        np.testing.assert_allclose(value, -((1 - number / 4) ** 2), rtol=1e-6)
        its_state.hyperparams["learning_rate"] = jnp.asarray(1 - number / 4)
        value, its_state = step(w, its_state, w)
        np.testing.assert_allclose(value, -((1 - number / 4) ** 2), rtol=1e-6)


def test_trees_of_any_kind_are_taken(tmp_path: Path) -> None:
    theirs = made(module_of("m + 0.1 * w", tmp_path / "rule.py"))
    w = jnp.ones(2)
    for tree in (w, 1.0, [], {}, (w, None, [w, {"x": 2.0}]), np.ones(3)):
        updates, state = theirs.update(tree, theirs.init(tree), tree)
        assert jax.tree.structure(updates) == jax.tree.structure(tree)
        updates, _ = theirs.update(tree, state, tree)
        jax.tree.map(lambda a, b: np.testing.assert_array_less(a, b), updates, tree)
    masked = optax.masked(theirs, {"a": True, "b": False})
    tree = {"a": w, "b": w}
    updates, _ = masked.update(tree, masked.init(tree), tree)
    np.testing.assert_array_equal(updates["b"], w)


def test_what_can_not_be_is_refused(tmp_path: Path) -> None:
    module = module_of("m * ld + 0.1 * w", tmp_path / "rule.py")
    w = jnp.ones(2)
    for steps in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="Invalid total_steps"):
            module.found(0.1, total_steps=steps)
    with pytest.raises(TypeError, match="total_steps"):
        module.found(0.1)
    rule = module.scale_by_found(total_steps=3)
    with pytest.raises(
        ValueError, match=r"reads w: call update\(updates, state, params"
    ):
        rule.update(w, rule.init(w))
    for kind in (jnp.int32, jnp.complex64):
        with pytest.raises(ValueError, match="give real floats only"):
            rule.update(w.astype(kind), rule.init(w.astype(kind)), w.astype(kind))


@pytest.mark.usefixtures("float64")
def test_random_expressions_take_the_same_steps(tmp_path: Path) -> None:
    # These overflow and divide by zero; XLA rewrites what may overflow, so few differ.
    different = 0
    for rule in random_expressions(61, 50):
        try:
            check_equal_steps(rule, tmp_path / "rule.py", rtol=1e-9, steps=12)
        except AssertionError:
            different += 1
    assert different <= 2


def test_random_expressions_run(tmp_path: Path) -> None:
    for rule in random_expressions(60, 20):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            theirs = made(module_of(rule, tmp_path / "rule.py"))
            weights = tree_of(arrays(1, np.float32))
            stepped(theirs)(weights, theirs.init(weights), weights)


# ------------------------------------------------------------------- without neuralopt

TRAIN = """
import sys, importlib.util

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("neuralopt", "torch", "hydra", "ray"):
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
import jax, jax.numpy as jnp, optax
spec = importlib.util.spec_from_file_location("exported", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
keys = jax.random.split(jax.random.PRNGKey(0), 3)
net = {
    "first": 0.5 * jax.random.normal(keys[0], (4, 8)), "bias": jnp.zeros(8),
    "second": 0.5 * jax.random.normal(keys[1], (8, 1)),
}
inputs = jax.random.normal(keys[2], (64, 4))
targets = jnp.tanh(inputs.sum(1, keepdims=True))
rule = module.found(learning_rate=0.05, total_steps=200)

def loss(net):
    hidden = jnp.tanh(inputs @ net["first"] + net["bias"])
    return jnp.mean((hidden @ net["second"] - targets) ** 2)

@jax.jit
def step(net, state):
    value, gradients = jax.value_and_grad(loss)(net)
    updates, state = rule.update(gradients, state, net)
    return optax.apply_updates(net, updates), state, value

state, losses = rule.init(net), []
for _ in range(200):
    net, state, value = step(net, state)
    losses.append(float(value))
assert losses[-1] < 0.2 * losses[0], losses
"""


def run(arguments: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-I", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )


def test_file_trains_a_net_where_neuralopt_is_not(tmp_path: Path) -> None:
    rule = "drop(m, 0.1) * exp(ld * sign(g) * sign(m)) + noise(1e-3 * ld)"
    path = export_rule(rule, tmp_path / "exported.py", "found", target="optax")
    result = run(["-W", "error::SyntaxWarning", "-c", TRAIN, str(path)], tmp_path)
    assert result.returncode == 0, result.stderr


GOLDEN = ("adam", "powersign_ld", "lion", "found_10", "annealed_noise", "g / 0")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", ".")


def test_the_tests_of_exports_pass(tmp_path: Path) -> None:
    for number, text in enumerate(GOLDEN):
        path = tmp_path / f"it's odd {number}.py"
        export_rule(RULES.get(text, text), path, "odd", target="optax")
    result = run([*PYTEST, "--import-mode=importlib"], tmp_path)
    assert result.returncode == 0, result.stdout
    assert f"{2 * len(GOLDEN)} passed" in result.stdout


def test_the_test_of_an_export_notices_another_rule(tmp_path: Path) -> None:
    path = export_rule("m", tmp_path / "rule.py", "mine", target="optax")
    path.write_text(path.read_text().replace("0.9 * s0", "0.8 * s0"))
    result = run([*PYTEST], tmp_path)
    assert "1 failed, 1 passed" in result.stdout
