"""Search the rule of a space that imitates recorded updates best."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neuralopt.language import RULES, Expression, parse, simplify, size_of
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.learned.recording import Recording, scales_and_fits
from neuralopt.searchers.searcher import Searcher
from neuralopt.spaces import Space

UNSEEN = ("w", *(name for name, each in PRIMITIVES.items() if each.draw))
"""What the network does not get: weights and random numbers."""

EQUALLY_GOOD = 1e-3
"""Of rules whose R^2 differ by less than this, the smallest is taken."""


@dataclass(frozen=True, slots=True)
class Imitation:
    """A rule, and how well it imitates a learned optimizer.

    Attributes:
        rule: canonical.
        scale: c, chosen on the recording that was searched on: c times the learned
            optimizer's rate is the rule's learning rate.
        fit: R^2 on that recording.
        held_out: R^2 on the other recording, with the same scale.
    """

    rule: Expression
    scale: float
    fit: float
    held_out: float


def imitating_space(space: Space) -> Space:
    """Return a space without operands and functions of weights or random numbers.

    Args:
        space: any space.

    Raises:
        ValueError: nothing is left.
    """
    kept = space.to_mapping()
    for key in ("operands", "unary", "binary"):
        texts = getattr(space, key)
        kept[key] = [
            text for text in texts if not parse(text, ("x", "y")).contains(*UNSEEN)
        ]
    return Space.from_mapping(space.name, kept)


def search_imitations(
    space: Space,
    searcher: Searcher,
    proposals: int,
    recording: Recording,
    held_out: Recording,
    progress: Callable[[int, int], None] = lambda done, total: None,
    count: int = 5,
    batch: int = 64,
) -> list[Imitation]:
    """Let a searcher find rules whose updates are most like recorded ones.

    The reward of a rule is its R^2 on `recording`, 0 where that is negative.

    Args:
        space: of the rules, as `imitating_space` returns it.
        searcher: made for this space.
        proposals: rows that it is asked for.
        recording: that rules are fitted to.
        held_out: on which the best ones are measured.
        progress: called with (done, total), in proposals.
        count: rules that are returned, at most.
        batch: proposals asked for at once.

    Returns:
        The rules with the highest R^2 on `recording`, best first. The first is the
        smallest of those within 0.001 of the best.
    """
    fits: dict[Expression, float] = {}
    for start in range(0, proposals, batch):
        rows = searcher.ask(min(batch, proposals - start))
        rules = [each.canonical for each in space.rules(rows) if each is not None]
        new = [rule for rule in dict.fromkeys(rules) if rule not in fits]
        if new:
            fits.update(
                zip(new, scales_and_fits(recording, new)[1].tolist(), strict=True)
            )
        rewards = np.clip([fits[rule] for rule in rules], 0.0, 1.0)
        searcher.tell(rows, rewards)
        progress(start + len(rows), proposals)
    ranked = sorted(fits, key=lambda rule: (-fits[rule], size_of(rule)))
    best = [rule for rule in ranked if fits[rule] > fits[ranked[0]] - EQUALLY_GOOD]
    first = min(best, key=lambda rule: (size_of(rule), -fits[rule]))
    others = [rule for rule in ranked[:count] if rule != first]
    return imitations([first, *others][:count], recording, held_out)


def named_imitations(recording: Recording, held_out: Recording) -> dict[str, Imitation]:
    """Return how well the named rules imitate recorded updates, best first.

    Args:
        recording: on which scales are chosen.
        held_out: another recording.

    Returns:
        By name, those rules of RULES that use neither weights nor random numbers.
    """
    rules = {name: simplify(rule.expression) for name, rule in RULES.items()}
    seen = {name: rule for name, rule in rules.items() if not rule.contains(*UNSEEN)}
    found = imitations(list(seen.values()), recording, held_out)
    named = dict(zip(seen, found, strict=True))
    return dict(sorted(named.items(), key=lambda each: -each[1].fit))


def imitations(
    rules: list[Expression], recording: Recording, held_out: Recording
) -> list[Imitation]:
    """Return how well rules imitate recorded updates.

    Args:
        rules: canonical.
        recording: on which scales are chosen.
        held_out: another recording.

    Returns:
        One for each rule, in the same order.
    """
    scales, fits = scales_and_fits(recording, rules)
    _, others = scales_and_fits(held_out, rules, scales)
    numbers = zip(rules, scales.tolist(), fits.tolist(), others.tolist(), strict=True)
    return [Imitation(*each) for each in numbers]
