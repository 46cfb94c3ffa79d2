"""Compare searchers at the same number of trained rules, by quantiles of quality.

    python experiments/searchers/searchers.py --trained 1000 --seeds 3

Each search runs on the task digits until it has trained this many canonically different
rules; duplicates and rejected rules do not count. Quality is that of the search itself:
one seed, the validation split.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt.archive import Archive
from neuralopt.engines import choose_engine
from neuralopt.evaluators import InProcessEvaluator, TaskScorer
from neuralopt.loop import search
from neuralopt.scoring.budgets import named_budget
from neuralopt.searchers import SEARCHERS
from neuralopt.spaces import Space, load
from neuralopt.tasks import load_task

BATCH = 64


def trained_qualities(
    name: str, space: Space, budget: str, seed: int, trained: int, folder: Path
) -> tuple[npt.NDArray[np.float64], int]:
    """Qualities of the first `trained` trained rules, and the proposals they took."""
    task = load_task("digits")
    engine = choose_engine("auto", task, seed=0)
    evaluator = InProcessEvaluator(
        TaskScorer(task, named_budget(budget), engine), 1, BATCH
    )
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trained", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--space", default="sign_agreement")
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--budget", default="bello2017")
    add_json_option(parser)
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
    results: list[dict[str, object]] = []
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
                quality = dict(zip(("best", "99%", "90%", "median"), row, strict=True))
                results.append(
                    {
                        "searcher": name,
                        "seed": seed,
                        "quality": quality,
                        "proposals": asked,
                        "seconds": seconds,
                    }
                )
            shown = "  ".join(f"{value:.4f}" for value in np.mean(rows, axis=0))
            print(f"{name:12} mean   {shown}", flush=True)
    write_results(options.json, {"trained": options.trained, "searches": results})


if __name__ == "__main__":
    main()
