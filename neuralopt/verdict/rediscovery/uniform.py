"""What uniform sampling of a space meets: the control of every search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralopt.language import parse
from neuralopt.scoring.probes import rejections
from neuralopt.spaces import Space
from neuralopt.tables import Table, expected_evaluations
from neuralopt.verdict.rediscovery.matching import equal_in_behaviour
from neuralopt.verdict.rediscovery.targets import Target


@dataclass(frozen=True, slots=True)
class UniformSample:
    """The rules of uniformly sampled rows.

    Attributes:
        texts: canonical text of each row's rule.
        trained: the different ones that pass the checks before training, in order.
    """

    texts: tuple[str, ...]
    trained: tuple[str, ...]

    @property
    def charged(self) -> float:
        """Share of the rows that cost a training. In a longer search it is smaller,
        as more rules repeat.
        """
        return len(self.trained) / len(self.texts)


def draw_uniform(space: Space, count: int, seed: int = 0) -> UniformSample:
    """Sample rows of a space and decode them.

    Args:
        space: to sample.
        count: rows, 1 or more.
        seed: of the sampling.
    """
    rows = space.sample(count, np.random.default_rng(seed))
    texts = tuple(space.canonical(rows))
    different = list(dict.fromkeys(texts))
    reasons = rejections([parse(text) for text in different])
    pairs = zip(different, reasons, strict=True)
    return UniformSample(texts, tuple(text for text, why in pairs if not why))


def exact_evaluations(
    table: Table, targets: Sequence[Target]
) -> dict[str, tuple[float | None, float | None]]:
    """Return the evaluations that uniform sampling is expected to take, exactly.

    Args:
        table: of the space.
        targets: that are looked for.

    Returns:
        Evaluations to form and to behaviour, by name of the target; None where no
        trained rule of the table equals it.
    """
    trained = np.flatnonzero(table.trained)
    rules = [table.rules[number] for number in trained.tolist()]
    equal = equal_in_behaviour([parse(rule) for rule in rules], targets)
    found = {}
    for place, target in enumerate(targets):
        form = np.array([rule in target.forms for rule in rules], np.bool_)
        alike = trained[equal[:, place] | form]
        found[target.name] = _expected(table, trained[form]), _expected(table, alike)
    return found


def _expected(table: Table, wanted: NDArray[np.int64]) -> float | None:
    return expected_evaluations(table, wanted.tolist()) if len(wanted) else None
