"""The controller as a searcher: it proposes rows and learns from rewards."""

import copy
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuralopt.one_thread import one_thread
from neuralopt.origin import ENQUEUED, SAMPLED
from neuralopt.searchers.base import Draft, NewRuleSearcher
from neuralopt.searchers.controller.elites import Elites
from neuralopt.searchers.controller.learning import Batch, Update, update
from neuralopt.searchers.controller.network import Controller, row_masks
from neuralopt.searchers.controller.options import (
    FLOOR_GAIN,
    PaperTraining,
    Training,
)
from neuralopt.searchers.controller.reward_history import RewardHistory
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.searcher import Rows, Space

PREFERENCE_ROWS = 256
"""Rows of the policy over which its preferences are averaged."""


class ControllerSearcher(NewRuleSearcher):
    """A controller trained by policy gradient (Bello et al. 2017, section 3).

    Results form a stream: every ``training.batch`` of them, in the order told, make one
    update. The size of an ask therefore decides only how stale a policy is. The
    log-probabilities with which rows were sampled are kept until their rewards arrive.

    A share of the proposals is bred from the best rules so far, whether the policy or
    breeding found them, and the best of all are what the policy is drawn to. Breeding
    finds what is near; the policy learns what good rules share and keeps proposing what
    is not near. Both redraw rules that were proposed before, as they cost no training
    but teach nothing.

    Args:
        space: The space that rows belong to.
        seed: Seed of the initial weights and the proposals, 0 or more.
        options: Fields of ``Training``.

    Raises:
        TypeError: ``Training`` has no such option.
        ValueError: An option is out of its range.
    """

    Options: type[Training] = Training
    NAME = "controller"

    def __init__(self, space: Space, seed: int = 0, **options: Any) -> None:
        self._training = self.Options(**options)
        # Noted of each row: log-probability, entropy, and 1 for a row of the policy or
        # a given one.
        super().__init__(space, seed, self.NAME, asdict(self._training), notes=3)
        self.controller = Controller(
            space.choices,
            hidden=self._training.hidden,
            rng=self._rng,
            context=space.context if self._training.inputs == "tree" else None,
        )
        # Not foreach: it is no faster here, and the loop is simpler.
        self._optimizer = torch.optim.Adam(
            self.controller.parameters(), lr=self._training.learning_rate, foreach=False
        )
        self._history = RewardHistory(
            self._training.baseline_decay,
            self._training.rank_window,
            self._training.sharing,
            self._training.sharing_window,
        )
        decisions = len(space.choices)
        capacity = max(self._training.elites, self._training.queue)
        self._elites = Elites(space, capacity, self._training.resolution)
        self._waiting = np.empty((0, decisions), np.int64)
        self._waiting_facts = np.empty((0, 2))  # log-probability when sampled, reward
        self._first_entropy: float | None = None  # nats a row, of the first policy
        self._entropy_weight = self._training.entropy_weight
        self._mean_reward = 0.0
        self._entropy = 0.0
        self._latest = Update(0.0, 0.0, 0.0, 0.0, 0.0)

    @one_thread()
    def _propose(self, given: Rows, count: int) -> Draft:
        if self._training.redraws or self._training.evolved:
            self._seen.add_new(given)
        share = self._training.evolved if len(self._elites) else 0.0
        bred = int((self._rng.random(count) < share).sum())
        sampled, notes = self._sample(count - bred)
        if self._first_entropy is None and len(sampled):
            self._first_entropy = float(notes[:, 1].mean())
        options = self._training
        children, origins = self._elites.breed(
            bred, self._rng, self._seen, options.tournament, options.crossover
        )
        draft = Draft(given[:0], len(given) + count)
        for row, note in zip(given, self._notes(given).tolist(), strict=True):
            draft.add(row, ENQUEUED, *note)
        for row, note in zip(sampled, notes.tolist(), strict=True):
            draft.add(row, SAMPLED, *note)
        for row, origin in zip(children, origins, strict=True):
            draft.add(row, origin, 0.0, 0.0, 0.0)
        return draft

    def _sample(self, count: int) -> tuple[Rows, NDArray[np.float64]]:
        """Rows of the policy and their notes, as many as possible of new rules."""
        masks, rows = self._space.masks, np.empty((0, len(self._space.choices)), int)
        notes = np.empty((0, 3))
        for left in reversed(range(self._training.redraws + 1)):
            wanted = count - len(rows)
            drawn, scores = self.controller.sample(wanted, masks, self._rng)
            if self._training.redraws or self._training.evolved:
                keep = self._seen.add_new(drawn) | (left == 0)
            else:
                keep = np.ones(wanted, np.bool_)
            rows = np.concatenate([rows, drawn[keep]])
            sums = [each.double().numpy().sum(axis=1)[keep] for each in scores]
            notes = np.concatenate(
                [notes, np.stack([*sums, np.ones(len(sums[0]))], axis=1)]
            )
            if len(rows) == count:
                break
        return rows, notes

    def _notes(self, rows: Rows) -> NDArray[np.float64]:
        """The notes of rows that the policy did not sample, but could have."""
        if not len(rows):
            return np.empty((0, 3))
        masks = row_masks(rows, self._space.masks, self._space.choices)
        with torch.no_grad():
            scores = self.controller.score(rows, masks)
        sums = [each.double().numpy().sum(axis=1) for each in scores]
        return np.stack([*sums, np.ones(len(rows))], axis=1)

    @one_thread()
    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Learn from the oldest ask.

        Returns:
            ``entropy``: mean nats a decision of the policy that sampled these rows
            (unchanged if all were bred);
            ``mean_reward``: of these rows, without NaN; ``baseline``: moving average of
            all rewards; ``entropy_weight``: its current value; ``approximate_kl``,
            ``clip_fraction``, ``gradient_norm``, ``loss``: of the latest update (see
            ``Update``), 0 before the first. A tell without any result leaves
            ``mean_reward`` unchanged, and one without rows ``entropy`` too.
        """
        from_policy = ask.notes[:, 2] == 1
        if from_policy.any():
            self._entropy = float(ask.notes[from_policy, 1].mean()) / ask.rows.shape[1]
        known = ~np.isnan(rewards)
        if known.any():
            self._mean_reward = float(rewards[known].mean())
            self._elites.tell(ask.rows[known], rewards[known])
            known &= from_policy
            facts = np.stack([ask.notes[known, 0], rewards[known]], axis=1)
            self._waiting = np.concatenate([self._waiting, ask.rows[known]])
            self._waiting_facts = np.concatenate([self._waiting_facts, facts])
        while len(self._waiting) >= (size := self._training.batch):
            self._train(self._waiting[:size], self._waiting_facts[:size])
            self._waiting = self._waiting[size:]
            self._waiting_facts = self._waiting_facts[size:]
        return {
            "mean_reward": self._mean_reward,
            "baseline": self._history.baseline,
            "entropy": self._entropy,
            "entropy_weight": self._entropy_weight,
            "approximate_kl": self._latest.approximate_kl,
            "clip_fraction": self._latest.clip_fraction,
            "gradient_norm": self._latest.gradient_norm,
            "loss": self._latest.loss,
        }

    def _train(self, rows: Rows, facts: NDArray[np.float64]) -> None:
        advantages = self._history.advantages(facts[:, 1], self._training.advantage)
        self._latest = update(
            self.controller,
            self._optimizer,
            Batch(
                rows,
                facts[:, 0],
                advantages,
                self._elites.rows(self._training.queue),
            ),
            self._space.masks,
            self._training,
            self._entropy_weight,
        )
        if self._first_entropy is None:  # only given rows were proposed so far
            self._first_entropy = self._latest.row_entropy
        floor = min(self._training.entropy_floor, self._first_entropy / 2)
        missing = max(0.0, floor - self._latest.row_entropy)
        self._entropy_weight = self._training.entropy_weight + FLOOR_GAIN * missing

    @one_thread()
    def log_probabilities(self, rows: Rows) -> NDArray[np.float64]:
        """Return the log-probability of rows under the present policy.

        Args:
            rows: int64 (n, D), valid, at least one.

        Returns:
            float64 (n,).
        """
        masks = row_masks(rows, self._space.masks, self._space.choices)
        with torch.no_grad():
            scores = self.controller.score(rows, masks)
        found: NDArray[np.float64] = scores.log_probabilities.double().numpy().sum(1)
        return found

    @one_thread()
    def preferences(self) -> list[NDArray[np.float64]]:
        """Return what the present policy prefers; see `preferences_of`.

        Rows are drawn for it from a generator of their own, so that proposals do not
        depend on it.
        """
        masks, choices = self._space.masks, self._space.choices
        rows, _ = self.controller.sample(
            PREFERENCE_ROWS, masks, np.random.default_rng(0)
        )
        return self.controller.mean_probabilities(rows, row_masks(rows, masks, choices))

    def _state(self) -> dict[str, Any]:
        return {
            "controller": copy.deepcopy(dict(self.controller.state_dict())),
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "history": self._history.state(),
            "elites": self._elites.state(),
            "waiting": self._waiting.tolist(),
            "waiting_facts": self._waiting_facts.tolist(),
            "first_entropy": self._first_entropy,
            "entropy_weight": self._entropy_weight,
            "mean_reward": self._mean_reward,
            "entropy": self._entropy,
            "latest": asdict(self._latest),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self.controller.load_state_dict(state["controller"])
        self._optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self._history.load(state["history"])
        self._elites.load(state["elites"])
        decisions = len(self._space.choices)
        self._waiting = np.array(state["waiting"], np.int64).reshape(-1, decisions)
        self._waiting_facts = np.array(state["waiting_facts"], float).reshape(-1, 2)
        self._first_entropy = state["first_entropy"]
        self._entropy_weight = state["entropy_weight"]
        self._mean_reward = state["mean_reward"]
        self._entropy = state["entropy"]
        self._latest = Update(**state["latest"])


class PaperControllerSearcher(ControllerSearcher):
    """The same with the defaults of `PaperTraining`.

    Args:
        space: The space that rows belong to.
        seed: Seed of the initial weights and the proposals, 0 or more.
        options: Fields of ``PaperTraining``.
    """

    Options = PaperTraining
    NAME = "controller_paper"
