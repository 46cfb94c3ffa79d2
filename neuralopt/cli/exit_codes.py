"""Exit codes of the command line."""

FAILED, USAGE, INTERNAL, INTERRUPTED = 1, 2, 70, 130
"""The work failed; the input was wrong; a bug; stopped by Ctrl-C."""
