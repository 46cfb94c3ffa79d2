"""RuleOptimizer against torch's own optimizers and the published numbers, float64."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, StepLR

from neuralopt import RULES, RuleOptimizer
from tests.language.test_interpreter_vectors import (
    ADDSIGN,
    GRADIENT_SIGNS,
    POWERSIGN,
    POWERSIGN_LINEAR,
)

SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (7,), (33,), (5, 3), (2, 3, 2))
STEPS = 200

TorchOptimizer = Callable[..., torch.optim.Optimizer]


def sgd(params: Any, **options: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, **options)


def momentum(params: Any, **options: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, momentum=0.9, **options)


def nesterov(params: Any, **options: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, momentum=0.9, nesterov=True, **options)


def amsgrad(params: Any, **options: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(params, amsgrad=True, **options)


def with_options(kind: Any, **options: Any) -> TorchOptimizer:
    def make(params: Any, **more: Any) -> torch.optim.Optimizer:
        made: torch.optim.Optimizer = kind(params, **options, **more)
        return made

    return make


CASES: dict[str, tuple[str, TorchOptimizer]] = {
    "sgd": ("sgd", sgd),
    "momentum": ("momentum", momentum),
    "nesterov": ("nesterov", nesterov),
    "adam": ("adam", torch.optim.Adam),
    "amsgrad": ("amsgrad", amsgrad),
    "rmsprop_torch": ("rmsprop_torch", torch.optim.RMSprop),
    "adagrad": ("adagrad", torch.optim.Adagrad),
    "sgd_l2": ("sgd_l2", with_options(torch.optim.SGD, weight_decay=1e-4)),
    "adam_l2": ("adam_l2", with_options(torch.optim.Adam, weight_decay=0.01)),
    "adadelta": ("adadelta", torch.optim.Adadelta),
    "rmsprop_centered": (
        "rmsprop_centered",
        with_options(torch.optim.RMSprop, centered=True),
    ),
    "adamax": ("adamax", torch.optim.Adamax),
    "nadam": ("nadam", torch.optim.NAdam),
    "radam": ("radam", torch.optim.RAdam),
}

TEXTS: dict[str, tuple[str, TorchOptimizer, dict[str, Any]]] = {
    "dampened momentum": (
        "fold(0.8 * s + (1 - 0.5 * sign(t)) * g)",
        torch.optim.SGD,  # its first step is undamped
        {"momentum": 0.8, "dampening": 0.5},
    ),
    "adam, other constants": (
        "debiased(g, 0.8) / (sqrt(debiased(g ** 2, 0.95)) + 1e-3)",
        torch.optim.Adam,
        {"betas": (0.8, 0.95), "eps": 1e-3},
    ),
    "coupled decay": ("g + 0.1 * w", torch.optim.SGD, {"weight_decay": 0.1}),
    "centered rmsprop with momentum": (
        "trace(g / (sqrt(ema(g ** 2, 0.99) - ema(g, 0.99) ** 2) + 1e-4), 0.5)",
        torch.optim.RMSprop,
        {"centered": True, "momentum": 0.5, "eps": 1e-4},
    ),
}


def parameters(seed: int) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64))
        for shape in SHAPES
    ]


def prescribed_gradients(seed: int, step: int) -> list[torch.Tensor]:
    """Of all sizes from 1e-6 to 1e3, one in ten zero."""
    generator = torch.Generator().manual_seed(1_000 * seed + step)
    found = []
    for shape in SHAPES:
        size = 10 ** (9 * torch.rand(shape, generator=generator, dtype=torch.float64))
        sign = torch.randn(shape, generator=generator, dtype=torch.float64).sign()
        kept = torch.rand(shape, generator=generator) > 0.1
        found.append(1e-6 * size * sign * kept)
    return found


def check_equal_paths(
    ours: Callable[[Any], torch.optim.Optimizer],
    theirs: Callable[[Any], torch.optim.Optimizer],
    schedule: Callable[[torch.optim.Optimizer], LRScheduler] | None = None,
) -> None:
    # Relative 1e-12: 200 steps of a few roundings of 1e-16 each; where a weight passes
    # near zero, that share of the largest step taken (weights move by less than 1e3).
    pairs = [parameters(1), parameters(1)]
    optimizers = [ours(pairs[0]), theirs(pairs[1])]
    schedulers = [schedule(optimizer) for optimizer in optimizers] if schedule else []
    largest = 0.0
    for step in range(STEPS):
        gradients = prescribed_gradients(2, step)
        before = [p.detach().clone() for p in pairs[1]]
        for group in pairs:
            for parameter, gradient in zip(group, gradients, strict=True):
                parameter.grad = gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
        for mine, other, old in zip(*pairs, before, strict=True):
            moved = (other.detach() - old).abs()
            largest = max(largest, moved.max().item() if moved.numel() else 0.0)
            np.testing.assert_allclose(
                mine.detach().numpy(),
                other.detach().numpy(),
                rtol=1e-12,
                atol=1e-12 * min(1.0, largest),
                err_msg=f"step {step}, shape {tuple(mine.shape)}",
            )
    assert largest > 0


@pytest.fixture
def double() -> Iterator[None]:
    """float64 for what torch keeps once an optimizer: NAdam's product, for one."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_rule_equals_torch(name: str, maximize: bool) -> None:
    rule, torch_class = CASES[name]
    check_equal_paths(
        lambda params: RuleOptimizer(params, RULES[rule], 1e-3, maximize=maximize),
        lambda params: torch_class(params, lr=1e-3, maximize=maximize),
    )


@pytest.mark.parametrize("name", TEXTS)
def test_typed_rule_equals_torch(name: str) -> None:
    text, torch_class, options = TEXTS[name]
    check_equal_paths(
        lambda params: RuleOptimizer(params, text, 1e-3),
        lambda params: torch_class(params, lr=1e-3, **options),
    )


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("text", ["adamw", "decoupled"])
def test_decoupled_decay_equals_adamw(text: str, maximize: bool) -> None:
    def ours(params: Any) -> torch.optim.Optimizer:
        if text == "adamw":
            return RuleOptimizer(params, RULES["adamw"], 1e-2, maximize=maximize)
        return RuleOptimizer(params, "adam", 1e-2, 0.01, maximize)

    check_equal_paths(
        ours,
        lambda params: torch.optim.AdamW(
            params, lr=1e-2, weight_decay=0.01, maximize=maximize
        ),
    )


@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.parametrize("name", ["momentum", "adam", "adagrad"])
def test_schedulers_steer_it_as_they_steer_torch(name: str, tensor: bool) -> None:
    def rate() -> float | torch.Tensor:
        return torch.tensor(1e-2, dtype=torch.float64) if tensor else 1e-2

    for schedule in (
        lambda optimizer: StepLR(optimizer, step_size=30, gamma=0.5),
        lambda optimizer: CosineAnnealingLR(optimizer, T_max=STEPS),
    ):
        check_equal_paths(
            lambda params: RuleOptimizer(params, RULES[name], rate()),
            lambda params: CASES[name][1](params, lr=1e-2),
            schedule,
        )


def test_rules_abbreviated_and_named_are_one() -> None:
    for name in ("adam", "rmsprop"):
        assert RuleOptimizer(parameters(0), name, 1e-3).program is (
            RuleOptimizer(parameters(0), RULES[name]).program
        )


def test_sign_descent_moves_by_the_learning_rate() -> None:
    weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = RuleOptimizer([weight], RULES["signsgd"], lr=0.25)
    weight.grad = torch.tensor([1e-300, -1e300, 0.0, 3.0], dtype=torch.float64)
    optimizer.step()
    assert weight.tolist() == [-0.25, 0.25, 0.0, -0.25]


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_lion_equals_its_pseudocode(decay: float) -> None:
    # Chen et al. 2023, algorithm 2: update from the old average, then the average.
    rng = np.random.default_rng(4)
    w, m = rng.normal(size=9), np.zeros(9)
    weight = torch.nn.Parameter(torch.from_numpy(w.copy()))
    optimizer = RuleOptimizer([weight], RULES["lion"], 1e-2, weight_decay=decay)
    for _ in range(STEPS):
        g = rng.normal(size=9)
        weight.grad = torch.from_numpy(g)
        optimizer.step()
        w = w - 1e-2 * (np.sign(0.9 * m + 0.1 * g) + decay * w)
        m = 0.99 * m + 0.01 * g
        np.testing.assert_allclose(weight.detach().numpy(), w, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", ["ema(g, 1 - 1 / (t + 1))", "ema(g, 0.9 * ld)"])
def test_decayed_hyperparameters_follow_the_clock(text: str) -> None:
    rng = np.random.default_rng(6)
    w, m = rng.normal(size=5), np.zeros(5)
    weight = torch.nn.Parameter(torch.from_numpy(w.copy()))
    optimizer = RuleOptimizer([weight], text, 0.1, total_steps=20)
    gradients = []
    for t in range(30):
        gradients.append(rng.normal(size=5))
        weight.grad = torch.from_numpy(gradients[-1])
        optimizer.step()
        if "progress" in str(optimizer.program.expression):
            b = 0.9 * (1 - min(1, t / 20))
            m = b * m + (1 - b) * gradients[-1]
        else:
            m = np.mean(gradients, axis=0)  # the weights 1/(t+1) make a plain mean
        w = w - 0.1 * m
        np.testing.assert_allclose(weight.detach().numpy(), w, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize(
    "case",
    [POWERSIGN, POWERSIGN_LINEAR, ADDSIGN],
    ids=["powersign", "powersign-ld", "addsign"],
)
def test_sign_rules_reproduce_the_published_vectors(
    case: tuple[str, int | None, str, str], dtype: torch.dtype
) -> None:
    text, total_steps, *columns = case
    starts, slopes = ([1.0, 2.0], [3.0, 4.0]), (0.1, 0.01)
    pair = [torch.nn.Parameter(torch.tensor(start, dtype=dtype)) for start in starts]
    optimizer = RuleOptimizer(pair, text, lr=0.1, total_steps=total_steps)
    # Half a unit in the last place a step for narrow dtypes, numbers below 4.
    tolerance = 1e-10 if dtype == torch.float64 else 7 * 4 * torch.finfo(dtype).eps
    expected = np.array([[float(x) for x in column.split()] for column in columns])
    for step, sign in enumerate(GRADIENT_SIGNS):
        for weight, slope in zip(pair, slopes, strict=True):
            weight.grad = torch.full((2,), sign * slope, dtype=dtype)
        optimizer.step()
        for weight, column in zip(pair, expected, strict=True):
            first, second = weight.tolist()
            assert abs(first - column[step]) <= tolerance
            assert abs(second - column[step] - 1.0) <= tolerance
