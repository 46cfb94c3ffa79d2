"""TPE of optuna, a searcher from outside to compare with."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.origin import RANDOM, SAMPLED, Origin
from neuralopt.searchers.base import Draft, NewRuleSearcher
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.searcher import Rows, Space


class TreeParzen(NewRuleSearcher):
    """Tree-structured Parzen estimators (Bergstra et al. 2011) by optuna.

    Decisions are categorical parameters of one multivariate estimator (Akiba et al.
    2019; Falkner et al. 2018). optuna knows no masks: forbidden decisions of a row that
    it samples are redrawn. Only new rules are proposed, and told to it as trials.

    Every proposal has a sampler of its own, seeded by this searcher's generator: a
    saved state needs the trials, and no random state of optuna. The time of a proposal
    grows with the number of trials; the window bounds it.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        startup: Random rows proposed at first, 1 or more (optuna: 10).
        candidates: Rows that optuna scores to make one proposal, 1 or more.
        window: Latest trials that the estimators are fitted to, 2 or more.
        redraws: How often, at most, a proposal is drawn again because its rule was
            proposed before, 0 or more. The last draw is random.

    Raises:
        ModuleNotFoundError: optuna is not installed.
        ValueError: An option is out of its range.
    """

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        *,
        startup: int = 100,
        candidates: int = 24,
        window: int = 1000,
        redraws: int = 5,
    ) -> None:
        for name, value, least in (
            ("startup", startup, 1),
            ("candidates", candidates, 1),
            ("window", window, 2),
            ("redraws", redraws, 0),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}: give {least} or more")
        try:
            import optuna
        except ModuleNotFoundError:
            raise ValueError(
                "the searcher tpe needs optuna: pip install 'neuralopt[optuna]'"
            ) from None
        options = {
            "startup": startup,
            "candidates": candidates,
            "window": window,
            "redraws": redraws,
        }
        super().__init__(space, seed, "tpe", options)
        self._optuna = optuna
        self._startup, self._candidates = startup, candidates
        self._window, self._redraws = window, redraws
        self._trials: list[tuple[Rows, float]] = []
        self._distributions: dict[str, Any] = {
            f"{k:03d}": optuna.distributions.CategoricalDistribution(range(choices))
            for k, choices in enumerate(space.choices)
        }

    def _propose(self, given: Rows, count: int) -> Draft:
        self._seen.add_new(given)
        draft = Draft(given, count)
        if count:
            study = self._study()
            while draft.missing:
                draft.add(*self._new(study))
        return draft

    def _new(self, study: Any) -> tuple[Rows, Origin]:
        """A row whose rule is new, as far as redraws reach."""
        for _ in range(self._redraws + 1):
            row = self._sampled(study)
            if self._seen.add_new(row[None])[0]:
                begun = len(self._trials) >= self._startup
                return row, SAMPLED if begun else RANDOM
        row = np.array(self._space.sample(1, self._rng)[0])
        self._seen.add_new(row[None])
        return row, RANDOM

    def _sampled(self, study: Any) -> Rows:
        if len(self._trials) < self._startup:
            return np.array(self._space.sample(1, self._rng)[0])
        optuna = self._optuna
        with warnings.catch_warnings():
            # That multivariate=True may change in later versions.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                n_startup_trials=0,
                n_ei_candidates=self._candidates,
                multivariate=True,
                seed=int(self._rng.integers(2**31)),
            )
        found = sampler.sample_relative(study, study.trials[-1], self._distributions)
        return self._repaired([int(found[name]) for name in self._distributions])

    def _repaired(self, decisions: list[int]) -> Rows:
        """Redraw forbidden decisions."""
        row = np.array(decisions, np.int64)
        for k, choice in enumerate(decisions):
            allowed = self._space.masks(row[None, :k])[0]
            if not allowed[choice]:
                row[k] = self._rng.choice(np.flatnonzero(allowed))
        return row

    def _study(self) -> Any:
        """A study of the latest trials, and one that waits, for which is sampled."""
        optuna = self._optuna
        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            study = optuna.create_study(direction="maximize")
        finally:
            optuna.logging.set_verbosity(before)
        for row, reward in self._trials[-self._window :]:
            params = dict(zip(self._distributions, row.tolist(), strict=True))
            study.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=self._distributions, value=reward
                )
            )
        waiting = optuna.trial.TrialState.WAITING
        study.add_trial(optuna.trial.create_trial(state=waiting))
        return study

    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Add the results to the trials.

        Returns:
            ``trials_best`` and ``trials_mean`` (rewards in the window); {} while there
            are none.
        """
        for row, reward in zip(ask.rows, rewards.tolist(), strict=True):
            if not np.isnan(reward):
                self._trials.append((row, reward))
        # The startup counts trials, so as many are kept.
        del self._trials[: -max(self._window, self._startup)]
        if not self._trials:
            return {}
        found = [reward for _, reward in self._trials[-self._window :]]
        return {"trials_best": max(found), "trials_mean": sum(found) / len(found)}

    def _state(self) -> dict[str, Any]:
        return {
            "trials": [[row.tolist(), reward] for row, reward in self._trials],
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self._trials = [
            (np.array(row, np.int64), reward) for row, reward in state["trials"]
        ]
