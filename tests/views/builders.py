"""A small archive of a made-up search with everything that pictures show."""

import json
from dataclasses import replace

from neuralopt.archive import (
    Archive,
    BehaviourRecord,
    Execution,
    Place,
    Proposal,
    VerdictRecord,
)
from neuralopt.scoring.score import Score

PARTS = {"digits": 0.8, "regression": 0.6}
"""Adam's qualities on the parts of the objective."""

CONTEXT = {
    "task": "digits+regression",
    "adam": json.dumps(PARTS),
    "configuration": json.dumps(
        {"verdict": {"baselines": ["sgd", "adam"]}, "searcher": {"name": "evolution"}}
    ),
}
MEASURED = (6, 22, 42)
RULES = ("g", "m", "sign(g)", "g * 0.5 + m", "m / (sqrt(v) + 1e-08)")


def proposal(number: int) -> Proposal:
    """Of ten, six are scored, and one each is stopped, diverged, rejected, repeated."""
    rule = f"{1 + number / 1000} * ({RULES[number % len(RULES)]})"
    asked = Proposal(number, (number,), rule, rule)
    match number % 10:
        case 5:
            parts = (Score("scored", 0.2, 0.1, task="digits"),)
            reason = "after 1 of 2 parts; a detail"
            score = Score("stopped", 0.1, 0.1, reason=reason, tasks=parts)
        case 7:
            score = Score("diverged", reason="diverged at every rate")
        case 8:
            score = Score("rejected", reason="is constant")
        case 9:
            original = number - 9
            return replace(asked, canonical=proposal(original).rule, original=original)
        case _:
            quality = 0.3 + (number * 37 % 100) / 400
            parts = (
                Score("scored", quality, 0.1, task="digits"),
                Score("scored", quality / 2, 0.1, task="regression"),
            )
            score = Score("scored", quality, 0.1, tasks=parts)
    return replace(asked, score=score)


def behaviour(number: int) -> BehaviourRecord:
    """Signum is found twice and sgd once; the others are like something."""
    equal = number in (6, 16, 20)
    nearest = "sgd" if number == 20 else "signum"
    families = ("sign-like", "with memory") if number % 2 else ()
    return BehaviourRecord(number, nearest, 0.5, equal, families, number)


def verdict() -> VerdictRecord:
    scores = {
        "#42": (Score("scored", 0.6), Score("scored", 0.7)),
        "sgd": (Score("scored", 0.3), Score("scored", 0.5)),
        "adam": (Score("scored", 0.5), Score("scored", 0.5)),
    }
    return VerdictRecord(
        "digits+regression", "selection", "smoke", (1, 2), scores, {}, None, "", 1.0
    )


def write_run(path, total: int = 100, found: bool = True) -> None:
    """Write the archive of a run.

    path: its directory.
    found: whether behaviours and a shortlist are saved too.
    """
    path.mkdir(parents=True, exist_ok=True)
    with Archive.create(path, CONTEXT) as archive:
        every = [proposal(number) for number in range(total)]
        waiting = [
            each
            if each.status in ("rejected", "duplicate")
            else replace(each, score=None)
            for each in every
        ]
        archive.record(waiting)
        done = [
            each for each, asked in zip(every, waiting, strict=True)
            if asked.status == "pending"
        ]  # fmt: skip
        executions = [
            Execution(p.number, 1, p.status, 0.5, f"worker {p.number % 2}", 10.0 + i)
            for i, p in enumerate(done)
        ]
        archive.commit(done, executions)
        if found:
            scored = [p.number for p in every if p.status == "scored"]
            archive.save_behaviours([behaviour(number) for number in scored])
            means = zip(MEASURED, (0.4, 0.6, 0.5), (True, False, True), strict=True)
            archive.save_shortlist(
                [Place(n, mean, mean - 0.1, mean + 0.1, 6, m) for n, mean, m in means]
            )
