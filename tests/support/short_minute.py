"""The command on an account whose minute is short, so that a test of minutes takes seconds.

`SHORT_MINUTE` in the environment is the window of the limit `requests_per_minute`, in seconds.
"""

from __future__ import annotations

import os
import sys

from kore_campaigns.cli.main import main
from kore_campaigns.extract import connect

if __name__ == "__main__":
    connect.MINUTE = float(os.environ["SHORT_MINUTE"])
    sys.exit(main())
