"""A picture of what a search preferred over time, decision by decision."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neuralopt.views.decision_names import Decision
from neuralopt.views.palette import CYCLE, PALE, SEQUENTIAL
from neuralopt.views.preference_history import Floats, PreferenceHistory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

SHOWN_CHOICES = 7
"""Rows of a heat map; choices that are rarer at all times make one row, the last."""

SHOWN_GROUPS = 4
SIZE, TITLE_SIZE, HEADING_SIZE, NAME_SIZE = 14, 15, 21, 12
COLUMN, LABELS, ROW, FRAME, ENTROPY, HEADING, FOOT = 5.4, 1.9, 0.26, 0.56, 2.4, 1.05, 1.8
DPI = 100
OTHERS = "others"


def preferences_figure(history: PreferenceHistory) -> "Figure":
    """Draw the share of each choice over time, and the entropy of each decision.

    Args:
        history: with one snapshot or more.

    Returns:
        The figure: a column for each group of decisions, of the last four groups.

    Raises:
        ValueError: there is no snapshot.
    """
    import matplotlib
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    if not len(history.told):
        raise ValueError("there is no snapshot of preferences: draw them later")
    groups = sorted({each.group for each in history.decisions})
    shown = groups[-SHOWN_GROUPS:]
    kinds = list(dict.fromkeys(each.kind for each in history.decisions))
    rows = {
        kind: min(
            SHOWN_CHOICES + 1,
            max(len(d.choices) for d in history.decisions if d.kind == kind),
        )
        for kind in kinds
    }
    heights = [ROW * count + FRAME for count in rows.values()]
    tall = HEADING + sum(heights) + ENTROPY + FOOT
    wide = COLUMN * len(shown) + 0.2
    entropies = history.entropies
    with matplotlib.rc_context({"font.size": SIZE, "axes.titlesize": TITLE_SIZE}):
        figure = Figure(figsize=(wide, tall), dpi=DPI)
        figure.text(
            0.2 / wide,
            1 - 0.35 / tall,
            _heading(history),
            size=HEADING_SIZE if len(shown) > 1 else TITLE_SIZE,
            weight="bold",
            va="center",
        )
        norm = PowerNorm(0.5, 0.0, 1.0)
        mesh: QuadMesh | None = None
        for column, group in enumerate(shown):
            left = column * COLUMN + LABELS
            of_all = f" of {groups[-1]}" if len(groups) > len(shown) else ""
            figure.text(
                (left + (COLUMN - LABELS) / 2) / wide,
                1 - 0.8 / tall,
                f"Group {group}{of_all}",
                size=TITLE_SIZE + 2,
                ha="center",
                va="center",
            )
            top = HEADING
            size = (COLUMN - LABELS - 0.2) / wide
            places = [n for n, d in enumerate(history.decisions) if d.group == group]
            for place, height in zip(places, heights, strict=True):
                bottom = tall - top - height + 0.12
                box = left / wide, bottom / tall, size, (height - FRAME) / tall
                axes = figure.add_axes(box)
                mesh = _draw_map(
                    axes, history, place, rows[history.decisions[place].kind], norm
                )
                axes.set_title(_title(history.decisions[place]), pad=4)
                top += height
            bottom = tall - top - ENTROPY + 0.3
            box = left / wide, bottom / tall, size, (ENTROPY - 0.75) / tall
            axes = figure.add_axes(box)
            _draw_entropies(axes, history, entropies, places)
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="center",
            bbox_to_anchor=(0.5, 1.15 / tall),
            ncols=3 if len(shown) == 1 else 5,
            frameon=False,
            fontsize=NAME_SIZE,
            handlelength=1.6,
        )
        assert mesh is not None
        bar = figure.add_axes((LABELS / wide, 0.5 / tall, 3.2 / wide, 0.16 / tall))
        figure.colorbar(mesh, cax=bar, orientation="horizontal", ticks=[0, 0.1, 0.5, 1])
        share = "probability" if history.source == "policy" else "share of rules"
        at = (LABELS - 0.2) / wide, 0.57 / tall
        figure.text(*at, share, size=NAME_SIZE, va="center", ha="right")
    return figure


def _heading(history: PreferenceHistory) -> str:
    if history.source == "policy":
        return "What the policy prefers"
    return f"Choices of the {history.best} best rules so far"


def _title(decision: Decision) -> str:
    return decision.kind[0].upper() + decision.kind[1:]


def shown_choices(names: tuple[str, ...], shares: Floats) -> tuple[list[str], Floats]:
    """Return the rows of a heat map: the choices that are most frequent at some time.

    Args:
        names: of all choices.
        shares: (snapshots, choices).

    Returns:
        Names of the rows in the order of the space, and their shares, (snapshots, rows).
        If there are more choices than rows, the last row is that of all others.
    """
    if len(names) <= SHOWN_CHOICES + 1:
        return list(names), shares
    order = np.argsort(-shares.max(axis=0), kind="stable")
    kept = np.sort(order[:SHOWN_CHOICES])
    rest = 1.0 - shares[:, kept].sum(axis=1, keepdims=True)
    label = f"{len(names) - len(kept)} {OTHERS}"
    rows = np.concatenate([shares[:, kept], np.clip(rest, 0.0, 1.0)], axis=1)
    return [*(names[place] for place in kept), label], rows


def _edges(told: np.ndarray) -> Floats:
    """Ends of the stretch of time of each snapshot: it ends where the snapshot is."""
    return np.concatenate([[0.0], told.astype(np.float64)])


def _draw_map(
    axes: "Axes", history: PreferenceHistory, place: int, rows: int, norm: Any
) -> "QuadMesh":
    decision = history.decisions[place]
    names, shares = shown_choices(decision.choices, history.shares[place])
    edges = np.arange(len(names) + 1) - 0.5
    mesh = axes.pcolormesh(
        _edges(history.told), edges, shares.T, cmap=SEQUENTIAL, norm=norm, rasterized=True
    )
    axes.set_yticks(range(len(names)), names, size=NAME_SIZE)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="both", length=0)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    return mesh


def _draw_entropies(
    axes: "Axes", history: PreferenceHistory, entropies: Floats, places: list[int]
) -> None:
    from matplotlib.ticker import MaxNLocator

    styles = ("-", "--", "-", "--", "-")
    colours = (CYCLE[0], CYCLE[0], CYCLE[1], CYCLE[1], CYCLE[2])
    for place, style, colour in zip(places, styles, colours, strict=True):
        axes.plot(
            history.told,
            entropies[place],
            style,
            color=colour,
            lw=2.5,
            marker="o" if len(history.told) == 1 else None,
            label=_short(history.decisions[place].kind),
        )
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlim(0, float(history.told[-1]))
    axes.set_yticks([0, 0.5, 1], ["0: one choice", "0.5", "1: uniform"], size=NAME_SIZE)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlabel("proposals")
    axes.set_title("Entropy", pad=4)
    axes.grid(color=PALE, lw=0.6)


def _short(kind: str) -> str:
    return kind.replace("function of operand", "function")
