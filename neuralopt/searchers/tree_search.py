"""Monte-Carlo tree search over the decisions of a row."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.origin import SAMPLED
from neuralopt.searchers.base import Draft, NewRuleSearcher
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.searcher import Rows, Space


class Node:
    """A prefix of rows.

    Attributes:
        children: Longer prefixes, by the next decision.
        visits: Roll-outs through it. Those without a result, open ones among them,
            count as 0 (virtual loss).
        total: Sum of their rewards.
        best: The largest of them.
        done: Whether every row that begins with it was proposed.
        untried: Allowed decisions without a child, rising; None if not yet asked for.
    """

    __slots__ = ("best", "children", "done", "total", "untried", "visits")

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.visits, self.total, self.best = 0, 0.0, 0.0
        self.done = False
        self.untried: list[int] | None = None


class TreeSearch(NewRuleSearcher):
    """UCT (Kocsis and Szepesvari 2006; Coulom 2006) with roll-outs, asynchronous.

    A node is a prefix of decisions. From the root, the child with the largest

        maximum * best + (1 - maximum) * mean + exploration * sqrt(log(N) / n)

    is taken, where n are its visits and N those of its parent, until a node has an
    allowed decision that was not tried. That child is added, and the row is completed
    at random. Prefixes whose rows were all proposed are left out. A row whose rule was
    told before is not proposed: its reward is known.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        exploration: Weight of the last term, 0 or more.
        maximum: Weight of the best reward against the mean one, in [0, 1].
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
        exploration: float = 0.2,
        maximum: float = 0.5,
        redraws: int = 20,
    ) -> None:
        if not 0 <= exploration < np.inf:
            raise ValueError(f"exploration is {exploration}: give a number from 0")
        if not 0 <= maximum <= 1:
            raise ValueError(f"maximum is {maximum}: give a share between 0 and 1")
        if redraws < 0:
            raise ValueError(f"redraws is {redraws}: give a whole number, 0 or more")
        options = {
            "exploration": exploration,
            "maximum": maximum,
            "redraws": redraws,
        }
        # Noted of each row: the length of the prefix whose nodes were visited.
        super().__init__(space, seed, "tree_search", options, notes=1)
        self._exploration, self._maximum = exploration, maximum
        self._redraws = redraws
        self._known: dict[int, float] = {}  # rewards of rules that were told
        self._root = Node()
        self._nodes = 1

    def _propose(self, given: Rows, count: int) -> Draft:
        self._seen.add_new(given)
        self._root.visits += len(given)
        draft = Draft(given, count, 0)
        for left in reversed(range(self._redraws + 1)):
            if not draft.missing:
                break
            prefixes = [self._select() for _ in range(draft.missing)]
            drawn = self._complete(prefixes)
            rules = self._seen.digests(drawn)
            for prefix, row, rule in zip(prefixes, drawn, rules, strict=True):
                if self._seen.add(rule) or not left:
                    draft.add(row, SAMPLED, len(prefix))
                elif rule in self._known:
                    self._add(row, len(prefix), self._known[rule])
        return draft

    def _select(self) -> list[int]:
        """The prefix from which to roll out; its nodes are visited."""
        node, path, prefix = self._root, [self._root], list[int]()
        decisions = len(self._space.choices)
        while len(prefix) < decisions and not node.done:
            if node.untried is None:
                allowed = self._space.masks(np.array([prefix], np.int64))[0]
                tried = node.children
                choices = np.flatnonzero(allowed).tolist()
                node.untried = [each for each in choices if each not in tried]
            if node.untried:
                place = int(self._rng.random() * len(node.untried))
                choice = node.untried.pop(place)
                node.children[choice] = Node()
                self._nodes += 1
            else:
                choice = self._best_child(node)
            expanded = not node.children[choice].visits
            node = node.children[choice]
            prefix.append(choice)
            path.append(node)
            if expanded:
                break
        for each in path:
            each.visits += 1
        if len(prefix) == decisions:
            self._close(path)
        return prefix

    def _best_child(self, node: Node) -> int:
        log = math.log(node.visits + 1)
        weight, exploration = self._maximum, self._exploration

        def value(choice: int) -> float:
            child = node.children[choice]
            visits = max(1, child.visits)
            value = weight * child.best + (1 - weight) * child.total / visits
            return value + exploration * math.sqrt(log / visits)

        return max(
            (c for c, child in node.children.items() if not child.done), key=value
        )

    @staticmethod
    def _close(path: list[Node]) -> None:
        """Mark a row, and every prefix of it that has no other row left, as done."""
        path[-1].done = True
        for node in reversed(path[:-1]):
            if node.untried or not all(each.done for each in node.children.values()):
                return
            node.done = True

    def _complete(self, prefixes: list[list[int]]) -> Rows:
        """Random rows that begin with prefixes, drawn together."""
        decisions = len(self._space.choices)
        rows = np.zeros((len(prefixes), decisions), np.int64)
        lengths = np.array([len(prefix) for prefix in prefixes])
        for row, prefix in zip(rows, prefixes, strict=True):
            row[: len(prefix)] = prefix
        for k in range(int(lengths.min()), decisions):
            places = np.flatnonzero(lengths <= k)
            allowed = self._space.masks(rows[places, :k])
            noise = self._rng.random(allowed.shape)
            rows[places, k] = np.where(allowed, noise, -1.0).argmax(axis=1)
        return rows

    def _path(self, row: Rows, depth: int) -> list[Node]:
        path = [self._root]
        for choice in row[:depth].tolist():
            path.append(path[-1].children[choice])
        return path

    def _add(self, row: Rows, depth: int, reward: float) -> None:
        """Add the reward of a roll-out to the nodes that it visited."""
        for node in self._path(row, depth):
            node.total += reward
            node.best = max(node.best, reward)

    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Back the results up.

        Returns:
            ``nodes`` of the tree, ``tree_best`` and ``tree_mean`` (rewards).
        """
        rules = self._seen.digests(ask.rows)
        for row, rule, note, reward in zip(
            ask.rows, rules, ask.notes[:, 0].tolist(), rewards.tolist(), strict=True
        ):
            if not np.isnan(reward):
                self._known[rule] = reward
                self._add(row, int(note), reward)
        return {
            "nodes": float(self._nodes),
            "tree_best": self._root.best,
            "tree_mean": self._root.total / max(1, self._root.visits),
        }

    def _state(self) -> dict[str, Any]:
        return {
            "known": dict(self._known),
            "tree": _flat(self._root),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self._known = dict(state["known"])
        self._root = _tree(state["tree"])
        self._nodes = len(state["tree"])


def _flat(root: Node) -> list[list[Any]]:
    """The nodes of a tree, each after its parent: its place and decision, numbers."""
    flat: list[list[Any]] = []
    waiting = [(root, -1, -1)]
    for node, parent, choice in waiting:
        place = len(flat)
        flat.append([parent, choice, node.visits, node.total, node.best, node.done])
        waiting += [(child, place, c) for c, child in node.children.items()]
    return flat


def _tree(flat: list[list[Any]]) -> Node:
    nodes: list[Node] = []
    for parent, choice, visits, total, best, done in flat:
        node = Node()
        node.visits, node.total, node.best, node.done = visits, total, best, done
        if parent >= 0:
            nodes[parent].children[choice] = node
        nodes.append(node)
    return nodes[0]
