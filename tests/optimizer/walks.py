"""Small parameters, and prescribed sequences of gradients for an optimizer."""

from typing import Any

import torch

from neuralopt import RuleOptimizer

STATEFUL = "adam * exp(sign(g) * sign(m)) + 0.1 * previous(g) + 0.1 * update"


def weight(*values: float, dtype: torch.dtype = torch.float64) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(values, dtype=dtype))


def walk(
    optimizer: torch.optim.Optimizer,
    parameters: list[torch.nn.Parameter],
    steps: int,
    seed: int = 0,
) -> list[torch.Tensor]:
    """Where the parameters are after each step along prescribed gradients."""
    generator = torch.Generator().manual_seed(seed)
    path = []
    for _ in range(steps):
        for parameter in parameters:
            random_numbers = torch.randn(parameter.shape, generator=generator)
            parameter.grad = random_numbers.to(parameter.dtype)
        optimizer.step()
        path += [parameter.detach().clone() for parameter in parameters]
    return path


def equal_paths(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def fresh(text: str, **options: Any) -> tuple[list[torch.nn.Parameter], RuleOptimizer]:
    parameters = [
        torch.nn.Parameter(torch.ones(4, 3)),
        torch.nn.Parameter(torch.ones(5, dtype=torch.float64)),
    ]
    groups = [{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.01}]
    chosen: dict[str, Any] = {"lr": 0.02, "weight_decay": 0.1, "total_steps": 9}
    return parameters, RuleOptimizer(groups, text, **(chosen | options))
