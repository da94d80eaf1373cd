"""`python -m kore_campaigns` is the command `kore-campaigns`."""

import sys

from kore_campaigns.cli.main import main

if __name__ == "__main__":
    exit_code = main()
    # after a Ctrl-C within `exec` of a text, as dataclasses use it, `-m` ends by the signal though
    # the exception was handled; the next `exec` resets that (run_eval_code_obj in pythonrun.c)
    exec("")  # noqa: S102  # no input
    sys.exit(exit_code)
