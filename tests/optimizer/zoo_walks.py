"""Walks of a rule and of its reference along the same gradients, in float64."""

import inspect

import numpy as np
import torch

from neuralopt import RULES, RuleOptimizer
from tests.optimizer.zoo_derivations import DERIVED, MATRICES_ONLY
from tests.optimizer.zoo_references import FLATTENED

SHAPES = ((7,), (5, 3), (3, 6), (4, 2, 3, 3))
"""A vector, a tall and a wide matrix, and the weights of a convolution."""


def shapes_of(name):
    """Of the parameters that a rule is for."""
    return SHAPES[1:] if name in MATRICES_ONLY else SHAPES


def gradient(w, seed, step):
    """Of sizes from 1e-4 to 3, one in ten zero.

    Every third is orthogonal to each row of the weights, every third to the weights as
    a whole.
    """
    rng = np.random.default_rng((seed, step, w.size))
    size = 10 ** rng.uniform(-4, 0.5, w.shape)
    g = size * rng.choice((-1.0, 1.0), w.shape) * (rng.random(w.shape) > 0.1)
    rows, flat = g.reshape(len(w), -1), w.reshape(len(w), -1)
    if w.ndim > 1 and step % 3 == 1:
        along = np.sum(rows * flat, 1, keepdims=True) / np.sum(
            flat**2, 1, keepdims=True
        )
        return (rows - along * flat).reshape(w.shape)
    if w.ndim > 1 and step % 3 == 2:
        return g - np.sum(g * w) / np.sum(w * w) * w
    return g


class Stepping:
    """An optimizer of torch's kind, as a function of gradients."""

    def __init__(self, make, start, flatten=False):
        views = (w.reshape(len(w), -1) if flatten and w.ndim > 2 else w for w in start)
        self.shapes = [w.shape for w in start]
        self.weights = [torch.nn.Parameter(torch.from_numpy(w.copy())) for w in views]
        self.optimizer = make(self.weights)

    def __call__(self, gradients, step):
        for weight, g in zip(self.weights, gradients, strict=True):
            weight.grad = torch.from_numpy(g.copy()).reshape(weight.shape)
        self.optimizer.step()
        pairs = zip(self.weights, self.shapes, strict=True)
        return [w.detach().numpy().copy().reshape(shape) for w, shape in pairs]


class Deriving:
    """A derivation in numpy, as a function of gradients."""

    def __init__(self, make, start, lr, steps):
        self.derived = [make(w.shape) for w in start]
        self.weights, self.lr, self.steps = list(start), lr, steps

    def __call__(self, gradients, step):
        moves = zip(self.derived, gradients, self.weights, strict=True)
        self.weights = [
            w - self.lr * derived(g, w, step + 1, self.steps) for derived, g, w in moves
        ]
        return self.weights


def our_walk(name, start, steps):
    rule = RULES[name]
    return Stepping(
        lambda params: RuleOptimizer(params, rule, rule.lr, total_steps=steps), start
    )


def derived_walk(name, start, steps):
    return Deriving(DERIVED[name], start, RULES[name].lr, steps)


def reference_walk(name, make, start, steps):
    """The walk of an optimizer of `zoo_references`."""
    options = {"lr": RULES[name].lr, "total_steps": steps}
    known = inspect.signature(make).parameters
    chosen = {key: value for key, value in options.items() if key in known}
    return Stepping(
        lambda params: make(params, **chosen), start, flatten=name in FLATTENED
    )


def deviation(name, other, steps, seed, shapes=None):
    """The largest difference of a weight from a reference.

    Args:
        name: of the rule.
        other: makes the reference, given the name, initial weights and the steps.
        steps: how many are taken.
        seed: of weights and gradients.
        shapes: of the parameters, unless all that the rule is for.

    Returns:
        The difference, relative to the farthest that a weight of the same parameter
        ever was from where it began.
    """
    rng = np.random.default_rng(seed)
    start = [rng.normal(size=shape) for shape in shapes or shapes_of(name)]
    pair = our_walk(name, start, steps), other(name, start, steps)
    weights, worst, moved = start, np.zeros(len(start)), np.zeros(len(start))
    for step in range(steps):
        gradients = [gradient(w, seed, step) for w in weights]
        ours, weights = (move(gradients, step) for move in pair)
        for n, (mine, theirs, first) in enumerate(
            zip(ours, weights, start, strict=True)
        ):
            worst[n] = max(worst[n], np.max(np.abs(mine - theirs)))
            moved[n] = max(moved[n], np.max(np.abs(theirs - first)))
    assert np.all(moved > 0)
    return float(np.max(worst / moved))
