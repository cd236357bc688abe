"""`python -m microgrady`: see `microgrady.command`."""

import sys

from microgrady.command.line import main

if __name__ == "__main__":
    sys.exit(main())
