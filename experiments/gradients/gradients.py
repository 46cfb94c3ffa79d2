"""Measure where gradients vanish or explode, and what helps.

python experiments/gradients/gradients.py --json experiments/gradients/results.json
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from neuralopt.engines import fastest_engine
from neuralopt.engines.engine import Child
from neuralopt.language import RULES, Expression, parse
from neuralopt.one_thread import one_thread
from neuralopt.report.counting import Count, counting
from neuralopt.signals.measuring import SignalHistory, measure_signals
from neuralopt.tasks import load_task, with_recipe

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu")
INITS = ("pytorch", "normal", "lecun", "glorot", "he", "orthogonal")
DEPTHS = (2, 4, 8, 16, 32)
DEEP = 16
"""Hidden layers of the networks that are trained and drawn layer by layer."""

RULES_TRAINED = ("sgd", "momentum", "adam", "lion")
RATES = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
EPOCHS = 5

SGD, ADAM = parse("g"), RULES["adam"].expression
EXPLODING = {"cell": "rnn", "activation": "relu", "init": "identity"}
RECIPES: dict[str, dict[str, float]] = {
    "no clipping": {},
    "clip_norm=1": {"clip_norm": 1.0},
    "clip_value=0.01": {"clip_value": 0.01},
}
PLACES = 64
CELLS: dict[str, dict[str, Any]] = {
    "RNN, tanh": {"cell": "rnn"},
    "RNN, tanh, orthogonal": {"cell": "rnn", "init": "orthogonal"},
    "GRU": {"cell": "gru"},
    "LSTM": {"cell": "lstm"},
    "LSTM, forget bias 1": {"cell": "lstm", "forget_bias": 1.0},
    "LSTM, forget bias 3": {"cell": "lstm", "forget_bias": 3.0},
}

Study = Callable[[int], Iterator[tuple[str, Any]]]
"""Given a number of seeds, yields a key and its figures for each part."""


def first_gradient(seed: int, **options: Any) -> SignalHistory:
    """The gradient of a new network's first batch."""
    return measure_signals(
        load_task("digits_mlp", **options), "sgd", SGD, 1e-3, 1, seed
    )


def initial(seeds: int) -> Iterator[tuple[str, Any]]:
    """First layer's gradient in those of the last, by depth, activation and init."""
    for norm, activation, init in product((False, True), ACTIVATIONS, INITS):
        options = {"activation": activation, "init": init, "batch_norm": norm}
        yield (
            f"{'batch norm' if norm else 'plain'}/{activation}/{init}",
            [
                [
                    float(first_gradient(seed, depth=depth, **options).ratios[0])
                    for seed in range(seeds)
                ]
                for depth in DEPTHS
            ],
        )


def profiles(seeds: int) -> Iterator[tuple[str, Any]]:
    """Gradients and deviations by layer of one depth, before and after a training."""
    for norm, activation in product((False, True), ACTIVATIONS):
        task = load_task(
            "digits_mlp", depth=DEEP, activation=activation, batch_norm=norm
        )
        found = [
            measure_signals(task, "adam", ADAM, 0.003, 16 * EPOCHS, seed)
            for seed in range(seeds)
        ]
        hidden = [k for k, name in enumerate(found[0].layers) if "norm" not in name]
        yield (
            f"{'batch norm' if norm else 'plain'}/{activation}",
            {
                "gradients": [
                    [each.gradients[row, hidden].tolist() for each in found]
                    for row in (0, -1)
                ],
                "deviations": [
                    [each.deviations[row].tolist() for each in found] for row in (0, -1)
                ],
                "losses": [float(each.losses[-1]) for each in found],
            },
        )


def trained(seeds: int) -> Iterator[tuple[str, Any]]:
    """Accuracy of deep networks, each rule at its best rate."""
    ways = [(init, False) for init in ("normal", "glorot", "he")] + [("he", True)]
    for activation, (init, norm) in product(ACTIVATIONS, ways):
        options = {"activation": activation, "init": init, "batch_norm": norm}
        task = load_task("digits_mlp", depth=DEEP, **options)
        engine, _ = fastest_engine(task)
        for rule in RULES_TRAINED:
            yield (
                f"{activation}/{init}{' + batch norm' if norm else ''}/{rule}",
                accuracy(engine, RULES[rule].expression, seeds),
            )


def accuracy(engine: Any, rule: Expression, seeds: int) -> dict[str, Any]:
    """The rate of the least validation loss, and the accuracies on selection there."""
    children = [Child(rule, rate, seed) for rate in RATES for seed in range(seeds)]
    outcomes = engine.train(children, EPOCHS, ("validation", "selection"))
    losses = np.array([each.losses[0] for each in outcomes]).reshape(-1, seeds)
    best = int(losses.mean(1).argmin())
    chosen = outcomes[best * seeds : (best + 1) * seeds]
    return {"rate": RATES[best], "accuracies": [each.accuracies[1] for each in chosen]}


def clipping(seeds: int) -> Iterator[tuple[str, Any]]:
    """Norms of a ReLU RNN's whole gradient along a training, by way of clipping."""
    task = load_task("char_rnn", **EXPLODING)
    for name, recipe in RECIPES.items():
        histories = [
            measure_signals(with_recipe(task, **recipe), "sgd", SGD, 0.5, 100, seed)
            for seed in range(seeds)
        ]
        yield (
            name,
            [
                {
                    "steps": each.steps,
                    "norms": np.linalg.norm(each.gradients, axis=1).tolist(),
                    "losses": each.losses.tolist(),
                    "diverged": each.diverged,
                }
                for each in histories
            ],
        )


def through_time(seeds: int) -> Iterator[tuple[str, Any]]:
    """Gradient of the last place's loss by place, before and after a training."""
    for name, options in CELLS.items():
        task = load_task("char_rnn", time=PLACES, **options)
        found = [
            measure_signals(task, "adam", ADAM, 0.01, 100, seed)
            for seed in range(seeds)
        ]
        yield (
            name,
            {
                "places": [
                    [(each.times[row] / each.times[row, -1]).tolist() for each in found]
                    for row in (0, -1)
                ],
                "losses": [float(each.losses[-5:].mean()) for each in found],
            },
        )


STUDIES: dict[str, tuple[Study, int]] = {
    "initial": (initial, 2 * len(ACTIVATIONS) * len(INITS)),
    "profiles": (profiles, 2 * len(ACTIVATIONS)),
    "trained": (trained, 4 * len(ACTIVATIONS) * len(RULES_TRAINED)),
    "clipping": (clipping, len(RECIPES)),
    "through_time": (through_time, len(CELLS)),
}
"""By name: a study, and the number of its parts."""


@one_thread()
def measure_all(names: Sequence[str], seeds: int, count: Count) -> dict[str, Any]:
    """Run studies and return their figures by name.

    Args:
        names: of STUDIES.
        seeds: initial weights and data orders of each measurement.
        count: told of the parts that are done.
    """
    total, done = sum(STUDIES[name][1] for name in names), 0
    found: dict[str, Any] = {}
    for name in names:
        found[name] = {}
        for key, figures in STUDIES[name][0](seeds):
            found[name][key] = figures
            done += 1
            count(done, total)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line for each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--studies", nargs="+", choices=STUDIES, default=list(STUDIES), help="of these"
    )
    parser.add_argument("--seeds", type=int, default=3, help="of each measurement")
    add_json_option(parser)
    given = parser.parse_args(arguments)
    with counting("parts") as count:
        found = measure_all(given.studies, given.seeds, count)
    write_results(given.json, {"seeds": given.seeds, **found})
    for name, parts in found.items():
        for key, figures in parts.items():
            print(f"{name:13} {key:42} {summary(name, figures)}")
    return 0


def summary(study: str, figures: Any) -> str:
    """The figures of a part in a few words."""
    if study == "initial":
        means = np.exp(np.log(np.array(figures)).mean(1))
        return " ".join(f"{each:.1e}" for each in means)
    if study == "trained":
        mean = np.mean(figures["accuracies"])
        return f"accuracy {mean:.3f} at lr {figures['rate']:g}"
    if study == "clipping":
        ends = [(max(each["norms"]), each["losses"][-1]) for each in figures]
        return " ".join(
            f"norm up to {norm:.2g}, loss {loss:.2g};" for norm, loss in ends
        )
    if study == "through_time":
        first, last = (np.array(each)[:, 0] for each in figures["places"])
        return f"{PLACES - 1} places back: {first.max():.1e}, trained {last.max():.1e}"
    first, last = (np.array(each)[:, 0].mean() for each in figures["gradients"])
    return f"first layer {first:.1e}, trained {last:.1e}"


if __name__ == "__main__":
    sys.exit(main())
