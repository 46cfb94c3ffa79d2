"""Learned optimizers, inside and beyond their training, and rules that imitate them.

Two LSTMs are trained as optimizers of the network 64-32-10 on the digits, one with ReLU
and one with sigmoids, for 96 steps. Measured are trainings up to 1,600 steps, other
activations and the tasks of the suite; then rules are searched that imitate the first.
Each stage is kept in the folder --into, so that the same command continues.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

import numpy as np

from experiments.learned.activations import ACTIVATIONS, task
from experiments.learned.measuring import TUNING_SEEDS, losses, tuned_rate
from experiments.measure import add_json_option, write_results
from neuralopt import compare
from neuralopt.engines.engine import OptimizerSpec
from neuralopt.language import RULES, parse, render, simplify, size_of
from neuralopt.learned.distillation import (
    Imitation,
    imitating_space,
    named_imitations,
    search_imitations,
)
from neuralopt.learned.files import (
    Learned,
    learned_candidate,
    load_learned,
    read_state,
    save_learned,
)
from neuralopt.learned.recording import Recording, record
from neuralopt.learned.training import MetaOptions, MetaTraining
from neuralopt.machine.probe import rule_values
from neuralopt.report.counting import counting
from neuralopt.scoring.replicates import FIRST_DISTILLATION_REPLICATE
from neuralopt.searchers import make_searcher
from neuralopt.spaces.registry import load as load_space
from neuralopt.tasks import Task
from neuralopt.whole_file import write_whole

HOME = "relu", "sigmoid"
"""Activations that an optimizer is learned on."""

EPOCHS, STEPS = 6, 96
OPTIONS = MetaOptions(horizon=STEPS, truncation=16)
CHILDREN = 200
LONG = 100
ALONG = (
    *(0, 4, 8, 16, 24, 32, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768),
    *(1024, 1280, 1600),
)
RIVALS = "adam", "rmsprop", "momentum", "sgd"
LEARNED, DISTILLED = "learned on relu", "distilled rule"
SPACES = "temporal", "from_scratch"
SEARCHER = "hill_climbing"
RECORDED = 4
"""Trainings that rules are fitted to, and as many to measure them on."""

PAIRS = 3000
"""Updates that are drawn."""

FACTORS = 0.3, 1.0, 3.0
"""Of the rate that an optimizer was learned with, tried on other activations."""


def learn(activation: str, children: int, folder: Path) -> dict[str, Any]:
    """Learn an optimizer, from where an earlier call was stopped.

    Args:
        activation: of the children.
        children: that it learns from.
        folder: where the file is kept, and the seconds it took.

    Returns:
        The mean loss of each child relative to its first, and seconds of one core.
    """
    path, clock = folder / f"{activation}.pt", folder / f"{activation}.seconds.json"
    training = MetaTraining([task(activation)], OPTIONS)
    if path.exists():
        training.load_state_dict(read_state(path))
    seconds = json.loads(clock.read_text("utf-8")) if clock.exists() else 0.0
    with counting(f"children with {activation}") as count:
        while len(training.curve) < children:
            begun = time.process_time()
            training.train_child()
            seconds += time.process_time() - begun
            save_learned(training, path)
            clock.write_text(json.dumps(seconds), "utf-8")
            count(len(training.curve), children)
    return {"curve": training.curve, "seconds": seconds}


def recordings(learned: Learned) -> tuple[Recording, Recording]:
    """Return updates that rules are fitted to, and those of other trainings.

    Args:
        learned: the optimizer of `relu`.
    """
    fitted, held_out = (
        record(
            learned.network,
            learned.rate,
            [task("relu")],
            STEPS,
            RECORDED,
            0,
            FIRST_DISTILLATION_REPLICATE + part * RECORDED,
        )
        for part in range(2)
    )
    return fitted, held_out


def imitated(path: Path, name: str, proposals: int) -> list[dict[str, Any]]:
    """Search rules of a space that imitate a learned optimizer.

    Args:
        path: of the file of the optimizer of `relu`.
        name: of the space.
        proposals: of the search.

    Returns:
        The best rules.
    """
    learned, space = load_learned(path), imitating_space(load_space(name))
    fitted, held_out = recordings(learned)
    searcher = make_searcher(SEARCHER, space, 0)
    with counting(f"proposals in {name}") as count:
        rules = search_imitations(space, searcher, proposals, fitted, held_out, count)
    return [plain(each, learned.rate) for each in rules]


def distilled(path: Path, spaces: Mapping[str, Any]) -> dict[str, Any]:
    """Return the best of the rules that were found, and named rules beside them.

    Args:
        path: of the file of the optimizer of `relu`.
        spaces: rules that were found, by space, best first.

    Returns:
        The best one, imitations by named rules, and pairs of updates to draw.
    """
    learned = load_learned(path)
    fitted, held_out = recordings(learned)
    named = named_imitations(fitted, held_out)
    best = max((rules[0] for rules in spaces.values()), key=lambda each: each["fit"])
    (values,) = rule_values(held_out.probe, [simplify(parse(best["rule"]))])
    values = values * best["lr"] / learned.rate
    pairs = np.stack([values.ravel(), held_out.updates.ravel()], axis=1)
    return {
        "best": best,
        "spaces": spaces,
        "named": {name: plain(each, learned.rate) for name, each in named.items()},
        "pairs": pairs[:: len(pairs) // PAIRS].round(4).tolist(),
        "sizes": [
            np.abs(each).mean(axis=(1, 2)).tolist()
            for each in (values, held_out.updates)
        ],
    }


def plain(each: Imitation, rate: float) -> dict[str, Any]:
    """Return an imitation as plain data, with the learning rate it stands for."""
    return {
        "rule": render(each.rule),
        "size": size_of(each.rule),
        "lr": each.scale * rate,
        "fit": each.fit,
        "held_out": each.held_out,
    }


def beyond(path: Path, seeds: int) -> dict[str, Any]:
    """Train sixteen times as long as the optimizer was trained for.

    Args:
        path: of the file of the optimizer of `relu`.
        seeds: fresh ones.

    Returns:
        By optimizer, its rate, and its losses on the training split along the way.
    """
    relu = task("relu")
    candidates: dict[str, tuple[OptimizerSpec, float]] = {
        LEARNED: (learned_candidate(LEARNED, path), OPTIONS.rate)
    }
    for name in RIVALS:
        expression = RULES[name].expression
        candidates[name] = expression, tuned_rate(relu, expression, EPOCHS)
    return {
        name: {
            "rate": rate,
            "losses": losses(relu, spec, rate, LONG, seeds, ALONG).tolist(),
        }
        for name, (spec, rate) in candidates.items()
    }


def elsewhere(paths: Mapping[str, Path], seeds: int) -> dict[str, Any]:
    """Train networks of all activations for the steps that optimizers were trained for.

    Args:
        paths: of the files of optimizers, by the activation they were learned on.
        seeds: fresh ones.

    Returns:
        By activation and optimizer, its rate and its losses at the end.
    """
    adam, found = RULES["adam"].expression, dict[str, Any]()
    home = tuned_rate(task("relu"), adam, EPOCHS)
    for activation in ACTIVATIONS:
        here = task(activation)
        candidates: dict[str, tuple[OptimizerSpec, float]] = {}
        for name, path in paths.items():
            spec = learned_candidate(name, path)
            candidates[f"learned on {name}"] = spec, OPTIONS.rate
            rates = [OPTIONS.rate * factor for factor in FACTORS]
            best = tuned_rate(here, spec, EPOCHS, rates)
            candidates[f"learned on {name}, rate tuned here"] = spec, best
        candidates["adam, rate tuned on relu"] = adam, home
        candidates["adam, rate tuned here"] = adam, tuned_rate(here, adam, EPOCHS)
        found[activation] = {
            name: ended(here, spec, rate, seeds)
            for name, (spec, rate) in candidates.items()
        }
    return found


def ended(task: Task, spec: OptimizerSpec, rate: float, seeds: int) -> dict[str, Any]:
    """Return a rate, and the losses after the steps that optimizers were trained for.

    Args:
        task: trained on.
        spec: trained with.
        rate: learning rate.
        seeds: fresh ones.
    """
    return {
        "rate": rate,
        "losses": losses(task, spec, rate, EPOCHS, seeds).ravel().tolist(),
    }


def by_rule(best: Mapping[str, Any], seeds: int) -> dict[str, Any]:
    """Measure the rule that imitates the optimizer best, as `beyond` and `elsewhere`.

    Args:
        best: the rule, and the learning rate that follows from its scale.
        seeds: fresh ones.

    Returns:
        What they return, of this rule.
    """
    rule, rate = parse(best["rule"]), best["lr"]
    along = losses(task("relu"), rule, rate, LONG, seeds, ALONG).tolist()
    return {
        "beyond": {"rate": rate, "losses": along},
        "elsewhere": {
            activation: ended(task(activation), rule, rate, seeds)
            for activation in ACTIVATIONS
        },
    }


def on_suite(
    path: Path, rule: Mapping[str, Any], tasks: str, seeds: int
) -> dict[str, Any]:
    """Compare on several tasks, as `neuralopt compare` does.

    Args:
        path: of the optimizer that was learned on `relu`.
        rule: that imitates it best.
        tasks: names, joined by ``+``, or a group.
        seeds: fresh ones.

    Returns:
        Rows of the whole objective, and mean qualities by part and candidate, on the
        selection split.
    """
    rules = {LEARNED: f"learned:{path}", DISTILLED: rule["rule"]}
    rules |= {name: name for name in RIVALS}
    result = compare(
        rules,
        tasks,
        "suite",
        seeds=seeds,
        splits=("selection",),
        workers=1,
        progress=False,
    )
    whole, *parts = result.benchmarks
    return {
        "rows": [asdict(row) for row in result.comparison("selection").rows],
        "parts": {
            part.task: {
                name: float(np.mean([score.quality for score in scores]))
                for name, scores in part.scores["selection"].items()
            }
            for part in parts
        },
        "seeds": seeds,
        "task": whole.task,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn, distil, measure, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--into", type=Path, default=Path("runs/learned"), help="folder of the networks"
    )
    parser.add_argument("--children", type=int, default=CHILDREN)
    parser.add_argument("--proposals", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--suite-seeds", type=int, default=8)
    parser.add_argument("--tasks", default="suite", help="of the comparison")
    parser.add_argument("--only", default="", metavar="STAGE", help="run this one")
    parser.add_argument("--measured", action="store_true", help="run no stage")
    add_json_option(parser)
    given = parser.parse_args(arguments)
    given.into.mkdir(parents=True, exist_ok=True)
    paths = {name: given.into / f"{name}.pt" for name in HOME}
    path, seeds = paths["relu"], given.seeds
    found: dict[str, Any] = {}

    def best() -> dict[str, Any]:
        rules = [found[f"imitated in {name}"][0] for name in SPACES]
        return max(rules, key=lambda each: each["fit"])

    def spaces() -> dict[str, Any]:
        return {name: found[f"imitated in {name}"] for name in SPACES}

    stages: dict[str, Callable[[], Any]] = {
        **{
            f"learned on {name}": partial(learn, name, given.children, given.into)
            for name in HOME
        },
        **{
            f"imitated in {name}": partial(imitated, path, name, given.proposals)
            for name in SPACES
        },
        "beyond": lambda: beyond(path, seeds),
        "elsewhere": lambda: elsewhere(paths, seeds),
        "distilled": lambda: distilled(path, spaces()),
        "rule": lambda: by_rule(best(), seeds),
        "suite": lambda: on_suite(path, best(), given.tasks, given.suite_seeds),
    }
    for name, stage in stages.items():
        kept = given.into / f"{name}.json"
        if not kept.exists() and given.only in ("", name) and not given.measured:
            write_whole(kept, json.dumps(stage()))
        if kept.exists():
            found[name] = json.loads(kept.read_text("utf-8"))
        print(f"{name}: {'done' if kept.exists() else 'not measured'}", flush=True)
    facts = {
        "options": asdict(OPTIONS),
        "children": given.children,
        "proposals": given.proposals,
        "seeds": seeds,
        "tuning_seeds": TUNING_SEEDS,
        "along": ALONG,
    }
    write_results(given.json, facts | found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
