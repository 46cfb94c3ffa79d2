"""Synthetic progress and proposals, as a search would report them."""

from neuralopt.archive import Proposal
from neuralopt.evaluators.evaluator import Workers
from neuralopt.observer import Progress
from neuralopt.scoring.score import Score

WORKERS = Workers(alive=2, busy=1)


def proposal(
    number, rule="g", canonical=None, status="scored", quality=0.5, lr=0.1
) -> Proposal:
    score = Score(status, quality, lr)
    return Proposal(number, (), rule, canonical or rule, score=score)


def progress_at(told, **more) -> Progress:
    given = {
        "total": 1000,
        "counts": {},
        "rewards": (0.5,),
        "best": (),
        "diagnostics": {},
        "seconds": 1.0,
        "trained": 1,
        "workers": WORKERS,
    }
    return Progress(told, **given | more)


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now
