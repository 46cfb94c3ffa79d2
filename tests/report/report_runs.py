"""Archives made by hand, for reports: one of a search, one from a stranger."""

import json
from dataclasses import asdict
from pathlib import Path

from neuralopt.archive import (
    Archive,
    BehaviourRecord,
    Execution,
    Place,
    Proposal,
    PruningRecord,
    Replicate,
    VerdictRecord,
)
from neuralopt.cli.config.compose import compose_settings
from neuralopt.scoring.score import Score

RULES = ("g", "sign(g)", "sign(ema(g, 0.9))", "sign(g) + sign(ema(g, 0.9))", "g + g")
STATUSES = (
    "scored",
    "scored",
    "diverged",
    "rejected",
    "duplicate",
    "scored",
    "stopped",
)

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
"""Text that would run if it were not escaped."""

FORMULA = "=1+1|'cmd'!A1"
"""Text that a spreadsheet would compute."""


def context(seed: int = 0, searcher: str = "uniform") -> dict[str, str]:
    """What an archive holds of its search."""
    settings = compose_settings(
        [f"seed={seed}", f"searcher={searcher}", "task=digits", "budget=smoke"]
    )
    return {
        "configuration": json.dumps(asdict(settings)),
        "task": "digits",
        "task fingerprint": "0123",
        "budget": "smoke",
        "space": "from_scratch",
        "language": "2",
        "precision": "float32",
    }


def proposal(number: int) -> Proposal:
    """One of a search, of each status in turn."""
    status = STATUSES[number % len(STATUSES)]
    rule = RULES[number % len(RULES)]
    decisions = (number % 2,) * 10  # of from_scratch, with two groups
    canonical = f"{1 + number / 64!r} * ({rule})" if number >= len(RULES) else rule
    if status == "duplicate":
        return Proposal(number, decisions, rule, canonical, original=0)
    quality = 0.1 + (number * 37 % 80) / 100
    lr = 0.01 if status == "scored" else None
    reason = "is constant" if status == "rejected" else ""
    return Proposal(
        number,
        decisions,
        rule,
        canonical,
        score=Score(status, quality, lr, reason=reason),
    )


def make_run(
    folder: Path, proposals: int = 70, seed: int = 0, searcher: str = "uniform"
) -> Path:
    """A search that seems finished: measured, pruned and with a verdict."""
    made = [proposal(number) for number in range(proposals)]
    trained = [p for p in made if p.status in ("scored", "diverged", "stopped")]
    scored = [p for p in made if p.status == "scored"]
    folder.mkdir(parents=True, exist_ok=True)
    with Archive.create(folder, context(seed, searcher)) as archive:
        archive.record(made)
        archive.commit(
            [],
            [
                Execution(p.number, 1, p.status, 0.5, f"worker-{k % 2}", 100.0 + k)
                for k, p in enumerate(trained)
            ],
        )
        archive.save_behaviours(
            [
                BehaviourRecord(
                    p.number, "signsgd" if k % 3 else "signum", 1.0 if k < 6 else 0.9,
                    k < 6, ("sign-like",) if k % 2 else (), p.number,
                )
                for k, p in enumerate(scored)
            ]
        )  # fmt: skip
        best = archive.best(4)
        archive.save_replicates(
            [Replicate(p.number, seed, p.score) for p in best for seed in (10, 11)]
        )
        archive.save_shortlist(
            [
                Place(p.number, p.quality - 0.05, p.quality - 0.1, p.quality, 2)
                for p in best
            ]
        )
        archive.save_prunings([PruningRecord(best[0].number, "g", 0.01, 0, -0.005, 8)])
        archive.save_verdict([_verdict([p.number for p in best])])
    return folder


def _verdict(numbers: list[int]) -> VerdictRecord:
    means = {f"#{n}": 0.8 - k / 100 for k, n in enumerate(numbers)} | {"adam": 0.5}
    return VerdictRecord(
        task="digits",
        split="selection",
        budget="smoke",
        seeds=(1000, 1001, 1002),
        scores={
            name: tuple(Score("scored", mean + k * j % 3 / 1000) for k in range(3))
            for j, (name, mean) in enumerate(means.items(), 1)
        },
        rules=dict.fromkeys(means, "g"),
        baselines=("adam",),
        configuration="",
        made=1.0,
    )


def make_hostile_run(folder: Path) -> Path:
    """A search of a stranger, each of whose texts is hostile."""
    told = {
        **context(),
        "task": HOSTILE,
        "budget": HOSTILE,
        "space": HOSTILE,
        "engine": HOSTILE,
        "configuration": json.dumps({HOSTILE: HOSTILE, "searcher": {"name": HOSTILE}}),
    }
    made = [
        Proposal(0, (0,), HOSTILE, HOSTILE, score=Score("scored", 0.9, 0.1)),
        Proposal(1, (1,), FORMULA, FORMULA, score=Score("scored", 0.8, 0.1)),
        Proposal(2, (2,), "g", "g", score=Score("scored", 0.7, 0.1)),
        Proposal(3, (3,), "-g", "-g", score=Score("rejected", reason=HOSTILE)),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with Archive.create(folder, told) as archive:
        archive.record(made)
        archive.commit([], [Execution(0, 1, "scored", 0.5, HOSTILE, 100.0)])
        archive.save_behaviours(
            [
                BehaviourRecord(0, HOSTILE, 1.0, True, (), 0),
                BehaviourRecord(2, HOSTILE, 1.0, True, (), 2),
            ]
        )
        archive.save_verdict(
            [
                VerdictRecord(
                    HOSTILE, HOSTILE, HOSTILE, (1, 2),
                    {HOSTILE: (Score("scored", 0.9), Score("scored", 0.8))},
                    {HOSTILE: HOSTILE}, None, HOSTILE, 1.0,
                )
            ]
        )  # fmt: skip
    return folder
