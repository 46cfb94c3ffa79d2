"""Cards of a run: measurements are made once and kept in its folder ``cards``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from neuralopt.archive.ranking import RankedRule
from neuralopt.language import LANGUAGE_VERSION, Expression
from neuralopt.views.card.card import Card, card_of_proposal, card_of_rule
from neuralopt.views.card.measure import (
    BASELINES,
    SEEDS,
    Scoring,
    baseline,
    fan_rates,
    measure,
    work_of_card,
)
from neuralopt.views.card.measurements import Measurements
from neuralopt.whole_file import write_whole

FOLDER = "cards"
FORMAT = 2
"""Raised whenever what is measured, or how it is kept, changes."""


class CardStore:
    """Measures rules for their cards, unless a file of the same measurement exists.

    A file that is damaged, or of another rule, task, budget, seed or format, is
    measured anew. A folder that can't be written is left alone.

    Args:
        folder: such as ``RUN/cards``; None to keep nothing.
        scoring: tasks, budget and numerics of the run; None to measure nothing.
    """

    def __init__(self, folder: str | Path | None, scoring: Scoring | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._scoring = scoring
        self._baselines: dict[str, Measurements] = {}

    @property
    def work(self) -> float:
        """Evaluations that measuring one rule is as long as; 0 without scoring."""
        return 0.0 if self._scoring is None else work_of_card(self._scoring)

    def missing(self, ranked: RankedRule) -> int:
        """Return how many rules, baselines included, would be trained for a card.

        Args:
            ranked: of the run's archive.

        Raises:
            ValueError: the proposal has no rule that this version can read.
        """
        scoring = self._scoring
        if scoring is None:
            return 0
        rules = {str(ranked.proposal.number): card_of_proposal(ranked).rule}
        rules |= {
            f"baseline-{each}": baseline(each)
            for each in BASELINES
            if each not in self._baselines
        }
        return sum(
            self._kept(rule, name, scoring) is None for name, rule in rules.items()
        )

    def card(self, ranked: RankedRule, train: bool = True) -> Card:
        """Return the card of a proposal.

        Args:
            ranked: of the run's archive.
            train: whether rules may be trained for it; else kept measurements are used.

        Returns:
            The card. Where nothing could be measured, its note says why.

        Raises:
            ValueError: the proposal has no rule that this version can read.
        """
        name = str(ranked.proposal.number)
        return self._measured(card_of_proposal(ranked), name, train)

    def card_of_rule(self, title: str, rule: Expression) -> Card:
        """Return the card of a rule that is not of the run; it is not kept.

        Args:
            title: such as its name.
            rule: in any form.

        Returns:
            The card. Where nothing could be measured, its note says why.
        """
        return self._measured(card_of_rule(title, rule), "")

    def _measured(self, card: Card, name: str, train: bool = True) -> Card:
        if self._scoring is None:
            return replace(card, note="Not measured")
        measure = self._measure if train else self._kept
        try:
            found = measure(card.rule, name, self._scoring)
            if found is None:
                return replace(card, note="Not measured")
            for each in BASELINES:
                if each not in self._baselines:
                    rule, file = baseline(each), f"baseline-{each}"
                    if other := measure(rule, file, self._scoring):
                        self._baselines[each] = other
        except ValueError as error:
            return replace(card, note=f"Not measured: {error}")
        others = {
            name: each
            for name, each in self._baselines.items()
            if each.rule != found.rule
        }
        return replace(card, measurements=found, baselines=others)

    def _measure(self, rule: Expression, name: str, scoring: Scoring) -> Measurements:
        if kept := self._kept(rule, name, scoring):
            return kept
        found = measure(rule, scoring)
        if path := self._path(name):
            mark = fingerprint(rule, scoring)
            _write(path, {"fingerprint": mark, **found.to_mapping()})
        return found

    def _kept(
        self, rule: Expression, name: str, scoring: Scoring
    ) -> Measurements | None:
        path = self._path(name)
        return None if path is None else _read(path, fingerprint(rule, scoring))

    def _path(self, name: str) -> Path | None:
        return self._folder / f"{name}.json" if self._folder and name else None


def fingerprint(rule: Expression, scoring: Scoring) -> str:
    """Return a text that differs for measurements that may differ.

    Args:
        rule: in canonical form.
        scoring: tasks, budget and numerics.
    """
    budget = asdict(scoring.budget)
    del budget["name"]
    depends = {
        "format": FORMAT,
        "language": LANGUAGE_VERSION,
        "rule": str(rule),
        "tasks": [task.fingerprint for task in scoring.tasks],
        "budget": budget,
        "rates": fan_rates(scoring.budget),
        "seeds": SEEDS,
        "seed": scoring.seed,
        "engine": scoring.engine,
        "numerics": str(scoring.numerics),
    }
    return sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()


def _read(path: Path, mark: str) -> Measurements | None:
    """The measurements of a file; None if there are none of this fingerprint."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        if kept["fingerprint"] != mark:
            return None
        return Measurements.from_mapping(kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file as a whole, or not at all."""
    text = json.dumps(content, separators=(",", ":")) + "\n"
    try:
        path.parent.mkdir(exist_ok=True)
        write_whole(path, text)
    except OSError:
        return
