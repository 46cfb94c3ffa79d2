"""Tasks by name: the registry, options, and users' own modules."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module

from neuralopt.catalog import hint
from neuralopt.options import check_options, options_of
from neuralopt.tasks.analytic import ravine, rosenbrock
from neuralopt.tasks.char_lm import char_lm
from neuralopt.tasks.char_rnn import char_rnn
from neuralopt.tasks.char_small import char_gru, char_transformer, tiny_gpt
from neuralopt.tasks.cifar10 import cifar10_conv, cifar10_resnet
from neuralopt.tasks.digits import (
    digits,
    digits_conv,
    digits_deep,
    digits_noisy,
    digits_scaled,
    digits_sigmoid,
    digits_small_batch,
    digits_small_conv,
)
from neuralopt.tasks.digits_mlp import digits_mlp
from neuralopt.tasks.digits_networks import digits_autoencoder, digits_residual
from neuralopt.tasks.enos_mnistnet import enos_mnistnet
from neuralopt.tasks.friedman import friedman
from neuralopt.tasks.measurements import breast_cancer, diabetes
from neuralopt.tasks.rare_features import rare_features
from neuralopt.tasks.regression import regression
from neuralopt.tasks.task import Task

TASKS: Mapping[str, Callable[..., Task]] = {
    "breast_cancer": breast_cancer,
    "char_gru": char_gru,
    "char_lm": char_lm,
    "char_rnn": char_rnn,
    "char_transformer": char_transformer,
    "cifar10_conv": cifar10_conv,
    "cifar10_resnet": cifar10_resnet,
    "diabetes": diabetes,
    "digits": digits,
    "digits_autoencoder": digits_autoencoder,
    "digits_conv": digits_conv,
    "digits_deep": digits_deep,
    "digits_mlp": digits_mlp,
    "digits_noisy": digits_noisy,
    "digits_residual": digits_residual,
    "digits_scaled": digits_scaled,
    "digits_sigmoid": digits_sigmoid,
    "digits_small_batch": digits_small_batch,
    "digits_small_conv": digits_small_conv,
    "enos_mnistnet": enos_mnistnet,
    "friedman": friedman,
    "rare_features": rare_features,
    "ravine": ravine,
    "regression": regression,
    "rosenbrock": rosenbrock,
    "tiny_gpt": tiny_gpt,
}


GROUPS: Mapping[str, tuple[str, ...]] = {
    "suite": (
        "regression",
        "rare_features",
        "digits_scaled",
        "digits_small_batch",
        "digits_sigmoid",
        "digits_noisy",
        "digits",
        "digits_deep",
    ),
    "held_out": (
        "breast_cancer",
        "diabetes",
        "friedman",
        "digits_small_conv",
        "digits_autoencoder",
        "rosenbrock",
        "digits_residual",
        "char_transformer",
        "char_gru",
    ),
}
"""Tasks that are named together, in the order in which they are trained.

The first task of ``suite`` is cheap and stops most random rules. No task of
``held_out`` is in it: they are for rules that a search on the suite found, and the
cheapest come first."""


@cache
def load_task(name: str, **options: str | float) -> Task:
    """Return the task of this name; its data are read once a process.

    Args:
        name: a name of TASKS, or ``module:attribute``, a custom task or a function that
            makes one. That runs the module: take such a name only from the user.
        options: of tasks that have some, such as the path of their data.

    Raises:
        ValueError: the name or an option is unknown, the data are unsound, or the
            attribute is not a task.
    """
    if is_custom(name):
        check_options("task.options", name, {}, options)
        return _load_custom(name)
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}: {hint(name, [*TASKS, *GROUPS])}")
    make = TASKS[name]
    return make(**check_options("task.options", name, options_of(make), options))


def load_tasks(name: str, **options: str | float) -> tuple[Task, ...]:
    """Return the tasks of a name such as ``suite`` or ``digits+char_lm``.

    Args:
        name: names as in `load_task` and of GROUPS, joined by ``+``.
        options: each for those tasks that have it.

    Raises:
        ValueError: see `load_task`; a task is named twice, or no task has an option.
    """
    names = [one for each in name.split("+") for one in GROUPS.get(each, (each,))]
    for each in names:
        if names.count(each) > 1:
            raise ValueError(f"task {name}: {each} is named twice")
    if len(names) == 1:
        return (load_task(name, **options),)
    known = {each: options_of(TASKS[each]) if each in TASKS else {} for each in names}
    for option in options:
        if not any(option in some for some in known.values()):
            raise ValueError(f"task.options.{option} is not an option of {name}")
    return tuple(
        load_task(each, **{key: options[key] for key in known[each] if key in options})
        for each in names
    )


def group_of(names: Sequence[str]) -> str:
    """Return the name of the group of exactly these tasks; empty if there is none.

    Args:
        names: of tasks, in their order.
    """
    return next((group for group, each in GROUPS.items() if each == tuple(names)), "")


def is_custom(name: str) -> bool:
    """Whether a name is an import path, that of a custom task."""
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
