"""Arguments of the commands that search, and learn."""

from neuralopt.cli.arguments.common import Add, take_config_dir

OVERRIDES_HELP = """
An argument with "=" is an override of the configuration (Hydra's syntax):
  neuralopt search space=temporal proposals=20000 seed=1 evaluator.workers=2
Groups: space budget searcher evaluator report experiment. task=NAME names a task.
".options" may be left out of a key: evaluator.workers above is short for
evaluator.options.workers. KEY+=[A,B] extends a list, and space=mine.yaml reads a file
of yours. `neuralopt search --show` prints the whole configuration.
"""

RESUME_HELP = """
An argument with "=" overrides where the search runs or what it shows (evaluator, report
and verdict), as in: neuralopt resume RUN evaluator=ray evaluator.address=auto
"""

LEARN_HELP = """
The network gets the gradients of each weight and returns its updates. It is trained by
the losses of whole trainings, one after another (Andrychowicz et al. 2016). The same
command continues an interrupted one; more --children continue a finished one.
  neuralopt learn task=digits -o digits.pt
  neuralopt compare learned:digits.pt adam sgd task=digits verdict.seeds=4
An argument with "=" is an override of the configuration (Hydra's syntax). What matters
here: task, of which several are taken in turn, and seed.
"""

DISTILL_HELP = """
FILE is one that `neuralopt learn` wrote. Its optimizer trains the tasks that it was
learned on, and a searcher looks for the rule whose updates on the recorded gradients
are most like the recorded ones, up to one factor: R^2 = 1 - |u - c r|^2 / |u|^2.
An argument with "=" is an override of the configuration (Hydra's syntax):
  neuralopt distill digits.pt space=temporal searcher=evolution proposals=20000
Groups that matter here: task, space and searcher; proposals and seed. Operands with
weights or random numbers are left out, as the network sees neither.
"""


def search(add: Add) -> None:
    command = add("search", "run a search", OVERRIDES_HELP)
    command.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    command.add_argument(
        "-m",
        "--multirun",
        action="store_true",
        help="one search for each combination of the values named, as in seed=0,1,2",
    )
    take_config_dir(command)
    command.add_argument(
        "--show", action="store_true", help="print the configuration and stop"
    )
    command.add_argument(
        "--preview", action="store_true", help="run its beginning, estimate its cost"
    )


def resume(add: Add) -> None:
    command = add("resume", "continue a search that was stopped or killed", RESUME_HELP)
    command.add_argument("run", metavar="RUN", help="its run directory")
    command.add_argument("overrides", nargs="*", metavar="KEY=VALUE")


def learn(add: Add) -> None:
    command = add("learn", "train a network that is an optimizer", LEARN_HELP)
    command.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    command.add_argument(
        "--children",
        type=int,
        default=200,
        metavar="N",
        help="trainings that the network learns from (default: 200)",
    )
    command.add_argument(
        "--horizon",
        type=int,
        default=100,
        metavar="N",
        help="steps of each training (default: 100)",
    )
    command.add_argument(
        "--truncation",
        type=int,
        default=20,
        metavar="N",
        help="steps that gradients are propagated through (default: 20)",
    )
    command.add_argument(
        "--rate",
        type=float,
        default=0.01,
        metavar="LR",
        help="factor of the network's output in these trainings (default: 0.01)",
    )
    command.add_argument(
        "--meta-rate",
        type=float,
        default=0.003,
        metavar="LR",
        help="learning rate of the network's own training, by Adam (default: 0.003)",
    )
    command.add_argument("-o", "--output", required=True, metavar="FILE")
    take_config_dir(command)


def distill(add: Add) -> None:
    command = add(
        "distill", "search the rule that imitates a learned optimizer", DISTILL_HELP
    )
    command.add_argument("file", metavar="FILE")
    command.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    command.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="of each recorded training (default: those that it was trained with)",
    )
    command.add_argument(
        "--children",
        type=int,
        default=4,
        metavar="N",
        help="trainings to fit rules to, and as many to measure R^2 on (default: 4)",
    )
    command.add_argument(
        "-n", type=int, default=5, metavar="N", help="rules to show (default: 5)"
    )
    command.add_argument("--json", action="store_true", help="one JSON object")
    take_config_dir(command)
