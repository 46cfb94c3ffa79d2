"""Hill climbing: the neighbours of the best rule known, and restarts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.origin import RANDOM, Origin, made_of
from neuralopt.searchers.base import Draft, NewRuleSearcher
from neuralopt.searchers.offspring import Member, Vary, members_from, members_state
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.searcher import Rows, Space

SUMMITS = 64
"""Summits that are kept."""

ROWS = 64
"""Rows of the incumbent's rule that are kept."""

AFRESH, KICKED, MIXED = "random", "kicked", "mixed"
"""How a climb begins."""

ENQUEUED = -1
"""In place of the number of a climb."""


class HillClimbing(NewRuleSearcher):
    """Local search with restarts (White et al. 2021, UAI), asynchronous.

    A climb begins with the best of ``starts`` random rows, its incumbent. Neighbours of
    the incumbent are proposed, each with one decision changed or its parts moved; a
    better one replaces it as soon as it is told. After ``patience`` results without an
    improvement, or when no new neighbour is found, the next climb begins: with random
    rows; or with the ``kick`` last changes of the best row of all climbs, which is
    iterated local search (Lourenco et al. 2003); or with mixtures of summits, the best
    rows of former climbs and those that were enqueued, as memetic algorithms do
    (Moscato 1989).

    Only new rules are proposed. All rows that are known to say the incumbent's rule
    have neighbours: a neighbour that says it joins them and costs nothing.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        starts: Random rows with which a climb begins, 1 or more.
        patience: Results without an improvement after which a climb ends, 1 or more.
        rearrange: Share of neighbours whose parts change places, in [0, 1].
        perturb: Share of climbs that begin near the best summit, in [0, 1].
        mix: Share of climbs that begin with mixtures of summits, in [0, 1].
        kick: Changes of the best summit for such a beginning, 1 or more.
        redraws: How often, at most, a proposal is drawn again because its rule was
            proposed before, 1 or more.

    Raises:
        ValueError: An option is out of its range.
    """

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        *,
        starts: int = 64,
        patience: int = 128,
        rearrange: float = 0.1,
        perturb: float = 0.6,
        mix: float = 0.2,
        kick: int = 3,
        redraws: int = 30,
    ) -> None:
        options = {
            "starts": starts,
            "patience": patience,
            "rearrange": rearrange,
            "perturb": perturb,
            "mix": mix,
            "kick": kick,
            "redraws": redraws,
        }
        for name in ("starts", "patience", "kick", "redraws"):
            if options[name] < 1:
                raise ValueError(f"{name} is {options[name]}: give 1 or more")
        for name, share in (("perturb", perturb), ("mix", mix)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}: give a share between 0 and 1")
        if perturb + mix > 1:
            raise ValueError(
                f"perturb {perturb} and mix {mix} are more than all climbs: lower one"
            )
        # Noted of each row: the number of the climb for which it was proposed.
        super().__init__(space, seed, "hill_climbing", options, notes=1)
        self._vary = Vary(space, 0.0, rearrange, 0.0)
        self._starts, self._patience = starts, patience
        self._perturb, self._mix = perturb, mix
        self._kick, self._redraws = kick, redraws
        self._climb = 0
        self._beginnings = starts  # rows of this climb's beginning still to be proposed
        self._beginning: str = AFRESH
        self._waited = 0  # results of this climb without an improvement
        self._rows: dict[bytes, Rows] = {}  # all say the incumbent's rule
        self._rule = 0
        self._reward = -1.0
        self._summits: list[Member] = []
        self._best_reward = 0.0

    def _propose(self, given: Rows, count: int) -> Draft:
        self._seen.add_new(given)
        draft = Draft(given, count, ENQUEUED)
        barren = 0
        while draft.missing:
            drawn = self._draw(draft.missing)
            found = 0
            rules = self._seen.digests(np.array([row for row, _ in drawn]))
            for (row, origin), rule in zip(drawn, rules, strict=True):
                if self._seen.add(rule) or barren >= self._redraws:
                    draft.add(row, origin, self._climb)
                    self._beginnings = max(0, self._beginnings - 1)
                    found += 1
                elif self._rows and rule == self._rule:
                    self._join(row)
            barren = 0 if found else barren + 1
            if barren == self._redraws and not self._beginnings:
                self._begin()
                barren = 0
        return draft

    def _join(self, row: Rows) -> None:
        """Add a row that says the incumbent's rule, unless it is known."""
        if len(self._rows) < ROWS:
            self._rows.setdefault(row.tobytes(), row)

    def _draw(self, count: int) -> list[tuple[Rows, Origin]]:
        """Rows of this climb that may be proposed."""
        if self._beginnings or not self._rows:
            wanted = min(count, self._beginnings) or count
            if self._summits and self._beginning == KICKED:
                best = max(self._summits, key=lambda summit: summit.reward)
                return [self._kicked(best) for _ in range(wanted)]
            if self._summits and self._beginning == MIXED:
                return [self._mixture() for _ in range(wanted)]
            return [(row, RANDOM) for row in self._space.sample(wanted, self._rng)]
        parents = (self._rng.random(count) * len(self._rows)).astype(int).tolist()
        rows = list(self._rows.values())
        drawn = [Member(rows[n], self._rule, self._reward) for n in parents]
        return [self._vary(member, member, self._rng) for member in drawn]

    def _kicked(self, summit: Member) -> tuple[Rows, Origin]:
        changed = summit
        for _ in range(self._kick):
            row, _origin = self._vary(changed, changed, self._rng)
            changed = changed._replace(row=row)
        return changed.row, Origin("kick", (summit.rule,))

    def _mixture(self) -> tuple[Rows, Origin]:
        one, other = (
            self._summits[int(self._rng.random() * len(self._summits))]
            for _ in range(2)
        )
        row = self._space.crossover(one.row, other.row, self._rng)
        return row, made_of("crossover", one.rule, other.rule)

    def _begin(self) -> None:
        """Keep the summit of this climb, and begin the next one."""
        if self._rows:
            first = next(iter(self._rows.values()))
            self._keep(Member(first, self._rule, self._reward))
        self._climb += 1
        self._beginnings = self._starts
        drawn = self._rng.random()
        self._beginning = KICKED if drawn < self._perturb else AFRESH
        if self._perturb <= drawn < self._perturb + self._mix:
            self._beginning = MIXED
        self._waited = 0
        self._rows, self._rule, self._reward = {}, 0, -1.0

    def _keep(self, summit: Member) -> None:
        """Add a summit; the worst one goes if there are too many."""
        if any(summit.rule == each.rule for each in self._summits):
            return
        self._summits.append(summit)
        if len(self._summits) > SUMMITS:
            worst = min(range(SUMMITS + 1), key=lambda n: self._summits[n].reward)
            del self._summits[worst]

    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Move to better neighbours.

        Returns:
            ``incumbent`` and ``best`` (rewards; 0 before the first), ``climbs`` begun.
        """
        rules = self._seen.digests(ask.rows)
        climbs = ask.notes[:, 0].astype(int).tolist()
        for row, rule, climb, reward in zip(
            ask.rows, rules, climbs, rewards.tolist(), strict=True
        ):
            if np.isnan(reward):
                continue
            self._best_reward = max(self._best_reward, reward)
            if climb == ENQUEUED:
                self._keep(Member(row, rule, reward))
            if climb != self._climb:
                continue  # the climb has ended since
            if reward > self._reward:
                self._rows = {row.tobytes(): row}
                self._rule, self._reward = rule, reward
                self._waited = 0
            else:
                self._waited += 1
        if self._waited >= self._patience and not self._beginnings:
            self._begin()
        return {
            "incumbent": max(0.0, self._reward),
            "best": self._best_reward,
            "climbs": self._climb + 1.0,
        }

    def _state(self) -> dict[str, Any]:
        return {
            "climb": self._climb,
            "beginnings": self._beginnings,
            "beginning": self._beginning,
            "waited": self._waited,
            "rows": [row.tolist() for row in self._rows.values()],
            "rule": self._rule,
            "reward": self._reward,
            "summits": members_state(self._summits),
            "best_reward": self._best_reward,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self._climb = state["climb"]
        self._beginnings = state["beginnings"]
        self._beginning = state["beginning"]
        self._waited = state["waited"]
        rows = [np.array(row, np.int64) for row in state["rows"]]
        self._rows = {row.tobytes(): row for row in rows}
        self._rule = state["rule"]
        self._reward = state["reward"]
        self._summits = members_from(state["summits"])
        self._best_reward = state["best_reward"]
