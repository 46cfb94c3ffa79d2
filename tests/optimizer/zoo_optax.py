"""Rules of the zoo as optax has them, walked in float64.

``make(shape, lr)`` returns the transformation for a parameter of that shape, with the
options that make it the rule's variant.

What optax defines differently is not listed:

- ``lars`` takes the norm of the sum g + 1e-4 w; pytorch_optimizer and the zoo
  take the sum of norms;
- ``adan`` weights the change of the gradient by 0.08, pytorch_optimizer and the zoo by
  0.92;
- ``yogi`` begins both moments at 1e-6 and corrects their bias;
- ``amsgrad`` with bias correction takes the largest of the corrected second moments;
  torch and the zoo correct the largest.
"""

import contextlib
import functools
import importlib.util

import numpy as np

from neuralopt import RULES
from tests.optimizer.zoo_references import FLATTENED

has_optax = importlib.util.find_spec("optax") is not None

if has_optax:
    import jax
    import jax.numpy as jnp
    import optax
    from optax import contrib


OPTAX_TOLERANCE = {"adafactor": 1e-6}
"""Its decay 1 - t ** -0.8 is in float32."""


def plain(name, **options):
    """An optimizer of optax or, if new there, of optax.contrib."""

    def make(shape, lr):
        kind = getattr(optax, name, None) or getattr(contrib, name)
        return kind(lr, **options)

    return make


def adam_centralized(shape, lr):
    return optax.chain(optax.centralize(), optax.adam(lr))


def momentum_ema(shape, lr):
    return optax.chain(optax.ema(0.9, debias=False), optax.scale(-lr))


def muon(**options):
    """Muon with torch's momentum.

    contrib.muon corrects the biases of momentum and gradient before it mixes them.
    Here it gets the mixture as a gradient, 20 times as large, and averages no more.
    """

    def make(shape, lr):
        numbers = contrib.MuonDimensionNumbers(tuple(range(1, len(shape))), 0)
        newton_schulz = contrib.muon(
            lr,
            beta=0.0,
            nesterov=False,
            eps=0.0,
            muon_weight_dimension_numbers=numbers,
            **options,
        )
        return optax.chain(optax.trace(0.95, nesterov=True), newton_schulz)

    return make


def muon_adamw(shape, lr):
    if len(shape) < 2:
        return optax.adamw(lr, b2=0.95, weight_decay=0.1)
    return muon(consistent_rms=0.2, weight_decay=0.1)(shape, lr)


OF_OPTAX = {
    "momentum_ema": momentum_ema,
    "signsgd": plain("sign_sgd"),
    "signum": plain("signum"),
    "rmsprop": plain("rmsprop", decay=0.999, eps_in_sqrt=False),
    "rmsprop_hinton": plain("rmsprop", decay=0.9, eps_in_sqrt=False),
    "amsgrad_plain": plain(
        "amsgrad", bias_correction_mu=False, bias_correction_nu=False
    ),
    "lion": plain("lion", weight_decay=0.0),
    "adabelief": plain("adabelief"),
    "ademamix": plain("ademamix", alpha=5.0),
    "adopt": plain("adopt"),
    "schedule_free_sgd": plain("schedule_free_sgd"),
    "schedule_free_adamw": plain("schedule_free_adamw"),
    "lamb": plain("lamb", weight_decay=0.01),
    "novograd": plain("novograd", b1=0.95, b2=0.98, eps=1e-8),
    "adafactor": plain("adafactor", min_dim_size_to_factor=2),
    "adam_centralized": adam_centralized,
    "muon": muon(),
    "muon_adamw": muon_adamw,
}


@contextlib.contextmanager
def in_float64():
    """With jax_enable_x64, which afterwards is what it was."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


@functools.cache
def compiled(name, shapes):
    """An optimizer for each of the shapes, and the steps of all of them in one call."""
    optimizers = [OF_OPTAX[name](shape, RULES[name].lr) for shape in shapes]

    def update(gradients, states, weights):
        moves = zip(optimizers, gradients, states, weights, strict=True)
        return [optimizer.update(g, state, w) for optimizer, g, state, w in moves]

    return optimizers, jax.jit(update)


class OptaxStepping:
    """Optimizers of optax, one for each parameter, as a function of gradients."""

    def __init__(self, name, start):
        self.flatten, self.weights = name in FLATTENED, list(start)
        views = [self.view(w) for w in start]
        optimizers, self.update = compiled(name, tuple(view.shape for view in views))
        pairs = zip(optimizers, views, strict=True)
        self.states = [optimizer.init(view) for optimizer, view in pairs]

    def view(self, x):
        """A convolution as a matrix, for rules that take matrices."""
        return jnp.asarray(x.reshape(len(x), -1) if self.flatten and x.ndim > 2 else x)

    def __call__(self, gradients, step):
        arguments = [[self.view(x) for x in many] for many in (gradients, self.weights)]
        found = self.update(arguments[0], self.states, arguments[1])
        self.states = [state for _, state in found]
        moves = zip(self.weights, found, strict=True)
        self.weights = [w + np.asarray(u).reshape(w.shape) for w, (u, _) in moves]
        return self.weights


def optax_walk(name, start, steps):
    """The walk of an optimizer of optax; to be taken within `in_float64`."""
    return OptaxStepping(name, start)
