"""Write the best rules as runs of their own, for TensorBoard's page HParams."""

from __future__ import annotations

from pathlib import Path

from neuralopt.views.run_view import RunView

RULES = 24
"""Rules that are written: with more than 40 runs TensorBoard opens on an empty page."""

FOLDER = "tb_rules"
"""Name of the folder of these runs, next to ``tb``, which is opened by itself."""


def write_rule_runs(view: RunView, folder: Path) -> int:
    """Write one run for each of the best rules, in place of those written before.

    Args:
        view: of a search.
        folder: of these runs and nothing else; made if missing.

    Returns:
        How many rules were written.
    """
    from torch.utils.tensorboard.summary import hparams
    from torch.utils.tensorboard.writer import FileWriter

    for old in folder.glob("*/events.out.tfevents*"):
        old.unlink()
    rules = view.leaderboard[:RULES]
    for rank, rule in enumerate(rules, 1):
        measured = {"quality": rule.worth[1]}
        if rule.place is not None:
            measured |= {"quality_low": rule.place.low, "quality_high": rule.place.high}
        qualities = view.parts.quality[rank - 1].tolist()
        for part, quality in zip(view.parts.parts, qualities, strict=True):
            if quality == quality:  # not NaN
                measured[f"parts/{part}"] = quality
        described = {
            "rank": rank,
            "size": rule.size,
            "memory": rule.memory,
            "learning rate": rule.proposal.lr,
            "like": rule.name,
        }
        writer = FileWriter(str(folder / f"{rank:02d}_rule_{rule.proposal.number}"))
        for summary in hparams(described, measured):
            writer.add_summary(summary)
        for tag, value in measured.items():
            writer.add_summary(_scalar(tag, value), 0)
        writer.close()
    return len(rules)


def _scalar(tag: str, value: float) -> object:
    from torch.utils.tensorboard.summary import scalar

    return scalar(tag, value)
