"""Checks of exported files and saved states, on parameters of odd shapes and types."""

import importlib.util
import inspect
import io
import random
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch

from experiments.fuzz.checks import compare, refused
from experiments.fuzz.comparing import RATE, STEPS, TOTAL_STEPS, Case
from experiments.fuzz.comparing import Path as Trajectory
from neuralopt.export.export import export_rule
from neuralopt.language import Expression
from neuralopt.optimizer import RuleOptimizer

SHAPES = ((), (0,), (1,), (5,), (3, 4), (2, 0), (2, 3, 2, 2), (1, 1, 7))
DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.complex64, torch.complex128),
)
HAS_OPTAX = importlib.util.find_spec("optax") is not None


def check_torch_file(rule: Expression, rng: random.Random, folder: Path) -> str:
    """An exported file takes the steps of RuleOptimizer, bit by bit.

    The parameters have odd shapes and types, some lie across memory, and now and then a
    gradient is missing.
    """
    file = folder / "rule.py"
    try:
        export_rule(rule, file, "Found", lr=RATE, tests=False)
    except ValueError as error:
        return refused(error)
    kind = _module(file).Found
    seed = rng.randrange(1 << 32)
    options: dict[str, Any] = {
        "total_steps": rng.choice((1, TOTAL_STEPS)),  # a training may go on after T
        "seed": rng.randrange(1000),
        "weight_decay": rng.choice((0.0, 0.1)),
        "maximize": rng.random() < 0.3,
    }
    ours, theirs = _parameters(seed), _parameters(seed)
    known = inspect.signature(kind).parameters
    mine = RuleOptimizer(ours, rule, RATE, **options)
    other = kind(theirs, **{k: x for k, x in options.items() if k in known})
    for step in range(STEPS):
        _set_gradients(ours, seed, step)
        _set_gradients(theirs, seed, step)
        loss = partial(float, 2.0 / (1.0 + step))
        mine.step(loss)
        other.step(loss)
        _same(ours, theirs, f"step {step}")
    return "compared"


def check_saved_state(rule: Expression, rng: random.Random) -> str:
    """A state that is saved and loaded goes on exactly."""
    seed = rng.randrange(1 << 32)
    options: dict[str, Any] = {"total_steps": TOTAL_STEPS, "seed": 3}
    ours = _parameters(seed)
    mine = RuleOptimizer(ours, rule, RATE, **options)
    for step in range(STEPS):
        if step == STEPS // 2:
            file = io.BytesIO()
            torch.save(mine.state_dict(), file)
            file.seek(0)
            theirs = [torch.nn.Parameter(each.detach().clone()) for each in ours]
            other = RuleOptimizer(theirs, rule, 1.0, **options)
            other.load_state_dict(torch.load(file))
        for parameters in (ours, theirs) if step >= STEPS // 2 else (ours,):
            _set_gradients(parameters, seed, step)
        loss = partial(float, 2.0 / (1.0 + step))
        mine.step(loss)
        if step >= STEPS // 2:
            other.step(loss)
            _same(ours, theirs, f"step {step}")
    return "compared"


def check_optax_file(rule: Expression, case: Case, folder: Path) -> str:
    """An exported gradient transformation takes the steps of the walk, in float64."""
    if not HAS_OPTAX:
        return "optax is not installed"
    import jax
    import jax.numpy as jnp
    import optax  # type: ignore[import-untyped]  # has no types

    jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]  # JAX has no types there
    file = folder / "rule.py"
    try:
        export_rule(rule, file, "found", lr=RATE, tests=False, target="optax")
    except ValueError as error:
        return refused(error)
    make = _module(file).found
    options = {"total_steps": TOTAL_STEPS, "seed": case.seed}
    known = inspect.signature(make).parameters
    init, update = make(**{k: x for k, x in options.items() if k in known})
    weights = jnp.array(case.start).reshape(case.shape)
    state, path = init(weights), Trajectory()
    for each in case.gradients:
        gradient = jnp.array(each).reshape(case.shape)
        updates, state = update(gradient, state, weights)
        weights = optax.apply_updates(weights, updates)
        path.append(weights.ravel().tolist())
    return compare(rule, case, path)


def _module(file: Path) -> Any:
    """An exported file as a module, warnings being errors."""
    spec = importlib.util.spec_from_file_location("exported", file)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        code = compile(file.read_text("utf-8"), str(file), "exec")
    exec(code, module.__dict__)  # noqa: S102  our own export
    return module


def _parameters(seed: int) -> list[torch.nn.Parameter]:
    """Four parameters of random shapes and types, the same for the same seed."""
    rng = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(4):
        shape, dtype = rng.choice(SHAPES), rng.choice(DTYPES)
        values = torch.randn(shape, generator=generator).to(dtype)
        if len(shape) > 1 and rng.random() < 0.3:
            values = values.transpose(0, 1)
        found.append(torch.nn.Parameter(values))
    return found


def _set_gradients(parameters: list[torch.nn.Parameter], seed: int, step: int) -> None:
    rng = random.Random(f"{seed} {step}")
    for number, parameter in enumerate(parameters):
        generator = torch.Generator().manual_seed(seed + 31 * step + number)
        size = 10.0 ** rng.randint(-4, 3)
        gradient = size * torch.randn(parameter.shape, generator=generator)
        if rng.random() < 0.1:
            gradient = torch.zeros_like(gradient)
        missing = rng.random() < 0.1
        parameter.grad = None if missing else gradient.to(parameter.dtype)


def _same(
    ours: list[torch.nn.Parameter], theirs: list[torch.nn.Parameter], where: str
) -> None:
    pairs = zip(ours, theirs, strict=True)
    for number, (mine, other) in enumerate((x.detach(), y.detach()) for x, y in pairs):
        same = torch.equal(mine.isnan(), other.isnan())
        same = same and torch.equal(mine.nan_to_num(), other.nan_to_num())
        kind = f"{tuple(mine.shape)} {mine.dtype}"
        assert same, f"{where}, parameter {number} {kind}: {other} instead of {mine}"
