"""The zoo's rules of tensor scope and of recent years, re-derived in numpy.

Each follows the pseudocode of its paper or the code of its authors, in float64, without
the language: ``make(shape)`` returns ``step(g, w, t, T)``, which is called once a step
with arrays of that shape, t counted from 1, and returns what the learning rate is
multiplied by.
"""

import math

import numpy as np


def matrix(x):
    """The first dimension by all others; a vector is one column."""
    return x.reshape(len(x), -1)


def rms(x):
    return np.sqrt(np.mean(x * x))


def adam_maker(b1, b2, epsilon, change=lambda g, **_: g, decay=0.0):
    """Adam of a changed gradient."""

    def make(shape):
        m, v = np.zeros(shape), np.zeros(shape)
        state = {}

        def step(g, w, t, T):
            nonlocal m, v
            g = change(g, w=w, state=state)
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g * g
            first, second = m / (1 - b1**t), v / (1 - b2**t)
            return first / (np.sqrt(second) + epsilon) + decay * w

        return step

    return make


def adabelief(shape):
    m, s = np.zeros(shape), np.zeros(shape)

    def step(g, w, t, T):
        nonlocal m, s
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * (g - m) ** 2 + 1e-16
        return m / (1 - 0.9**t) / (np.sqrt(s / (1 - 0.999**t)) + 1e-16)

    return step


def laprop(shape):
    m, v = np.zeros(shape), np.zeros(shape)

    def step(g, w, t, T):
        nonlocal m, v
        v = 0.999 * v + 0.001 * g * g
        size = (np.sqrt(v + 1e-15) + 1e-15) / math.sqrt(1 - 0.999**t)
        m = 0.9 * m + 0.1 * g / size
        return m / (1 - 0.9**t)

    return step


def ademamix(warmup):
    def make(shape):
        m, slow, v = np.zeros(shape), np.zeros(shape), np.zeros(shape)

        def step(g, w, t, T):
            nonlocal m, slow, v
            alpha, b3 = 5.0, 0.9999
            if warmup:
                alpha = min(t * 5.0 / T, 5.0)
                one, other = math.log(0.9), math.log(0.9999)
                mixed = (1 - t / T) * other + t / T * one
                b3 = min(math.exp(one * other / mixed), 0.9999)
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g * g
            slow = b3 * slow + (1 - b3) * g
            second = np.sqrt(v / (1 - 0.999**t)) + 1e-8
            return (m / (1 - 0.9**t) + alpha * slow) / second

        return step

    return make


def adopt(shape):
    m, v = np.zeros(shape), None

    def step(g, w, t, T):
        nonlocal m, v
        if t == 1:
            v = g * g
            return np.zeros(shape)
        known = g / np.maximum(np.sqrt(v), 1e-6)
        bound = (t - 1) ** 0.25  # the first gradient is number 0 in the paper
        m = 0.9 * m + 0.1 * np.clip(known, -bound, bound)
        v = 0.9999 * v + (1 - 0.9999) * g * g
        return m

    return step


def uncorrected_adam(shape):
    m, v = np.zeros(shape), np.zeros(shape)

    def step(g, w, t, T):
        nonlocal m, v
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return m / (np.sqrt(v) + 1e-8)

    return step


def grams(make):
    """The size of another optimizer's step, with the gradient's sign."""

    def of_shape(shape):
        inner = make(shape)
        return lambda g, w, t, T: np.sign(g) * np.abs(inner(g, w, t, T))

    return of_shape


def schedule_free(adaptive):
    """In learning rates from the initial weights, downwards, as for a rate of 1."""

    def make(shape):
        z, x, v = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        y = np.zeros(shape)

        def step(g, w, t, T):
            nonlocal z, x, y, v
            if adaptive:
                v = 0.999 * v + 0.001 * g * g
                g = g / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            z = z + g
            x = (1 - 1 / t) * x + z / t
            before, y = y, 0.1 * z + 0.9 * x
            return y - before

        return step

    return make


def lars(shape):
    buffer = np.zeros(shape)

    def step(g, w, t, T):
        nonlocal buffer
        if len(shape) > 1:
            size, slope = np.linalg.norm(w), np.linalg.norm(g)
            ratio = 0.001 * size / (slope + 1e-4 * size)
            g = ratio * (g + 1e-4 * w)
        buffer = 0.9 * buffer + g
        return buffer

    return step


def lamb(shape):
    inner = adam_maker(0.9, 0.999, 1e-6, decay=0.01)(shape)

    def step(g, w, t, T):
        u = inner(g, w, t, T)
        return np.linalg.norm(w) / np.linalg.norm(u) * u

    return step


def novograd(shape):
    m, v = np.zeros(shape), 0.0

    def step(g, w, t, T):
        nonlocal m, v
        square = np.sum(g * g)
        v = square if t == 1 else 0.98 * v + 0.02 * square
        m = 0.95 * m + g / (np.sqrt(v) + 1e-8)
        return m

    return step


class Factored:
    """A second moment as the product of row and column means over the mean of all."""

    def __init__(self, shape):
        self.shape, self.rows, self.columns = shape, 0.0, 0.0

    def __call__(self, x, kept):
        if len(self.shape) < 2:
            self.rows = kept * self.rows + (1 - kept) * x
            return self.rows
        x = matrix(x)
        self.rows = kept * self.rows + (1 - kept) * x.mean(axis=1)
        self.columns = kept * self.columns + (1 - kept) * x.mean(axis=0)
        product = np.outer(self.rows, self.columns) / self.rows.mean()
        return product.reshape(self.shape)


def adafactor(shape):
    moment = Factored(shape)

    def step(g, w, t, T):
        u = g / np.sqrt(moment(g * g + 1e-30, 1 - t**-0.8))
        return max(1e-3, rms(w)) * u / max(1.0, rms(u))

    return step


def came(shape):
    moment, doubt, m = Factored(shape), Factored(shape), np.zeros(shape)

    def step(g, w, t, T):
        nonlocal m
        u = g / np.sqrt(moment(g * g + 1e-30, 0.999))
        u = u / max(1.0, rms(u))
        m = 0.9 * m + 0.1 * u
        if len(shape) < 2:
            return m
        return m / np.sqrt(doubt((u - m) ** 2 + 1e-16, 0.9999))

    return step


def stableadamw(shape):
    m, v = np.zeros(shape), np.zeros(shape)

    def step(g, w, t, T):
        nonlocal m, v
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g * g
        second = v / (1 - 0.99**t)
        surprise = np.sqrt(np.mean(g * g / np.maximum(second, 1e-16)))
        u = m / (1 - 0.9**t) / (np.sqrt(second) + 1e-8)
        return (u + 0.01 * w) / max(1.0, surprise)

    return step


def adamp(shape):
    m, v = np.zeros(shape), np.zeros(shape)

    def across(g, w):
        lengths = np.linalg.norm(g, axis=1), np.linalg.norm(w, axis=1)
        cosines = np.sum(g * w, axis=1) / (
            np.maximum(lengths[0], 1e-8) * np.maximum(lengths[1], 1e-8)
        )
        return np.max(np.abs(cosines)) < 0.1 / math.sqrt(g.shape[1])

    def step(g, w, t, T):
        nonlocal m, v
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        u = m / (1 - 0.9**t) * math.sqrt(1 - 0.999**t) / (np.sqrt(v) + 1e-8)
        if len(shape) < 2:
            return u
        for view in ((shape[0], -1), (1, -1)):
            gs, ws, us = g.reshape(view), w.reshape(view), u.reshape(view)
            if across(gs, ws):
                unit = ws / (np.linalg.norm(ws, axis=1, keepdims=True) + 1e-8)
                along = np.sum(unit * us, axis=1, keepdims=True)
                return (us - unit * along).reshape(shape)
        return u

    return step


def adanorm(shape):
    m, v, usual = np.zeros(shape), np.zeros(shape), 0.0

    def step(g, w, t, T):
        nonlocal m, v, usual
        size = np.linalg.norm(g)
        usual = 0.95 * usual + 0.05 * size
        raised = g * usual / size if usual > size > 0 else g
        m = 0.9 * m + 0.1 * raised
        v = 0.99 * v + 0.01 * g * g
        size = (np.sqrt(v + 1e-15) + 1e-8) / math.sqrt(1 - 0.99**t)
        return m / (1 - 0.9**t) / size

    return step


def centralized(g, **_):
    if g.ndim < 2:
        return g
    return g - g.mean(axis=tuple(range(1, g.ndim)), keepdims=True)


def kept(u, g):
    """Where a step agrees with the gradient, scaled by d / (how many agree + 1)."""
    agrees = u * g > 0
    return np.where(agrees, u * g.size / (np.sum(agrees) + 1), 0.0)


def cautious_adamw(shape):
    inner = adam_maker(0.9, 0.999, 1e-8)(shape)
    return lambda g, w, t, T: kept(inner(g, w, t, T), g) + 0.01 * w


def cautious_lion(shape):
    m = np.zeros(shape)

    def step(g, w, t, T):
        nonlocal m
        u = np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
        return kept(u, g)

    return step


def corrected(g, state, **_):
    """MARS: the gradient and 0.025 b1 / (1 - b1) of its change, of norm 1 at most."""
    c = g + 0.025 * 0.95 / 0.05 * (g - state.get("last", 0.0))
    state["last"] = g
    return c / max(1.0, np.linalg.norm(c))


def mars(shape):
    m, v, state = np.zeros(shape), np.zeros(shape), {}

    def step(g, w, t, T):
        nonlocal m, v
        c = corrected(g, state)
        m = 0.95 * m + 0.05 * c
        v = 0.99 * v + 0.01 * c * c
        size = (np.sqrt(v + 1e-15) + 1e-8) / math.sqrt(1 - 0.99**t)
        return m / (1 - 0.95**t) / size

    return step


def mars_lion(shape):
    m, state = np.zeros(shape), {}

    def step(g, w, t, T):
        nonlocal m
        m = 0.95 * m + 0.05 * corrected(g, state)
        return np.sign(m)

    return step


def newton_schulz(x, shape):
    """Five steps of the quintic iteration, from norm 1; x is a matrix."""
    x = x / max(np.linalg.norm(x), 1e-7)
    wide = x.T if x.shape[0] > x.shape[1] else x
    for _ in range(5):
        square = wide @ wide.T
        higher = -4.775 * square + 2.0315 * square @ square
        wide = 3.4445 * wide + higher @ wide
    return wide.T if x.shape[0] > x.shape[1] else wide


def shape_factor(x, matched):
    height, width = x.shape
    if matched:
        return 0.2 * math.sqrt(max(height, width))
    return math.sqrt(max(1.0, height / width))


def muon(matched=False, after=lambda o, state, t: o, decay=0.95, nesterov=True):
    """Momentum, orthogonalized; `after` changes the orthogonal matrix."""

    def make(shape):
        m, state = np.zeros(shape), {}

        def step(g, w, t, T):
            nonlocal m
            m = decay * m + (1 - decay) * g
            ahead = decay * m + (1 - decay) * g if nesterov else m
            o = newton_schulz(matrix(ahead), shape)
            factor = 1.0 if matched is None else shape_factor(o, matched)
            return (factor * after(o, state, t)).reshape(shape)

        return step

    return make


def row_normed(o, state, t):
    usual = state["v"] = 0.95 * state.get("v", 0.0) + 0.05 * np.mean(
        o * o, axis=1, keepdims=True
    )
    return o / (np.sqrt(usual) + 1e-10)


def norm_kept(o, state, t):
    u = row_normed(o, state, t)
    return u * np.linalg.norm(o) / (np.linalg.norm(u) + 1e-10)


def rms_matched(o, state, t):
    u = row_normed(o, state, t)
    return 0.2 * math.sqrt(u.size) * u / (np.linalg.norm(u) + 1e-10)


def adamuon(shape):
    m, v = np.zeros(shape), 0.0

    def step(g, w, t, T):
        nonlocal m, v
        m = 0.9 * m + 0.1 * g
        o = newton_schulz(matrix(m), shape)
        v = 0.95 * v + 0.05 * o * o
        u = o / (np.sqrt(v / (1 - 0.95**t)) + 1e-10)
        u = u * math.sqrt(min(u.shape)) / (np.linalg.norm(u) + 1e-10)
        return (shape_factor(u, True) * u).reshape(shape)

    return step


def muon_adamw(shape):
    inner = (adam_maker(0.9, 0.95, 1e-8) if len(shape) < 2 else muon(True))(shape)
    return lambda g, w, t, T: inner(g, w, t, T) + 0.1 * w


DERIVED = {
    "adabelief": adabelief,
    "laprop": laprop,
    "ademamix": ademamix(False),
    "ademamix_warmup": ademamix(True),
    "adopt": adopt,
    "grams": grams(adam_maker(0.9, 0.999, 1e-6)),
    "grams_uncorrected": grams(uncorrected_adam),
    "schedule_free_sgd": schedule_free(False),
    "schedule_free_adamw": schedule_free(True),
    "lars": lars,
    "lamb": lamb,
    "novograd": novograd,
    "adafactor": adafactor,
    "came": came,
    "stableadamw": stableadamw,
    "adamp": adamp,
    "adanorm": adanorm,
    "adam_centralized": adam_maker(0.9, 0.999, 1e-8, centralized),
    "cautious_adamw": cautious_adamw,
    "cautious_lion": cautious_lion,
    "mars": mars,
    "mars_lion": mars_lion,
    "muon": muon(),
    "muon_unscaled": muon(None),
    "muon_plain": muon(None, decay=0.9, nesterov=False),
    "muon_match_rms": muon(True),
    "muon_adamw": muon_adamw,
    "normuon": muon(after=norm_kept),
    "normuon_match_rms": muon(None, rms_matched),
    "adamuon": adamuon,
}

MATRICES_ONLY = {name for name in DERIVED if "muon" in name} - {"muon_adamw"}
