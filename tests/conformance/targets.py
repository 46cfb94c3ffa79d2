"""Checks of export targets: the files that are written, and the steps they take."""

import importlib.util
import inspect
import itertools
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from neuralopt import RuleOptimizer, export_rule

STEPS, RATE, DECAY, TOTAL_STEPS, SEED = 8, 1e-2, 0.01, 12, 3
NUMBERS = itertools.count()

Steps = Callable[[Any, np.ndarray, Sequence[np.ndarray]], list[np.ndarray]]
"""(optimizer class or function, weights, gradients) -> weights after each step."""


def check_written_tests_pass(target: str, rules: Sequence[str], folder: Path) -> None:
    """Each rule is written with a test, and the tests pass in a fresh process."""
    for number, rule in enumerate(rules):
        path = export_rule(rule, folder / f"rule_{number}.py", target=target)
        assert path.exists()
        assert path.with_name(f"test_{path.name}").exists()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    found = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, cwd=folder
    )
    assert found.returncode == 0, found.stdout[-3000:]
    assert " passed" in found.stdout


def check_steps(
    text: Callable[..., Path], rule: Any, path: Path, steps_of: Steps, units: float
) -> None:
    """The file's optimizer takes the steps of RuleOptimizer in float64.

    text: writes the rule to the path as an optimizer called ``exported``, as
    `export_rule` does. units: relative difference of weights, 0 for the same bits.
    """
    module = imported(text(rule, path, "exported"))
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 4))
    gradients = [rng.normal(size=(3, 4)) * 10.0 ** (n % 3 - 2) for n in range(STEPS)]
    expected = steps_of_rule(rule, weights, gradients)
    found = steps_of(module.exported, weights, gradients)
    assert len(found) == len(expected)
    for step, (one, other) in enumerate(zip(expected, found, strict=True)):
        np.testing.assert_allclose(
            other, one, rtol=units, atol=units, err_msg=f"step {step} of {rule}"
        )


def writer(target: str) -> Callable[..., Path]:
    def write(rule: Any, path: Path, name: str) -> Path:
        return export_rule(rule, path, name, lr=RATE, tests=False, target=target)

    return write


def imported(path: Path) -> ModuleType:
    """The file as a module of its own."""
    name = f"conformance_export_{next(NUMBERS)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def options_of(function: Any) -> dict[str, Any]:
    """Those of the tests' options that the exported function or class takes."""
    code = (function.__init__ if isinstance(function, type) else function).__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    options = {"weight_decay": DECAY, "total_steps": TOTAL_STEPS, "seed": SEED}
    return {name: options[name] for name in options if name in names}


def steps_of_rule(
    rule: Any, weights: np.ndarray, gradients: Sequence[np.ndarray]
) -> list[np.ndarray]:
    def make(parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        options = {"weight_decay": DECAY, "total_steps": TOTAL_STEPS, "seed": SEED}
        return RuleOptimizer(parameters, rule, RATE, **options)

    return _torch_steps(make, weights, gradients)


def steps_of_torch(
    exported: Any, weights: np.ndarray, gradients: Sequence[np.ndarray]
) -> list[np.ndarray]:
    options = options_of(exported)
    return _torch_steps(lambda ps: exported(ps, **options), weights, gradients)


def _torch_steps(
    make: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer],
    weights: np.ndarray,
    gradients: Sequence[np.ndarray],
) -> list[np.ndarray]:
    parameter = torch.nn.Parameter(torch.tensor(weights))
    optimizer = make([parameter])
    takes_loss = "loss" in inspect.signature(optimizer.step).parameters
    found = []
    for step, gradient in enumerate(gradients):
        parameter.grad = torch.tensor(gradient)
        optimizer.step(**({"loss": 1 / (step + 1)} if takes_loss else {}))
        found.append(parameter.detach().numpy().copy())
    return found


def steps_of_optax(
    exported: Any, weights: np.ndarray, gradients: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Needs jax with float64 enabled."""
    import jax
    import jax.numpy as jnp
    import optax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        transformation = exported(**options_of(exported))
        values = jnp.asarray(weights)
        state = transformation.init(values)
        found = []
        for gradient in gradients:
            updates, state = transformation.update(jnp.asarray(gradient), state, values)
            values = optax.apply_updates(values, updates)
            found.append(np.asarray(values))
    finally:
        jax.config.update("jax_enable_x64", before)
    return found
