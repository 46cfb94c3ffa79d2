"""Quality diversity: the best rule of each set of operands, and children of all."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.origin import RANDOM
from neuralopt.searchers.base import Draft, NewRuleSearcher
from neuralopt.searchers.offspring import Member, Vary, members_from, members_state
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.searcher import Rows, Space

Cell = tuple[int, int]


class QualityDiversity(NewRuleSearcher):
    """MAP-Elites (Mouret and Clune 2015) over the operands that rules read.

    A cell of the grid is what ``Space.describe`` says of a rule: which operands it
    reads, and with ``sizes`` also how large it is. Each cell keeps its elite: the best
    rule told that belongs to it. So a rule that is worse than the best, but is made of
    something else, stays and can become a part of a better one. A parent is the elite
    of a cell; cells are drawn more often the better their elites rank.

    Only new rules are proposed. A child that says its parent's rule replaces the row of
    that elite: neutral drift, which costs nothing.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        beginning: Random rows proposed at first, 1 or more.
        fresh: Share of random proposals after that, in [0, 1].
        pressure: A cell whose elite is better than a share r of the others is drawn in
            proportion to exp(pressure * r); 0 or more. With 0 all are drawn alike, as
            in the published algorithm.
        mate_pressure: The same for the second parent of a mixed child. A larger one
            mixes every kind of rule with the best.
        sizes: Whether rules of different sizes have different cells.
        least: Smallest reward of an elite, in [0, 1]: rules that hardly train are no
            parents.
        crossover: Share of children that mix two elites, in [0, 1].
        rearrange: Share of the other children whose parts change places, in [0, 1].
        more: Probability of one more changed decision, and of one more after it, in
            [0, 1).
        redraws: How often, at most, a proposal is drawn again because its rule was
            proposed before, 0 or more.

    Raises:
        ValueError: An option is out of its range.
    """

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        *,
        beginning: int = 50,
        fresh: float = 0.0,
        pressure: float = 3.0,
        mate_pressure: float = 10.0,
        sizes: bool = False,
        least: float = 0.1,
        crossover: float = 0.3,
        rearrange: float = 0.3,
        more: float = 0.2,
        redraws: int = 20,
    ) -> None:
        if beginning < 1:
            raise ValueError(f"beginning is {beginning}: give 1 row or more")
        for name, share in (("fresh", fresh), ("least", least)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}: give a number between 0 and 1")
        for name, value in (("pressure", pressure), ("mate_pressure", mate_pressure)):
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} is {value}: give a number from 0")
        if redraws < 0:
            raise ValueError(f"redraws is {redraws}: give a whole number, 0 or more")
        options = {
            "beginning": beginning,
            "fresh": fresh,
            "pressure": pressure,
            "mate_pressure": mate_pressure,
            "sizes": sizes,
            "least": least,
            "crossover": crossover,
            "rearrange": rearrange,
            "more": more,
            "redraws": redraws,
        }
        super().__init__(space, seed, "quality_diversity", options)
        self._vary = Vary(space, crossover, rearrange, more)
        self._elites: dict[Cell, Member] = {}
        self._beginning = beginning  # random rows still to be proposed
        self._fresh, self._least, self._sizes = fresh, least, sizes
        self._pressures = pressure, mate_pressure
        self._redraws = redraws

    def _propose(self, given: Rows, count: int) -> Draft:
        self._seen.add_new(given)
        draft = Draft(given, count)
        cells = list(self._elites)
        ranks = self._ranks(cells)
        for left in reversed(range(self._redraws + 1)):
            wanted = draft.missing
            if not wanted:
                break
            fresh = wanted
            if cells and self._beginning < wanted:
                others = self._rng.random(wanted - self._beginning)
                fresh = self._beginning + int((others < self._fresh).sum())
            parents, mates = (
                [cells[place] for place in self._draw(ranks, pressure, wanted - fresh)]
                for pressure in self._pressures
            )
            drawn = [
                self._vary(self._elites[cell], self._elites[mate], self._rng)
                for cell, mate in zip(parents, mates, strict=True)
            ]
            if fresh:
                drawn += [(row, RANDOM) for row in self._space.sample(fresh, self._rng)]
            rules = self._seen.digests(np.array([row for row, _ in drawn]))
            for place, rule in enumerate(rules):
                if self._seen.add(rule) or not left:
                    draft.add(*drawn[place])
                    if place >= len(parents):
                        self._beginning = max(0, self._beginning - 1)
                elif place < len(parents):
                    elite = self._elites[parents[place]]
                    if elite.rule == rule:
                        drifted = elite._replace(row=drawn[place][0])
                        self._elites[parents[place]] = drifted
        return draft

    def _ranks(self, cells: list[Cell]) -> NDArray[np.float64]:
        """For each cell, the share of other cells with a worse elite."""
        rewards = np.array([self._elites[cell].reward for cell in cells])
        places = np.argsort(np.argsort(rewards, kind="stable"), kind="stable")
        shares: NDArray[np.float64] = places / max(1, len(cells) - 1)
        return shares

    def _draw(
        self, ranks: NDArray[np.float64], pressure: float, count: int
    ) -> list[int]:
        """Places of cells, drawn by the ranks of their elites."""
        upto = np.exp(pressure * (ranks - 1.0)).cumsum()
        if not count:
            return []
        drawn = np.searchsorted(upto, self._rng.random(count) * upto[-1])
        return [min(place, len(ranks) - 1) for place in drawn.tolist()]

    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Place the results in the grid.

        Returns:
            ``cells`` that have an elite, ``elites_best`` and ``elites_mean`` (rewards);
            {} while there is none.
        """
        chosen = np.flatnonzero(rewards >= self._least)  # False for NaN
        if len(chosen):
            placed = ask.rows[chosen]
            rules, cells = self._seen.digests(placed), self._space.describe(placed)
            for row, rule, (kind, size), reward in zip(
                placed, rules, cells.tolist(), rewards[chosen].tolist(), strict=True
            ):
                size *= self._sizes
                elite = self._elites.get((kind, size))
                if elite is None or reward > elite.reward:
                    self._elites[kind, size] = Member(row, rule, reward)
        if not self._elites:
            return {}
        found = [elite.reward for elite in self._elites.values()]
        return {
            "cells": float(len(found)),
            "elites_best": max(found),
            "elites_mean": sum(found) / len(found),
        }

    def _state(self) -> dict[str, Any]:
        return {
            "cells": [list(cell) for cell in self._elites],
            "elites": members_state(self._elites.values()),
            "beginning": self._beginning,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        elites = members_from(state["elites"])
        cells = ((kind, size) for kind, size in state["cells"])
        self._elites = dict(zip(cells, elites, strict=True))
        self._beginning = state["beginning"]
