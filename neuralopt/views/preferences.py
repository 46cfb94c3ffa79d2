"""A picture of what a search preferred over time, decision by decision."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuralopt.palette import CYCLE, PALE, SEQUENTIAL
from neuralopt.views.decision_names import Decision
from neuralopt.views.preference_history import Floats, PreferenceHistory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

SHOWN_CHOICES = 7
"""Rows of a heat map; choices that are rarer at all times make one row, the last."""

SHOWN_GROUPS = 4
SIZE, TITLE_SIZE, HEADING_SIZE, NAME_SIZE = 14, 15, 21, 12
COLUMN, LABELS = 5.4, 1.9
ROW, FRAME, ENTROPY, HEADING, FOOT = 0.26, 0.56, 2.4, 1.05, 1.8
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
    from matplotlib.figure import Figure

    if not len(history.told):
        raise ValueError("there is no snapshot of preferences: draw them later")
    groups = sorted({each.group for each in history.decisions})
    shown = groups[-SHOWN_GROUPS:]
    rows: dict[str, int] = {}  # of the heat maps of each kind
    for each in history.decisions:
        count = min(SHOWN_CHOICES + 1, len(each.choices))
        rows[each.kind] = max(rows.get(each.kind, 0), count)
    heights = [ROW * count + FRAME for count in rows.values()]
    wide, tall = COLUMN * len(shown) + 0.2, HEADING + sum(heights) + ENTROPY + FOOT
    figure = Figure(figsize=(wide, tall), dpi=DPI)
    page = _Page(figure, wide, tall)
    size = HEADING_SIZE if len(shown) > 1 else TITLE_SIZE
    page.text(0.2, 0.35, _heading(history), size, weight="bold")
    for column, group in enumerate(shown):
        left, right = column * COLUMN + LABELS, (column + 1) * COLUMN - 0.2
        of_all = f" of {groups[-1]}" if len(groups) > len(shown) else ""
        middle, name = (left + right) / 2, f"Group {group}{of_all}"
        page.text(middle, 0.8, name, TITLE_SIZE + 2, ha="center")
        places = [n for n, d in enumerate(history.decisions) if d.group == group]
        top = HEADING
        for place, height in zip(places, heights, strict=True):
            axes = page.axes(top + FRAME - 0.12, height - FRAME, left, right)
            mesh = _draw_map(axes, history, place, rows[history.decisions[place].kind])
            top += height
        axes = page.axes(top + 0.45, ENTROPY - 0.75, left, right)
        _draw_entropies(axes, history, places)
    page.legend(axes, 1.15, 3 if len(shown) == 1 else 5)
    share = "probability" if history.source == "policy" else "share of rules"
    page.text(LABELS - 0.2, tall - 0.57, share, NAME_SIZE, ha="right")
    bar = page.axes(tall - 0.66, 0.16, LABELS, LABELS + 3.2)
    figure.colorbar(mesh, cax=bar, orientation="horizontal", ticks=[0, 0.1, 0.5, 1])
    bar.tick_params(labelsize=NAME_SIZE)
    return figure


@dataclass(frozen=True, slots=True)
class _Page:
    """Places axes and text on a figure, in inches from its upper left corner."""

    figure: "Figure"
    wide: float
    tall: float

    def axes(self, top: float, tall: float, left: float, right: float) -> "Axes":
        corner = left / self.wide, (self.tall - top - tall) / self.tall
        size = (right - left) / self.wide, tall / self.tall
        return self.figure.add_axes((*corner, *size))

    def text(
        self,
        right: float,
        down: float,
        text: str,
        size: float,
        ha: str = "left",
        weight: str = "normal",
    ) -> None:
        at = right / self.wide, 1 - down / self.tall
        self.figure.text(*at, text, size=size, ha=ha, va="center", weight=weight)

    def legend(self, axes: "Axes", up: float, columns: int) -> None:
        """The legend of axes, in the middle of the page, so far above its foot."""
        self.figure.legend(
            *axes.get_legend_handles_labels(),
            loc="center",
            bbox_to_anchor=(0.5, up / self.tall),
            ncols=columns,
            frameon=False,
            fontsize=NAME_SIZE,
            handlelength=1.6,
        )


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
        Names of the rows in the order of the space, and their shares, of shape
        (snapshots, rows). If there are more choices than rows, the last row is that of
        all others.
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
    axes: "Axes", history: PreferenceHistory, place: int, rows: int
) -> "QuadMesh":
    from matplotlib.colors import PowerNorm

    decision = history.decisions[place]
    names, shares = shown_choices(decision.choices, history.shares[place])
    edges = np.arange(len(names) + 1) - 0.5
    mesh = axes.pcolormesh(
        _edges(history.told),
        edges,
        shares.T,
        cmap=SEQUENTIAL,
        norm=PowerNorm(0.5, 0.0, 1.0),
        rasterized=True,
    )
    axes.set_yticks(range(len(names)), names, size=NAME_SIZE)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="both", length=0)
    axes.set_xticks([])
    axes.set_title(_title(decision), size=TITLE_SIZE, pad=4)
    axes.spines[:].set_visible(False)
    return mesh


def _draw_entropies(
    axes: "Axes", history: PreferenceHistory, places: list[int]
) -> None:
    from matplotlib.ticker import MaxNLocator

    entropies = history.entropies
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
    axes.tick_params(axis="x", labelsize=SIZE)
    axes.set_xlabel("proposals", size=SIZE)
    axes.set_title("Entropy", size=TITLE_SIZE, pad=4)
    axes.grid(color=PALE, lw=0.6)


def _short(kind: str) -> str:
    return kind.replace("function of operand", "function")
