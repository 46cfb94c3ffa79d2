"""The inputs of Celo2 as rules: the table of a page of the documentation, in numpy.

The oracle follows celo2_optax.py of github.com/amoudgl/celo2, for matrices: moments of
three decays, and the second moments of rows and columns by Adafactor's estimate.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from neuralopt import RuleOptimizer

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "learned-optimizers.md"
ROW = re.compile(r"^\| (.+?) \| ([13]) \| `(.+)` \|$", re.MULTILINE)
DECAYS = {1: ("0.9",), 3: ("0.9", "0.99", "0.999")}


def inputs():
    """Texts of the page's table by name and decay, normalized as Celo2 does it."""
    capitals, found = {}, {}
    for name, numbers, text in ROW.findall(PAGE.read_text("utf-8")):
        text = re.sub(r"\b[MVRC]\b", lambda match: capitals[match[0]], text)
        if name[-2] == " ":
            capitals.setdefault(name[-1], f"({text})")
        for decay in DECAYS[int(numbers)]:
            x = re.sub(r"\bg\b", "clip(g, 1000)", text.replace("0.9)", f"{decay})"))
            found[name, decay] = f"({x}) / sqrt(mean(({x}) ** 2) + 1e-9)"
    return found


class Oracle:
    """The inputs at one decay of the three, step by step."""

    def __init__(self, shape, decay):
        self.longer = int(np.argsort(shape)[-1])
        self.decay, self.m, self.v = decay, 0.0, 0.0
        self.shorter_side, self.longer_side = 0.0, 0.0

    def __call__(self, g, w):
        def averaged(old, new, decay=self.decay):
            return decay * old + (1 - decay) * new

        def inverse_root(x):
            return 1 / np.sqrt(np.maximum(x, 1e-9))

        g = np.clip(g, -1000, 1000)
        m = self.m = averaged(self.m, g)
        v = self.v = averaged(self.v, g * g, 0.95)
        means = [np.mean(g * g + 1e-30, axis, keepdims=True) for axis in (0, 1)]
        r = self.shorter_side = averaged(self.shorter_side, means[self.longer])
        c = self.longer_side = averaged(self.longer_side, means[1 - self.longer])
        adafactor = inverse_root(r / (r.mean() + 1e-9)) * inverse_root(c)
        everywhere = np.ones_like(g)
        return {
            "gradient": g,
            "gradient, bounded": np.clip(g, -0.1, 0.1),
            "weight": w,
            "momentum M": m,
            "second moment V": v,
            "momentum over its root": m / np.sqrt(v + 1e-8),
            "inverse root": 1 / np.sqrt(v + 1e-8),
            "gradient over its root": g / np.sqrt(v + 1e-8),
            "factor of the shorter side R": r * everywhere,
            "factor of the longer side C": c * everywhere,
            "inverse root of R": everywhere / np.sqrt(r + 1e-8),
            "inverse root of C": everywhere / np.sqrt(c + 1e-8),
            "gradient as in Adafactor": g * adafactor,
            "momentum as in Adafactor": m * adafactor,
        }


def test_the_page_lists_thirty_inputs():
    assert len(inputs()) == 30
    assert {name for name, _ in inputs()} == set(
        Oracle((3, 6), 0.9)(np.ones((3, 6)), np.ones((3, 6)))
    )


@pytest.mark.parametrize("shape", [(3, 6), (5, 3)])
def test_inputs_of_celo2_are_rules(shape):
    rng = np.random.default_rng(0)
    start = rng.normal(size=shape)
    oracles = {decay: Oracle(shape, float(decay)) for decay in DECAYS[3]}
    weights = {
        key: torch.nn.Parameter(torch.from_numpy(start.copy())) for key in inputs()
    }
    optimizers = [RuleOptimizer([weights[key]], x, 1.0) for key, x in inputs().items()]
    for step in range(6):
        g = rng.normal(size=shape) * 10 ** rng.uniform(-3, 1, shape)
        g[0, 0] = 5000.0 if step == 1 else 0.0
        wanted = {decay: oracle(g, start) for decay, oracle in oracles.items()}
        for (name, decay), optimizer in zip(weights, optimizers, strict=True):
            weight = weights[name, decay]
            weight.grad = torch.from_numpy(g.copy())
            optimizer.step()
            x = wanted[decay][name]
            moved = start - weight.detach().numpy()
            expected = x / np.sqrt(np.mean(x * x) + 1e-9)
            np.testing.assert_allclose(moved, expected, rtol=1e-12, atol=1e-12)
            weight.data.copy_(torch.from_numpy(start))
