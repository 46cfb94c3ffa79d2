"""Tasks, rules and budgets for tests of engines, and a fake engine."""

import math
from functools import cache

import torch

from neuralopt.engines.engine import Outcome
from neuralopt.scoring import random_rules as sampled
from neuralopt.scoring.budgets import Budget
from neuralopt.spaces import SPACES
from neuralopt.tasks import (
    SPLITS,
    Classification,
    ConvNet,
    Examples,
    Mlp,
    Regression,
    load_task,
)
from neuralopt.tasks.task import fingerprint


@cache
def random_rules(space, count, seed=0):
    """Canonical rules of a space that pass the probes."""
    return tuple(sampled.random_rules(SPACES[space], count, seed))


def some_digits(batch_size=64, widths=(64, 32, 10), activation="relu", training=1024):
    """The task `digits` with another batch size, network or number of images."""
    return digits_for(Mlp(widths, activation), batch_size, training)


def digits_for(layers, batch_size=64, training=1024):
    """Some of the images of `digits` for a network, in as many pixels as it takes.

    A regression's targets are the digits, scaled to a variance of about 1.
    """
    whole = load_task("digits")
    real = layers.objective == "regression"
    size = layers.image if isinstance(layers, ConvNet) else (layers.widths[0],)
    splits = {}
    for split in SPLITS:
        examples = whole.examples(split)
        count = training if split == "training" else len(examples)
        pixels = examples.inputs[:count, : math.prod(size)].reshape(count, *size)
        targets = examples.targets[:count]
        splits[split] = Examples(pixels, (targets - 4.5) / 3.0 if real else targets)
    made = fingerprint(f"{layers} {batch_size}", splits)
    kind = Regression if real else Classification
    return kind("some digits", layers, batch_size, splits, made)


class Recording(Classification):
    """`digits` that remembers every network it made, and which splits were read."""

    def __init__(self, task, unreadable=()):
        names = ("name", "layers", "batch_size", "splits", "fingerprint")
        super().__init__(*(getattr(task, name) for name in names))
        object.__setattr__(self, "networks", [])
        object.__setattr__(self, "read", set())
        object.__setattr__(self, "unreadable", unreadable)

    def network(self):
        network = super().network()
        self.networks.append(network)
        return network

    def examples(self, split):
        assert split not in self.unreadable, f"{split} was read"
        self.read.add(split)
        return super().examples(split)


def flat(network):
    """All weights of a network, as one vector."""
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach()


BUDGET = Budget("made up", (1e-3, 1e-2, 1e-1, 1.0), 1, 3)


class Scripted:
    """An engine whose children end as a table says, and that remembers who was asked.

    screening, final: {(rule text, rate, replicate) or (rule text, rate): loss or a
    tuple of one loss a split}; inf diverges.
    """

    name = "scripted"

    def __init__(self, screening, final):
        self.tables = [screening, final]
        self.calls = []

    def train(self, children, epochs, splits, limit=None):
        table = self.tables[len(self.calls)]
        self.calls.append((list(children), epochs, tuple(splits)))
        return [self._outcome(table, child, splits) for child in children]

    def _outcome(self, table, child, splits):
        key = (str(child.rule), child.learning_rate)
        loss = table.get((*key, child.replicate), table.get(key))
        losses = loss if isinstance(loss, tuple) else (loss,) * len(splits)
        diverged = any(math.isinf(each) for each in losses)
        if diverged:
            losses = (math.inf,) * len(splits)
        curve = (0.5, 0.25 + child.replicate)
        accuracies = tuple(0.0 if diverged else 1 / (1 + each) for each in losses)
        return Outcome(diverged, losses, accuracies, curve)
