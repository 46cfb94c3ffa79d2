"""Parse the arguments of the command line, run a command, and report errors.

Nothing heavy is loaded here: a command's own imports happen when it runs.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from neuralopt import __version__

FAILED, USAGE, INTERNAL, INTERRUPTED = 1, 2, 70, 130
"""Exit codes: the work failed; the input was wrong; a bug; stopped by Ctrl-C."""

MODULES = {
    "search": "search",
    "resume": "search",
    "compare": "compare",
    "prune": "prune",
    "promote": "promote",
    "rediscover": "rediscover",
    "top": "top",
    "show": "show",
    "explain": "explain",
    "gradients": "gradients",
    "verdict": "verdict",
    "report": "report",
    "export": "export",
    "draw": "draw",
    "learn": "learn",
    "distill": "distill",
}

OVERRIDES_HELP = """
An argument with "=" is an override of the configuration (Hydra's syntax):
  neuralopt search space=temporal proposals=20000 seed=1 evaluator.workers=2
Groups: space budget searcher evaluator report experiment. task=NAME names a task.
".options" may be left out of a key: evaluator.workers above is short for
evaluator.options.workers. KEY+=[A,B] extends a list, and space=mine.yaml reads a file
of yours. `neuralopt search --show` prints the whole configuration.
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

RESUME_HELP = """
An argument with "=" overrides where the search runs or what it shows (evaluator, report
and verdict), as in: neuralopt resume RUN evaluator=ray evaluator.address=auto
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

PROMOTE_HELP = """
RUN is a run directory, whose best rules are promoted; a rule by name, text or RUN:N may
be named too. In each stage all rules and the baselines are trained on fresh seeds and
measured on the validation split, by which learning rates are chosen too. A rule is
stopped where a test shows that it is not the best, and the best share of a stage goes
on: see docs/howto/promote.md. The same command continues a promotion that was
interrupted.
An argument with "=" is an override of the configuration (Hydra's syntax):
  neuralopt promote runs/quick promotion.candidates=10 evaluator.workers=2
Groups that matter here: promotion, budget and evaluator; and seed.
"""

TOP_HELP = """
Alike is a similarity of 0.9 or more; of rules that are --like several names, one is
enough. Families: sign-like scale-invariant with-memory weight-decay weights random
schedule. A pruned rule is judged in its plain form, and rules are chosen before those
that behave alike are grouped.
"""

REDISCOVER_HELP = """
Targets: adam rmsprop momentum signum powersign addsign sign_agreement adam_agreement
rmsprop_agreement lion nesterov amsgrad muon_unscaled muon_plain muon_adam. Several
runs must differ in their seeds only. Qualities of the targets and of the sample are
kept in rediscovery.json in the first run's folder.
"""

REPORT_HELP = """
The page is one file: tables to sort and filter, charts, the configuration, and how to
search again. Several runs are shown side by side; those that differ in their seeds
only have one curve, with a band. Tables are those of best rules, the verdict, and known
rules that were found again.
"""

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


EACH_TASK = "a table for each task and horizon too, where there are several"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"neuralopt: {message}: see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(
        prog="neuralopt",
        description="Search for optimizer update rules, and use what was found.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, what: str, epilog: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=what,
            description=what[0].upper() + what[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def take_config_dir(command: argparse.ArgumentParser) -> None:
        command.add_argument(
            "--config-dir",
            default="",
            metavar="DIR",
            help="a folder with your own files of groups, as DIR/space/mine.yaml",
        )

    search = add("search", "run a search", OVERRIDES_HELP)
    search.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    search.add_argument(
        "-m",
        "--multirun",
        action="store_true",
        help="one search for each combination of the values named, as in seed=0,1,2",
    )
    take_config_dir(search)
    search.add_argument(
        "--show", action="store_true", help="print the configuration and stop"
    )

    search.add_argument(
        "--preview", action="store_true", help="run its beginning, estimate its cost"
    )

    resume = add("resume", "continue a search that was stopped or killed", RESUME_HELP)
    resume.add_argument("run", metavar="RUN", help="its run directory")
    resume.add_argument("overrides", nargs="*", metavar="KEY=VALUE")

    top_rules = add("top", "list the best rules of one or several runs", TOP_HELP)
    top_rules.add_argument("runs", metavar="RUN", nargs="+", help="the run directories")
    top_rules.add_argument(
        "-n", type=int, help="how many (20; with --all and --front, every one)"
    )
    top_rules.add_argument(
        "--all", action="store_true", help="every proposal, in order"
    )
    top_rules.add_argument(
        "--ungrouped",
        action="store_true",
        help="every one of the rules that behave alike, not only the best placed",
    )
    top_rules.add_argument(
        "--front",
        action="store_true",
        help="the rules than which none is better and as small, smallest first",
    )
    top_rules.add_argument(
        "--max-size", type=int, metavar="N", help="only rules of N nodes or fewer"
    )
    top_rules.add_argument(
        "--max-memory",
        type=int,
        metavar="N",
        help="only rules that keep N values for each parameter, or fewer",
    )
    for option, which in (("--like", "only rules"), ("--not-like", "no rules")):
        top_rules.add_argument(
            option,
            action="append",
            default=[],
            metavar="NAME",
            help=f"{which} alike this named rule in behaviour; may be repeated",
        )
    top_rules.add_argument(
        "--family",
        action="append",
        default=[],
        metavar="NAME",
        help="only rules of this family, such as sign-like; may be repeated",
    )
    top_rules.add_argument("--json", action="store_true", help="one JSON object a line")

    show = add("show", "show everything about a rule", RULE_HELP)
    show.add_argument("rule", metavar="RULE")
    show.add_argument("--code", action="store_true", help="and its torch code")
    show.add_argument("--json", action="store_true", help="one JSON object")
    show.add_argument(
        "--card",
        metavar="FILE",
        help="draw a rule card instead, into a PNG, SVG or PDF file: see "
        "docs/howto/read-a-rule-card.md",
    )

    explain = add(
        "explain",
        "say what a rule is and what each of its parts contributes",
        RULE_HELP + EXPLAIN_HELP,
    )
    explain.add_argument("rules", nargs="+", metavar="RULE")
    explain.add_argument(
        "--on",
        nargs="+",
        metavar="TASK",
        help="the tasks to train on, as one objective",
    )
    explain.add_argument(
        "--quick", action="store_true", help="only what needs no training"
    )
    explain.add_argument(
        "--parts",
        type=int,
        default=32,
        metavar="N",
        help="variants to train at most (default: 32)",
    )
    explain.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="write a page (.html, .md) or a picture (.png, .svg, .pdf) instead",
    )
    explain.add_argument("--json", action="store_true", help="one JSON object")
    take_config_dir(explain)

    gradients = add(
        "gradients",
        "measure gradients and activations of every layer along a training",
        RULE_HELP + GRADIENTS_HELP,
    )
    gradients.add_argument("rules", nargs="+", metavar="RULE")
    gradients.add_argument(
        "--lr",
        type=float,
        metavar="LR",
        help="learning rate of every rule (default: of 0.0001 to 10, two in a decade, "
        "the one with the least final loss)",
    )
    gradients.add_argument(
        "--steps",
        type=int,
        default=100,
        metavar="N",
        help="about how many steps: a part of an epoch, or whole epochs (default: 100)",
    )
    gradients.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="also draw them, into a .png, .svg or .pdf file",
    )
    gradients.add_argument("--json", action="store_true", help="one JSON object")
    take_config_dir(gradients)

    verdict = add("verdict", "show the comparison that a search ended with")
    verdict.add_argument("run", metavar="RUN")
    verdict.add_argument("--tasks", action="store_true", help=EACH_TASK)
    verdict.add_argument("--json", action="store_true", help="one JSON array")

    report = add(
        "report", "write what runs found as one page, or as tables", REPORT_HELP
    )
    report.add_argument("runs", metavar="RUN", nargs="+", help="the run directories")
    report.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="the file to write (default: report.html in the first RUN; tables are "
        "printed)",
    )
    report.add_argument(
        "--format",
        choices=("html", "markdown", "csv", "latex"),
        default="html",
        help="html, one page that needs no network, or tables as markdown, csv or "
        "latex (default: html)",
    )
    report.add_argument(
        "--table",
        default="",
        metavar="NAME",
        help="this table only: leaderboard, verdict, rediscoveries or runs",
    )
    report.add_argument(
        "-n", type=int, default=200, help="rules of the leaderboard (default: 200)"
    )
    report.add_argument(
        "--cards",
        type=int,
        metavar="N",
        help="cards of the N best rules, which are trained for them however long that "
        "takes (default: 4, trained for about 60 s in all; for several runs 0)",
    )

    compare = add(
        "compare",
        "train rules and torch's optimizers alike, and rank them",
        RULE_HELP
        + "\nHere RUN:topN means its N best rules, torch.NAME an optimizer of"
        + "\ntorch.optim, such as torch.Adam, and learned:FILE an optimizer that"
        + "\n`neuralopt learn` wrote.\n"
        + COMPARE_HELP,
    )
    compare.add_argument("rules", nargs="+", metavar="RULE")
    compare.add_argument("--tasks", action="store_true", help=EACH_TASK)
    compare.add_argument(
        "--tuned",
        action="store_true",
        help="tune every rule alike first, then judge on fresh seeds at several "
        "horizons: see docs/howto/compare-tuned.md",
    )
    compare.add_argument(
        "--into",
        default="",
        metavar="DIR",
        help="with --tuned: keep every training in DIR, so that the same command "
        "continues where it was stopped, and measure the test split once",
    )
    compare.add_argument(
        "--horizons",
        default="",
        metavar="N[,N...]",
        help="with --tuned: lengths of the verdict's trainings, as multiples of those "
        "that are tuned (default: 1,3,8)",
    )
    compare.add_argument("--json", action="store_true", help="one JSON array")
    take_config_dir(compare)

    prune = add(
        "prune",
        "find the smallest rules that are not worse than given ones",
        RULE_HELP + "\nHere RUN:topN means its N best rules.\n" + PRUNE_HELP,
    )
    prune.add_argument("rules", nargs="+", metavar="RULE")
    prune.add_argument(
        "--margin",
        type=float,
        default=0.005,
        metavar="QUALITY",
        help="quality that a smaller rule may lose (default: 0.005)",
    )
    prune.add_argument(
        "--replicates",
        type=int,
        default=8,
        metavar="N",
        help="initial weights and data orders to compare on (default: 8)",
    )
    prune.add_argument("--json", action="store_true", help="one JSON array")
    take_config_dir(prune)

    promote = add(
        "promote",
        "take the rules of runs through held-out tasks, in stages",
        PROMOTE_HELP,
    )
    promote.add_argument("rules", nargs="+", metavar="RUN", help="a run, or a rule")
    promote.add_argument(
        "--into",
        default="",
        metavar="DIR",
        help="the folder of measurements, result and picture (default: promotion in "
        "the first RUN)",
    )
    promote.add_argument("--json", action="store_true", help="one JSON object")
    take_config_dir(promote)

    again = add(
        "rediscover",
        "show when runs first trained each of the known optimizers",
        REDISCOVER_HELP,
    )
    again.add_argument("runs", metavar="RUN", nargs="+", help="the run directories")
    again.add_argument(
        "--target",
        action="append",
        metavar="NAME",
        help="look for this one only; may be repeated (default: all)",
    )
    again.add_argument(
        "--within",
        type=int,
        default=0,
        metavar="N",
        help="count what was found within N evaluations (default: all of them)",
    )
    again.add_argument(
        "--sample",
        type=int,
        default=300,
        metavar="N",
        help="uniformly sampled rows that targets are compared with; they are trained "
        "(default: 300; 0: none)",
    )
    again.add_argument(
        "--uniform",
        default="",
        metavar="RUN",
        help="compare with what this run of the uniform searcher proposed instead",
    )
    again.add_argument(
        "--rows",
        type=int,
        default=2000,
        metavar="N",
        help="rows drawn to estimate the probability of a target (default: 2000; 0: no "
        "estimate)",
    )
    again.add_argument("--json", action="store_true", help="one JSON object")

    export = add("export", "write a rule as a stand-alone file", RULE_HELP)
    export.add_argument("rule", metavar="RULE")
    export.add_argument("-o", "--output", required=True, metavar="FILE")
    export.add_argument("--name", help="name of the class; for optax, of the function")
    export.add_argument(
        "--target",
        default="torch",
        help="what the file needs: torch, or optax with jax (default: torch)",
    )
    export.add_argument("--lr", type=float, help="default learning rate")

    draw = add("draw", "draw the paths that rules take", RULE_HELP + DRAW_HELP)
    draw.add_argument("rules", nargs="*", metavar="RULE")
    draw.add_argument(
        "--on", default="ravine", metavar="LANDSCAPE", help="where (default: ravine)"
    )
    draw.add_argument("--task", help="task of a slice (default: digits)")
    draw.add_argument(
        "--plane",
        help="of a slice: random, two random directions, filter-normalised; or paths, "
        "those in which the paths spread most (default: random)",
    )
    draw.add_argument(
        "--lr",
        metavar="LR[,LR...]",
        help="learning rates of every rule (default: of 0.0001 to 10, two in a decade, "
        "the one with the least final loss)",
    )
    draw.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="steps of each path (default: the landscape's; slices: about 100)",
    )
    draw.add_argument(
        "--start",
        action="append",
        metavar="X[,Y]",
        help="where paths begin; may be repeated; write --start=-1,2 for a negative X",
    )
    draw.add_argument(
        "--seed", type=int, default=0, help="of a slice's weights and directions"
    )
    draw.add_argument(
        "--animate", action="store_true", help="an animation: FILE must end in .gif"
    )
    draw.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="the file to write: .png, .svg, .pdf, or .gif, which moves",
    )
    learn = add("learn", "train a network that is an optimizer", LEARN_HELP)
    learn.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    learn.add_argument(
        "--children",
        type=int,
        default=200,
        metavar="N",
        help="trainings that the network learns from (default: 200)",
    )
    learn.add_argument(
        "--horizon",
        type=int,
        default=100,
        metavar="N",
        help="steps of each training (default: 100)",
    )
    learn.add_argument(
        "--truncation",
        type=int,
        default=20,
        metavar="N",
        help="steps that gradients are propagated through (default: 20)",
    )
    learn.add_argument(
        "--rate",
        type=float,
        default=0.01,
        metavar="LR",
        help="factor of the network's output in these trainings (default: 0.01)",
    )
    learn.add_argument(
        "--meta-rate",
        type=float,
        default=0.003,
        metavar="LR",
        help="learning rate of the network's own training, by Adam (default: 0.003)",
    )
    learn.add_argument("-o", "--output", required=True, metavar="FILE")
    take_config_dir(learn)

    distill = add(
        "distill", "search the rule that imitates a learned optimizer", DISTILL_HELP
    )
    distill.add_argument("file", metavar="FILE")
    distill.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    distill.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="of each recorded training (default: those that it was trained with)",
    )
    distill.add_argument(
        "--children",
        type=int,
        default=4,
        metavar="N",
        help="trainings to fit rules to, and as many to measure R^2 on (default: 4)",
    )
    distill.add_argument(
        "-n", type=int, default=5, metavar="N", help="rules to show (default: 5)"
    )
    distill.add_argument("--json", action="store_true", help="one JSON object")
    take_config_dir(distill)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error is printed as one line on stderr.

    Args:
        arguments: Command-line arguments; by default those of the process.

    Returns:
        The exit code.
    """
    options = _parse(arguments)
    from neuralopt.archive import ArchiveError

    try:
        module = import_module(f"neuralopt.cli.commands.{MODULES[options.command]}")
        code = int(getattr(module, options.command)(options))
        sys.stdout.flush()  # here, where a broken pipe and a full disk are caught
        return code
    except BrokenPipeError:  # `neuralopt top RUN | head`
        _discard_output()
        return 0
    except KeyboardInterrupt:
        return _complain("stopped", INTERRUPTED)
    except (ValueError, OSError, ArchiveError) as error:
        code = USAGE if isinstance(error, ValueError) else FAILED
        return _complain(_one_line(error), code)
    except Exception as error:
        if os.environ.get("NEURALOPT_DEBUG"):
            raise
        kind = type(error).__name__
        return _complain(
            f"internal error, please report it: {kind}: {_one_line(error)} "
            "(NEURALOPT_DEBUG=1 shows where)",
            INTERNAL,
        )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse arguments in any order, as argparse ends a list at the first option."""
    made = parser()
    options, more = made.parse_known_args(arguments)
    lists = [name for name in ("overrides", "rules", "runs") if hasattr(options, name)]
    unknown = [text for text in more if text.startswith("-") or not lists]
    if unknown:
        message = f"unrecognized arguments: {' '.join(unknown)}"
        made.exit(
            USAGE,
            f"neuralopt: {message}: see {made.prog} {options.command} --help\n",
        )
    if lists:
        getattr(options, lists[0]).extend(more)
    return options


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    line = " ".join(str(error).split())
    return "".join(each if each.isprintable() else "?" for each in line)


def _discard_output() -> None:
    """Discard buffered output, or Python would report an error when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str, code: int) -> int:
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()
    print(f"neuralopt: {message}", file=sys.stderr)
    return code
