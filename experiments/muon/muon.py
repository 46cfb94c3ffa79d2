"""Train the matrices of `tiny_gpt` by torch's Muon: is AdamW behind?

    python experiments/muon/muon.py --json experiments/muon/results.json

Three optimizers, without weight decay, at the same rates: AdamW; AdamW whose rate is a
fifth for the matrices of the blocks; and Muon for these matrices with AdamW for the
rest. Muon's steps have an rms of a fifth of the rate (`match_rms_adamw`), so the second
tells how much of its gain is only that of smaller steps. Each optimizer's rate is the
best on validation over a few seeds; then it trains on fresh seeds.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

import torch
from torch.optim import AdamW, Muon
from torch.optim.optimizer import Optimizer

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt.engines.engine import Child, TorchOptimizer
from neuralopt.engines.serial import SerialEngine
from neuralopt.one_thread import one_thread
from neuralopt.report.counting import Count, counting
from neuralopt.tasks import load_task

RATES = (3e-3, 6e-3, 1e-2, 2e-2, 3e-2, 6e-2)
EPOCHS = 5
TUNING = 2
"""Replicates that rates are chosen on; fresh ones are numbered from 1000."""

SHARE = 0.2
"""The rms of Muon's step as a share of the rate, with `match_rms_adamw`."""


class Pair(Optimizer):
    """Two optimizers that share one learning rate, one for the hidden matrices.

    Args:
        parameters: those of `tiny_gpt`, in order: two embeddings come first, the matrix
            and the biases of the head last.
        lr: learning rate of both.
        hidden: makes the optimizer of the matrices of the blocks.
        share: of the rate that the matrices get.
    """

    def __init__(
        self,
        parameters: Iterable[torch.Tensor],
        lr: float,
        hidden: Callable[[list[torch.Tensor], float], Optimizer],
        share: float,
    ) -> None:
        every = list(parameters)
        matrices = [each for each in every[2:-2] if each.ndim == 2]
        chosen = set(map(id, matrices))
        rest = [each for each in every if id(each) not in chosen]
        super().__init__(every, {"lr": lr})
        self.parts = (
            (hidden(matrices, lr), share),
            (AdamW(rest, lr, weight_decay=0.0), 1.0),
        )

    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure
        for optimizer, share in self.parts:
            for group in optimizer.param_groups:
                group["lr"] = share * self.param_groups[0]["lr"]
            optimizer.step()


def adamw(parameters: Iterable[torch.Tensor], lr: float) -> Optimizer:
    return AdamW(parameters, lr, weight_decay=0.0)


def muon(parameters: Iterable[torch.Tensor], lr: float) -> Optimizer:
    return Muon(parameters, lr, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")


OPTIMIZERS: Mapping[str, Callable[[Iterable[torch.Tensor], float], Optimizer]] = {
    "AdamW": adamw,
    "AdamW, a fifth of the rate for hidden matrices": partial(
        Pair, hidden=adamw, share=SHARE
    ),
    "Muon for hidden matrices, AdamW for the rest": partial(
        Pair, hidden=muon, share=1.0
    ),
}


class Trainings:
    """Trains on `tiny_gpt`, and shows how many trainings are done.

    Args:
        total: trainings to come.
        count: called with (done, total).
    """

    def __init__(self, total: int, count: Count) -> None:
        self.engine = SerialEngine(load_task("tiny_gpt"), 0)
        self.total, self.count, self.done = total, count, 0

    def losses(self, name: str, lr: float, replicates: range) -> list[float]:
        """Return the validation loss of each replicate, nats a character."""
        optimizer, found = TorchOptimizer(name, OPTIMIZERS[name]), []
        for replicate in replicates:
            child = Child(optimizer, lr, replicate)
            (outcome,) = self.engine.train([child], EPOCHS, ("validation",))
            found.append(outcome.losses[0])
            self.done += 1
            self.count(self.done, self.total)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=6)
    add_json_option(parser)
    options = parser.parse_args()
    print("| optimizer | rate | loss, nats a character | standard deviation |")
    print("|---|--:|--:|--:|")
    results: dict[str, dict[str, object]] = {}
    total = len(OPTIMIZERS) * (len(RATES) * TUNING + options.seeds)
    with one_thread(), counting("trainings") as count:
        trainings = Trainings(total, count)
        for name in OPTIMIZERS:
            tried = {
                lr: fmean(trainings.losses(name, lr, range(TUNING))) for lr in RATES
            }
            best = min(tried, key=tried.__getitem__)
            fresh = trainings.losses(name, best, range(1000, 1000 + options.seeds))
            results[name] = {"rate": best, "tried": tried, "losses": fresh}
            row = f"{best:g} | {fmean(fresh):.3f} | {stdev(fresh):.3f}"
            print(f"| {name} | {row} |", flush=True)
    write_results(options.json, results)


if __name__ == "__main__":
    main()
