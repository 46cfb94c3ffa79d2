"""Signals as text and as HTML: a table for the layers, and one for the activations."""

import math
from collections.abc import Iterator
from html import escape

from neuralopt.report.tables import Cell, Column, Table
from neuralopt.signals.measuring import SignalHistory
from neuralopt.signals.report import SignalReport


def text_of(report: SignalReport) -> str:
    """Return a report as plain text.

    Args:
        report: of one or several rules.
    """
    lines: list[str] = []
    for history in report.histories:
        lines.append(title_of(report.task, history))
        for table in tables_of(history):
            lines += [f"  {line}" for line in table.text().splitlines()]
            lines.append("")
        lines += [f"  {ratio_sentence(history)}", ""]
    return "\n".join(lines[:-1])


def html_of(report: SignalReport) -> str:
    """Return a report as a fragment of HTML, without the picture.

    Args:
        report: of one or several rules.
    """
    pieces = []
    for history in report.histories:
        pieces.append(f"<h3>{escape(title_of(report.task, history))}</h3>")
        pieces += [table._repr_html_() for table in tables_of(history)]
        pieces.append(f"<p>{escape(ratio_sentence(history))}</p>")
    return "".join(pieces)


def title_of(task: str, history: SignalHistory) -> str:
    """Return what a history is of, as one line.

    Args:
        task: its name.
        history: of a rule.
    """
    ended = "diverged after" if history.diverged else "measured up to"
    return (
        f"{history.name}, lr {history.lr:.3g}, on {task}, {ended} step "
        f"{history.steps[-1]}"
    )


def ratio_sentence(history: SignalHistory) -> str:
    """Return how the first layer's gradient compares with the last one's.

    Args:
        history: of a rule.
    """
    first, last = history.ratios[0], history.ratios[-1]
    return (
        f"Gradient of the first layer, in those of the last: {first:.2g} at step 0, "
        f"{last:.2g} at step {history.steps[-1]}"
    )


def tables_of(history: SignalHistory) -> Iterator[Table]:
    """Yield a table of layers, and one of activations if there are any.

    Args:
        history: of a rule. Measurements of the first and of the last step are shown.
    """
    end = f"step {history.steps[-1]}"
    yield Table(
        _columns(
            *("layer", "parameters", "gradient, step 0", end),
            *("update / weights, step 0", end),
        ),
        tuple(
            (
                Cell(name),
                Cell(f"{history.parameters[k]:,}"),
                *(
                    Cell(f"{values[row, k]:.2e}")
                    for values in (history.gradients, history.updates)
                    for row in (0, -1)
                ),
            )
            for k, name in enumerate(history.layers)
        ),
    )
    if not history.activations:
        return
    kinds = {
        "mean": history.means,
        "deviation": history.deviations,
        "saturated": history.saturated,
        "dead": history.dead,
    }
    titles = [each for kind in kinds for each in (f"{kind}, step 0", end)]
    yield Table(
        _columns("activation", *titles),
        tuple(
            (
                Cell(name),
                *(
                    Cell(_told(kind, float(values[row, k])))
                    for kind, values in kinds.items()
                    for row in (0, -1)
                ),
            )
            for k, name in enumerate(history.activations)
        ),
    )


def _columns(first: str, *others: str) -> tuple[Column, ...]:
    return Column(first), *(Column(each, right=True) for each in others)


def _told(kind: str, value: float) -> str:
    if math.isnan(value):  # a gated cell
        return "-"
    return f"{value:.1%}" if kind in ("saturated", "dead") else f"{value:.3g}"
