"""Tasks, rules and budgets for tests of evaluation, and an engine that pretends."""

import math
from functools import cache

import torch

from neuralopt import evaluation
from neuralopt.evaluation import Budget
from neuralopt.evaluation.engine import Outcome
from neuralopt.spaces import SPACES
from neuralopt.tasks import PARTS, Classification, ConvNet, Examples, Mlp, load_task
from neuralopt.tasks.task import fingerprint


@cache
def random_rules(space, count, seed=0):
    """Canonical rules of a space that pass the probes."""
    return tuple(evaluation.random_rules(SPACES[space], count, seed))


def some_digits(batch_size=64, widths=(64, 32, 10), activation="relu", training=1024):
    """The task `digits` with another batch size, network or number of images."""
    return digits_for(Mlp(widths, activation), batch_size, training)


def digits_for(layers, batch_size=64, training=1024):
    """Some of the images of `digits` for a network, in as many pixels as it takes."""
    whole = load_task("digits")
    size = layers.image if isinstance(layers, ConvNet) else (layers.widths[0],)
    parts = {}
    for part in PARTS:
        examples = whole.examples(part)
        count = training if part == "training" else len(examples)
        pixels = examples.inputs[:count, : math.prod(size)].reshape(count, *size)
        parts[part] = Examples(pixels, examples.targets[:count])
    made = fingerprint(f"{layers} {batch_size}", parts)
    return Classification("some digits", layers, batch_size, parts, made)


class Recording(Classification):
    """`digits` that remembers every network it made, and which parts were read."""

    def __init__(self, task, unreadable=()):
        names = ("name", "layers", "batch_size", "parts", "fingerprint")
        super().__init__(*(getattr(task, name) for name in names))
        object.__setattr__(self, "networks", [])
        object.__setattr__(self, "read", set())
        object.__setattr__(self, "unreadable", unreadable)

    def network(self):
        network = super().network()
        self.networks.append(network)
        return network

    def examples(self, part):
        assert part not in self.unreadable, f"{part} was read"
        self.read.add(part)
        return super().examples(part)


def flat(network):
    """All weights of a network, as one vector."""
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach()


BUDGET = Budget("made up", (1e-3, 1e-2, 1e-1, 1.0), 1, 3)


class Scripted:
    """An engine whose children end as a table says, and that remembers who was asked.

    screening, final: {(rule text, rate, replicate) or (rule text, rate): loss or a
    tuple of one loss a part}; inf diverges.
    """

    name = "scripted"

    def __init__(self, screening, final):
        self.tables = [screening, final]
        self.calls = []

    def train(self, children, epochs, parts, limit=None):
        table = self.tables[len(self.calls)]
        self.calls.append((list(children), epochs, tuple(parts)))
        return [self._outcome(table, child, parts) for child in children]

    def _outcome(self, table, child, parts):
        key = (str(child.rule), child.learning_rate)
        loss = table.get((*key, child.replicate), table.get(key))
        losses = loss if isinstance(loss, tuple) else (loss,) * len(parts)
        diverged = any(math.isinf(each) for each in losses)
        if diverged:
            losses = (math.inf,) * len(parts)
        curve = (0.5, 0.25 + child.replicate)
        accuracies = tuple(0.0 if diverged else 1 / (1 + each) for each in losses)
        return Outcome(diverged, losses, accuracies, curve)
