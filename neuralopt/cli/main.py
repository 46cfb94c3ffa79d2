"""Parse the arguments of the command line, run a command, and report errors.

Nothing heavy is loaded here: a command's own imports happen when it runs.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from neuralopt.cli.arguments import parser
from neuralopt.cli.exit_codes import FAILED, INTERNAL, INTERRUPTED, USAGE

MODULES = {"resume": "search"}
"""Modules of commands that have not the command's name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error is printed as one line on stderr.

    Args:
        arguments: Command-line arguments; by default those of the process.

    Returns:
        The exit code.
    """
    options = _parse(arguments)
    command = options.command
    from neuralopt.archive import ArchiveError

    try:
        module = import_module(
            f"neuralopt.cli.commands.{MODULES.get(command, command)}"
        )
        code = int(getattr(module, command)(options))
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
