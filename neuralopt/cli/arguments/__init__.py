"""The parser of the command line."""

import argparse
from typing import NoReturn

from neuralopt import __version__
from neuralopt.cli.arguments import rules, runs, searches
from neuralopt.cli.exit_codes import USAGE

COMMANDS = {
    each.__name__: each
    for each in (
        searches.search,
        searches.resume,
        runs.top,
        rules.show,
        rules.explain,
        rules.gradients,
        runs.verdict,
        runs.report,
        rules.compare,
        rules.prune,
        runs.promote,
        runs.rediscover,
        rules.export,
        rules.draw,
        searches.learn,
        searches.distill,
    )
}
"""What adds the arguments of each command, in the order of the help."""


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

    for arguments in COMMANDS.values():
        arguments(add)
    return top
