"""Count the false calls of verdicts, and the gains that they find.

    python experiments/calibration/calibration.py --picture calibration.svg

1. Synthetic differences of mean 0: how often several tests call them different.
2. A rule against copies of itself, on real trainings: the 20 best of 2,000 copies by
   their single scores are judged on fresh seeds as the best rules of a search are.
3. Real differences of two rules, moved to mean 0: the same count.
4. The same with planted gains of 2% and 5%: how often they are found.

Trainings are made once, and each repeat draws from them; so repeats share trainings.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.calibration.differences import BEYOND, FAMILIES
from experiments.calibration.mean_tests import SLOW, TESTS, neuralopt_test, student
from experiments.calibration.trainings import CONTENDERS, TASKS, Pool, train_pools
from experiments.measure import add_json_option, write_results
from neuralopt.verdict.comparison import compare
from neuralopt.verdict.paired import decides

SEEDS = (3, 5, 10, 20, 30)
LEVEL = 0.05
COPIES, JUDGED, BASELINES = 2000, 20, 7
"""Copies that a search scores, those that its verdict is on, and its baselines."""

GAINS = (0.02, 0.05)
Pools = Mapping[tuple[str, str], Pool]
Row = dict[str, object]


def share(hits: Iterable[bool] | NDArray[np.bool_]) -> list[float]:
    """Share of hits in percent, and its 95% interval (Clopper and Pearson)."""
    marks = np.asarray(list(hits), bool)
    found = stats.binomtest(int(marks.sum()), len(marks))
    low, high = found.proportion_ci()
    return [round(100 * value, 2) for value in (found.statistic, low, high)]


def shown(cell: object) -> str:
    if isinstance(cell, list):
        rate, low, high = cell
        return f"{rate:.1f} [{low:.1f}, {high:.1f}]"
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def print_table(title: str, rows: Sequence[Row]) -> None:
    print(f"\n{title}\n", flush=True)
    heads = list(rows[0])
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(shown(row[head]) for head in heads) + " |")


def synthetic(repeats: int, rng: np.random.Generator) -> list[Row]:
    """False calls of each test on each family and number of seeds."""
    rows: list[Row] = []
    for name, family in {**FAMILIES, **BEYOND}.items():
        for seeds in SEEDS:
            samples = np.asarray(family(rng, (repeats, seeds)), np.float64)
            row: Row = {"differences": name, "seeds": seeds}
            for test, p_values in TESTS.items():
                some = samples[: max(200, repeats // 8)] if test in SLOW else samples
                row[test] = share(p_values(some) <= LEVEL)
            rows.append(row)
    return rows


def shifted_normal(repeats: int, rng: np.random.Generator) -> list[Row]:
    """Power of each test on normal differences whose mean is so many deviations."""
    rows: list[Row] = []
    for shift in (0.5, 1.0, 2.0):
        for seeds in SEEDS:
            samples = rng.normal(shift, 1, (repeats, seeds))
            row: Row = {"mean, in deviations": shift, "seeds": seeds}
            for test, p_values in TESTS.items():
                some = samples[: max(200, repeats // 8)] if test in SLOW else samples
                row[test] = share(p_values(some) <= LEVEL)
            rows.append(row)
    return rows


def copies(pools: Pools, repeats: int, rng: np.random.Generator) -> list[Row]:
    """False calls of whole verdicts on the best of many copies of one rule."""
    names = [f"baseline {k}" for k in range(BASELINES)]
    rows: list[Row] = []
    for task in TASKS:
        pool = pools[task, "adam"]
        size = len(pool.selection)
        for seeds in SEEDS:
            words: dict[str, list[bool]] = {"any": [], "pick": [], "seen": []}
            undecided = 0
            for _ in range(repeats):
                trainings = rng.permutation(size)
                scores = pool.validation[trainings[:COPIES]]
                found = [f"copy {k}" for k in np.argsort(-scores)[:JUDGED]]
                fresh = trainings[COPIES : COPIES + (JUDGED + BASELINES) * seeds]
                table = pool.selection[fresh].reshape(-1, seeds)
                verdict = compare([*found, *names], table, baselines=names)
                said = [row.verdict for row in verdict.rows]
                words["any"].append(bool({"better", "worse"} & set(said)))
                undecided += said.count("not decidable at this n")
                pick = compare(["pick", "next"], table[:2], reference="next")["pick"]
                words["pick"].append(pick.verdict in ("better", "worse"))
                # What happens if the scores that chose the pick also judge it.
                seen = pool.selection[rng.integers(0, size, (COPIES, seeds))]
                best = seen[np.argmax(seen.mean(axis=1))]
                again = compare(["pick", "copy"], [best, table[0]], reference="copy")
                words["seen"].append(again["pick"].verdict in ("better", "worse"))
            rows.append(
                {
                    "task": task,
                    "seeds": seeds,
                    "whole verdict": share(words["any"]),
                    "undecidable": round(
                        100 * undecided / repeats / (JUDGED + BASELINES - 1), 1
                    ),
                    "the pick against the next": share(words["pick"]),
                    "the pick, on seeds that chose it": share(words["seen"]),
                }
            )
    return rows


def moved(pools: Pools, task: str, rule: str) -> NDArray[np.float64]:
    """Qualities of a rule on the pool's replicates, moved to the mean of Adam's."""
    own, adam = pools[task, rule].selection, pools[task, "adam"].selection
    return np.asarray(own + (adam.mean() - own.mean()))


def draws(
    values: NDArray[np.float64], seeds: int, repeats: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Samples of distinct values, shape (repeats, seeds)."""
    rows = [rng.choice(len(values), seeds, replace=False) for _ in range(repeats)]
    return np.asarray(values[np.array(rows)])


def real(pools: Pools, repeats: int, rng: np.random.Generator) -> list[Row]:
    """False calls on the differences of two rules, moved to mean 0."""
    rows: list[Row] = []
    for task in TASKS:
        adam = pools[task, "adam"].selection
        for rule, _ in CONTENDERS[1:]:
            gaps = moved(pools, task, rule) - adam
            for seeds in SEEDS:
                samples = draws(gaps, seeds, repeats, rng)
                rows.append(
                    {
                        "task": task,
                        "adam against": rule,
                        "skewness": float(stats.skew(gaps)),
                        "seeds": seeds,
                        "neuralopt": share(neuralopt_test(samples) <= LEVEL),
                        "Student": share(student(samples) <= LEVEL),
                    }
                )
    return rows


def planted(pools: Pools, repeats: int, rng: np.random.Generator) -> list[Row]:
    """Share of planted gains that are called better, alone and among 27 rules."""
    among = LEVEL / (JUDGED + BASELINES - 1)
    rows: list[Row] = []
    for task in TASKS:
        adam = pools[task, "adam"].selection
        others = [(rule, moved(pools, task, rule)) for rule, _ in CONTENDERS[1:]]
        for rule, own in [("a copy, unpaired", rng.permutation(adam)), *others]:
            for gain in GAINS:
                gaps = own * (1 + gain) - adam
                for seeds in SEEDS[1:]:
                    samples = draws(gaps, seeds, repeats, rng)
                    p, up = neuralopt_test(samples), samples.mean(axis=1) > 0
                    old = student(samples)
                    rows.append(
                        {
                            "task": task,
                            "adam against": rule,
                            "gain": f"{100 * gain:g}%",
                            "in deviations": float(gaps.mean() / gaps.std()),
                            "seeds": seeds,
                            "alone": share((p <= LEVEL) & up),
                            "alone, Student": share((old <= LEVEL) & up),
                            "first of 26": share((p <= among) & up)
                            if decides(seeds, among)
                            else "not decidable",
                        }
                    )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=3000, help="of each training")
    parser.add_argument("--repeats", type=int, default=400, help="of whole verdicts")
    parser.add_argument("--samples", type=int, default=2000, help="of single tests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="SVG or PNG")
    add_json_option(parser)
    arguments = parser.parse_args()
    needed = COPIES + (JUDGED + BASELINES) * max(SEEDS)
    if arguments.replicates < needed:
        parser.error(f"--replicates is {arguments.replicates}: give {needed} or more")
    began = time.perf_counter()
    rng = np.random.default_rng(arguments.seed)
    pools = train_pools(arguments.replicates)
    spent = time.perf_counter() - began
    means = [
        {
            "task": task,
            "rule": rule,
            "mean quality": round(float(pool.selection.mean()), 4),
            "deviation": round(float(pool.selection.std()), 4),
            "diverged": int((pool.selection == 0).sum()),
        }
        for (task, rule), pool in pools.items()
    ]
    tables: dict[str, list[Row]] = {}
    for title, rows in (
        ("Trainings", means),
        (
            "1. False calls on synthetic differences, %",
            synthetic(arguments.samples, rng),
        ),
        (
            "1b. Calls of normal differences of another mean, %",
            shifted_normal(arguments.samples, rng),
        ),
        (
            "2. False calls among copies of one rule, %",
            copies(pools, arguments.repeats, rng),
        ),
        (
            "3. False calls on real differences moved to mean 0, %",
            real(pools, arguments.samples, rng),
        ),
        ("4. Planted gains found, %", planted(pools, arguments.samples // 2, rng)),
    ):
        print_table(title, rows)
        tables[title] = [dict(row) for row in rows]
    seconds = time.perf_counter() - began
    print(f"\n{spent:.0f} s of trainings, {seconds:.0f} s in all")
    if arguments.picture:
        from experiments.calibration.picture import calibration_figure
        from neuralopt.picture_files import save_figure

        _, calls, _, _, _, found = tables.values()
        save_figure(calibration_figure(calls, found), arguments.picture)
    write_results(arguments.json, {**tables, "seconds": seconds})


if __name__ == "__main__":
    main()
