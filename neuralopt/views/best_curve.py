"""The best rule of a search so far, against what the search was charged for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralopt.archive.records import Place
from neuralopt.views.columns import Floats, Integers, Proposals


@dataclass(frozen=True, slots=True)
class BestScores:
    """The highest score that the search was told so far, where it rises.

    Attributes:
        charged: rules trained up to the proposal.
        number: of the proposal with that score.
        quality: its score.
    """

    charged: Integers
    number: Integers
    quality: Floats


@dataclass(frozen=True, slots=True)
class BestMeans:
    """The best measured rule that was proposed so far, where another one takes over.

    What is measured on fresh replicates was not selected by them, so these means don't
    profit from luck as the highest score does. All are as measured at the end.

    Attributes:
        charged: rules trained up to the proposal.
        number: of the proposal.
        mean: of its quality over fresh replicates.
        low: lower end of the mean's 95% interval.
        high: upper end.
    """

    charged: Integers
    number: Integers
    mean: Floats
    low: Floats
    high: Floats


def best_scores(proposals: Proposals) -> BestScores:
    """Return the highest score so far.

    Args:
        proposals: all of a search.

    Returns:
        One element for each proposal whose score is above all before it.
    """
    scored = np.flatnonzero(proposals.where("scored"))
    quality = proposals.quality[scored]
    before = np.maximum.accumulate(np.concatenate([[-np.inf], quality]))[:-1]
    places = scored[quality > before]
    return BestScores(
        proposals.charged[places], proposals.number[places], proposals.quality[places]
    )


def best_means(proposals: Proposals, measured: Sequence[Place]) -> BestMeans:
    """Return the best measured rule so far.

    Args:
        proposals: all of a search, so that a number is a place.
        measured: places of the measured ones, in any order.

    Returns:
        One element for each that ranks above all measured ones before it: members of
        the shortlist above others, then by mean.
    """
    best: list[Place] = []
    for place in sorted(measured, key=lambda each: each.number):
        if not best or (place.member, place.mean) > (best[-1].member, best[-1].mean):
            best.append(place)
    numbers = np.array([each.number for each in best], np.int64)
    return BestMeans(
        charged=proposals.charged[numbers],
        number=numbers,
        mean=np.array([each.mean for each in best], np.float64),
        low=np.array([each.low for each in best], np.float64),
        high=np.array([each.high for each in best], np.float64),
    )
