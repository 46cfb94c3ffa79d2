"""The network: an LSTM that writes a row one decision at a time.

`learning` trains it.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuralopt.searchers.searcher import Rows

Masks = Callable[
    [Rows], NDArray[np.bool_]
]  # prefixes (batch, k) -> (batch, choices[k])

INITIAL_RANGE = 0.08  # weights start uniform in +-0.08: Bello et al. 2017 (recalled)
# exp() of it is exactly 0 in float32 and float64, and unlike -inf it gives 0, not NaN,
# when multiplied by that 0 in the entropy and in its gradient.
FORBIDDEN = -1e9


class Scores(NamedTuple):
    """Scores of n rows of D decisions under a policy.

    Attributes:
        log_probabilities: Log-probability of each decision, (n, D).
        entropies: Entropy, in nats, of the softmax from which each decision was drawn,
            (n, D).
    """

    log_probabilities: Tensor
    entropies: Tensor


class Controller(nn.Module):
    """One-layer LSTM with a softmax for each decision (Bello et al. 2017, section 3).

    Every decision has its own softmax and embedding, because the number of operands
    grows from group to group. Choices that the mask forbids have probability exactly 0.
    The probability of a row is the product of those of its decisions.

    By default the input of a decision is the embedding of the one before it, and a
    learned start token comes first. With `context` it is the sum of the embeddings of
    the decisions that this one builds on and of a learned position, as the network of
    Petersen et al. 2021 (ICLR, section 3.1) sees parent and sibling.

    Args:
        choices: Number of choices of each of the D decisions.
        hidden: Units of the LSTM, and length of an embedding.
        rng: Draws the initial weights, uniform in +-INITIAL_RANGE.
        context: For each decision, the earlier decisions that it builds on.
        dtype: Type of the weights.
    """

    def __init__(
        self,
        choices: Sequence[int],
        *,
        hidden: int = 32,
        rng: np.random.Generator,
        context: Sequence[Sequence[int]] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()

        def weights(*shape: int) -> nn.Parameter:
            # Drawn by numpy: torch's constructors would use the global generator.
            drawn = rng.uniform(-INITIAL_RANGE, INITIAL_RANGE, shape)
            return nn.Parameter(torch.from_numpy(drawn).to(dtype))

        self.choices = tuple(int(c) for c in choices)
        self.hidden = hidden
        decisions, most = len(self.choices), max(self.choices)
        self._offsets = torch.tensor([0, *accumulate(self.choices)][:-1])
        self._inputs = np.zeros((decisions, decisions), np.bool_)
        for k in range(decisions):
            seen = range(max(0, k - 1), k) if context is None else context[k]
            self._inputs[k, list(seen)] = True
        self.positions = weights(1 if context is None else decisions, hidden)
        self.embeddings = weights(sum(self.choices), hidden)
        self.input_weight = weights(4 * hidden, hidden)
        self.recurrent_weight = weights(4 * hidden, hidden)
        self.bias = weights(4 * hidden)
        self.head_weights = weights(decisions, most, hidden)
        self.head_biases = weights(decisions, 1, most)

    @torch.no_grad()
    def sample(
        self, count: int, masks: Masks, rng: np.random.Generator
    ) -> tuple[Rows, Scores]:
        """Draw rows from the policy.

        Args:
            count: Number of rows.
            masks: Returns the allowed choices after some prefixes.
            rng: Source of the random numbers.

        Returns:
            The rows, (count, D), and their scores.

        Raises:
            ValueError: The space leaves a decision without any choice.
        """
        decisions = len(self.choices)
        rows = np.empty((count, decisions), np.int64)
        log_probabilities, entropies = self.bias.new_zeros(2, count, decisions)
        if not count:
            return rows, Scores(log_probabilities, entropies)
        embedded = self.bias.new_zeros(count, decisions, self.hidden)
        zeros = self.bias.new_zeros(count, self.hidden)
        hidden, cell = zeros, zeros
        positions = self._all_positions()
        for k, choices in enumerate(self.choices):
            allowed = masks(rows[:, :k])
            if not allowed.any(axis=1).all():
                stuck = rows[int(np.argmin(allowed.any(axis=1))), :k].tolist()
                raise ValueError(
                    f"no choice is allowed for decision {k} after {stuck}: "
                    "the masks of a space must leave one after every prefix they allow"
                )
            token = positions[k] + embedded[:, self._inputs[k]].sum(dim=1)
            hidden, cell = torch.lstm_cell(token, (hidden, cell), *self._cell_weights())
            logits = hidden @ self.head_weights[k, :choices].T
            logits += self.head_biases[k, 0, :choices]
            log_softmax, entropy = _masked_softmax(logits, torch.from_numpy(allowed))
            # The largest of log p + Gumbel noise is a draw from p.
            noisy = log_softmax.double().numpy() + rng.gumbel(size=allowed.shape)
            rows[:, k] = noisy.argmax(axis=1)
            decision = torch.from_numpy(rows[:, k])
            log_probabilities[:, k] = _pick(log_softmax, decision)
            entropies[:, k] = entropy
            embedded[:, k] = self.embeddings[self._offsets[k] + decision]
        return rows, Scores(log_probabilities, entropies)

    def score(self, rows: Rows, masks: Tensor) -> Scores:
        """Compute the scores of rows, differentiable in the weights.

        Args:
            rows: (n, D) with n at least 1; a forbidden row has log-probability
                FORBIDDEN.
            masks: The result of ``row_masks`` for these rows.

        Returns:
            The scores, each (n, D).
        """
        decisions = torch.from_numpy(np.ascontiguousarray(rows))
        log_softmax, entropies = self._softmax(decisions, masks)
        return Scores(_pick(log_softmax, decisions.T).T, entropies.T)

    @torch.no_grad()
    def mean_probabilities(
        self, rows: Rows, masks: Tensor
    ) -> list[NDArray[np.float64]]:
        """Compute the mean probability of each choice over some rows.

        Args:
            rows: (n, D) with n at least 1, valid.
            masks: The result of ``row_masks`` for these rows.

        Returns:
            For each decision, the probabilities of its choices, which add up to 1. Each
            is the mean over the decisions that come before it in the rows.
        """
        decisions = torch.from_numpy(np.ascontiguousarray(rows))
        log_softmax, _ = self._softmax(decisions, masks)
        means = log_softmax.double().exp().mean(dim=1).numpy()
        return [mean[:count] for mean, count in zip(means, self.choices, strict=True)]

    def _softmax(self, decisions: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Log-softmax of each decision of some rows, (D, n, most), and its entropy."""
        embedded = self.embeddings[self._offsets + decisions]
        inputs = torch.from_numpy(self._inputs).to(embedded.dtype)
        tokens = self._all_positions() + inputs @ embedded
        zeros = self.bias.new_zeros(1, len(decisions), self.hidden)
        states, _, _ = torch.lstm(
            tokens.transpose(0, 1),
            (zeros, zeros),
            self._cell_weights(),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=False,
            bidirectional=False,
            batch_first=False,
        )
        logits = torch.baddbmm(
            self.head_biases, states, self.head_weights.transpose(1, 2)
        )
        return _masked_softmax(logits, masks.transpose(0, 1))

    def _cell_weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # torch adds two biases, of which one is enough.
        none = torch.zeros_like(self.bias, requires_grad=False)
        return self.input_weight, self.recurrent_weight, self.bias, none

    def _all_positions(self) -> Tensor:
        missing = len(self.choices) - len(self.positions)
        return torch.cat([self.positions, self.bias.new_zeros(missing, self.hidden)])


def row_masks(rows: Rows, masks: Masks, choices: Sequence[int]) -> Tensor:
    """Return the mask of every decision of some rows.

    Args:
        rows: (n, D), valid.
        masks: Returns the allowed choices after some prefixes.
        choices: Number of choices of each decision.

    Returns:
        bool (n, D, largest number of choices); False beyond a decision's choices.
    """
    allowed = np.zeros((*rows.shape, max(choices)), np.bool_)
    for k, count in enumerate(choices):
        allowed[:, k, :count] = masks(rows[:, :k])
    return torch.from_numpy(allowed)


def _masked_softmax(logits: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """Log-softmax over the allowed choices, and its entropy."""
    log_softmax = logits.masked_fill(~allowed, FORBIDDEN).log_softmax(dim=-1)
    return log_softmax, -(log_softmax.exp() * log_softmax).sum(dim=-1)


def _pick(log_softmax: Tensor, decision: Tensor) -> Tensor:
    return log_softmax.gather(-1, decision[..., None]).squeeze(-1)
