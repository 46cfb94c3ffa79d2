"""Turn schedules of the language into schedulers of torch."""

from torch.optim.lr_scheduler import LambdaLR
from torch.optim.optimizer import Optimizer

from neuralopt.language import Expression, Schedule, schedule_factor


def scheduler(
    optimizer: Optimizer,
    schedule: str | Expression | Schedule,
    total_steps: int | None = None,
) -> LambdaLR:
    """Return a scheduler that multiplies any optimizer's learning rates by a schedule.

    Args:
        optimizer: any torch optimizer.
        schedule: a name of SCHEDULES, or a text or expression of t, T and progress.
        total_steps: steps planned, needed if the schedule uses T or progress.

    Returns:
        The scheduler, a LambdaLR.

    Raises:
        ValueError: as `neuralopt.language.schedule_factor`.

    Example:
        >>> import torch
        >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
        >>> decay = scheduler(sgd, "linear", total_steps=4)
        >>> for _ in range(2):
        ...     sgd.step()
        ...     decay.step()
        >>> decay.get_last_lr()
        [0.25]
    """
    return LambdaLR(optimizer, schedule_factor(schedule, total_steps))
