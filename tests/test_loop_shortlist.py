"""The search loop measures the best: the same for any workers and interruptions."""

import random
import threading
import time
from collections import Counter

import numpy as np
import pytest

from neuralopt.archive import Archive
from neuralopt.evaluators import InProcessEvaluator
from neuralopt.loop import search
from neuralopt.scoring.score import Score
from neuralopt.shortlist.settling import ShortlistOptions
from neuralopt.verdict.intervals import mean_interval
from tests.test_loop import (
    BATCH,
    SPACE,
    TOTAL,
    Fuse,
    Fused,
    Interrupted,
    Notes,
    Scrambled,
    measured,
    same,
    score_of,
    searcher_of,
)

OPTIONS = ShortlistOptions(size=4, every=40, replicates=6)


@pytest.fixture
def archive_of(tmp_path):
    """Makes archives, which are closed at the end of the test."""
    made = []

    def make():
        path = tmp_path / f"{len(made)}.sqlite"
        made.append(Archive.create(path, {"seed": "0"}))
        return made[-1]

    yield make
    for archive in made:
        archive.close()


class Recording(Scrambled):
    """Notes what it was asked to measure."""

    def __init__(self, *rest):
        super().__init__(*rest)
        self.asked = []

    def submit(self, requests):
        super().submit(requests)
        self.asked += [r.key for r in requests if r.replicate is not None]


def run(archive, evaluator=None, lag=1, options=OPTIONS, batch=BATCH, **rest):
    return search(
        SPACE,
        searcher_of(),
        evaluator or Scrambled(),
        archive,
        TOTAL,
        batch,
        lag,
        shortlist=options,
        **rest,
    )


def test_a_search_measures_nothing_unless_it_is_told_to(archive_of):
    evaluator = Recording()
    archive = search(SPACE, searcher_of(), evaluator, archive_of(), TOTAL, BATCH)
    off = Recording()
    other = run(archive_of(), off, lag=0, options=ShortlistOptions(size=0))
    assert evaluator.asked == off.asked == []
    assert archive.replicates() == archive.shortlist() == []
    same(archive, other)


def test_the_shortlist_is_of_what_the_archive_keeps(archive_of):
    archive = run(archive_of())
    places = archive.shortlist()
    assert len(places) == OPTIONS.size
    for place in places:
        text = archive.proposal(place.number).canonical
        kept = archive.replicates(place.number)
        assert [each.replicate for each in kept] == [500 + n for n in range(len(kept))]
        for each in kept:
            assert each.score == measured(text, each.replicate)
        values = [e.score.quality for e in kept if e.score.status != "failed"]
        assert place.replicates == len(values)
        assert place.mean == pytest.approx(sum(values) / len(values))
        low, high = mean_interval(values)
        assert (place.low, place.high) == pytest.approx((low, high))
    best = archive.best(OPTIONS.size)
    assert [p.number for p in best] == [place.number for place in places]
    assert best != archive.best_by_score(OPTIONS.size), "no test of anything"


def test_searchers_and_proposals_know_nothing_of_the_shortlist(archive_of):
    plain = run(archive_of(), options=None)
    measuring = run(archive_of())
    assert list(plain.rows()) == list(measuring.rows())
    assert measuring.replicates() != []


def test_every_candidate_is_measured_a_bounded_number_of_times(archive_of):
    evaluator = Recording()
    archive = run(archive_of(), evaluator)
    asked = Counter(evaluator.asked)
    rules = Counter(number for number, _ in set(evaluator.asked))
    assert max(rules.values()) <= OPTIONS.replicates
    # Three times of measuring before the end; the twelve best of each may be new.
    assert len(rules) <= 4 * 3 * OPTIONS.size
    # Trained twice only where the first attempt failed.
    statuses = {(r.number, r.replicate): r.score.status for r in archive.replicates()}
    assert asked.keys() == statuses.keys()
    for key, times in asked.items():
        assert times == (2 if statuses[key] == "failed" else 1)
    assert "failed" in statuses.values()
    assert "diverged" in statuses.values()


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_any_order_of_completion_gives_the_same_archive(archive_of, lag):
    one = run(archive_of(), Scrambled(1), lag=lag)
    same(one, run(archive_of(), Scrambled(2), lag=lag))


def test_one_worker_and_two_give_the_same_archive(archive_of):
    def scorer(rules, replicate=None):
        time.sleep(0.0005 * random.random())
        texts = map(str, rules)
        if replicate is None:
            return [score_of(text) for text in texts]
        return [measured(text, replicate) for text in texts]

    archives = []
    for workers in (1, 2):
        evaluator = InProcessEvaluator(scorer, workers, batch=3)
        try:
            archives.append(run(archive_of(), evaluator))
        finally:
            evaluator.close()
    assert archives[0].shortlist()
    same(*archives)


WRITES = (
    *("record", "commit", "save_checkpoint"),
    *("save_replicates", "save_shortlist", "save_behaviours"),
)


def interrupted_run(path, seed, lag, unlucky, names=False):
    rng = random.Random(seed)
    Archive.create(path, {"seed": "0"}).close()
    asked = Counter()
    for times in range(1000):
        fuse = Fuse(rng.randint(1, 150))
        evaluator = Recording(rng.random(), unlucky)
        try:
            with Archive.open(path, writable=True) as archive:
                kept = {(r.number, r.replicate) for r in archive.replicates()}
                search(
                    SPACE,
                    Fused(searcher_of(), fuse, ("ask", "tell")),
                    Fused(evaluator, fuse, ("submit", "collect")),
                    Fused(archive, fuse, WRITES),
                    TOTAL,
                    BATCH,
                    lag,
                    shortlist=OPTIONS,
                    names=names,
                )
        except Interrupted:
            pass
        else:
            return times
        finally:
            assert not kept & set(evaluator.asked), "measured again"
            asked.update(evaluator.asked)
    raise AssertionError("a search that is interrupted so often never ends")


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("seconds", [float("inf"), -1.0], ids=["rare", "always"])
def test_a_search_interrupted_anywhere_ends_as_an_undisturbed_one(
    archive_of, tmp_path, monkeypatch, lag, seconds
):
    undisturbed = run(archive_of(), lag=lag)
    monkeypatch.setattr("neuralopt.loop.CHECKPOINT_SECONDS", seconds)
    times = 0
    for seed in range(2):
        path = tmp_path / f"interrupted-{seed}.sqlite"
        times += interrupted_run(path, seed, lag, Counter())
        with Archive.open(path) as found:
            same(undisturbed, found)
    assert times >= 2, "too few to show anything"


@pytest.mark.parametrize("lag", [0, 1])
def test_a_search_that_is_stopped_continues_where_it_was(archive_of, lag):
    undisturbed = run(archive_of(), lag=lag)
    archive = archive_of()
    rng = random.Random(lag)
    for stops in range(1000):
        stop, evaluator = threading.Event(), Recording(stops)
        kept = {(r.number, r.replicate) for r in archive.replicates()}
        collect, left = evaluator.collect, rng.randint(1, 5)

        def counted(timeout, collect=collect, stop=stop):
            nonlocal left
            left -= 1
            if not left:
                stop.set()
            return collect(timeout)

        evaluator.collect = counted
        run(archive, evaluator, lag=lag, stop=stop)
        assert not kept & set(evaluator.asked), "measured again"
        if not stop.is_set():
            break
    assert stops >= 2
    same(undisturbed, archive)


def test_a_finished_search_that_lost_its_shortlist_makes_it_without_training(
    archive_of,
):
    archive = run(archive_of())
    places = archive.shortlist()
    others = archive.measured()
    archive.save_shortlist([])
    evaluator = Recording()
    run(archive, evaluator)
    assert archive.shortlist() == places
    assert archive.measured() == others
    assert len(others) > len(places)
    assert evaluator.asked == []


class LuckySeed(Scrambled):
    """One bad rule has a perfect score on the seed that the search is told."""

    lucky = None

    def _score(self, text, replicate=None):
        if self.lucky is None:
            self.lucky = text
        if text != self.lucky:
            return score_of(text) if replicate is None else measured(text, replicate)
        return Score("scored", 0.999999 if replicate is None else 0.01, lr=0.1)


def test_a_rule_with_a_lucky_seed_is_not_the_best(archive_of):
    evaluator = LuckySeed()
    archive = run(archive_of(), evaluator)
    (first,) = archive.best_by_score(1)
    assert first.canonical == evaluator.lucky
    places = archive.shortlist()
    assert first.number not in {place.number for place in places}
    assert first not in archive.best(len(archive.measured()) - 1)
    assert archive.best(1)[0].number == places[0].number


def test_observers_see_the_shortlist_and_what_it_cost(archive_of):
    notes = Notes()
    archive = run(archive_of(), observers=[notes])
    assert notes.seen[0].shortlist == ()
    assert notes.seen[0].measurements == 0
    counts = [progress.measurements for progress in notes.seen]
    assert counts == sorted(counts)
    last = notes.seen[-1]
    assert last.shortlist == tuple(archive.shortlist())
    assert last.measurements == len(archive.replicates())
    assert last.measured == len({each.number for each in archive.replicates()})
    assert last.measuring == 0
    assert list(last.best) == archive.best(20)
    assert last.trained == sum(
        last.counts[status] for status in ("scored", "diverged", "failed")
    )


class FixedRows:
    """A searcher that asks for the same rows in batches of any size."""

    def __init__(self):
        self._rows, self._next = SPACE.sample(TOTAL, np.random.default_rng(5)), 0

    def ask(self, count):
        self._next += count
        return self._rows[self._next - count : self._next]

    def tell(self, rows, rewards):
        return {}

    def state_dict(self):
        return {"next": self._next}

    def load_state_dict(self, state):
        self._next = state["next"]


@pytest.mark.parametrize("every", [1, 7, 1000])
def test_milestones_do_not_depend_on_batches(archive_of, every):
    options = ShortlistOptions(size=2, every=every, replicates=4)
    searches = [
        search(
            SPACE,
            FixedRows(),
            Scrambled(batch),
            archive_of(),
            TOTAL,
            batch,
            shortlist=options,
        )
        for batch in (8, 24)
    ]
    same(*searches)
    assert len(searches[0].shortlist()) == 2
