"""Arguments of the commands that take rules: what they are, how good, and as files."""

from neuralopt.cli.arguments.common import EACH_TASK, Add, take_config_dir

RULE_HELP = """
RULE is a name (adam), text of the rule language ("g * exp(sign(g) * sign(m))"), or a
found rule: RUN:N is proposal N of the run directory RUN, RUN:best its best one, in
its plain form if the search pruned it; RUN:plainN is the plain form of proposal N.
Write -- before a rule that begins with a minus, as in: neuralopt show -- "-g".
"""

EXPLAIN_HELP = """
Parts are removed or replaced, and the variants trained on the same seeds as the rule,
each at its own best learning rate. An argument with "=" is an override of the
configuration: neuralopt explain adam budget=smoke verdict.seeds=6. Rules of a run are
trained on the run's own task, recipe and budget unless you name others; rules of no run
on digits.
"""

GRADIENTS_HELP = """
A child is trained by each rule from the same weights, in float64, and its layers are
measured on the batch of every second step or so: the norm of the gradient, the update
relative to the weights, the deviation of activations, and the share of them that is
saturated. An argument with "=" is an override of the configuration (Hydra's syntax):
  neuralopt gradients sgd adam task=digits_mlp task.depth=8 task.activation=sigmoid
  neuralopt gradients adam task=char_rnn task.cell=rnn task.recipe.clip_norm=1 seed=2
The default task is digits_mlp; rules of a run have the task and the recipe of the run.
"""

COMPARE_HELP = """
An argument with "=" is an override of the configuration (Hydra's syntax):
  neuralopt compare adam lion budget=long task=digits_conv verdict.seeds=20
Groups that matter here: task, budget and evaluator; verdict.seeds and seed. Rules of a
run are compared on the run's own task, recipe and budget unless you name others.
"""

PRUNE_HELP = """
The rules one step smaller are trained on the same replicates as the rule, the smallest
first. One takes the rule's place if the lower limit of its mean difference from the
rule, one-sided at 95%, is above minus the margin. That is repeated until none does.
An argument with "=" is an override of the configuration (Hydra's syntax):
  neuralopt prune "g - clip(log(noise(0.1)), 0.001)" task=digits budget=smoke
Groups that matter here: task, budget and evaluator; and seed. Rules of a run are
pruned on the run's own task, recipe and budget unless you name others.
"""

DRAW_HELP = """
Here RUN:topN means its N best rules, torch.NAME an optimizer of torch.optim, and newton
Newton's method with the exact Hessian. Without a rule: sgd momentum nesterov rmsprop
adam, and newton where it is possible.

Landscapes: ravine tilted_ravine rosenbrock beale saddle, of two variables; x_plus_sin_x
slope_x_plus_sin_x sines, of one. slice is the training loss of a task around a child
that the first rule trained; paths are projected on it.
  neuralopt draw adam "g * exp(sign(g) * sign(m))" --on rosenbrock -o paths.png
  neuralopt draw sgd --on slope_x_plus_sin_x --lr 1,0.1,0.01 -o rates.svg
  neuralopt draw adam runs/quick:best --on slice --task digits -o slice.pdf
  neuralopt draw --on beale --animate -o beale.gif
"""


def show(add: Add) -> None:
    command = add("show", "show everything about a rule", RULE_HELP)
    command.add_argument("rule", metavar="RULE")
    command.add_argument("--code", action="store_true", help="and its torch code")
    command.add_argument("--json", action="store_true", help="one JSON object")
    command.add_argument(
        "--card",
        metavar="FILE",
        help="draw a rule card instead, into a PNG, SVG or PDF file: see "
        "docs/howto/read-a-rule-card.md",
    )


def explain(add: Add) -> None:
    command = add(
        "explain",
        "say what a rule is and what each of its parts contributes",
        RULE_HELP + EXPLAIN_HELP,
    )
    command.add_argument("rules", nargs="+", metavar="RULE")
    command.add_argument(
        "--on",
        nargs="+",
        metavar="TASK",
        help="the tasks to train on, as one objective",
    )
    command.add_argument(
        "--quick", action="store_true", help="only what needs no training"
    )
    command.add_argument(
        "--parts",
        type=int,
        default=32,
        metavar="N",
        help="variants to train at most (default: 32)",
    )
    command.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="write a page (.html, .md) or a picture (.png, .svg, .pdf) instead",
    )
    command.add_argument("--json", action="store_true", help="one JSON object")
    take_config_dir(command)


def gradients(add: Add) -> None:
    command = add(
        "gradients",
        "measure gradients and activations of every layer along a training",
        RULE_HELP + GRADIENTS_HELP,
    )
    command.add_argument("rules", nargs="+", metavar="RULE")
    command.add_argument(
        "--lr",
        type=float,
        metavar="LR",
        help="learning rate of every rule (default: of 0.0001 to 10, two in a decade, "
        "the one with the least final loss)",
    )
    command.add_argument(
        "--steps",
        type=int,
        default=100,
        metavar="N",
        help="about how many steps: a part of an epoch, or whole epochs (default: 100)",
    )
    command.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="also draw them, into a .png, .svg or .pdf file",
    )
    command.add_argument("--json", action="store_true", help="one JSON object")
    take_config_dir(command)


def compare(add: Add) -> None:
    command = add(
        "compare",
        "train rules and torch's optimizers alike, and rank them",
        RULE_HELP
        + "\nHere RUN:topN means its N best rules, torch.NAME an optimizer of"
        + "\ntorch.optim, such as torch.Adam, and learned:FILE an optimizer that"
        + "\n`neuralopt learn` wrote.\n"
        + COMPARE_HELP,
    )
    command.add_argument("rules", nargs="+", metavar="RULE")
    command.add_argument("--tasks", action="store_true", help=EACH_TASK)
    command.add_argument(
        "--tuned",
        action="store_true",
        help="tune every rule alike first, then judge on fresh seeds at several "
        "horizons: see docs/howto/compare-tuned.md",
    )
    command.add_argument(
        "--into",
        default="",
        metavar="DIR",
        help="with --tuned: keep every training in DIR, so that the same command "
        "continues where it was stopped, and measure the test split once",
    )
    command.add_argument(
        "--horizons",
        default="",
        metavar="N[,N...]",
        help="with --tuned: lengths of the verdict's trainings, as multiples of those "
        "that are tuned (default: 1,3,8)",
    )
    command.add_argument("--json", action="store_true", help="one JSON array")
    take_config_dir(command)


def prune(add: Add) -> None:
    command = add(
        "prune",
        "find the smallest rules that are not worse than given ones",
        RULE_HELP + "\nHere RUN:topN means its N best rules.\n" + PRUNE_HELP,
    )
    command.add_argument("rules", nargs="+", metavar="RULE")
    command.add_argument(
        "--margin",
        type=float,
        default=0.005,
        metavar="QUALITY",
        help="quality that a smaller rule may lose (default: 0.005)",
    )
    command.add_argument(
        "--replicates",
        type=int,
        default=8,
        metavar="N",
        help="initial weights and data orders to compare on (default: 8)",
    )
    command.add_argument("--json", action="store_true", help="one JSON array")
    take_config_dir(command)


def export(add: Add) -> None:
    command = add("export", "write a rule as a stand-alone file", RULE_HELP)
    command.add_argument("rule", metavar="RULE")
    command.add_argument("-o", "--output", required=True, metavar="FILE")
    command.add_argument("--name", help="name of the class; for optax, of the function")
    command.add_argument(
        "--target",
        default="torch",
        help="what the file needs: torch, or optax with jax (default: torch)",
    )
    command.add_argument("--lr", type=float, help="default learning rate")


def draw(add: Add) -> None:
    command = add("draw", "draw the paths that rules take", RULE_HELP + DRAW_HELP)
    command.add_argument("rules", nargs="*", metavar="RULE")
    command.add_argument(
        "--on", default="ravine", metavar="LANDSCAPE", help="where (default: ravine)"
    )
    command.add_argument("--task", help="task of a slice (default: digits)")
    command.add_argument(
        "--plane",
        help="of a slice: random, two random directions, filter-normalised; or paths, "
        "those in which the paths spread most (default: random)",
    )
    command.add_argument(
        "--lr",
        metavar="LR[,LR...]",
        help="learning rates of every rule (default: of 0.0001 to 10, two in a decade, "
        "the one with the least final loss)",
    )
    command.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="steps of each path (default: the landscape's; slices: about 100)",
    )
    command.add_argument(
        "--start",
        action="append",
        metavar="X[,Y]",
        help="where paths begin; may be repeated; write --start=-1,2 for a negative X",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="of a slice's weights and directions"
    )
    command.add_argument(
        "--animate", action="store_true", help="an animation: FILE must end in .gif"
    )
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="the file to write: .png, .svg, .pdf, or .gif, which moves",
    )
