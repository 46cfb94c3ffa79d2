"""The evaluator that answers from a table: nothing is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from neuralopt.evaluators.evaluator import Completion, Request, Workers
from neuralopt.language import Expression
from neuralopt.scoring.replicates import FIRST_SHORTLIST_REPLICATE
from neuralopt.scoring.score import Score
from neuralopt.tables import Table


class TabularEvaluator:
    """Answers with the scores of a table, at once.

    Its scores are final: with several tasks they are already related to Adam's. What is
    measured on replicate 500 + k (see `Request`) is answered with another of the
    table's seeds: the one k + 1 places after the seed of the search, counted round, as
    long as there are others: a measurement must not repeat the score that selected a
    rule, so what lies beyond fails. A
    rule that was stopped early under that seed has the quality it was stopped with.

    Args:
        table: of the searched space, scored on the searched objective.
        seed: one of the table's; what the searcher is told.
        mean: tell the searcher the mean over all seeds instead.

    Raises:
        ValueError: the table does not have the seed.
    """

    def __init__(self, table: Table, seed: int = 0, mean: bool = False) -> None:
        self._table, self._mean = table, mean
        self._column = table.column(seed)
        self._done: list[Completion] = []

    @property
    def adam(self) -> dict[str, float]:
        """Adam's quality on each part of the objective, for the seed searched on."""
        return dict(self._table.metadata["adam"][self._column])

    def check(self, objective: Mapping[str, Any]) -> None:
        """Check that a search has the space and the objective of the table.

        Args:
            objective: as `SearchParts.objective` returns it.

        Raises:
            ValueError: something differs, in one line with the remedy.
        """
        self._table.check(objective)

    def workers(self) -> Workers:
        """Return one worker, which is never busy."""
        return Workers(alive=1)

    def submit(self, requests: Sequence[Request]) -> None:
        """Look requests up.

        Args:
            requests: to be scored.
        """
        self._done += [
            Completion(
                request.number,
                self._score(request.rule, request.replicate),
                0.0,
                "table",
                replicate=request.replicate,
            )
            for request in requests
        ]

    def _score(self, rule: Expression, replicate: int | None) -> Score:
        seeds = self._table.seeds
        seed: int | None = seeds[self._column]
        if replicate is not None:
            # A score must not be measured on the seed that selected it, nor twice.
            step = replicate - FIRST_SHORTLIST_REPLICATE + 1
            if self._mean or not 1 <= step < len(seeds):
                many = "the mean" if self._mean else f"{len(seeds) - 1} other seeds"
                why = f"replicate {replicate} is not in the table, which has {many}"
                return Score("failed", reason=why)
            seed = seeds[(self._column + step) % len(seeds)]
        elif self._mean:
            seed = None
        try:
            return self._table.lookup(rule, seed)
        except ValueError as error:
            return Score("failed", reason=str(error))

    def collect(self, timeout: float) -> list[Completion]:
        """Return what was submitted since the last call.

        Args:
            timeout: not used: everything is completed when it is submitted.

        Returns:
            Completions; empty if nothing was submitted.
        """
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Forget what was not collected."""
        self._done.clear()
