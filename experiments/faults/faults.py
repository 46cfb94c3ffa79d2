"""Rules that raise, hang, crash or eat all memory: what a search makes of them.

    python experiments/faults/faults.py              # Ray's memory monitor watches
    python experiments/faults/faults.py --memory 3   # GiB that each actor may use

A search of 96 proposals on two Ray actors, four of whose rules misbehave in the actor
that scores them. Printed is what the screen shows, then those four as the archive keeps
them, with every attempt; all other proposals must be as in a search without them.
"""

import argparse
import os
import secrets
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neuralopt.archive import Archive
from neuralopt.evaluators import Evaluator, InProcessEvaluator, ScoringPlan
from neuralopt.evaluators.evaluator import Scorer
from neuralopt.language import Expression
from neuralopt.loop import search
from neuralopt.report.progress import ProgressLine
from neuralopt.scoring.budgets import named_budget
from neuralopt.scoring.score import Score
from neuralopt.searchers import SEARCHERS
from neuralopt.spaces import load
from neuralopt.tasks import load_task

PROPOSALS, BATCH, LAG = 96, 32, 1
GIB = 1 << 30
FAULTS = ("raise", "hang", "crash", "eat")


@dataclass
class BadPlan:
    """Scores as `plan` does, but for rules that have a fault, by canonical text."""

    plan: ScoringPlan
    faults: dict[str, str] = field(default_factory=dict)

    def scorer(self) -> Scorer:
        score = self.plan.scorer()

        def score_or_not(rules: Sequence[Expression]) -> list[Score]:
            for rule in rules:
                self.misbehave(self.faults.get(str(rule), ""))
            return score(rules)

        return score_or_not

    def misbehave(self, how: str) -> None:
        if how == "raise":
            raise ZeroDivisionError("division by zero")
        if how == "hang":
            time.sleep(3600)
        if how == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "eat":
            eaten = []
            while True:
                eaten.append(bytearray(GIB // 8))
                time.sleep(0.02)  # the monitor looks four times a second


def searched(path: Path, evaluator: Evaluator, show: bool = False) -> Archive:
    space = load("bello2017")
    searcher = SEARCHERS["uniform"](space, 0)
    observers = [ProgressLine(every=0.0)] if show else []
    archive = Archive.create(path, {})
    search(space, searcher, evaluator, archive, PROPOSALS, BATCH, LAG, observers)
    evaluator.close()
    return archive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=float, default=0.0)
    arguments = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    facts = dict(
        line.split(":") for line in Path("/proc/meminfo").read_text().splitlines()
    )
    total, free = (
        int(facts[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable")
    )
    threshold = min(0.95, 1 - (free - 4 * GIB) / total)
    os.environ["RAY_memory_usage_threshold"] = f"{threshold:.3f}"  # noqa: SIM112
    from neuralopt.evaluators.ray.cluster import Demand
    from neuralopt.evaluators.ray.evaluator import RayEvaluator, RayOptions

    plan = ScoringPlan(load_task("digits"), named_budget("smoke"), "native", 0)
    with tempfile.TemporaryDirectory() as folder:
        good = searched(Path(folder) / "good", InProcessEvaluator(plan.scorer(), 2))
        chosen = list(good.proposals("scored"))[3 : 3 + 5 * len(FAULTS) : 5]
        faults = dict(zip((p.canonical for p in chosen), FAULTS, strict=True))
        options = RayOptions(
            workers=2,
            address="local",
            demand=Demand(memory=arguments.memory),
            time_limit=10.0,
        )
        evaluator = RayEvaluator(BadPlan(plan, faults), options)  # type: ignore[arg-type]
        bad = searched(Path(folder) / "bad", evaluator, show=True)
        differing = []
        for before, after in zip(good.proposals(), bad.proposals(), strict=True):
            if after.canonical in faults and after.original is None:
                print(f"\n{faults[after.canonical]}: proposal {after.number}")
                print(f"  {after.status}: {after.reason}")
                for e in bad.executions(after.number):
                    print(f"  attempt {e.attempt}: {e.outcome} ({e.worker or '-'})")
            elif before != after:
                differing.append(after.number)
        print(f"\nother proposals that differ: {differing}")
        good.close()
        bad.close()
    if differing:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
