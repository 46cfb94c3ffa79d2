"""Run a search in which some rules raise, hang, crash or use up all memory.

    python experiments/faults/faults.py              # with Ray's memory monitor
    python experiments/faults/faults.py --memory 3   # at most 3 GiB for each actor

A search of 96 proposals on two Ray actors, in which four rules misbehave in the actor
that scores them. Prints the progress line, then these four as the archive has them,
with every attempt. All other proposals must equal those of a search without faults.
"""

import argparse
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt.archive import Archive
from neuralopt.evaluators import Evaluator, InProcessEvaluator, ScoringPlan
from neuralopt.evaluators.evaluator import Scorer
from neuralopt.language import Expression
from neuralopt.loop import search
from neuralopt.report.progress import ProgressDisplay
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
    """Scores as `plan` does, except rules with a fault, by canonical text."""

    plan: ScoringPlan
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def device(self) -> str:
        return self.plan.device

    def scorer(self) -> Scorer:
        score = self.plan.scorer()

        def score_or_not(
            rules: Sequence[Expression], replicate: int | None = None, /
        ) -> list[Score]:
            for rule in rules:
                self.misbehave(self.faults.get(str(rule), ""))
            return score(rules, replicate)

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
                time.sleep(0.02)  # the monitor looks four times per second


def searched(path: Path, evaluator: Evaluator, show: bool = False) -> Archive:
    """Run the search to its end and close the evaluator."""
    space = load("bello2017")
    searcher = SEARCHERS["uniform"](space, 0)
    observers = [ProgressDisplay(every=0.0)] if show else []
    archive = Archive.create(path, {})
    search(space, searcher, evaluator, archive, PROPOSALS, BATCH, LAG, observers)
    evaluator.close()
    return archive


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--memory", type=float, default=0.0, help="GiB for each actor; 0 for no limit"
    )
    add_json_option(parser)
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
        evaluator = RayEvaluator(BadPlan(plan, faults), options)
        bad = searched(Path(folder) / "bad", evaluator, show=True)
        differing: list[int] = []
        misbehaved: list[dict[str, object]] = []
        for before, after in zip(good.proposals(), bad.proposals(), strict=True):
            if after.canonical in faults and after.original is None:
                print(f"\n{faults[after.canonical]}: proposal {after.number}")
                print(f"  {after.status}: {after.reason}")
                for e in bad.executions(after.number):
                    print(f"  attempt {e.attempt}: {e.outcome} ({e.worker or '-'})")
                misbehaved.append(
                    {
                        "fault": faults[after.canonical],
                        "proposal": after.number,
                        "status": after.status,
                        "reason": after.reason,
                        "attempts": [e.outcome for e in bad.executions(after.number)],
                    }
                )
            elif before != after:
                differing.append(after.number)
        print(f"\nother proposals that differ: {differing}")
        good.close()
        bad.close()
    write_results(arguments.json, {"faults": misbehaved, "others differ": differing})
    if differing:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
