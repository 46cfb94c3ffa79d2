"""Rules that imitate recorded updates: R^2 against numpy, and planted rules found."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from neuralopt.language import parse, simplify
from neuralopt.learned.distillation import (
    imitating_space,
    named_imitations,
    search_imitations,
)
from neuralopt.learned.network import UpdateNetwork
from neuralopt.learned.optimizer import LearnedOptimizer
from neuralopt.learned.recording import Recording, record, scales_and_fits
from neuralopt.machine.probe import Probe, rule_values
from neuralopt.scoring.replicates import FIRST_DISTILLATION_REPLICATE
from neuralopt.searchers import make_searcher
from neuralopt.spaces.registry import load
from tests.learned.reference import SHAPE, tiny_task


def recorded(rule: str, seed: int = 0, scale: float = 1.0) -> Recording:
    gradients = np.random.default_rng(seed).normal(size=(12, 2, 8))
    probe = Probe(gradients, np.zeros(8), 0, 12)
    (values,) = rule_values(probe, [simplify(parse(rule))], compiled=False)
    return Recording(probe, scale * values)


def test_scale_and_fit_are_those_of_numpy() -> None:
    recording, rule = recorded("adam", scale=2.0), simplify(parse("sign(g) * exp(g)"))
    (scale,), (fit,) = scales_and_fits(recording, [rule])
    (values,) = rule_values(recording.probe, [rule], compiled=False)
    r, u = values.reshape(-1, 1), recording.updates.ravel()
    (expected,), (rest,), *_ = np.linalg.lstsq(r, u, rcond=None)
    assert scale == pytest.approx(expected)
    assert fit == pytest.approx(1 - rest / (u @ u))
    other = recorded("adam", 1, 2.0)
    _, (elsewhere,) = scales_and_fits(other, [rule], np.array([scale]))
    (values,) = rule_values(other.probe, [rule], compiled=False)
    residual = np.sum((other.updates - scale * values) ** 2)
    assert elsewhere == pytest.approx(1 - residual / np.sum(other.updates**2))


def test_rules_of_the_other_sign_or_not_finite_explain_nothing() -> None:
    recording = recorded("g")
    rules = [simplify(parse(text)) for text in ("-g", "log(0 * g)", "exp(800 + g)")]
    scales, fits = scales_and_fits(recording, rules)
    assert (scales.tolist(), fits.tolist()) == ([0.0] * 3, [0.0] * 3)


def test_a_planted_rule_is_found() -> None:
    space = replace(imitating_space(load("temporal")), groups=1)
    fitted, held_out = (recorded("ld * trace(g, 0.9)", seed, 3.0) for seed in range(2))
    found = search_imitations(
        space, make_searcher("hill_climbing", space), 800, fitted, held_out
    )
    assert found[0].fit > 0.99
    assert found[0].held_out > 0.99
    assert found[0].fit >= max(each.fit for each in found) - 1e-3
    again = search_imitations(
        space, make_searcher("hill_climbing", space), 800, fitted, held_out
    )
    assert again == found


def test_named_rules_are_ranked() -> None:
    named = named_imitations(recorded("adam", 0, 3.0), recorded("adam", 1, 3.0))
    first = named["adam"]
    fits = [each.fit for each in named.values()]
    assert fits == sorted(fits, reverse=True)
    assert first.fit == pytest.approx(1.0)
    assert first.held_out == pytest.approx(1.0)
    assert first.scale == pytest.approx(3.0)
    assert "adamw" not in named


def test_an_imitating_space_has_neither_weights_nor_random_numbers() -> None:
    space = imitating_space(load("bello2017"))
    texts = (*space.operands, *space.unary, *space.binary)
    assert not [text for text in texts if "* w" in text or "noise" in text]
    assert not [text for text in texts if "drop" in text]
    assert {"adam", "g", "m"} < set(space.operands)


def test_what_is_recorded_is_what_the_optimizer_does() -> None:
    network = UpdateNetwork(SHAPE, seed=5).requires_grad_(False)
    task, first = tiny_task(), FIRST_DISTILLATION_REPLICATE
    recording = record(network, 0.3, [task], 6, 2, 0, first)
    assert recording.probe.gradients.shape == recording.updates.shape == (6, 2, 31)
    gradients = torch.from_numpy(recording.probe.gradients[:, 1]).float()
    weight = torch.nn.Parameter(torch.zeros(31))
    optimizer = LearnedOptimizer([weight], network, lr=0.3)
    for step, gradient in enumerate(gradients):
        before = weight.detach().clone()
        weight.grad = gradient
        optimizer.step()
        taken = (before - weight.detach()) / 0.3
        update = torch.from_numpy(recording.updates[step, 1]).float()
        torch.testing.assert_close(taken, update, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"task tiny: a training .* diverges within 6"):
        record(network, 1e39, [task], 6, 1, 0, first)
