"""`python -m safepickle_dl` is the command `safepickle-dl`."""

import sys

from safepickle_dl.cli import main

if __name__ == "__main__":
    sys.exit(main())
