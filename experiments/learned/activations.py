"""The network 64-32-10 on the digits, with several activations of its hidden layer."""

from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

from neuralopt.tasks import Task, make_task
from neuralopt.tasks.digits import BATCH, digit_splits

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
}


def network(activation: str) -> nn.Module:
    """Return a new network.

    Args:
        activation: a name of ACTIVATIONS.
    """
    middle = ACTIVATIONS[activation]()
    return nn.Sequential(nn.Linear(64, 32), middle, nn.Linear(32, 10))


def task(activation: str) -> Task:
    """Return the task of an activation; that of relu is `digits` by another name.

    Args:
        activation: a name of ACTIVATIONS.
    """
    splits = digit_splits((64,))
    data = {split: (each.inputs, each.targets) for split, each in splits.items()}
    return make_task(activation, partial(network, activation), data, batch_size=BATCH)
