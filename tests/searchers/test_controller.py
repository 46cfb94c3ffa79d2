"""The controller's probabilities and gradients against independent computations."""

import numpy as np
import pytest
import torch

from neuralopt.searchers.controller.learning import (
    Batch,
    ppo_loss,
    reinforce_loss,
    risk_seeking,
    update,
)
from neuralopt.searchers.controller.network import (
    INITIAL_RANGE,
    Controller,
    row_masks,
)
from neuralopt.searchers.controller.options import Training
from tests.searchers.toy_space import ToySpace

TINY = ToySpace((3, 4, 3))


def make(space: ToySpace = TINY, hidden: int = 8) -> Controller:
    rng = np.random.default_rng(1)
    return Controller(space.choices, hidden=hidden, rng=rng, dtype=torch.float64)


def shaken(controller: Controller) -> Controller:
    """The same with large weights: far from uniform, so that errors show."""
    with torch.no_grad():
        for parameter in controller.parameters():
            parameter.mul_(12.0)
    return controller


def row_log_probabilities(controller: Controller, rows: np.ndarray) -> torch.Tensor:
    scores = controller.score(rows, row_masks(rows, TINY.masks, TINY.choices))
    return scores.log_probabilities.sum(dim=1)


def by_hand(controller: Controller, row: np.ndarray) -> float:
    """log p(row), from the equations of an LSTM (Hochreiter, Schmidhuber 1997)."""
    weights = {k: v.detach().numpy() for k, v in controller.named_parameters()}

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    offsets = np.cumsum([0, *controller.choices])
    token = weights["positions"][0]
    hidden = cell = np.zeros(controller.hidden)
    total = 0.0
    for k, choice in enumerate(row):
        gates = weights["input_weight"] @ token + weights["bias"]
        gates = (gates + weights["recurrent_weight"] @ hidden).reshape(4, -1)
        let_in, keep, let_out = (sigmoid(gates[i]) for i in (0, 1, 3))
        cell = keep * cell + let_in * np.tanh(gates[2])
        hidden = let_out * np.tanh(cell)
        logits = weights["head_weights"][k] @ hidden + weights["head_biases"][k, 0]
        logits = logits[: controller.choices[k]]
        allowed = TINY.masks(row[None, :k])[0]
        total += logits[choice] - np.log(np.exp(logits[allowed]).sum())
        token = weights["embeddings"][offsets[k] + choice]
    return float(total)


def test_log_probabilities_are_those_of_an_lstm_written_by_hand() -> None:
    controller = shaken(make())
    rows = TINY.every_row()
    expected = [by_hand(controller, row) for row in rows]
    actual = row_log_probabilities(controller, rows).detach().numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def test_probabilities_of_all_valid_rows_sum_to_one() -> None:
    controller = shaken(make())
    total = row_log_probabilities(controller, TINY.every_row()).exp().sum()
    assert total.item() == pytest.approx(1.0, abs=1e-12)


def test_sampled_rows_follow_the_probabilities_and_the_masks() -> None:
    controller = shaken(make())
    every = TINY.every_row()
    probability = row_log_probabilities(controller, every).exp().detach().numpy()
    count = 10_000
    rows, _ = controller.sample(count, TINY.masks, np.random.default_rng(0))
    index = {row.tobytes(): i for i, row in enumerate(every)}
    seen = np.bincount([index[row.tobytes()] for row in rows], minlength=len(every))
    deviations = (seen - count * probability) / np.sqrt(count * probability + 1)
    assert np.abs(deviations).max() < 5


def test_what_sampling_notes_is_what_scoring_finds() -> None:
    controller = shaken(make())
    rows, noted = controller.sample(50, TINY.masks, np.random.default_rng(0))
    scores = controller.score(rows, row_masks(rows, TINY.masks, TINY.choices))
    for sampled, scored in zip(noted, scores, strict=True):
        np.testing.assert_allclose(sampled, scored.detach(), rtol=1e-12, atol=1e-12)


def test_row_entropies_average_to_the_entropy_of_the_distribution() -> None:
    controller = shaken(make())
    every = TINY.every_row()
    scores = controller.score(every, row_masks(every, TINY.masks, TINY.choices))
    row = scores.log_probabilities.sum(dim=1)
    exact = -(row.exp() * row).sum().item()
    chained = (row.exp() * scores.entropies.sum(dim=1)).sum().item()
    assert chained == pytest.approx(exact, rel=1e-12)


def test_forbidden_choices_have_probability_zero_and_finite_gradients() -> None:
    controller = shaken(make())
    forbidden = np.array([[1, 1, 0]])  # repeats a decision
    scores = controller.score(forbidden, row_masks(forbidden, TINY.masks, TINY.choices))
    assert scores.log_probabilities.sum().exp().item() == 0
    (scores.log_probabilities.sum() + scores.entropies.sum()).backward()
    assert all(bool(p.grad.isfinite().all()) for p in controller.parameters())


def test_initial_weights_fill_the_papers_range() -> None:
    controller = Controller((9, 7), hidden=150, rng=np.random.default_rng(0))
    assert controller.recurrent_weight.shape == (600, 150)
    for parameter in controller.parameters():
        assert parameter.abs().max() <= INITIAL_RANGE
    assert controller.input_weight.std().item() == pytest.approx(
        INITIAL_RANGE / 3**0.5, rel=0.02
    )


def test_a_space_with_a_dead_end_is_named() -> None:
    class DeadEnd(ToySpace):
        def masks(self, prefixes: np.ndarray) -> np.ndarray:
            return super().masks(prefixes) & (prefixes.shape[1] < 2)

    with pytest.raises(ValueError, match="no choice is allowed for decision 2 after"):
        make().sample(3, DeadEnd((3, 4, 3)).masks, np.random.default_rng(0))


def test_the_policy_gradient_is_that_of_the_expected_reward() -> None:
    """Both losses, weighted by p over all rows, against finite differences of E[R]."""
    controller = shaken(make(hidden=4))
    rows = TINY.every_row()
    rewards = torch.from_numpy(np.random.default_rng(2).random(len(rows)))
    row = row_log_probabilities(controller, rows)
    probability = row.detach().exp()
    # A baseline changes nothing, as the probabilities sum to one.
    weighted = probability * (rewards - 0.4) * len(rows)  # undoes the mean of the loss
    parameters = list(controller.parameters())
    plain = torch.autograd.grad(
        reinforce_loss(row, weighted), parameters, retain_graph=True
    )
    clipped = torch.autograd.grad(
        ppo_loss(row, row.detach(), weighted, 0.2), parameters
    )
    step = 1e-6
    for parameter, g_plain, g_ppo in zip(parameters, plain, clipped, strict=True):
        torch.testing.assert_close(g_plain, g_ppo, rtol=1e-12, atol=1e-14)
        flat = parameter.data.view(-1)
        for i in range(0, len(flat), max(1, len(flat) // 5)):
            values = []
            for sign in (1, -1):
                flat[i] += sign * step
                with torch.no_grad():
                    now = row_log_probabilities(controller, rows).exp()
                values.append((now * rewards).sum().item())
                flat[i] -= sign * step
            slope = (values[0] - values[1]) / (2 * step)
            assert -g_plain.reshape(-1)[i].item() == pytest.approx(slope, abs=2e-9)


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [
        (1.0, 2.0, -2.0),
        (1.1, 2.0, -2.2),
        (1.5, 2.0, -2.4),  # clipped: it has gained enough
        (0.5, 2.0, -1.0),  # not clipped: it went the wrong way
        (1.5, -2.0, 3.0),  # not clipped, likewise
        (0.5, -2.0, 1.6),  # clipped
    ],
)
def test_ppo_clips_only_what_went_the_right_way(
    ratio: float, advantage: float, expected: float
) -> None:
    row = torch.tensor([ratio], dtype=torch.float64).log().requires_grad_()
    loss = ppo_loss(row, torch.zeros(1), torch.tensor([advantage]), clip=0.2)
    assert loss.item() == pytest.approx(expected)
    loss.backward()
    assert (row.grad.item() == 0) == (expected in (-2.4, 1.6))


def run_update(training: Training, staleness: float = 0.0) -> tuple[Controller, float]:
    """One update on rows that were sampled ``staleness`` nats likelier than now."""
    controller = make()
    rows, scores = controller.sample(64, TINY.masks, np.random.default_rng(3))
    sampled = scores.log_probabilities.sum(dim=1).numpy() + staleness
    rewards = (rows[:, 0] == 2).astype(float) - 0.3
    optimizer = torch.optim.Adam(controller.parameters(), lr=training.learning_rate)
    done = update(
        controller,
        optimizer,
        Batch(rows, sampled, rewards, rows[:0]),
        TINY.masks,
        training,
        0.0,
    )
    assert done.clip_fraction == float(abs(np.exp(-staleness) - 1) > training.clip)
    return controller, done.approximate_kl


def test_diagnostics_tell_how_stale_the_samples_are() -> None:
    training = Training(epochs=1)
    assert run_update(training)[1] == pytest.approx(0.0, abs=1e-12)
    stale = run_update(training, staleness=0.5)[1]
    assert stale == pytest.approx(np.exp(-0.5) - 1 + 0.5)


@pytest.mark.parametrize("algorithm", ["ppo", "reinforce"])
def test_an_update_makes_rewarded_rows_likelier(algorithm: str) -> None:
    def chance(controller: Controller) -> float:
        rows = TINY.every_row()
        p = row_log_probabilities(controller, rows).exp().detach()
        return float(p[torch.from_numpy(rows[:, 0] == 2)].sum())

    training = Training(algorithm=algorithm, learning_rate=0.01, epochs=1)  # type: ignore[arg-type]
    trained, _ = run_update(training)
    assert chance(trained) > chance(make()) + 0.001


def test_a_longer_gradient_is_scaled_to_the_limit() -> None:
    """Plain gradient descent with rate 1 moves exactly as far as the limit allows."""
    controller, before = make(), make()
    rows, scores = controller.sample(8, TINY.masks, np.random.default_rng(3))
    batch = Batch(
        rows, scores.log_probabilities.sum(1).numpy(), np.full(8, 50.0), rows[:0]
    )
    optimizer = torch.optim.SGD(controller.parameters(), lr=1.0)
    training = Training(epochs=1, gradient_clip=0.25)
    done = update(controller, optimizer, batch, TINY.masks, training, 0.0)
    moved = [
        (a - b).square().sum()
        for a, b in zip(controller.parameters(), before.parameters(), strict=True)
    ]
    assert done.gradient_norm > 1
    assert float(sum(moved).detach()) ** 0.5 == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("algorithm", "trpo"),
        ("advantage", "best"),
        ("batch", 0),
        ("epochs", 1.5),
        ("learning_rate", -1.0),
        ("clip", float("nan")),
        ("entropy_weight", -0.1),
        ("sharing", float("inf")),
        ("baseline_decay", 1.0),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{option} is") as caught:
        Training(**{option: value})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_only_rows_at_or_above_the_quantile_teach() -> None:
    advantages = np.array([0.0, 3.0, 1.0, 2.0, 4.0])
    chosen, over = risk_seeking(advantages, 0.5)
    assert chosen.tolist() == [1, 3, 4]
    assert over.tolist() == [1.0, 0.0, 2.0]
    assert risk_seeking(advantages, 0.0)[1] is advantages
