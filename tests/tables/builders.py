"""Small made-up tables."""

from collections.abc import Mapping, Sequence

import numpy as np

from neuralopt.scoring.score import Score
from neuralopt.tables import Table, make_table

OBJECTIVE = {
    "space": {"groups": 1, "operands": ["g", "m"]},
    "task": {"name": "digits+ravine", "fingerprint": "abc"},
    "budget": {"epochs": 5, "gates": [0.1]},
    "language": 1,
}


def scored(quality: float, *parts: tuple[str, float, float]) -> Score:
    """A score of parts, each a name, a quality and a learning rate."""
    tasks = tuple(Score("scored", q, lr=lr, task=name) for name, q, lr in parts)
    return Score("scored", quality, tasks=tasks)


def small_table(name: str = "small") -> Table:
    """Five rules and two seeds: scored, stopped, diverged and rejected ones."""
    rejected = Score("rejected", reason="is constant")
    screened = Score("stopped", 0.2, 0.1, task="digits")
    first = {
        "g": scored(0.4, ("digits", 0.8, 0.1), ("ravine", 0.1, 1e-3)),
        "m": scored(0.5, ("digits", 0.7, 0.1), ("ravine", 0.3, 0.1)),
        "sign(g)": Score("stopped", 0.1, reason="after 1 of 2 parts", tasks=(
            Score("scored", 0.3, lr=1e-3, task="digits"),)),
        "g / m": Score("diverged", reason="digits diverged", tasks=(
            Score("diverged", task="digits"), Score("diverged", task="ravine"))),
        "1": rejected,
        "lion": scored(0.6, ("digits", 0.9, 0.1), ("ravine", 0.3, 0.1)),
    }  # fmt: skip
    second = {
        **first,
        "g": scored(0.3, ("digits", 0.6, 0.1), ("ravine", 0.1, 1e-3)),
        "m": Score("stopped", 0.05, reason="after the screening", tasks=(screened,)),
    }
    return make_table(
        name,
        {"g": 4, "m": 3, "sign(g)": 2, "g / m": 1, "1": 2},
        {0: first, 1: second},
        OBJECTIVE,
        adam={0: {"digits": 0.8, "ravine": 0.2}, 1: {"digits": 0.7, "ravine": 0.1}},
        references=("lion",),
    )


def random_table(rows: Sequence[int], rejected: Sequence[bool], seed: int) -> Table:
    """Rules ``r0``, ``r1`` ... with these numbers of rows and random qualities."""
    rng = np.random.default_rng(seed)
    qualities = rng.permutation(len(rows)) / len(rows)
    scores: Mapping[str, Score] = {
        f"r{number}": Score("rejected") if out else Score("scored", float(quality))
        for number, (out, quality) in enumerate(zip(rejected, qualities, strict=True))
    }
    named = {f"r{number}": count for number, count in enumerate(rows)}
    return make_table("random", named, {0: scores}, {})
