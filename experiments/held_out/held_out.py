"""Train known optimizers on the held-out tasks: how far apart are they, how fast?

    python experiments/held_out/held_out.py

Each optimizer is trained at nine rates on some replicates by the fastest engine, for
five epochs, all its children in one call on one thread. Printed are its best mean
quality on validation, the rate of that, and the processor time of one training: the
median over the optimizers.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import fmean, median

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt.engines import choose_engine
from neuralopt.engines.engine import Child, Engine
from neuralopt.language import RULES
from neuralopt.tasks import GROUPS, Task, load_task

RATES = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)
NAMES = ("sgd", "momentum", "rmsprop", "adam", "adamw", "lion")
EPOCHS = 5


def best_quality(
    task: Task, engine: Engine, name: str, replicates: int
) -> tuple[float, float, float]:
    """Return a rule's best mean quality, its rate, and the seconds of a training."""
    children = [
        Child(RULES[name].expression, rate, replicate)
        for rate in RATES
        for replicate in range(replicates)
    ]
    started = time.process_time()
    outcomes = engine.train(children, EPOCHS, ("validation",))
    seconds = (time.process_time() - started) / len(children)
    found = [
        0.0 if each.diverged else task.quality(each.losses[0]) for each in outcomes
    ]
    means = [
        fmean(found[start : start + replicates])
        for start in range(0, len(found), replicates)
    ]
    quality, rate = max(zip(means, RATES, strict=True))
    return quality, rate, seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", default=list(GROUPS["held_out"]))
    parser.add_argument("--replicates", type=int, default=3)
    add_json_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, dict[str, object]] = {}
    print("| task | engine | ms | " + " | ".join(NAMES) + " |")
    print("|---|---|--:|" + "--:|" * len(NAMES))
    for task_name in options.tasks:
        task = load_task(task_name)
        engine = choose_engine("auto", task)
        engine.train([Child(RULES["adam"].expression, 0.01, 0)], 1, ("validation",))
        row: dict[str, object] = {"engine": engine.name}
        cells, seconds = list[str](), list[float]()
        for name in NAMES:
            quality, rate, each = best_quality(task, engine, name, options.replicates)
            row[name] = {"quality": quality, "rate": rate}
            cells.append(f"{quality:.3f} at {rate:g}")
            seconds.append(each)
        row["seconds"] = median(seconds)
        results[task_name] = row
        first = f"`{task_name}` | {engine.name} | {1000 * median(seconds):.1f}"
        print(f"| {first} | {' | '.join(cells)} |")
        sys.stdout.flush()
    write_results(options.json, results)


if __name__ == "__main__":
    main()
