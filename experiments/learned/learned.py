"""Learned optimizers, inside and beyond their training, and rules that imitate them.

Two LSTMs are trained as optimizers of the network 64-32-10 on the digits, one with ReLU
and one with sigmoids, for 96 steps. Measured are trainings up to 1,600 steps, other
activations and the tasks of the suite; then rules are searched that imitate the first.
--into keeps the learned optimizers, so that the same command continues.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

import numpy as np

from experiments.learned.activations import ACTIVATIONS, task
from experiments.learned.measuring import (
    TUNING_SEEDS,
    by_candidate,
    losses,
    tuned_rate,
)
from experiments.measure import add_json_option, write_results
from neuralopt.api import compare
from neuralopt.engines.engine import OptimizerSpec
from neuralopt.language import RULES, parse, render, size_of
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
from neuralopt.learned.recording import record
from neuralopt.learned.training import MetaOptions, MetaTraining
from neuralopt.machine.probe import rule_values
from neuralopt.report.counting import counting
from neuralopt.scoring.replicates import FIRST_DISTILLATION_REPLICATE
from neuralopt.searchers import make_searcher
from neuralopt.spaces.registry import load as load_space

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
SPACES = "temporal", "from_scratch", "sign_agreement"
SEARCHER = "hill_climbing"
RECORDED = 4
"""Trainings that rules are fitted to, and as many to measure them on."""

PAIRS = 3000
"""Updates that are drawn."""

FACTORS = 0.1, 0.3, 1.0, 3.0, 10.0
"""Of the rate that an optimizer was learned with, tried on other activations."""


def learn(activation: str, children: int, folder: Path) -> tuple[Learned, list[float]]:
    """Learn an optimizer, or read it if it is there.

    Args:
        activation: of the children.
        children: that it learns from.
        folder: where the file is kept, and the seconds it took.

    Returns:
        The optimizer, and the mean loss of each child relative to its first.
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
    return load_learned(path), training.curve


def distilled(learned: Learned, proposals: int) -> dict[str, Any]:
    """Search rules that imitate a learned optimizer, and measure them elsewhere.

    Args:
        learned: the optimizer of `relu`.
        proposals: of each search.

    Returns:
        Imitations by space, those of named rules, and pairs of updates to draw.
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
    found: dict[str, Any] = {"spaces": {}, "searched": {}}
    best: Imitation | None = None
    for name in SPACES:
        space = imitating_space(load_space(name))
        searcher = make_searcher(SEARCHER, space, 0)
        begun = time.process_time()
        with counting(f"proposals in {name}") as count:
            rules = search_imitations(
                space, searcher, proposals, fitted, held_out, count
            )
        found["spaces"][name] = [plain(each, learned.rate) for each in rules]
        found["searched"][name] = time.process_time() - begun
        if best is None or rules[0].fit > best.fit:
            best = rules[0]
    assert best is not None
    named = named_imitations(fitted, held_out)
    found["named"] = {name: plain(each, learned.rate) for name, each in named.items()}
    (values,) = rule_values(held_out.probe, [best.rule])
    pairs = np.stack([best.scale * values.ravel(), held_out.updates.ravel()], axis=1)
    found["pairs"] = pairs[:: len(pairs) // PAIRS].round(4).tolist()
    sizes = [np.abs(each).mean(axis=(1, 2)) for each in (values, held_out.updates)]
    found["sizes"] = [(best.scale * sizes[0]).tolist(), sizes[1].tolist()]
    found["best"] = plain(best, learned.rate)
    return found


def plain(each: Imitation, rate: float) -> dict[str, Any]:
    """Return an imitation as plain data, with the learning rate it stands for."""
    return {
        "rule": render(each.rule),
        "size": size_of(each.rule),
        "lr": each.scale * rate,
        "fit": each.fit,
        "held_out": each.held_out,
    }


def beyond(
    learned: Learned, path: Path, rule: Mapping[str, Any], seeds: int
) -> dict[str, Any]:
    """Train sixteen times as long as the optimizer was trained for.

    Args:
        learned: the optimizer of `relu`.
        path: of its file.
        rule: that imitates it best.
        seeds: fresh ones.

    Returns:
        Learning rates, and the mean losses on the training split along the way.
    """
    relu = task("relu")
    candidates: dict[str, tuple[OptimizerSpec, float]] = {
        LEARNED: (learned_candidate(LEARNED, path), learned.rate),
        DISTILLED: (parse(rule["rule"]), rule["lr"]),
    }
    for name in RIVALS:
        expression = RULES[name].expression
        candidates[name] = expression, tuned_rate(relu, expression, EPOCHS)
    return {
        "rates": {name: rate for name, (_, rate) in candidates.items()},
        "along": ALONG,
        "losses": by_candidate(relu, candidates, LONG, seeds, ALONG),
    }


def elsewhere(
    learned: Mapping[str, tuple[Learned, Path]], rule: Mapping[str, Any], seeds: int
) -> dict[str, Any]:
    """Train networks of all activations for the steps that optimizers were trained for.

    Args:
        learned: optimizers and their files, by the activation they were trained on.
        rule: that imitates the one of `relu` best.
        seeds: fresh ones.

    Returns:
        By activation and optimizer, its rate and its losses at the end.
    """
    adam, found = RULES["adam"].expression, dict[str, Any]()
    home = tuned_rate(task("relu"), adam, EPOCHS)
    for activation in ACTIVATIONS:
        here = task(activation)
        candidates: dict[str, tuple[OptimizerSpec, float]] = {}
        for name, (each, path) in learned.items():
            spec = learned_candidate(name, path)
            candidates[f"learned on {name}"] = spec, each.rate
            rates = [each.rate * factor for factor in FACTORS]
            best = tuned_rate(here, spec, EPOCHS, rates)
            candidates[f"learned on {name}, rate tuned here"] = spec, best
        candidates[DISTILLED] = parse(rule["rule"]), rule["lr"]
        candidates["adam, rate tuned on relu"] = adam, home
        candidates["adam, rate tuned here"] = adam, tuned_rate(here, adam, EPOCHS)
        found[activation] = {
            name: {"rate": rate, "losses": losses(here, spec, rate, EPOCHS, seeds)}
            for name, (spec, rate) in candidates.items()
        }
        for each in found[activation].values():
            each["losses"] = each["losses"].ravel().tolist()
    return found


def on_suite(path: Path, rule: Mapping[str, Any], seeds: int) -> dict[str, Any]:
    """Compare on the suite, as `neuralopt compare` does.

    Args:
        path: of the optimizer that was learned on `relu`.
        rule: that imitates it best.
        seeds: fresh ones.

    Returns:
        Rows of the whole suite, and mean qualities by part and candidate, on the
        selection split.
    """
    rules = {LEARNED: f"learned:{path}", DISTILLED: rule["rule"]}
    rules |= {name: name for name in RIVALS}
    result = compare(rules, "suite", seeds=seeds, splits=("selection",))
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
    parser.add_argument("--proposals", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--suite-seeds", type=int, default=6, help="0: no comparison")
    add_json_option(parser)
    given = parser.parse_args(arguments)
    given.into.mkdir(parents=True, exist_ok=True)
    paths = {name: given.into / f"{name}.pt" for name in HOME}
    found: dict[str, Any] = {
        "options": asdict(OPTIONS),
        "children": given.children,
        "proposals": given.proposals,
        "seeds": given.seeds,
        "tuning_seeds": TUNING_SEEDS,
        "curves": {},
        "cpu_seconds": {},
    }
    learned: dict[str, tuple[Learned, Path]] = {}
    for name, path in paths.items():
        each, found["curves"][name] = learn(name, given.children, given.into)
        clock = path.with_suffix(".seconds.json")
        found["cpu_seconds"][name] = json.loads(clock.read_text("utf-8"))
        learned[name] = each, path
    relu, path = learned["relu"]

    def keep(name: str, value: object) -> None:
        found[name] = value
        write_results(given.json, found)
        print(f"{name} done", flush=True)

    keep("distilled", distilled(relu, given.proposals))
    rule = found["distilled"]["best"]
    print(json.dumps(rule))
    keep("beyond", beyond(relu, path, rule, given.seeds))
    keep("elsewhere", elsewhere(learned, rule, given.seeds))
    if given.suite_seeds:
        keep("suite", on_suite(path, rule, given.suite_seeds))
        for row in found["suite"]["rows"]:
            print(f"{row['rank']} {row['name']:18} {row['mean']:.4f} {row['verdict']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
