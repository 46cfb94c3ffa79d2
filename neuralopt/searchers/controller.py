"""The controller: a recurrent network that writes a row one decision at a time.

`policy_gradient` trains it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neuralopt.searchers.searcher import Rows

Masks = Callable[
    [Rows], NDArray[np.bool_]
]  # prefixes (batch, k) -> (batch, choices[k])

INITIAL_RANGE = 0.08  # weights start uniform in +-0.08: Bello et al. 2017 (recalled)
HIDDEN = 150  # units of the one LSTM layer: the same, recalled
# exp() of it is exactly 0 in float32 and float64, and unlike -inf it gives 0, not NaN,
# when multiplied by that 0 in the entropy and in its gradient.
FORBIDDEN = -1e9
# The network always sees this many rows at once, padded if there are fewer: for other
# shapes the matrix product sums in an order that depends on the number of threads
# (measured with 1 to 16: 1, 4, 5, 6 and 1,000 rows differ in the last bit, 32 do not).
BLOCK = 32


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

    A learned start token is the first input; then each decision is embedded and fed
    back. Every decision has its own softmax and embedding, because the number of
    operands grows from group to group. Choices that the mask forbids have probability
    exactly 0. The probability of a row is the product of those of its decisions.

    Args:
        choices: Number of choices of each of the D decisions.
        hidden: Units of the LSTM, and length of an embedding.
        rng: Draws the initial weights, uniform in +-INITIAL_RANGE.
        dtype: Type of the weights.
    """

    def __init__(
        self,
        choices: Sequence[int],
        *,
        hidden: int = HIDDEN,
        rng: np.random.Generator,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()

        def weights(*shape: int) -> nn.Parameter:
            # Drawn by numpy: torch's constructors would use the global generator.
            drawn = rng.uniform(-INITIAL_RANGE, INITIAL_RANGE, shape)
            return nn.Parameter(torch.from_numpy(drawn).to(dtype))

        self.choices = tuple(int(c) for c in choices)
        self.hidden = hidden
        self.start = weights(1, hidden)
        self.embeddings = nn.ParameterList(
            [weights(c, hidden) for c in self.choices[:-1]]
        )
        self.input_weight = weights(4 * hidden, hidden)
        self.recurrent_weight = weights(4 * hidden, hidden)
        self.bias = weights(4 * hidden)
        self.head_weights = nn.ParameterList([weights(c, hidden) for c in self.choices])
        self.head_biases = nn.ParameterList([weights(c) for c in self.choices])

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
        rows = np.empty((0, len(self.choices)), np.int64)
        scores = Scores(*(self.bias.new_zeros(rows.shape) for _ in range(2)))
        for _ in range(0, count, BLOCK):
            more, theirs = self._sample_block(masks, rng)
            rows = np.concatenate([rows, more])
            scores = Scores(*map(torch.cat, zip(scores, theirs, strict=True)))
        return rows[:count], Scores(*(each[:count].detach() for each in scores))

    @torch.no_grad()
    def _sample_block(
        self, masks: Masks, rng: np.random.Generator
    ) -> tuple[Rows, Scores]:
        rows = np.empty((BLOCK, len(self.choices)), np.int64)
        token, state = self._begin()
        log_probabilities, entropies = [], []
        for k in range(len(self.choices)):
            allowed = masks(rows[:, :k])
            if not allowed.any(axis=1).all():
                stuck = rows[int(np.argmin(allowed.any(axis=1))), :k].tolist()
                raise ValueError(
                    f"no choice is allowed for decision {k} after {stuck}: "
                    "the masks of a space must leave one after every prefix they allow"
                )
            state = self._advance(token, state)
            log_softmax, entropy = self._decide(k, state[0], torch.from_numpy(allowed))
            # The largest of log p + Gumbel noise is a draw from p.
            noisy = log_softmax.double().numpy() + rng.gumbel(size=allowed.shape)
            rows[:, k] = noisy.argmax(axis=1)
            decision = torch.from_numpy(rows[:, k].copy())
            log_probabilities.append(_pick(log_softmax, decision))
            entropies.append(entropy)
            if k + 1 < len(self.choices):
                token = functional.embedding(decision, self.embeddings[k])
        return rows, Scores(
            torch.stack(log_probabilities, 1), torch.stack(entropies, 1)
        )

    def score(self, rows: Rows, masks: Sequence[Tensor]) -> Scores:
        """Compute the scores of rows, differentiable in the weights.

        Args:
            rows: (n, D) with n at least 1; a forbidden row has log-probability
                FORBIDDEN.
            masks: The result of ``row_masks`` for these rows.

        Returns:
            The scores, each (n, D).
        """
        decisions = torch.from_numpy(np.ascontiguousarray(rows))
        blocks = []
        for start in range(0, len(rows), BLOCK):
            # The last row is repeated to fill the block.
            index = torch.arange(start, start + BLOCK).clamp(max=len(rows) - 1)
            block = self._score_block(decisions[index], [m[index] for m in masks])
            blocks.append(block)
        return Scores(
            *(torch.cat(each)[: len(rows)] for each in zip(*blocks, strict=True))
        )

    def _score_block(self, decisions: Tensor, masks: Sequence[Tensor]) -> Scores:
        token, state = self._begin()
        log_probabilities, entropies = [], []
        for k, allowed in enumerate(masks):
            state = self._advance(token, state)
            log_softmax, entropy = self._decide(k, state[0], allowed)
            log_probabilities.append(_pick(log_softmax, decisions[:, k]))
            entropies.append(entropy)
            if k + 1 < len(self.choices):
                token = functional.embedding(decisions[:, k], self.embeddings[k])
        return Scores(torch.stack(log_probabilities, 1), torch.stack(entropies, 1))

    def _begin(self) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        zeros = self.bias.new_zeros(BLOCK, self.hidden)
        return self.start.expand(BLOCK, -1), (zeros, zeros)

    def _advance(
        self, token: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        hidden, cell = state
        gates = functional.linear(token, self.input_weight, self.bias)
        gates = gates + functional.linear(hidden, self.recurrent_weight)
        let_in, keep, let_out, new = gates.chunk(4, dim=1)
        cell = keep.sigmoid() * cell + let_in.sigmoid() * new.tanh()
        return let_out.sigmoid() * cell.tanh(), cell

    def _decide(self, k: int, hidden: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        logits = functional.linear(hidden, self.head_weights[k], self.head_biases[k])
        log_softmax = logits.masked_fill(~allowed, FORBIDDEN).log_softmax(dim=1)
        return log_softmax, -(log_softmax.exp() * log_softmax).sum(dim=1)


def row_masks(rows: Rows, masks: Masks) -> list[Tensor]:
    """Return the mask of every decision of some rows.

    Args:
        rows: (n, D), valid.
        masks: Returns the allowed choices after some prefixes.

    Returns:
        D masks, each bool (n, choices).
    """
    return [torch.from_numpy(masks(rows[:, :k])) for k in range(rows.shape[1])]


def _pick(log_softmax: Tensor, decision: Tensor) -> Tensor:
    return log_softmax.gather(1, decision[:, None]).squeeze(1)
