"""Schedules of the language as schedulers of torch.

Knows torch's LambdaLR; refuses to know what the schedules are.
"""

from torch.optim.lr_scheduler import LambdaLR
from torch.optim.optimizer import Optimizer

from neuralopt.language import SCHEDULES, Expression, Schedule, parse
from neuralopt.language.definitions import scalar_value


def scheduler(
    optimizer: Optimizer,
    schedule: str | Expression | Schedule,
    total_steps: int | None = None,
) -> LambdaLR:
    """A scheduler that multiplies the learning rates by a schedule, for any optimizer.

    schedule: a name of SCHEDULES, or a text or expression of t, T and progress.
    total_steps: steps planned, needed if it uses T or progress.
    Raises ValueError for a text that can't be parsed, one that depends on more than the
    clock, or where total_steps is missing.

    >>> import torch
    >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    >>> decay = scheduler(sgd, "linear", total_steps=4)
    >>> for _ in range(2):
    ...     sgd.step()
    ...     decay.step()
    >>> decay.get_last_lr()
    [0.25]
    """
    if isinstance(schedule, str):
        schedule = SCHEDULES[schedule] if schedule in SCHEDULES else parse(schedule)
    if isinstance(schedule, Schedule):
        schedule = schedule.expression
    expression = schedule
    if not expression.is_scalar:
        raise ValueError(
            f"the schedule {expression} is not one number a step: use it as a factor "
            "of a rule"
        )
    if total_steps is None and expression.contains("T", "progress"):
        raise ValueError(
            f"the schedule {expression} uses T or progress: give total_steps, the "
            "number of steps of this training"
        )
    total = float(total_steps or 1)

    def factor(step: int) -> float:
        progress = min(1.0, step / total)
        clock = {"t": float(step), "T": total, "progress": progress}
        return scalar_value(expression, clock)

    return LambdaLR(optimizer, factor)
