"""The archive of a search says where each proposal came from."""

from pathlib import Path

import pytest

from neuralopt.archive import Archive
from neuralopt.digests import rule_digest
from neuralopt.loop import search
from neuralopt.origin import Origin
from neuralopt.searchers import make_searcher
from tests.test_loop import BATCH, SPACE, Scrambled, Watched, searcher_of

TOTAL = 160


class Recorded(Watched):
    """A searcher whose origins are kept as it says them."""

    def __init__(self, searcher):
        super().__init__(searcher)
        self.said: list[Origin] = []

    def origins(self):
        found = self._searcher.origins()
        self.said += found
        return found


@pytest.mark.parametrize(
    ("kind", "grow"),
    [("evolution", False), ("hill_climbing", False), ("quality_diversity", True)],
)
def test_parents_are_the_proposals_of_the_rules_that_the_searcher_names(
    tmp_path: Path, kind: str, grow: bool
):
    searcher = Recorded(make_searcher(kind, SPACE, 0, grow=grow))
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        search(SPACE, searcher, Scrambled(), archive, TOTAL, BATCH, lag=1)
        origins, rules = archive.origins(), [p.canonical for p in archive]
    assert [each.number for each in origins] == list(range(TOTAL))
    assert any(each.parents for each in origins)
    for number, (kept, said) in enumerate(zip(origins, searcher.said, strict=True)):
        assert kept.kind == said.kind
        found = tuple(rule_digest(rules[parent]) for parent in kept.parents)
        assert found == said.parents
        assert all(parent < number - number % BATCH for parent in kept.parents)


def test_the_child_of_a_small_rule_that_was_passed_on_has_it_as_parent(tmp_path: Path):
    searcher = make_searcher("hill_climbing", SPACE, 0, grow=True)
    small = SPACE.smaller()[0]
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        search(SPACE, searcher, Scrambled(), archive, 600, BATCH)
        rules = [p.canonical for p in archive]
        parents = {
            rules[parent] for each in archive.origins() for parent in each.parents
        }
        passed_on = {rules[e.number] for e in archive.origins() if e.kind == "enqueued"}
    of_one_group = set(small.canonical(next(small.rows(small.size))))
    assert passed_on & of_one_group
    assert passed_on & parents


def test_a_searcher_that_does_not_say_has_no_origins(tmp_path: Path):
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        search(SPACE, Watched(searcher_of()), Scrambled(), archive, 40, BATCH)
        assert len(archive) == 40
        assert archive.origins() == []


def test_a_wrong_number_of_origins_is_one_clear_error(tmp_path: Path):
    class Short(Watched):
        def origins(self):
            return self._searcher.origins()[1:]

    with (
        Archive.create(tmp_path / "a.sqlite", {}) as archive,
        pytest.raises(ValueError, match=f"Short has {BATCH - 1} origins for {BATCH}"),
    ):
        search(SPACE, Short(searcher_of()), Scrambled(), archive, 40, BATCH)
