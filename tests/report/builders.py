"""Synthetic progress and proposals, as a search would report them."""

import io
import re

from neuralopt.archive import BehaviourRecord, Proposal, PruningRecord
from neuralopt.archive.ranking import RankedRule
from neuralopt.evaluators.evaluator import Workers
from neuralopt.observer import Progress
from neuralopt.scoring.score import Score

WORKERS = Workers(alive=2, busy=1)


def proposal(
    number, rule="g", canonical=None, status="scored", quality=0.5, lr=0.1
) -> Proposal:
    score = Score(status, quality, lr)
    return Proposal(number, (), rule, canonical or rule, score=score)


def ranked(number, rule="g", quality=0.5, place=None, name="", pruned="", alike=0):
    behaviour = BehaviourRecord(number, name, 1.0, True, (), 0) if name else None
    pruning = PruningRecord(number, pruned, 0.02, 0.0, -0.015, 8) if pruned else None
    own = proposal(number, rule=rule, quality=quality)
    return RankedRule(own, place, behaviour, pruning, alike=alike)


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


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    encoding = "utf-8"

    def isatty(self):
        return True

    @property
    def text(self):
        """What is written, without the escape sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())
