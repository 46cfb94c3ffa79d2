"""Rules by the digests of their texts."""

import pytest

from neuralopt.archive import Archive, Proposal, known_rules
from neuralopt.archive.known_rules import KnownRules


@pytest.mark.parametrize("recent", [1, 7, 1 << 16])
def test_the_last_number_of_each_text_is_found(monkeypatch, recent):
    monkeypatch.setattr(known_rules, "RECENT", recent)
    known, expected = KnownRules(), {}
    for number in range(0, 300, 3):
        texts = [f"rule {number % 31}", f"rule {number % 17}", f"rule {number}"]
        numbers = [number, number + 1, number + 2]
        known.add(texts, numbers)
        expected |= dict(zip(texts, numbers, strict=True))
    texts = [*expected, "another"]
    assert known.candidates(texts) == [*expected.values(), None]
    assert known.candidates([]) == []


def test_a_digest_that_two_texts_share_is_told_apart_by_the_text(monkeypatch, tmp_path):
    monkeypatch.setattr(known_rules, "rule_digest", len)
    with Archive.create(tmp_path / "a.sqlite", {}) as archive:
        archive.record(
            [Proposal(0, (1,), "g", "g"), Proposal(1, (2,), "2 * g", "2 * g")]
        )
        assert archive.numbers_of(["g", "m", "2 * g", "3 * g"]) == [0, None, 1, None]
