"""Activations by name, and initialisations of weights as the field names them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from neuralopt.catalog import hint
from neuralopt.tasks.network import MODULES

ACTIVATIONS: Mapping[str, type[nn.Module]] = {**MODULES, "leaky_relu": nn.LeakyReLU}
"""By name. leaky_relu has a slope of 0.01 below zero, torch's default."""


def _normal(weight: torch.Tensor, deviation: float) -> None:
    nn.init.normal_(weight, 0.0, deviation)


def _he(weight: torch.Tensor, std: float) -> None:
    _normal(weight, math.sqrt(2 / weight.shape[1]))


def _lecun(weight: torch.Tensor, std: float) -> None:
    _normal(weight, math.sqrt(1 / weight.shape[1]))


def _glorot(weight: torch.Tensor, std: float) -> None:
    _normal(weight, math.sqrt(2 / sum(weight.shape)))


def _orthogonal(weight: torch.Tensor, std: float) -> None:
    nn.init.orthogonal_(weight)


PYTORCH = "pytorch"
"""The initialisation that torch's modules have by themselves."""

FILL: Mapping[str, Callable[[torch.Tensor, float], None]] = {
    "he": _he,
    "glorot": _glorot,
    "lecun": _lecun,
    "orthogonal": _orthogonal,
    "normal": _normal,
}
"""By name: a function that fills a matrix (out, in) in place, given a deviation."""

INITIALISATIONS = (PYTORCH, *FILL)
"""pytorch: weights and biases uniform within 1 / sqrt(fan_in), a variance of
1 / (3 fan_in). he: normal, variance 2 / fan_in (He et al. 2015). glorot, also called
Xavier: normal, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010). lecun: normal,
variance 1 / fan_in (LeCun et al. 1998). orthogonal: a random orthogonal matrix (Saxe et
al. 2014). normal: the deviation that is asked for. Biases are zero with all but
pytorch."""


@dataclass(frozen=True, slots=True)
class Initialisation:
    """How the weights of fully connected layers begin.

    Attributes:
        name: one of INITIALISATIONS.
        std: standard deviation of ``normal``; the others do not use it.

    Raises:
        ValueError: the name is unknown, or the deviation is not positive and finite.
    """

    name: str = PYTORCH
    std: float = 0.1

    def __post_init__(self) -> None:
        check_choice("init", self.name, INITIALISATIONS)
        if not 0 < self.std < math.inf:
            raise ValueError(
                f"task.options.std is {self.std}: give a standard deviation above 0"
            )

    def apply(self, network: nn.Module) -> None:
        """Give all fully connected layers of a new network their weights.

        Args:
            network: changed in place; random numbers are those of torch's default
                generator.
        """
        if self.name == PYTORCH:
            return
        for module in network.modules():
            if isinstance(module, nn.Linear):
                FILL[self.name](module.weight, self.std)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    """Check an option of a task that is a name.

    Args:
        option: its name.
        value: what was given.
        known: what may be given.

    Raises:
        ValueError: the value is none of these.
    """
    if value not in known:
        raise ValueError(f"task.options.{option} is {value!r}: {hint(value, known)}")


def check_range(option: str, value: int, least: int, most: int) -> None:
    """Check an option of a task that is a whole number.

    Args:
        option: its name.
        value: what was given.
        least: the least value.
        most: the greatest value.

    Raises:
        ValueError: the value lies outside.
    """
    if not least <= value <= most:
        raise ValueError(f"task.options.{option} is {value}: give {least} to {most}")
