"""Arguments of the commands that take run directories."""

from neuralopt.cli.arguments.common import EACH_TASK, Add, take_config_dir

TOP_HELP = """
Alike is a similarity of 0.9 or more; of rules that are --like several names, one is
enough. Families: sign-like scale-invariant with-memory weight-decay weights random
schedule. A pruned rule is judged in its plain form, and rules are chosen before those
that behave alike are grouped.
"""

REPORT_HELP = """
The page is one file: tables to sort and filter, charts, the configuration, and how to
search again. Several runs are shown side by side; those that differ in their seeds
only have one curve, with a band. Tables are those of best rules, the verdict, and known
rules that were found again.
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

REDISCOVER_HELP = """
Targets: adam rmsprop momentum signum powersign addsign sign_agreement adam_agreement
rmsprop_agreement lion nesterov amsgrad muon_unscaled muon_plain muon_adam. Several
runs must differ in their seeds only. Qualities of the targets and of the sample are
kept in rediscovery.json in the first run's folder.
"""


def top(add: Add) -> None:
    command = add("top", "list the best rules of one or several runs", TOP_HELP)
    command.add_argument("runs", metavar="RUN", nargs="+", help="the run directories")
    command.add_argument(
        "-n", type=int, help="how many (20; with --all and --front, every one)"
    )
    command.add_argument("--all", action="store_true", help="every proposal, in order")
    command.add_argument(
        "--ungrouped",
        action="store_true",
        help="every one of the rules that behave alike, not only the best placed",
    )
    command.add_argument(
        "--front",
        action="store_true",
        help="the rules than which none is better and as small, smallest first",
    )
    command.add_argument(
        "--max-size", type=int, metavar="N", help="only rules of N nodes or fewer"
    )
    command.add_argument(
        "--max-memory",
        type=int,
        metavar="N",
        help="only rules that keep N values for each parameter, or fewer",
    )
    for option, which in (("--like", "only rules"), ("--not-like", "no rules")):
        command.add_argument(
            option,
            action="append",
            default=[],
            metavar="NAME",
            help=f"{which} alike this named rule in behaviour; may be repeated",
        )
    command.add_argument(
        "--family",
        action="append",
        default=[],
        metavar="NAME",
        help="only rules of this family, such as sign-like; may be repeated",
    )
    command.add_argument("--json", action="store_true", help="one JSON object a line")


def verdict(add: Add) -> None:
    command = add("verdict", "show the comparison that a search ended with")
    command.add_argument("run", metavar="RUN")
    command.add_argument("--tasks", action="store_true", help=EACH_TASK)
    command.add_argument("--json", action="store_true", help="one JSON array")


def report(add: Add) -> None:
    command = add(
        "report", "write what runs found as a page, a picture or tables", REPORT_HELP
    )
    command.add_argument("runs", metavar="RUN", nargs="+", help="the run directories")
    command.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="the file to write (default: report.html in the first RUN; tables are "
        "printed); a .png, .svg or .pdf file is a picture of the search",
    )
    command.add_argument(
        "--format",
        choices=("html", "markdown", "csv", "latex"),
        default="html",
        help="html, one page that needs no network, or tables as markdown, csv or "
        "latex (default: html)",
    )
    command.add_argument(
        "--table",
        default="",
        metavar="NAME",
        help="this table only: leaderboard, verdict, rediscoveries or runs",
    )
    command.add_argument(
        "-n", type=int, default=200, help="rules of the leaderboard (default: 200)"
    )
    command.add_argument(
        "--cards",
        type=int,
        metavar="N",
        help="cards of the N best rules, which are trained for them however long that "
        "takes (default: 4, trained for about 60 s in all; for several runs 0)",
    )


def promote(add: Add) -> None:
    command = add(
        "promote",
        "take the rules of runs through held-out tasks, in stages",
        PROMOTE_HELP,
    )
    command.add_argument("rules", nargs="+", metavar="RUN", help="a run, or a rule")
    command.add_argument(
        "--into",
        default="",
        metavar="DIR",
        help="the folder of measurements, result and picture (default: promotion in "
        "the first RUN)",
    )
    command.add_argument("--json", action="store_true", help="one JSON object")
    take_config_dir(command)


def rediscover(add: Add) -> None:
    command = add(
        "rediscover",
        "show when runs first trained each of the known optimizers",
        REDISCOVER_HELP,
    )
    command.add_argument("runs", metavar="RUN", nargs="+", help="the run directories")
    command.add_argument(
        "--target",
        action="append",
        metavar="NAME",
        help="look for this one only; may be repeated (default: all)",
    )
    command.add_argument(
        "--within",
        type=int,
        default=0,
        metavar="N",
        help="count what was found within N evaluations (default: all of them)",
    )
    command.add_argument(
        "--sample",
        type=int,
        default=300,
        metavar="N",
        help="uniformly sampled rows that targets are compared with; they are trained "
        "(default: 300; 0: none)",
    )
    command.add_argument(
        "--uniform",
        default="",
        metavar="RUN",
        help="compare with what this run of the uniform searcher proposed instead",
    )
    command.add_argument(
        "--rows",
        type=int,
        default=2000,
        metavar="N",
        help="rows drawn to estimate the probability of a target (default: 2000; 0: no "
        "estimate)",
    )
    command.add_argument("--json", action="store_true", help="one JSON object")
