"""How a command ended that raised: its exit code, a word for logs, a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

from kore_campaigns.errors import KoreCampaignsError

UNEXPECTED = "unexpected_error"


@dataclass(frozen=True, slots=True)
class Ending:
    exit_code: int
    code: str
    message: str


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
