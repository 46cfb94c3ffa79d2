"""The objective of searches whose scores are kept and shared."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from experiments.table.results import Results
from neuralopt import Score
from neuralopt.cli.build import SearchParts, build_search
from neuralopt.cli.config.compose import compose_settings
from neuralopt.evaluators import Completion, Evaluator, Request
from neuralopt.evaluators.evaluator import Workers
from neuralopt.language import parse
from neuralopt.scoring.score import NO_RESULT

OBJECTIVE = ("task=suite", "budget=suite", "budget.horizons=[]", "searcher=uniform")


class MemoEvaluator:
    """Answers from a memo, and trains what it does not hold.

    Args:
        evaluator: trains rules.
        memo: scores so far, of one seed of training.
    """

    def __init__(self, evaluator: Evaluator, memo: Results) -> None:
        self._evaluator, self._memo = evaluator, memo
        self._known: list[Completion] = []
        self._texts: dict[int, str] = {}
        self._began = 0.0
        self.trained, self.seconds = 0, 0.0

    def workers(self) -> Workers:
        """Return what the workers are doing."""
        return self._evaluator.workers()

    def submit(self, requests: Sequence[Request]) -> None:
        """Look requests up, and queue those that are not known.

        Args:
            requests: to be scored.
        """
        new = []
        for request in requests:
            score = self._memo.scores.get(str(request.rule))
            if score is None:
                new.append(request)
            else:
                known = Completion(request.number, score, 0.0, "memo")
                self._known.append(known)
        if new and not self._texts:
            self._began = time.perf_counter()
        self._texts |= {request.number: str(request.rule) for request in new}
        self._evaluator.submit(new)

    def collect(self, timeout: float) -> list[Completion]:
        """Return what was completed since the last call.

        Args:
            timeout: seconds to wait for the first completion that is not known.
        """
        known, self._known = self._known, []
        if known:
            return known
        done = [each for each in self._evaluator.collect(timeout) if not each.retried]
        found = {self._texts.pop(each.number): each.score for each in done}
        kept = {t: s for t, s in found.items() if s.status not in NO_RESULT}
        if kept:
            self._memo.add(kept)
            now = time.perf_counter()
            self.trained += len(kept)
            self.seconds, self._began = self.seconds + now - self._began, now
        return done

    def close(self) -> None:
        """Shut the other evaluator down."""
        self._evaluator.close()

    def drain(self) -> None:
        """Wait for what an ended search still asked for, and keep its scores."""
        while self._texts:
            self.collect(1.0)
        self._known.clear()

    def scores(self, texts: Sequence[str]) -> list[Score]:
        """Return the scores of rules.

        Args:
            texts: canonical.
        """
        self.submit([Request(n, parse(text)) for n, text in enumerate(texts)])
        found: dict[int, Score] = {}
        while len(found) < len(texts):
            found |= {each.number: each.score for each in self.collect(1.0)}
        return [found[n] for n in range(len(texts))]


class Objective:
    """The suite after five epochs, without shortlist and pruning; see `loop.search`.

    Args:
        work: folder of the memo, which all spaces share, and of the searches.
        groups: of the space `from_scratch`.
        workers: threads; 0 is one a core.
    """

    def __init__(self, work: Path, groups: int, workers: int) -> None:
        self._work, self._groups, self._workers = work, groups, workers
        self.folder = work / f"groups{groups}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.space = self._parts(0).space
        self._evaluators: dict[int, MemoEvaluator] = {}

    def _parts(self, seed: int) -> SearchParts:
        return build_search(
            compose_settings(
                [
                    *OBJECTIVE,
                    "space=from_scratch",
                    f"space.groups={self._groups}",
                    f"evaluator.options.workers={self._workers}",
                    f"seed={seed}",
                ]
            )
        )

    def evaluator(self, seed: int) -> MemoEvaluator:
        """Return the evaluator of a seed of training; it is made once.

        Args:
            seed: of the trainings.
        """
        if seed not in self._evaluators:
            parts = self._parts(seed)
            objective = {**parts.objective(), "seed": seed}
            del objective["space"]
            memo = Results(self._work / f"memo{seed}.jsonl", objective)
            parts.adam = dict(memo.adam)
            made = parts.evaluator()
            memo.begin(parts.adam)
            self._evaluators[seed] = MemoEvaluator(made, memo)
        return self._evaluators[seed]

    def means(self, texts: Sequence[str], seeds: Sequence[int]) -> dict[str, float]:
        """Return the mean qualities of rules over seeds of training.

        Args:
            texts: canonical.
            seeds: of the trainings.
        """
        each = [self.evaluator(seed).scores(texts) for seed in seeds]
        return {
            text: fmean(score.quality or 0.0 for score in scores)
            for text, scores in zip(texts, zip(*each, strict=True), strict=True)
        }

    def close(self) -> None:
        """Shut all evaluators down."""
        for each in self._evaluators.values():
            each.close()
