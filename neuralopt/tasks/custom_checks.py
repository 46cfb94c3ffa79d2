"""Check that a custom task's network, loss and metric can be trained, repeatably."""

import hashlib
import random
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from neuralopt.tasks.task import Examples, Split

Measure = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(outputs, targets) of a batch -> a scalar."""

IGNORED_CLASS = -100
"""The class number that torch's cross_entropy leaves out."""


def check_training(
    name: str,
    network: Callable[[], nn.Module],
    splits: Mapping[Split, Examples],
    batch_size: int,
    loss: Measure,
    metric: Measure,
) -> tuple[nn.Module, str]:
    """Make two networks, train them on one batch and measure it.

    Args:
        name: of the task, for messages.
        network: makes a network.
        splits: examples of the task.
        batch_size: examples of a batch.
        loss: the task's mean loss.
        metric: the task's metric.

    Returns:
        A network, and a hash of its first weights.

    Raises:
        ValueError: no engine could train the task repeatably; one line says why.
    """
    with torch.random.fork_rng(devices=[]):
        made = [_network(name, network) for _ in range(2)]
        one, other = made
        tensors = [{tensor.data_ptr() for tensor in _tensors(each)} for each in made]
        if one is other or tensors[0] & tensors[1] - {0}:
            raise ValueError(
                f"task {name}: the network is the same object at every training, which "
                "would begin where the last one ended: make a new one at every call"
            )
        weights = _hash_of_weights(one)
        if weights != _hash_of_weights(other) or str(one) != str(other):
            raise ValueError(
                f"task {name}: the network is not the same at every training: draw its "
                "weights from torch's default generator only"
            )
        whole = splits["training"]
        batch = Examples(whole.inputs[:batch_size], whole.targets[:batch_size])
        with _no_other_randomness(name):
            losses = [
                _trained(name, each, batch, loss, metric, splits) for each in made
            ]
        if not torch.equal(losses[0].nan_to_num(), losses[1].nan_to_num()):
            raise ValueError(
                f"task {name}: two equal networks have different losses on one batch: "
                "draw random numbers from torch's default generator only"
            )
    return one, weights


def _network(name: str, make: object) -> nn.Module:
    """Make a network, and check that its parameters can be trained."""
    if isinstance(make, nn.Module):
        kind = type(make).__name__
        raise ValueError(
            f"task {name}: network is a module, {kind}: give a function that makes a "
            f"new one, such as lambda: {kind}(...)"
        )
    if not callable(make):
        raise ValueError(f"task {name}: network is {make!r}: give a function")
    torch.default_generator.manual_seed(0)
    made = make()
    if not isinstance(made, nn.Module):
        raise ValueError(f"task {name}: network() gives {made!r}, not an nn.Module")
    for key, tensor in [*made.named_parameters(), *made.named_buffers()]:
        if is_lazy(tensor):
            problem = "has no shape yet: replace lazy modules by those with sizes"
        elif tensor.device.type != "cpu":
            problem = f"is on {tensor.device}: make it on the CPU, engines move it"
        elif not isinstance(tensor, nn.Parameter):
            continue
        elif tensor.is_complex():
            problem = "is complex: use two real parameters"
        elif not tensor.is_floating_point():
            problem = f"is {_kind(tensor)}: use register_buffer for whole numbers"
        else:
            continue
        raise ValueError(f"task {name}: the network's parameter {key} {problem}")
    return made


def _kind(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _trained(
    name: str,
    module: nn.Module,
    batch: Examples,
    loss: Measure,
    metric: Measure,
    splits: Mapping[Split, Examples],
) -> torch.Tensor:
    """Return the loss of a batch, after a backward pass and a measurement."""
    generator = torch.default_generator
    generator.manual_seed(0)
    state = generator.get_state()
    inputs, targets = batch.inputs, batch.targets

    def tried(what: str, call: Callable[[], torch.Tensor]) -> torch.Tensor:
        try:
            return call()
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())
            shapes = ", ".join(
                f"{_kind(each)} {tuple(each.shape)}" for each in (inputs, targets)
            )
            raise ValueError(
                f"task {name}: {what} fails on a batch of {shapes}: {told[:300]}"
            ) from error

    outputs = tried("the network", lambda: module.train()(inputs))
    if loss is nn.functional.cross_entropy:
        _check_classes(name, outputs, splits)
    values = {
        "loss": tried("the loss", lambda: loss(outputs, targets)),
        "metric": tried("the metric", lambda: metric(outputs, targets)),
    }
    for what, value in values.items():
        found: object = value
        if not isinstance(found, torch.Tensor) or found.numel() != 1:
            raise ValueError(f"task {name}: {what} gives {found!r}: return a scalar")
    if not values["loss"].requires_grad:
        raise ValueError(
            f"task {name}: the loss depends on no parameter that could be trained: "
            "give the network some, and let the loss use its outputs"
        )
    first = values["loss"].reshape(())
    tried("the backward pass", lambda: first.backward() or first)
    for key, parameter in module.named_parameters():
        if parameter.grad is not None and parameter.grad.layout != torch.strided:
            raise ValueError(
                f"task {name}: the network's parameter {key} gets a sparse gradient, "
                "which no engine supports: use sparse=False"
            )
    draws_in_training = not torch.equal(state, generator.get_state())
    generator.manual_seed(0)
    with torch.no_grad():
        tried("the network", lambda: metric(module.eval()(inputs), targets))
    if not draws_in_training and not torch.equal(state, generator.get_state()):
        raise ValueError(
            f"task {name}: the network draws random numbers only when it is measured: "
            "draw them if self.training, and not otherwise"
        )
    return first.detach()


class _no_other_randomness:  # noqa: N801  used as a function
    """Raise ValueError if Python's or NumPy's generators are used inside."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.before = _other_states()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for library, state in _other_states().items():
            if kind is None and state != self.before[library]:
                raise ValueError(
                    f"task {self.name}: the network draws random numbers from "
                    f"{library}, so that no training could be repeated: draw them from "
                    "torch's default generator"
                )


def _other_states() -> dict[str, str]:
    words = np.random.get_state(legacy=False)  # noqa: NPY002  users' code draws from it
    return {"Python's random": str(random.getstate()), "NumPy": str(words)}


def _check_classes(
    name: str, outputs: object, splits: Mapping[Split, Examples]
) -> None:
    """Check the class numbers of all splits; cross_entropy would see those it meets."""
    if not isinstance(outputs, torch.Tensor) or not outputs.ndim:
        return
    classes = outputs.shape[1 if outputs.ndim > 1 else 0]
    for split, examples in splits.items():
        targets = examples.targets
        if targets.is_floating_point():  # probabilities of classes
            continue
        wrong = (targets < 0) | (targets >= classes)
        wrong &= targets != IGNORED_CLASS
        if wrong.any():
            raise ValueError(
                f"task {name}: {split} holds the class {targets[wrong][0].item()}, but "
                f"the network has {classes} outputs: give classes 0 to {classes - 1}"
            )


def check_default_targets(
    name: str, loss: Measure, splits: Mapping[Split, Examples]
) -> None:
    """Check that targets have a dtype which the default loss takes.

    Raises:
        ValueError: the loss is cross_entropy, and targets are neither class numbers,
            int64, nor probabilities of classes.
    """
    if loss is not nn.functional.cross_entropy:
        return
    for split, examples in splits.items():
        targets = examples.targets
        if targets.dtype == torch.int64 or (
            targets.is_floating_point() and targets.ndim > 1
        ):
            continue
        raise ValueError(
            f"task {name}: {split} has targets of {_kind(targets)}, but the loss "
            "cross_entropy takes class numbers of int64: give targets.long(), or "
            "another loss, such as loss=torch.nn.functional.mse_loss"
        )


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    states: Mapping[str, object] = module.state_dict()
    return [each for each in states.values() if isinstance(each, torch.Tensor)]


def _hash_of_weights(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for tensor in _tensors(module):
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
