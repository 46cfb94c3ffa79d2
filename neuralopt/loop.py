"""Run a search: ask, look up, probe, evaluate, commit, tell, and measure the best.

A score is committed before the searcher is told, and results are told in the order of
asking, `lag` batches behind. So what is proposed depends on the seed and the lag, not
on the number of workers or on interruptions, and a killed search continues by replaying
ask and tell from the archive.

At milestones the best proposals told so far are measured on fresh replicates until
their places on the shortlist are settled; the searcher is not told of that.
"""

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from neuralopt.archive import (
    Archive,
    ArchiveError,
    Execution,
    OriginRecord,
    Proposal,
)
from neuralopt.archive.ranking import ranking
from neuralopt.evaluators.evaluator import Completion, Evaluator, Request
from neuralopt.garbage import rare_collections
from neuralopt.language import Expression, parse
from neuralopt.naming import Naming
from neuralopt.observer import Observer, Progress
from neuralopt.origin import UNKNOWN, origins_of
from neuralopt.outcomes import Outcomes
from neuralopt.scoring.probes import rejections
from neuralopt.scoring.score import Score
from neuralopt.searchers import Searcher
from neuralopt.searchers.preferences import preferences_of
from neuralopt.shortlist.measuring import Measuring
from neuralopt.shortlist.settling import ShortlistOptions
from neuralopt.spaces import Space

CHECKPOINT_SECONDS = 10.0
MAXIMUM_FAILURES = 2
"""How often a training may break. Attempts lost with a worker are not counted."""
POLL_SECONDS = 0.2
WAITING_SECONDS = 2.0
SHOWN_BEST = 20
NAMED_TOGETHER = 4096


@rare_collections()
def search(
    space: Space,
    searcher: Searcher,
    evaluator: Evaluator,
    archive: Archive,
    proposals: int = 1000,
    batch: int = 64,
    lag: int = 0,
    observers: Sequence[Observer] = (),
    stop: threading.Event | None = None,
    shortlist: ShortlistOptions | None = None,
    names: bool = False,
    evaluations: int = 0,
) -> Archive:
    """Run or continue a search until the requested number of proposals is told.

    Args:
        space: decodes the searcher's rows.
        searcher: proposes rows and learns from rewards.
        evaluator: scores rules.
        archive: open for writing; what it holds already is replayed, not trained again.
        proposals: of the whole search.
        batch: proposals asked for at once.
        lag: batches asked ahead of the oldest that is not told. A larger one keeps more
            workers busy, and the searcher learns later.
        observers: told of the progress.
        stop: once set, the search saves its place and returns early.
        shortlist: how the best rules are measured on fresh replicates; by default they
            are not. The evaluator must then score requests of a single replicate.
        names: whether rules are named by what they do; see `Naming`. Only the best one
            of those that behave alike is then measured for the shortlist.
        evaluations: rules to be trained, 0 for no limit. Once as many of the told
            proposals were trained (neither duplicates nor rejected), nothing more is
            asked for; what was asked for by then is told, and the search ends.

    Returns:
        The archive.

    Raises:
        ValueError: a number is out of range.
        ArchiveError: the archive fails, or does not belong to this searcher and seed.
    """
    for name, value, least in (
        ("proposals", proposals, 1),
        ("batch", batch, 1),
        ("lag", lag, 0),
        ("evaluations", evaluations, 0),
    ):
        if value < least:
            raise ValueError(f"{name} is {value}: give {least} or more")
    run = _Search(space, searcher, evaluator, archive, proposals, batch, lag)
    run.evaluations = evaluations
    run.shortlist = Measuring(
        archive, shortlist or ShortlistOptions(size=0), MAXIMUM_FAILURES
    )
    run.naming = Naming(archive) if names else None
    for observer in observers:
        observer.start(proposals, run.told)
    try:
        run.run(observers, stop or threading.Event())
    finally:
        for observer in observers:
            observer.close()
    return archive


class _Search:
    """The state of a running search.

    Attributes:
        asked: proposals asked for so far.
        told: proposals told so far.
        named: proposals before this number have been named.
        recorded: proposals in the archive, of which those after `asked` are being
            replayed.
        outcomes: of all proposals.
        highest: score of the proposals told so far.
        rules: canonical forms of pending proposals, by number.
        shortlist: measurements of the best.
        naming: names of rules, if they are wanted.
        evaluations: rules to be trained, 0 for no limit.
    """

    shortlist: Measuring
    naming: Naming | None = None
    evaluations: int = 0

    def __init__(
        self,
        space: Space,
        searcher: Searcher,
        evaluator: Evaluator,
        archive: Archive,
        total: int,
        batch: int,
        lag: int,
    ) -> None:
        self.space, self.searcher = space, searcher
        self.evaluator, self.archive = evaluator, archive
        self.total, self.batch, self.lag = total, batch, lag
        self.asked = self.told = self.trained = self.named = 0
        self.started = self.saved = time.monotonic()
        self.recorded = len(archive)
        self.pending: dict[int, Proposal] = {}
        self.rules: dict[int, Expression] = {}
        self.attempts: Counter[int] = Counter()
        self.failures: Counter[int] = Counter()
        self.counts = archive.counts()
        self.outstanding: list[np.ndarray] = []
        self.outcomes = Outcomes(archive.outcomes())
        for proposal in archive.proposals("pending"):
            self._remember(proposal)
        checkpoint = archive.checkpoint()
        if checkpoint is not None:
            self._restore(checkpoint.asked, checkpoint.told, checkpoint.state)
        self.highest = self.outcomes.highest(0, self.told)

    def _remember(self, proposal: Proposal) -> None:
        if proposal.status == "pending":
            self.pending[proposal.number] = proposal
        self.outcomes.note(
            proposal.number,
            proposal.status,
            proposal.original,
            proposal.quality,
            0 if proposal.score is None else len(proposal.score.tasks),
        )

    def _restore(self, asked: int, told: int, state: bytes) -> None:
        self.searcher.load_state_dict(torch.load(io.BytesIO(state), weights_only=True))
        self.asked, self.told = asked, told
        for start in range(told, asked, self.batch):
            stop = min(start + self.batch, asked)
            rows = [p.decisions for p in self.archive.proposals(start=start, stop=stop)]
            self.outstanding.append(np.array(rows, dtype=np.int64))

    def run(self, observers: Sequence[Observer], stop: threading.Event) -> None:
        again = list(self.pending.values())
        for proposal in again:
            self.rules[proposal.number] = parse(proposal.canonical)
            for execution in self.archive.executions(proposal.number):
                self.attempts[proposal.number] += 1
                self.failures[proposal.number] += execution.outcome == "failed"
        self._submit(again)
        self._end_if_spent()
        self._settle(observers, stop)  # what an earlier process was stopped in
        while self.told < self.total and not stop.is_set():
            while self.asked < self.total and len(self.outstanding) <= self.lag:
                self._ask()
            if self._wait_for_oldest(observers, stop):
                told = self._tell()
                self._end_if_spent()
                self._settle(observers, stop)
                if observers:
                    progress = self._progress(*told)
                    for observer in observers:
                        observer.batch(progress)
                if time.monotonic() - self.saved > CHECKPOINT_SECONDS:
                    self._save()
        if self.told:
            self._save()

    def _end_if_spent(self) -> None:
        """Ask for nothing more once enough of the told proposals were trained."""
        limit = self.evaluations
        if limit and self.outcomes.evaluations(0, self.told) >= limit:
            self.total = self.asked

    def _ask(self) -> None:
        count = min(self.batch, self.total - self.asked)
        rows = self.searcher.ask(count)
        self.outstanding.append(rows)
        start, self.asked = self.asked, self.asked + count
        if start < self.recorded:
            self._check_replay(start, rows)
            return
        proposals, rules = self._propose(start, rows)
        self.archive.record(proposals, self._origins(start, count))
        self.recorded = self.asked
        self.rules |= rules
        for proposal in proposals:
            self._remember(proposal)
            self.counts[proposal.status] += 1
        self._submit([p for p in proposals if p.status == "pending"])

    def _check_replay(self, start: int, rows: np.ndarray) -> None:
        stop = start + len(rows)
        recorded = self.archive.proposals(start=start, stop=stop)
        found = [proposal.decisions for proposal in recorded]
        if found != [tuple(row) for row in rows.tolist()]:
            raise ArchiveError(
                f"archive {self.archive.path}: proposals {start} to {stop - 1} are not "
                "what this searcher asks for: resume with the same neuralopt version, "
                "torch and kind of processor, or start a new run"
            )

    def _propose(
        self, start: int, rows: np.ndarray
    ) -> tuple[list[Proposal], dict[int, Expression]]:
        """What to record of rows, and the rules to be trained, by number."""
        decoded = self.space.rules(rows)
        texts = sorted({str(each.canonical) for each in decoded if each is not None})
        numbers = self.archive.numbers_of(texts)
        known = dict(zip(texts, numbers, strict=True))
        proposals: list[Proposal] = []
        fresh: dict[int, Expression] = {}  # by place in the batch
        for place, (each, decisions) in enumerate(
            zip(decoded, map(tuple, rows.tolist()), strict=True)
        ):
            number = start + place
            if each is None:
                invalid = Score("rejected", reason="no row of this space")
                proposals.append(Proposal(number, decisions, "", "", score=invalid))
                continue
            text = str(each.canonical)
            original = known[text]
            proposals.append(
                Proposal(number, decisions, str(each.rule), text, original)
            )
            if original is None:
                known[text], fresh[place] = number, each.canonical
        rules = {}
        for place, reason in zip(fresh, rejections(list(fresh.values())), strict=True):
            if reason:
                score = Score("rejected", reason=reason)
                proposals[place] = replace(proposals[place], score=score)
            else:
                rules[start + place] = fresh[place]
        return proposals, rules

    def _origins(self, start: int, count: int) -> list[OriginRecord]:
        """Where the rows of the last ask come from, by numbers of proposals."""
        origins = origins_of(self.searcher, count)
        parents = {rule for each in origins for rule in each.parents}
        numbers = self.archive.numbers_of_digests(sorted(parents)) if parents else {}
        return [
            OriginRecord(
                start + place,
                origin.kind,
                *[numbers[rule] for rule in origin.parents if rule in numbers],
            )
            for place, origin in enumerate(origins)
            if origin != UNKNOWN
        ]

    def _submit(self, proposals: Sequence[Proposal]) -> None:
        if proposals:
            requests = [Request(p.number, self.rules[p.number]) for p in proposals]
            self.evaluator.submit(requests)

    def _wait_for_oldest(
        self, observers: Sequence[Observer], stop: threading.Event
    ) -> bool:
        """Commit results until the oldest batch is decided; False if stopped first."""
        start, end = self.told, self.told + len(self.outstanding[0])
        return self._wait(lambda: self.outcomes.undecided(start, end), observers, stop)

    def _settle(self, observers: Sequence[Observer], stop: threading.Event) -> None:
        """Measure the best at milestones that are due; return early if stopped."""
        for milestone in self.shortlist.milestones(self.told, self.total):
            self._name_until(milestone)
            self.shortlist.enter(milestone, self._candidates(milestone))
            while requests := self.shortlist.requests():
                self.evaluator.submit(requests)
                if not self._wait(lambda: self.shortlist.open > 0, observers, stop):
                    return
            if not self.shortlist.is_due(self.told, self.total):
                self.shortlist.save()
        self._name_until(self.told)

    def _candidates(self, milestone: int) -> Mapping[int, float]:
        """Qualities of proposals that may be measured from a milestone on."""
        found = self.outcomes.qualities(self.shortlist.reached, milestone)
        if self.naming is None:
            return found
        best = self.naming.best_of_classes(found, self.shortlist.numbers)
        return {number: found[number] for number in best}

    def _name_until(self, end: int) -> None:
        """Name the proposals before a number, which were told.

        A milestone knows the names of what came before it, on resuming too.
        """
        if self.naming is None:
            return
        while self.named < end:
            start, self.named = self.named, min(self.named + NAMED_TOGETHER, end)
            found: dict[int, float | None] = {
                **self.outcomes.qualities(start, self.named),
                **dict.fromkeys(self.outcomes.stopped_late(start, self.named)),
            }
            self.naming.tell(dict(sorted(found.items())))

    def _wait(
        self,
        unfinished: Callable[[], bool],
        observers: Sequence[Observer],
        stop: threading.Event,
    ) -> bool:
        """Commit results while something is unfinished; False if stopped first."""
        shown = time.monotonic()
        while unfinished():
            if stop.is_set():
                return False
            done = self.evaluator.collect(POLL_SECONDS)
            self._commit([each for each in done if each.replicate is None])
            self._keep([each for each in done if each.replicate is not None])
            self.archive.heartbeat()
            if time.monotonic() - shown > WAITING_SECONDS:
                shown, progress = time.monotonic(), self._progress([], {})
                for observer in observers:
                    observer.waiting(progress)
        return True

    def _keep(self, measured: Sequence[Completion]) -> None:
        again = self.shortlist.take(measured) if measured else []
        if again:
            self.evaluator.submit(again)

    def _commit(self, completions: Sequence[Completion]) -> None:
        updates: list[Proposal] = []
        executions: list[Execution] = []
        again: list[Proposal] = []
        for done in completions:
            proposal = self.pending[done.number]
            self.attempts[done.number] += 1
            executions.append(
                Execution(
                    done.number,
                    self.attempts[done.number],
                    done.score.reason if done.retried else done.score.status,
                    done.seconds,
                    done.worker,
                    time.time(),
                )
            )
            if done.retried:
                continue
            failed = done.score.status == "failed"
            self.failures[done.number] += failed
            if failed and self.failures[done.number] < MAXIMUM_FAILURES:
                again.append(proposal)
            else:
                updates.append(replace(proposal, score=done.score))
        if executions:
            self.archive.commit(updates, executions)
        for update in updates:
            del self.pending[update.number], self.rules[update.number]
            self._remember(update)
            self.counts["pending"] -= 1
            self.counts[update.status] += 1
        self.trained += len(updates)
        self._submit(again)

    def _tell(self) -> tuple[list[float], dict[str, float]]:
        rows = self.outstanding.pop(0)
        start, stop = self.told, self.told + len(rows)
        rewards = self.outcomes.rewards(start, stop)
        diagnostics = self.searcher.tell(rows, rewards)
        self.highest = max(self.highest, self.outcomes.highest(start, stop))
        self.told = stop
        return rewards, diagnostics

    def _progress(
        self, rewards: Sequence[float], diagnostics: Mapping[str, float]
    ) -> Progress:
        return Progress(
            self.told,
            self.total,
            dict(self.counts),
            tuple(rewards),
            tuple(self.archive.best(SHOWN_BEST)),
            diagnostics,
            time.monotonic() - self.started,
            self.trained,
            self.evaluator.workers(),
            self.shortlist.places,
            self.shortlist.measurements,
            self.shortlist.rules,
            self.shortlist.open,
            () if self.naming is None else self.naming.rediscoveries,
            self.outcomes.evaluations(0, self.told),
            lambda: ranking(self.archive, SHOWN_BEST),
            lambda: preferences_of(self.searcher),
            self.highest,
            self.evaluations,
        )

    def _save(self) -> None:
        buffer = io.BytesIO()
        torch.save(self.searcher.state_dict(), buffer)
        self.archive.save_checkpoint(self.asked, self.told, buffer.getvalue())
        self.saved = time.monotonic()
