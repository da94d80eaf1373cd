"""`python -m kore_campaigns` is the command `kore-campaigns`."""

import sys

from kore_campaigns.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
