"""The command line: configuration, the objects built from it, and the commands.

Hydra is imported only in this package; everything below it takes typed arguments.
"""

from neuralopt.cli.main import main as main
