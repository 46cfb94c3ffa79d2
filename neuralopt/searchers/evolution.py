"""Regularized evolution: mutate the winner of a tournament, let the oldest die."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.origin import RANDOM, Origin
from neuralopt.searchers.base import Draft, NewRuleSearcher
from neuralopt.searchers.offspring import Member, Vary, members_from, members_state
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.searcher import Rows, Space


class EvolutionSearcher(NewRuleSearcher):
    """Aging evolution of Real et al. 2019 (AAAI, algorithm 1), asynchronous.

    The first ``population`` rows are random. After them each proposal is a mutation of
    the best of ``tournament`` members drawn from the population at the time of the ask.
    Every result enters the population and the oldest member leaves it, however good it
    was: a row stays only by being found again, so that one lucky score can't dominate.

    A proposal is drawn again until its rule was not proposed before, and a rule has at
    most one place in the population: rows that say a known rule cost nothing and count
    nothing. Where a child says its parent's rule, the next child is made of that child:
    neutral drift, which reaches the neighbours of all rows that say one rule.

    The published algorithm: ``population=100, tournament=25, fresh=0.0, sharing=0.0,
    crossover=0.0, rearrange=0.0, more=0.0, redraws=0``.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        population: Members kept (Real et al.: 100).
        tournament: Members drawn, with replacement, to choose a parent (Real et al.:
            25).
        fresh: Share of proposals that are random even after the first ``population``,
            in [0, 1] (Real et al.: 0).
        sharing: In a tournament, a reward that c members have to the last bit counts as
            reward / c**sharing, because equal rewards nearly always belong to one rule
            written in several ways; 0 or more (Real et al.: 0).
        crossover: Share of children that mix two parents, in [0, 1] (Real et al.: 0).
        rearrange: Share of the other children whose parts change places, in [0, 1]
            (Real et al.: 0).
        more: Probability of one more changed decision, and of one more after it, in
            [0, 1) (Real et al.: 0).
        redraws: How often, at most, a proposal is drawn again because its rule was
            proposed before; 0 or more. With 0, repeated rules are told and enter the
            population like others (Real et al.: 0).

    Raises:
        ValueError: An option is out of its range.
    """

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        *,
        population: int = 100,
        tournament: int = 10,
        fresh: float = 0.05,
        sharing: float = 0.5,
        crossover: float = 0.2,
        rearrange: float = 0.1,
        more: float = 0.2,
        redraws: int = 20,
    ) -> None:
        if not 1 <= tournament <= population:
            raise ValueError(
                f"tournament {tournament} of a population of {population}: "
                "draw at least 1 and at most the whole population"
            )
        if not 0 <= fresh <= 1:
            raise ValueError(f"fresh is {fresh}: give a share between 0 and 1")
        if not 0 <= sharing < np.inf:
            raise ValueError(f"sharing is {sharing}: give a number from 0")
        if redraws < 0:
            raise ValueError(f"redraws is {redraws}: give a whole number, 0 or more")
        options = {
            "population": population,
            "tournament": tournament,
            "fresh": fresh,
            "sharing": sharing,
            "crossover": crossover,
            "rearrange": rearrange,
            "more": more,
            "redraws": redraws,
        }
        super().__init__(space, seed, "evolution", options)
        self._vary = Vary(space, crossover, rearrange, more)
        self._members: deque[Member] = deque(maxlen=population)
        self._tournament = tournament
        self._fresh = fresh
        self._sharing = sharing
        self._redraws = redraws
        self._beginning = population  # random rows still to be proposed

    def _propose(self, given: Rows, count: int) -> Draft:
        self._seen.add_new(given)
        draft = Draft(given, count)
        crowd = Counter(member.reward for member in self._members)
        fitness = [m.reward / crowd[m.reward] ** self._sharing for m in self._members]
        for left in reversed(range(self._redraws + 1)):
            wanted = draft.missing
            if not wanted:
                break
            # Until the population has begun, and for the share of fresh ones.
            fresh = wanted
            if self._members and self._beginning < wanted:
                others = self._rng.random(wanted - self._beginning)
                fresh = self._beginning + int((others < self._fresh).sum())
            parents = [self._parent(fitness) for _ in range(wanted - fresh)]
            drawn = [self._child(parent) for parent in parents]
            if fresh:
                drawn += [(row, RANDOM) for row in self._space.sample(fresh, self._rng)]
            rules = self._seen.digests(np.array([row for row, _ in drawn]))
            for place, rule in enumerate(rules):
                if self._seen.add(rule) or not left:
                    draft.add(*drawn[place])
                    if place >= len(parents):
                        self._beginning = max(0, self._beginning - 1)
                elif place < len(parents):
                    self._drift(parents[place], rule, drawn[place][0])
        return draft

    def _parent(self, fitness: list[float]) -> int:
        """The winner of a tournament, by its place in the population."""
        count = len(fitness)
        drawn: list[int] = (
            (self._rng.random(self._tournament) * count).astype(np.int64).tolist()
        )
        # The youngest of equals: among many zeros, keep moving.
        return max(drawn, key=lambda place: (fitness[place], place))

    def _child(self, parent: int) -> tuple[Rows, Origin]:
        mate = int(self._rng.random() * len(self._members))
        return self._vary(self._members[parent], self._members[mate], self._rng)

    def _drift(self, parent: int, rule: int, row: Rows) -> None:
        """Let a member be written as a child that says the same rule."""
        member = self._members[parent]
        if member.rule == rule:
            self._members[parent] = member._replace(row=row)

    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Add the results to the population.

        Returns:
            ``population_best`` and ``population_mean`` (rewards), and
            ``population_distinct``, different rules per member; {} while the population
            is empty.
        """
        rules = self._seen.digests(ask.rows)
        present = {member.rule for member in self._members}
        for row, rule, reward in zip(ask.rows, rules, rewards.tolist(), strict=True):
            if np.isnan(reward) or (self._redraws and rule in present):
                continue
            self._members.append(Member(row, rule, reward))
            present.add(rule)
        if not self._members:
            return {}
        scores = [member.reward for member in self._members]
        distinct = len({member.rule for member in self._members})
        return {
            "population_best": max(scores),
            "population_mean": sum(scores) / len(scores),
            "population_distinct": distinct / len(scores),
        }

    def _state(self) -> dict[str, Any]:
        return {
            "members": members_state(self._members),
            "beginning": self._beginning,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self._members.clear()
        self._members.extend(members_from(state["members"]))
        self._beginning = state["beginning"]
