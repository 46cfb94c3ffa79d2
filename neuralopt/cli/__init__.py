"""The command line: configuration to objects to commands.

Knows Hydra, alone in the package; everything below takes typed arguments.
"""

from neuralopt.cli.main import main as main
