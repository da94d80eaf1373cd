"""How a command ended that raised: its exit code, a word for logs, a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kore_campaigns.errors import KoreCampaignsError

UNEXPECTED = "unexpected_error"


@dataclass(frozen=True, slots=True)
class Ending:
    exit_code: int
    code: str
    message: str


def combined(exit_codes: Iterable[int]) -> int:
    """One exit code for several runs: theirs if they agree, 75 where the others are well, 1 if
    one was unexpected, else 4, some of it is loaded.
    """
    found = set(exit_codes)
    if len(found) <= 1:
        return next(iter(found), 0)
    if found == {0, 75}:
        return 75
    return 1 if 1 in found else 4


def ending_of(error: BaseException) -> Ending:
    """Whatever was raised, as the operator needs it."""
    if isinstance(error, KoreCampaignsError):
        return Ending(error.exit_code, error.code, str(error))
    if isinstance(error, KeyboardInterrupt):
        message = "stopped at once; the next run goes on from the last durable step."
        return Ending(75, "interrupted", message)
    first_line = (str(error).splitlines() or [""])[0]
    return Ending(
        1,
        UNEXPECTED,
        f"unexpected: {type(error).__name__}: {first_line}. "
        "Next: run the same command with --debug and report what it prints.",
    )
