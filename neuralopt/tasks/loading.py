"""Tasks by name: the registry, options, and users' own modules."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module

from neuralopt.catalog import hint
from neuralopt.tasks.analytic import ravine, rosenbrock
from neuralopt.tasks.char_lm import char_lm
from neuralopt.tasks.cifar10 import cifar10_conv, cifar10_resnet
from neuralopt.tasks.digits import digits, digits_conv
from neuralopt.tasks.enos_mnistnet import enos_mnistnet
from neuralopt.tasks.task import Task

TASKS: Mapping[str, Callable[..., Task]] = {
    "char_lm": char_lm,
    "cifar10_conv": cifar10_conv,
    "cifar10_resnet": cifar10_resnet,
    "digits": digits,
    "digits_conv": digits_conv,
    "enos_mnistnet": enos_mnistnet,
    "ravine": ravine,
    "rosenbrock": rosenbrock,
}


@cache
def load_task(name: str, **options: str | int) -> Task:
    """The task of this name; its data are read once a process.

    name: as in TASKS, or ``module:attribute``, a task of the user's own or a function
    that makes one. That runs the module: take the name from nobody but the user.
    options: for tasks that have some, such as the path of their data.
    Raises ValueError for an unknown name or option, for data that are not as they
    should be, and for what is no task.
    """
    known = [] if is_custom(name) or name not in TASKS else task_options(name)
    for option in options:
        if option not in known:
            raise ValueError(
                f"task.{option} is no option of {name}: it has "
                f"{', '.join(known) or 'none'}"
            )
    if is_custom(name):
        return _load_custom(name)
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}: {hint(name, TASKS)}")
    return TASKS[name](**options)


def load_tasks(name: str, **options: str | int) -> tuple[Task, ...]:
    """The tasks of a name, such as ``digits+char_lm``: usually one.

    options: each for those tasks that have it. Raises ValueError as `load_task` does,
    for a task named twice, and for an option that none of them has.
    """
    names = name.split("+")
    for each in names:
        if names.count(each) > 1:
            raise ValueError(f"task {name}: {each} is named twice")
    if len(names) == 1:
        return (load_task(name, **options),)
    known = {each: task_options(each) if each in TASKS else [] for each in names}
    for option in options:
        if not any(option in some for some in known.values()):
            raise ValueError(f"task.{option} is an option of none of {name}")
    return tuple(
        load_task(each, **{key: options[key] for key in known[each] if key in options})
        for each in names
    )


def task_options(name: str) -> list[str]:
    """Names of what a task of ours can be told."""
    return list(inspect.signature(TASKS[name]).parameters)


def is_custom(name: str) -> bool:
    """Whether a name is an import path, of a task that is not ours."""
    return ":" in name


def _load_custom(path: str) -> Task:
    module_name, _, attribute = path.partition(":")
    try:
        module = import_module(module_name)
        task = getattr(module, attribute)
        if not hasattr(task, "examples") and callable(task):
            task = task()
    except Exception as error:  # whatever the user's module raises
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"task {path!r} can't be made: {what}") from error
    missing = [name for name in MEMBERS if not hasattr(task, name)]
    if missing:
        raise ValueError(
            f"{path!r} is no task, it has no {missing[0]}: make one with "
            "neuralopt.make_task"
        )
    made: Task = task
    return made


MEMBERS = (
    *("name", "fingerprint", "batch_size", "layers", "recipe"),
    *("examples", "network", "loss", "accuracy", "quality"),
)
"""Of a Task."""
