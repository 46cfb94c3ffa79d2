"""``python -m neuralopt`` is ``neuralopt``."""

import sys

from neuralopt.cli import main

if __name__ == "__main__":
    sys.exit(main())
