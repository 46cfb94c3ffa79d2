"""Write README.md and its pictures from results.json, which gradients.py wrote.

python experiments/gradients/page.py
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.gradients import pictures
from experiments.gradients.gradients import (
    ACTIVATIONS,
    CELLS,
    DEEP,
    DEPTHS,
    EPOCHS,
    RATES,
    RECIPES,
    RULES_TRAINED,
)
from experiments.measure import add_json_option, made_line, write_results
from experiments.table.page import markdown

HERE = Path(__file__).parent
PARTS = (
    (
        "At the start: depth, activation, initial weights",
        "initial.svg",
        "A new `digits_mlp` of 32 units a layer meets its first batch. A cell is the "
        "power of ten of the gradient norm of the first layer's parameters in those of "
        "the output layer's, by hidden layers and initial weights; geometric mean over "
        "{seeds} seeds. `normal` has a standard deviation of 0.1. Blue vanishes, red "
        "explodes.",
    ),
    (
        "Layer by layer, before and after a training",
        "profiles.svg",
        "{deep} hidden layers, torch's own initial weights, Adam with a rate of 0.003 "
        "for {epochs} epochs.",
    ),
    (
        "What can be trained",
        "",
        "{deep} hidden layers. Each rule has, of the rates {rates}, the one with the "
        "least mean loss on validation after {epochs} epochs; a cell has the mean "
        "accuracy on the selection split over {seeds} seeds, and that rate. One in ten "
        "is chance.",
    ),
    (
        "Clipping an RNN that explodes",
        "clipping.svg",
        "A plain RNN of ReLUs that begins with the identity matrix (Le et al. 2015), "
        "`char_rnn` with `cell=rnn activation=relu init=identity`, SGD with a rate of "
        "0.5, measured at every second step. Norms are those before clipping. Without "
        "clipping all trainings leave the picture at once and diverge.",
    ),
    (
        "Through time",
        "through_time.svg",
        "The norm of the gradient of the last character's loss with respect to the "
        "state (h, and c of an LSTM) so many characters before, in that of the last "
        "state; windows of 64 characters, geometric mean over {seeds} seeds. On the "
        "right after 100 steps of Adam with a rate of 0.01.",
    ),
)
"""Title, picture and text of each section."""


def page(results: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        results: what gradients.py wrote.
    """
    figures = results["figures"]
    tables = (
        initial_table(figures["initial"]),
        (),
        trained_table(figures["trained"]),
        clipping_table(figures["clipping"]),
        time_table(figures["through_time"]),
    )
    yield from ("# Where do gradients vanish or explode, and what helps?", "")
    yield "[Gradients that vanish or explode](../../docs/explanation/gradients.md)"
    yield from ("explains what is seen here.", "", made_line(results), "")
    told = {
        "seeds": figures["seeds"],
        "deep": DEEP,
        "epochs": EPOCHS,
        "rates": ", ".join(f"{rate:g}" for rate in RATES),
    }
    for (title, picture, text), table in zip(PARTS, tables, strict=True):
        yield from (f"## {title}", "", text.format(**told), "")
        if picture:
            yield from (f"![{title}]({picture})", "")
        yield from table


def initial_table(figures: dict[str, Any]) -> Iterator[str]:
    """Yield a table of growth per layer between 8 and 32 hidden layers."""
    yield "The factor of the ratio for each further layer, from 8 to 32 hidden layers:"
    yield ""
    places = DEPTHS.index(8), DEPTHS.index(32)
    rows = []
    inits = list(dict.fromkeys(key.rpartition("/")[2] for key in figures))
    for init in inits:
        cells = []
        for kind in pictures.KINDS:
            for activation in ACTIVATIONS:
                logs = pictures.log_means(figures[f"{kind}/{activation}/{init}"])
                cells.append(f"{10 ** ((logs[places[1]] - logs[places[0]]) / 24):.3f}")
        rows.append([f"`{init}`", *cells])
    heads = [
        f"{activation}{', batch norm' if kind != 'plain' else ''}"
        for kind in pictures.KINDS
        for activation in ACTIVATIONS
    ]
    yield from markdown(["initial weights", *heads], rows)


def trained_table(figures: dict[str, Any]) -> Iterator[str]:
    """Yield a table of accuracies, a column for each rule."""
    rows = []
    for way in dict.fromkeys(key.rpartition("/")[0] for key in figures):
        activation, init = way.split("/")
        cells = [figures[f"{way}/{rule}"] for rule in RULES_TRAINED]
        rows.append(
            [activation, init]
            + [
                f"{np.mean(each['accuracies']):.3f} ({each['rate']:g})"
                for each in cells
            ]
        )
    yield from markdown(["activation", "initial weights", *RULES_TRAINED], rows)


def clipping_table(figures: dict[str, Any]) -> Iterator[str]:
    """Yield a table of norms and losses, a row for each recipe."""
    rows = []
    for name in RECIPES:
        runs = figures[name]
        kept = [run for run in runs if not run["diverged"]]
        last = f"{np.mean([run['losses'][-1] for run in kept]):.2f}" if kept else "-"
        first = ", ".join(f"{run['norms'][0]:.3g}" for run in runs)
        rows.append([name, first, f"{len(runs) - len(kept)} of {len(runs)}", last])
    heads = ["recipe", "norm of the first gradient", "diverged", "mean last loss"]
    yield from markdown(heads, rows)


def time_table(figures: dict[str, Any]) -> Iterator[str]:
    """Yield a table of gradients 16 and 63 characters back, and losses."""
    rows = []
    for name in CELLS:
        cells = []
        for when in figures[name]["places"]:
            values = np.array(when)
            cells += [
                f"{np.exp(np.log(values[:, -1 - back]).mean()):.1e}"
                for back in (16, 63)
            ]
        rows.append([name, *cells, f"{np.mean(figures[name]['losses']):.3f}"])
    heads = ["cell", "16 back, new", "63 back, new", "16 back, trained"]
    yield from markdown([*heads, "63 back, trained", "loss, trained"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_json_option(parser)
    given = parser.parse_args(arguments)
    results = json.loads((HERE / "results.json").read_text("utf-8"))
    figures = results["figures"]
    pictures.heat_maps(figures["initial"], HERE / "initial.svg")
    pictures.layer_profiles(figures["profiles"], HERE / "profiles.svg")
    pictures.clipping_curves(figures["clipping"], HERE / "clipping.svg")
    pictures.time_curves(figures["through_time"], HERE / "through_time.svg")
    lines = list(page(results))
    (HERE / "README.md").write_text("\n".join(lines) + "\n", "utf-8")
    write_results(given.json, {"lines": len(lines)})
    print(f"{len(lines)} lines, 4 pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
