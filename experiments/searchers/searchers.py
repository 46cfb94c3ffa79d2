"""Searchers at the same number of trained rules: best and 99th-percentile score.

    python experiments/searchers/searchers.py --trained 1000 --seeds 3

Each search runs on the task digits until so many canonically different rules were
trained; duplicates and rejected rules are not charged to any searcher. Quality is that
of the search itself: one seed, the validation part.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from neuralopt.archive import Archive
from neuralopt.engines import choose_engine
from neuralopt.evaluators import InProcessEvaluator, scorer
from neuralopt.loop import search
from neuralopt.scoring.budgets import named_budget
from neuralopt.searchers import SEARCHERS
from neuralopt.spaces import Space, load
from neuralopt.tasks import load_task

BATCH = 64


def trained_qualities(
    name: str, space: Space, budget: str, seed: int, trained: int, folder: Path
) -> tuple[np.ndarray, int]:
    """Qualities of the first `trained` rules that were trained, and proposals asked."""
    task = load_task("digits")
    engine = choose_engine("auto", task, seed=0)
    evaluator = InProcessEvaluator(scorer(task, named_budget(budget), engine), 1, BATCH)
    path = folder / f"{name}-{seed}.sqlite"
    searcher = SEARCHERS[name](space, seed)
    with Archive.create(path, {"searcher": name, "seed": str(seed)}) as archive:
        asked = 0
        counts = archive.counts()
        while counts["scored"] + counts["diverged"] < trained:
            asked += 10 * BATCH
            search(space, searcher, evaluator, archive, asked, BATCH)
            counts = archive.counts()
        found = [
            (proposal.number, proposal.quality or 0.0)
            for proposal in archive.proposals()
            if proposal.status in ("scored", "diverged")
        ][:trained]
    evaluator.close()
    return np.array([quality for _, quality in found]), found[-1][0] + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trained", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--space", default="sign_agreement")
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--budget", default="bello2017")
    options = parser.parse_args()
    base = load(options.space)
    space = Space(
        base.name,
        base.operands,
        base.unary,
        base.binary,
        options.groups,
        base.constraints,
    )
    print(
        f"{options.trained} trained rules, space {space.name} with {options.groups} "
        f"groups ({space.size:.2g} rows), budget {options.budget}"
    )
    print("searcher     seed   best    99%     90%     median  proposals  seconds")
    with tempfile.TemporaryDirectory() as folder:
        for name in SEARCHERS:
            rows = []
            for seed in range(options.seeds):
                started = time.monotonic()
                qualities, asked = trained_qualities(
                    name, space, options.budget, seed, options.trained, Path(folder)
                )
                row = [qualities.max(), *np.quantile(qualities, (0.99, 0.9, 0.5))]
                rows.append(row)
                shown = "  ".join(f"{value:.4f}" for value in row)
                seconds = time.monotonic() - started
                print(f"{name:12} {seed:4}   {shown}  {asked:9}  {seconds:7.0f}")
            shown = "  ".join(f"{value:.4f}" for value in np.mean(rows, axis=0))
            print(f"{name:12} mean   {shown}", flush=True)


if __name__ == "__main__":
    main()
