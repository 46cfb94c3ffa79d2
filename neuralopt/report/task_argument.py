"""What a command that trains must be told of a run's task."""

import shlex


def task_argument(task: str) -> str:
    """Return the argument that names a custom task, so that its module may run.

    Args:
        task: of a run.

    Returns:
        A space and the argument, quoted for a shell; "" for a task of this package.
    """
    from neuralopt.tasks import is_custom  # loads torch

    return f" task={shlex.quote(task)}" if is_custom(task) else ""
